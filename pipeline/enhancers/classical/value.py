"""The value channel of HSV, on which several retinex methods work, and the way back to colours."""

from __future__ import annotations

import numpy as np

from .channels import largest_channel, scale_channels

DISPLAY_GAMMA = 2.2


def value_channel(image: np.ndarray) -> np.ndarray:
    """V of HSV, the largest channel of each pixel: uint8 RGB (H, W, 3) -> float32 (H, W), 0 to 255."""
    return largest_channel(image).astype(np.float32)


def with_value(image: np.ndarray, value: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """``image`` with ``wanted`` for its ``value``, hue and saturation of HSV unchanged: its channels scaled alike.

    Args:
        image: uint8 RGB (H, W, 3).
        value: its :func:`value_channel`.
        wanted: the new one, float32 (H, W), 0 to 255. A black pixel, which has no hue, becomes a grey of that value.

    >>> with_value(np.array([[[40, 20, 0]]], np.uint8), np.float32([[40]]), np.float32([[100]])).tolist()
    [[[100, 50, 0]]]
    """
    wanted = wanted.astype(np.float32, copy=False)
    return scale_channels(image, wanted / np.maximum(value, 1), np.where(value == 0, wanted, np.float32(0)))


def with_brighter_light(
    image: np.ndarray, value: np.ndarray, reflectance: np.ndarray, illumination: np.ndarray
) -> np.ndarray:
    """The picture as it would be under its ``illumination`` I raised to 255 (I / 255) ** (1 / 2.2).

    Args:
        image: uint8 RGB (H, W, 3).
        value: its :func:`value_channel`.
        reflectance: of the value channel, (H, W), 0 to 1.
        illumination: of the value channel, (H, W), 0 to 255.
    """
    light = 255 * (illumination / 255) ** np.float32(1 / DISPLAY_GAMMA)
    return with_value(image, value, reflectance * light)
