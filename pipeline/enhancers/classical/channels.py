"""What is done to the three channels of each pixel alike, by OpenCV: numpy is slow along an axis of three."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

STRIP = 2**16
"""Pixels worked on at a time, so that what is kept in between stays in a processor's cache."""


def largest_channel(image: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) -> uint8 (H, W).

    >>> largest_channel(np.array([[[1, 5, 3], [9, 0, 2]]], np.uint8)).tolist()
    [[5, 9]]
    """
    red, green, blue = cv2.split(image)
    return cv2.max(cv2.max(red, green), blue)


def scale_channels(image: np.ndarray, factor: np.ndarray, grey: np.ndarray | None = None) -> np.ndarray:
    """Each pixel of uint8 RGB (H, W, 3) times its ``factor``, plus its ``grey``; both float32 (H, W), not below zero.

    Returns:
        a new uint8 RGB (H, W, 3), rounded, no more than 255.

    >>> scale_channels(np.array([[[10, 20, 200]]], np.uint8), np.float32([[1.5]]), np.float32([[1]])).tolist()
    [[[16, 31, 255]]]
    """
    out = np.empty_like(image, order="C")
    for rows in strips(image):
        scaled = cv2.multiply(image[rows], cv2.merge([factor[rows]] * 3), dtype=cv2.CV_32F)
        if grey is not None:
            scaled = cv2.add(scaled, cv2.merge([grey[rows]] * 3))
        cv2.convertScaleAbs(scaled, out[rows])
    return out


def strips(image: np.ndarray) -> Iterator[slice]:
    """Whole rows of (H, W, ...), some ``STRIP`` pixels at a time.

    >>> [(rows.start, rows.stop) for rows in strips(np.empty((5, 2**15, 3), bool))]
    [(0, 2), (2, 4), (4, 6)]
    """
    height, width = image.shape[:2]
    step = max(STRIP // max(width, 1), 1)
    return (slice(top, top + step) for top in range(0, height, step))
