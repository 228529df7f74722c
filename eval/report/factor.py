"""A picture of the enhancement factor (the paper's Figure 3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ...errors import ScotopicError
from ...files import whole_file
from ...pipeline.contract import Enhancer, check_image, to_batch, to_image


def plot_factor(image: np.ndarray, enhancer: Enhancer, path: str | Path) -> None:
    """Write a figure: the picture, its enhancement factor, and the enhanced picture.

    The factor is drawn as the mean of |factor| over the three channels, on a scale from 0 (black: leave the pixel)
    to 1 (white: brighten it most); a bar beside it gives the scale.

    Args:
        image: uint8 RGB (H, W, 3).
        enhancer: one whose ``forward`` takes ``return_factor=True``, such as ``sgz``.
        path: of the figure; the suffix chooses the format (.png, .pdf, .svg).

    Raises:
        ScotopicError: the enhancer estimates no factor.
    """
    if not hasattr(enhancer, "factor"):
        raise ScotopicError(f"{enhancer.info.name} estimates no enhancement factor: use sgz")
    from matplotlib.figure import Figure

    with torch.inference_mode():
        enhanced, factor = enhancer(to_batch(check_image(image)), return_factor=True)
    height, width = image.shape[:2]
    figure = Figure(figsize=(13, 13 / 3 * height / width + 0.5), layout="constrained")
    axes = figure.subplots(1, 3)
    magnitude = axes[1].imshow(factor[0].abs().mean(0).numpy(), cmap="gray", vmin=0, vmax=1)
    figure.colorbar(magnitude, ax=axes[1], shrink=0.7)
    axes[0].imshow(image)
    axes[2].imshow(to_image(enhanced))
    for axis, title in zip(axes, ("low light", "|enhancement factor|", enhancer.info.name), strict=True):
        axis.set_title(title)
        axis.set_axis_off()
    try:
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=120)
    except ValueError as error:
        raise ScotopicError(f"cannot write {path}: {error}") from None
