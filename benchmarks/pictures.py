"""Pictures to measure with: any size, nothing to download."""

from __future__ import annotations

import cv2
import numpy as np


def night(height: int, width: int) -> np.ndarray:
    """uint8 RGB (H, W, 3): dark shapes of all sizes, some lamps, noise; the same every time."""
    rng = np.random.default_rng(0)
    light = np.zeros((height, width, 3), np.float32)
    for cells in (4, 16, 64):
        coarse = rng.random((cells, cells, 3), np.float32)
        light += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 3
    light = light.clip(0, 1) ** 4
    light += rng.standard_normal((height, width, 3), np.float32) * 0.02
    return (light.clip(0, 1) * 255).astype(np.uint8)
