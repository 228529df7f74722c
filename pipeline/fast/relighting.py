"""The histogram methods' colours on the processor: one compiled pass over the picture, in parallel."""

from __future__ import annotations

import numpy as np
import torch

from ..parallel import for_each
from .compiled import load_relighting

PIECE = 2**16
"""Pixels that a thread takes at a time."""


def fused_relight(image: np.ndarray, luma: np.ndarray, curve: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Give each pixel of luminance k the luminance ``curve[k]``, with its hue.

    Args:
        image: uint8 RGB (H, W, 3); copied if it is not contiguous, never changed.
        luma: uint8 (H, W), its rounded luminance.
        curve: float32, 256 luminances in [0, 255].
        weights: float32, the shares of red, green and blue in the luminance.

    Returns:
        uint8 RGB (H, W, 3), new; None without numba (which is said once).
    """
    kernels = load_relighting()
    if kernels is None:
        return None
    out = np.empty(image.shape, np.uint8)
    source, level, target = (
        np.ascontiguousarray(image).reshape(-1),
        np.ascontiguousarray(luma).reshape(-1),
        out.reshape(-1),
    )

    def work(first: int) -> None:
        last = min(first + PIECE, level.size)
        kernels.relight_pixels(source, level, curve, weights, target, first, last, *kernels.scratch())

    for_each(work, range(0, level.size, PIECE), torch.get_num_threads())
    return out
