"""`enhance` for `sgz_task` on the processor: the net, the guided filter, the curve; in parallel, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..parallel import for_each
from .compiled import load_kernels, load_smoother
from .engine import Adjust, read_weights
from .tiles import Tile, part

INPUTS, MAPS = 8, 4
MOST_SEEN = 2.0
"""The largest noise level that the net is shown."""

_NO_PICTURE = np.empty((0, 0), np.uint8)


@dataclass(frozen=True)
class Smoothing:
    """What a net's maps mean.

    Attributes:
        scale_factor: how many times the net wants the picture shrunk.
        noise_gain: what the noise level is multiplied with ahead of the net.
        most_noise: the standard deviation of noise that a map of 1 stands for; -1 stands for none.
        restraint: the share of the curve parameters that is applied.
    """

    scale_factor: int
    noise_gain: float
    most_noise: float
    restraint: float


def fused_smooth(
    net: nn.Module, image: np.ndarray, options: Smoothing, *, exposure: float = 1.0, adjust: Adjust | None = None
) -> np.ndarray | None:
    """What ``net`` makes of a picture, to one grey level; as :func:`~.engine.fused_enhance`, with a guided filter.

    The picture is gone through twice, in bands of rows: for what the net sees, and for the filter and the curve.

    Args:
        net: with layers ``e_conv1`` to ``e_conv7``, eight channels in, four out.
        image: uint8 RGB (H, W, 3), H and W at least 1; copied if it is not contiguous, never changed.
        options: what its maps mean.
        exposure: what the picture is multiplied with ahead of everything, in floats; what is above white is white.
        adjust: changes the maps, float32 (4, h, w).

    Returns:
        uint8 RGB (H, W, 3), new; None if the module itself has to run.
    """
    weights = read_weights(net, (MAPS,))
    kernels = None if weights is None else load_kernels()
    smoother = None if kernels is None else load_smoother()
    if weights is None or kernels is None or smoother is None:
        return None
    height, width = image.shape[:2]
    scale, threads = options.scale_factor, torch.get_num_threads()
    source = np.ascontiguousarray(image).reshape(height, 3 * width)
    small = (-(-height // scale), -(-width // scale))
    light = np.float32(exposure) * np.float32(1 / 255)

    seen = np.empty((INPUTS, *small), np.float32)
    noise = np.empty((-(-height // smoother.patch), -(-width // smoother.patch)), np.float32)
    parts = min(2 * threads, noise.shape[0]) if threads > 1 else 1

    def see(number: int) -> None:
        smoother.look(source, light, number, parts, noise, seen, *smoother.look_scratch())

    for_each(see, range(parts), threads)
    _fill(seen, noise, options.noise_gain)
    maps = np.empty((MAPS, *small), np.float32)

    def estimate(tile: Tile) -> None:
        kernels.enhance_tile(
            kernels.estimate, source, _NO_PICTURE, light, seen, maps, *small, *tile, *weights, *kernels.scratch()
        )

    for_each(estimate, part(*small, threads, kernels.tile), threads)
    applied = np.ascontiguousarray(adjust(maps), np.float32) if adjust else maps
    out = np.empty((height, 3 * width), np.uint8)
    most, restraint = np.float32(options.most_noise / 2), np.float32(options.restraint)
    bands = min(threads * -(-height // (threads * smoother.band)), height)

    def smooth(number: int) -> None:
        top, bottom = height * number // bands, height * (number + 1) // bands
        scratch = smoother.band_scratch()
        smoother.smooth_band(source, out, light, applied, most, restraint, top, bottom, smoother.blank, *scratch)

    for_each(smooth, range(bands), threads)
    return out.reshape(height, width, 3)


def _fill(seen: np.ndarray, noise: np.ndarray, gain: float) -> None:
    """The noise level at the size of what the net sees, and the means of all over the picture."""
    noise *= np.float32(gain)
    size = seen.shape[1:]
    if noise.shape != size:
        noise = F.interpolate(torch.from_numpy(noise)[None, None], size=size, mode="bilinear")[0, 0].numpy()
    np.minimum(noise, MOST_SEEN, out=seen[3])
    seen[4:] = seen[:4].mean((1, 2), dtype=np.float64)[:, None, None]
