"""Pictures to measure time with: made up at any size, or the user's own, scaled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..pipeline.image import find_images, read_image

MADE_UP = "made-up night"


def night(height: int, width: int) -> np.ndarray:
    """uint8 RGB (H, W, 3): dark shapes of all sizes, some lamps, noise; the same every time.

    >>> night(48, 64).shape, bool(night(48, 64).mean() < 60)
    ((48, 64, 3), True)
    """
    rng = np.random.default_rng(0)
    light = np.zeros((height, width, 3), np.float32)
    for cells in (4, 16, 64):
        coarse = rng.random((cells, cells, 3), np.float32)
        light += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 3
    light = light.clip(0, 1) ** 4
    light += rng.standard_normal((height, width, 3), np.float32) * 0.02
    return (light.clip(0, 1) * 255).astype(np.uint8)


def find_pictures(data: str | Path | None, count: int) -> list[Path]:
    """The first ``count`` pictures of a folder by name, or the one picture; none where ``data`` is None.

    Raises:
        ScotopicError: there is no such folder, or it holds no pictures.
    """
    if data is None:
        return []
    return [path for path, _ in find_images([Path(data).expanduser()])[:count]]


def pictures_at(paths: Sequence[Path], width: int, height: int) -> list[np.ndarray]:
    """The pictures scaled to one size, whatever their aspect; the made-up one where there are none.

    Args:
        paths: of the pictures; may be empty.
        width, height: in pixels.

    Returns:
        uint8 RGB (H, W, 3), at least one.

    Raises:
        ScotopicError: a picture cannot be read.
    """
    if not paths:
        return [night(height, width)]
    scaled = []
    for path in paths:
        image = read_image(path)
        shrink = image.shape[0] * image.shape[1] > width * height
        method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
        scaled.append(cv2.resize(image, (width, height), interpolation=method))
    return scaled
