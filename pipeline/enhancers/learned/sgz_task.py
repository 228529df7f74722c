"""`sgz_task`: SGZ's net and curve with a sense of noise, for those who detect and segment rather than look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...contract import EnhancerInfo
from ...fast.engine import Adjust
from ...fast.smoothing import Smoothing, fused_smooth
from ...registry import register_enhancer
from .checks import check_share
from .curve import CurveEnhancer, DepthwiseSeparable
from .guided_filter import guided_filter
from .tiles import TILE

MOST_NOISE = 20 / 255
"""The largest standard deviation of noise that the net can ask to have removed."""

NOISE_GAIN = 8.0
"""What the measured noise is multiplied with, so that it is of the order of 1 like the net's other inputs."""

RADIUS = 4
"""Of the smoother's windows."""


@register_enhancer
class SGZTask(CurveEnhancer):
    """The seven layers and the curve of SGZ, and between them a guided filter that the same net steers.

    Brightening brightens the noise, too, and a frozen detector minds that more than it minds the dark. So the net sees,
    beside the picture shrunk ``scale_factor`` times, how noisy each part of it is (the mean size of the diagonal
    details of 2x2 pixels) and the means of both over the whole picture; and it gives, beside the three curve
    parameters of a pixel, the standard deviation of what :func:`~.guided_filter.guided_filter` shall take for noise
    ahead of the curve. 10,836 parameters.

    Args:
        weights: a path, a name in the manifest, a URL, or ``"random"`` for an untrained net.
        scale_factor: how many times the picture is shrunk before the net looks at it.
        restraint: the share of the curve parameters that is applied, 0 to 1. The net learns to make pictures as bright
            as by day; detectors do best with a little less.
        tile: pixels along a side of the tiles in which the net looks at a large (shrunken) picture; 0 takes it whole.

    Raises:
        ScotopicError: a parameter is out of range; weights that are missing, damaged, or made for another net.

    >>> net = SGZTask(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    10836
    >>> tuple(net(torch.rand(1, 3, 30, 41)).shape)
    (1, 3, 30, 41)
    """

    info = EnhancerInfo(
        name="sgz_task",
        summary="SGZ with a noise-aware smoother, trained to undo darkness for detectors and segmentation nets.",
        paper="this project, after Zheng and Gupta (WACVW 2022) and He, Sun and Tang (TPAMI 2013)",
        year=2026,
        kind="unsupervised",
        learned=True,
        params=10_836,
        code_licence="Apache-2.0 (ours)",
        weights_licence="research and non-commercial use",
        commercial=False,
        needs_weights=True,
    )

    has_engine = True

    def __init__(
        self,
        weights: str | Path = "sgz-task",
        *,
        scale_factor: int = 12,
        restraint: float = 0.75,
        tile: int = TILE,
    ) -> None:
        check_share("restraint", restraint)
        super().__init__(weights, DepthwiseSeparable, inputs=8, outputs=4, scale_factor=scale_factor, tile=tile)
        self.restraint = restraint

    def transform(self, x: Tensor) -> Tensor:
        return self.steer(x)[0]

    def factor(self, x: Tensor) -> Tensor:
        """The curve parameters that are applied to each pixel: (N, 3, H, W) in [0, 1] -> the same shape in (-1, 1)."""
        return self.restraint * super().factor(x)[:, :3]

    def steer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The enhanced batch, not yet clamped, and the maps behind it: three curve parameters and the noise."""
        maps = super().factor(x)
        return self.apply_maps(x, maps), maps

    def apply_maps(self, x: Tensor, maps: Tensor) -> Tensor:
        """The guided filter and the curve on a batch (N, 3, H, W), by maps of its size (N, 4, H, W)."""
        smooth = guided_filter(x, MOST_NOISE / 2 * (1 + maps[:, 3:]), RADIUS)
        return self.apply_curve(smooth, self.restraint * maps[:, :3])

    def fused(self, image: np.ndarray, *, exposure: float = 1.0, adjust: Adjust | None = None) -> np.ndarray | None:
        options = Smoothing(self.scale_factor, NOISE_GAIN, MOST_NOISE, self.restraint)
        return fused_smooth(self, image, options, exposure=exposure, adjust=adjust)

    def look(self, x: Tensor) -> Tensor:
        """What the net sees of a picture: (N, 3, H, W) -> (N, 8, h, w)."""
        small = super().look(x)
        noise = NOISE_GAIN * noise_level(x)
        noise = F.interpolate(noise, size=small.shape[-2:], mode="bilinear").clamp(max=2)
        local = torch.cat([small, noise], 1)
        return torch.cat([local, local.mean((2, 3), keepdim=True).expand_as(local)], 1)


def noise_level(x: Tensor) -> Tensor:
    """The mean size of diagonal details: (N, 3, H, W) -> (N, 1, about H / 12, about W / 12).

    White noise of standard deviation s in the luma gives 0.8 s; edges are seldom diagonal at this size.

    >>> flat, stripes = torch.full((1, 3, 24, 24), 0.3), torch.arange(24) % 2 * torch.ones(1, 3, 24, 24)
    >>> noise_level(flat).max().item(), noise_level(stripes).max().item()
    (0.0, 0.0)
    """
    luma = x.mean(1, keepdim=True)
    # A last row or column without a partner is its own.
    luma = F.pad(luma, (0, 1, 0, 1), mode="replicate")
    first, last = luma[..., :-1:2, :-1:2], luma[..., 1::2, 1::2]
    right, below = luma[..., :-1:2, 1::2], luma[..., 1::2, :-1:2]
    details = (first - right - below + last).abs() / 2
    return F.avg_pool2d(details, 6, ceil_mode=True, count_include_pad=False)
