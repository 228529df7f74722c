"""A picture of the enhancement factor (the paper's Figure 3)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from ...errors import ScotopicError
from ...pipeline.contract import Enhancer, check_image, to_batch
from ...pipeline.enhancers.learned.curve import CurveEnhancer
from ...pipeline.registry import enhancer_class, list_enhancers
from .figures import save_figure

CHANNELS = ("red", "green", "blue")


def factor_maps(image: np.ndarray, enhancer: Enhancer) -> np.ndarray:
    """The factor that a curve enhancer estimates for each pixel and channel.

    Args:
        image: uint8 RGB (H, W, 3).
        enhancer: one that steers a curve: ``sgz``, ``zero_dce_pp``, or ``zero_dce``, which has a factor of its own
            for each of its eight iterations.

    Returns:
        float32 (K, 3, H, W) in [-1, 1]: negative brightens, 0 leaves the pixel; K is 1, or 8 for ``zero_dce``.

    Raises:
        ScotopicError: the enhancer estimates no factor.
    """
    if not isinstance(enhancer, CurveEnhancer):
        names = [name for name in list_enhancers() if issubclass(enhancer_class(name), CurveEnhancer)]
        raise ScotopicError(f"{enhancer.info.name} estimates no enhancement factor: use {' or '.join(names)}")
    with torch.inference_mode():
        factor = enhancer.factor(to_batch(check_image(image)))
    return factor.reshape(-1, 3, *factor.shape[-2:]).numpy()


def plot_factor(image: np.ndarray, enhancer: Enhancer, path: str | Path) -> None:
    """Write a figure: the picture, the enhanced picture, and the enhancement factor, in the mean and by channel.

    The first map is the mean of |factor| over the channels (and over the iterations, where each has its own); black
    leaves the pixel. Those of the single channels keep the sign: negative brightens, white leaves the pixel, positive
    darkens. The scales end at the next tenth above the largest |factor|; bars beside the maps show them.

    Args:
        image: uint8 RGB (H, W, 3).
        enhancer: one that steers a curve, such as ``sgz``.
        path: of the figure; the suffix chooses the format (.png, .pdf, .svg).

    Raises:
        ScotopicError: the enhancer estimates no factor, or the figure cannot be written.
    """
    factor = factor_maps(image, enhancer)
    from matplotlib.figure import Figure

    height, width = image.shape[:2]
    figure = Figure(figsize=(13, 2 * (12 / 3 * height / width + 0.4)), layout="constrained")
    (first, second, third), single = figure.subplots(2, 3)
    first.imshow(image)
    first.set_title("low light")
    second.imshow(enhancer.enhance(image))
    second.set_title(enhancer.info.name)
    size, channels = np.abs(factor).mean((0, 1)), factor.mean(0)
    limit = max(0.1, math.ceil(10 * max(size.max(), np.abs(channels).max())) / 10)
    third.set_title(f"mean |factor| (of the picture {size.mean():.2f})")
    figure.colorbar(third.imshow(size, cmap="gray", vmin=0, vmax=limit), ax=third, shrink=0.8)
    maps = [
        axis.imshow(channel, cmap="PuOr", vmin=-limit, vmax=limit)
        for axis, channel in zip(single, channels, strict=True)
    ]
    for axis, name, channel in zip(single, CHANNELS, channels, strict=True):
        axis.set_title(f"factor, {name} (mean {channel.mean():+.2f})".replace("-", "−"))
    scale = figure.colorbar(maps[-1], ax=single[-1], shrink=0.8, ticks=[-limit, 0, limit])
    scale.ax.set_yticklabels([f"−{limit:.1f} brightens", "0", f"+{limit:.1f} darkens"])
    for axis in figure.axes:
        if axis.images:
            axis.set_axis_off()
    save_figure(figure, path)
