"""`ruas`: Retinex-inspired unrolling with architecture search (Liu et al., CVPR 2021)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, initialise_normal
from .tiles import TILE, in_tiles

STAGES = 3
REACH = 28
"""Pixels seen on each side: 6 in a stage (2x2, dilated 3x3, three 3x3), 3 times; 1, 2, 2, 2, 1 in the denoiser, and 2
to spare."""
NOT_DENOISED = ("ruas-upe", "ruas-dark")
"""Weights whose authors leave the denoiser out."""


@register_enhancer
class RUAS(Enhancer):
    """The picture divided by its illumination, estimated again in each of three unrolled steps; then denoised.

    The cells of both nets were found by architecture search (sections 3.2 and 3.3 of the paper; Figure 2). A stage
    starts from the largest value around each pixel, less half of what the last stage changed, and the illumination is
    ``clamp(sigmoid(cell(.)), 0.001, 1)``. The denoiser subtracts the noise that it estimates.

    Args:
        weights: ``"ruas-upe"`` (the default of the authors' program), ``"ruas-lol"`` or ``"ruas-dark"`` (licence none
            stated; downloaded when first used), a path, a URL, or ``"random"`` for an untrained net. All of them whiten
            what was bright already, upe least.
        denoise: whether the denoiser runs; None does as the authors do, with denoising but for upe and dark.
        tile: pixels along a side of the tiles in which a large picture goes through; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that cannot be had, are damaged, or made for another net.

    >>> net = RUAS(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    3438
    """

    info = EnhancerInfo(
        name="ruas",
        summary="The picture divided by its illumination in three unrolled steps, then denoised.",
        paper="Liu et al.: Retinex-Inspired Unrolling with Cooperative Prior Architecture Search (CVPR)",
        year=2021,
        kind="unsupervised",
        learned=True,
        params=3_438,
        code_licence="none stated",
        weights_licence="none stated",
        commercial=None,
        needs_weights=True,
        cost="moderate",
    )

    def __init__(self, weights: str | Path = "ruas-upe", *, denoise: bool | None = None, tile: int = TILE) -> None:
        super().__init__()
        check_count("tile", tile, 0)
        self.tile = tile
        self.denoise = str(weights) not in NOT_DENOISED if denoise is None else denoise
        self.enhance_net = Illuminator()
        self.denoise_net = Denoiser()
        fill_parameters(self, weights, initialise_normal)

    def transform(self, x: Tensor) -> Tensor:
        return in_tiles(self._unroll, x, REACH, self.tile)

    def _unroll(self, x: Tensor) -> Tensor:
        enhanced = self.enhance_net(x)
        return self.denoise_net(enhanced) if self.denoise else enhanced


def largest_around(x: Tensor) -> Tensor:
    """The largest of each pixel, the one to its right and the two below them; beyond the border there is 0.

    >>> largest_around(torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]])).tolist()
    [[[[2.0, 2.0], [2.0, 2.0]]]]
    """
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)


class Operation(nn.Module):
    """A convolution, to which it may add its own input: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, kernel: int, dilation: int = 1, residual: bool = False) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, kernel, padding=kernel // 2 * dilation, dilation=dilation)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x) + x if self.residual else self.op(x)


class Cell(nn.Module):
    """What the search arranges: seven operations, four of whose results are fused by a 1x1 convolution.

    Args:
        channels: in and out.
        c1_d, c1_r, c2_d, c2_r, c3_d, c3_r, c4: the operations; those in ``_r`` hand on to the next pair.
    """

    def __init__(
        self,
        channels: int,
        c1_d: nn.Module,
        c1_r: nn.Module,
        c2_d: nn.Module,
        c2_r: nn.Module,
        c3_d: nn.Module,
        c3_r: nn.Module,
        c4: nn.Module,
    ) -> None:
        super().__init__()
        self.c1_d, self.c1_r = c1_d, c1_r
        self.c2_d, self.c2_r = c2_d, c2_r
        self.c3_d, self.c3_r = c3_d, c3_r
        self.c4 = c4
        self.c5 = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        distilled = []
        for distil, remain in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            distilled.append(F.leaky_relu(distil(x), 0.05))
            x = F.leaky_relu(remain(x) + x, 0.05)
        return self.c5(torch.cat([*distilled, F.leaky_relu(self.c4(x), 0.05)], 1))


def light_cell() -> Cell:
    """The cell that was found for the illumination."""
    return Cell(
        3,
        c1_d=nn.Identity(),
        c1_r=Operation(3, 1, residual=True),
        c2_d=Operation(3, 3, dilation=2, residual=True),
        c2_r=Operation(3, 3),
        c3_d=Operation(3, 3),
        c3_r=nn.Identity(),
        c4=Operation(3, 3),
    )


def noise_cell() -> Cell:
    """The cell that was found for the noise."""
    return Cell(
        6,
        c1_d=Operation(6, 1, residual=True),
        c1_r=Operation(6, 1, residual=True),
        c2_d=Operation(6, 3, dilation=2, residual=True),
        c2_r=nn.Identity(),
        c3_d=Operation(6, 1, residual=True),
        c3_r=Operation(6, 1, residual=True),
        c4=nn.Identity(),
    )


class Stage(nn.Module):
    """One estimate of the illumination."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = light_cell()

    def forward(self, estimate: Tensor) -> Tensor:
        return self.cell(estimate).sigmoid().clamp(0.001, 1.0)


class Illuminator(nn.Module):
    """(N, 3, H, W) in [0, 1] -> the same, divided by its illumination."""

    def __init__(self) -> None:
        super().__init__()
        self.iems = nn.ModuleList(Stage() for _ in range(STAGES))

    def forward(self, x: Tensor) -> Tensor:
        estimate, enhanced = largest_around(x), x
        for number, stage in enumerate(self.iems):
            if number:
                estimate = largest_around(enhanced) - 0.5 * (enhanced - x)
            enhanced = (x / stage(estimate)).clamp(0, 1)
        return enhanced


class Denoiser(nn.Module):
    """(N, 3, H, W) -> the same without the noise that three cells of 6 channels find."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.nrms = nn.Sequential(noise_cell(), noise_cell(), noise_cell())
        self.activate = nn.Sequential(nn.Conv2d(6, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x - self.activate(self.nrms(self.stem(x)))
