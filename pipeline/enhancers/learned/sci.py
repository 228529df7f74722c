"""`sci`: self-calibrated illumination (Ma et al., CVPR 2022)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo, check_image
from ...fast.illumination import fused_divide
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, initialise_normal
from .tiles import TILE, in_tiles

REACH = 3
"""Pixels that the three 3x3 convolutions see on each side."""


@register_enhancer
class SCI(Enhancer):
    """Retinex with a three-layer net: the picture divided by its illumination.

    The illumination is ``x`` plus a residual, ``sigmoid(conv(f + relu(bn(conv(f)))))`` of ``f = relu(conv(x))``, all
    3x3 with three channels (section 3.1 of the paper). The cascade of stages and the self-calibration exist in
    training only; one stage remains. The residual is never negative, and the illumination at most 1, so no
    pixel becomes darker. The convolutions see zeros beyond the border, as the authors' do, which shows: the outermost
    pixel or two come out darker and tinted (medium, on even dark grey, by up to 80 grey levels).

    Args:
        weights: ``"sci-easy"``, ``"sci-medium"`` or ``"sci-difficult"`` (the authors' names; MIT; downloaded when
            first used), a path, a URL, or ``"random"`` for an untrained net. Easy brightens least, medium most.
        tile: pixels along a side of the tiles in which a large picture goes through PyTorch; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that cannot be had, are damaged, or made for another net.

    >>> net = SCI(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    258
    """

    info = EnhancerInfo(
        name="sci",
        summary="A three-layer net estimates the illumination, the picture is divided by it.",
        paper="Ma et al.: Toward Fast, Flexible, and Robust Low-Light Image Enhancement (CVPR)",
        year=2022,
        kind="unsupervised",
        learned=True,
        params=258,
        code_licence="MIT",
        weights_licence="MIT",
        commercial=True,
        needs_weights=True,
    )

    def __init__(self, weights: str | Path = "sci-medium", *, tile: int = TILE) -> None:
        super().__init__()
        check_count("tile", tile, 0)
        self.tile = tile
        self.in_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
        self.conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3))
        self.out_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
        fill_parameters(self, weights, initialise_normal, published_name)

    def illumination(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> the illumination of each pixel and channel, in [0.0001, 1]."""
        x = x.contiguous(memory_format=torch.channels_last)  # in which convolutions take a third of the time
        features = F.relu(self.in_conv(x))
        features = features + F.relu(self.conv(features))
        return (x + self.out_conv(features).sigmoid()).clamp(0.0001, 1.0)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> a new one; on the processor in one compiled pass, many times faster than ``forward``.

        Raises:
            ScotopicError: the picture has the wrong dtype or shape.
        """
        check_image(image)
        out = fused_divide(self, image) if type(self) is SCI else None  # a subclass may do something else
        return super().enhance(image) if out is None else out

    def transform(self, x: Tensor) -> Tensor:
        return in_tiles(lambda part: part / self.illumination(part), x, REACH, self.tile)


def published_name(key: str) -> str | None:
    """The name here of a tensor in the authors' checkpoints, which hold the calibration, and one layer twice.

    >>> published_name("enhance.in_conv.0.weight"), published_name("calibrate.in_conv.0.weight")
    ('in_conv.0.weight', None)
    """
    return None if key.startswith(("calibrate.", "enhance.blocks.")) else key.removeprefix("enhance.")
