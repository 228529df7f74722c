"""`sgz`: semantic-guided zero-shot enhancement (Zheng and Gupta, WACV 2022)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import Tensor

from ....errors import ScotopicError
from ...contract import EnhancerInfo, being_traced, check_batch
from ...registry import register_enhancer
from .checks import check_count
from .curve import CurveEnhancer, DepthwiseSeparable, Traditional
from .tiles import TILE

Convolution = Literal["dsc", "tc"]


@register_enhancer
class SGZ(CurveEnhancer):
    """Enhancement factor extraction and recurrent image enhancement (Figure 2 and eq. 1 of the paper).

    Seven convolutions of 32 channels with symmetric skips look at the picture shrunk ``scale_factor`` times and give
    one factor per pixel and channel in (-1, 1); the factor is enlarged to the picture's own size (so any size works
    and nothing is cropped) and a curve is applied with it ``iterations`` times.

    Args:
        weights: a path, a name in the manifest (``"sgz"``, ``"sgz-official"``), a URL, or ``"random"`` for an
            untrained net (normal with deviation 0.02, as the paper initialises it).
        scale_factor: how many times the picture is shrunk before the net looks at it; 1 looks at all pixels.
        order: of the curve's polynomial, at least 2.
        iterations: how often the curve is applied, at least 1.
        convolution: ``"dsc"``, depthwise separable (10,561 parameters), or ``"tc"``, traditional (the ablation's).
        tile: pixels along a side of the tiles in which the net looks at a large (shrunken) picture; 0 takes it whole.

    Raises:
        ScotopicError: a parameter is out of range; weights that are missing, damaged, or made for another net.

    >>> net = SGZ(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    10561
    >>> import torch
    >>> image, factor = net(torch.rand(1, 3, 30, 41), return_factor=True)
    >>> tuple(image.shape), tuple(factor.shape)
    ((1, 3, 30, 41), (1, 3, 30, 41))
    """

    info = EnhancerInfo(
        name="sgz",
        summary="A tiny net estimates an enhancement factor, a recurrent curve applies it.",
        paper="Zheng and Gupta: Semantic-Guided Zero-Shot Learning for Low-Light Image/Video Enhancement (WACVW)",
        year=2022,
        kind="zero-shot",
        learned=True,
        params=10_561,
        code_licence="MIT",
        weights_licence="research and non-commercial use",
        commercial=False,
        needs_weights=True,
        cost="cheap",
    )

    has_engine = True

    def __init__(
        self,
        weights: str | Path = "sgz",
        *,
        scale_factor: int = 12,
        order: int = 2,
        iterations: int = 8,
        convolution: Convolution = "dsc",
        tile: int = TILE,
    ) -> None:
        check_count("order", order, 2)
        check_count("iterations", iterations, 1)
        if convolution not in ("dsc", "tc"):
            raise ScotopicError(f"convolution={convolution!r} is unknown: use 'dsc' or 'tc'")
        layer = DepthwiseSeparable if convolution == "dsc" else Traditional
        super().__init__(weights, layer, scale_factor=scale_factor, tile=tile)
        self.convolution = convolution
        self.order = order
        self.iterations = iterations

    def transform(self, x: Tensor) -> Tensor:
        return self.apply_curve(x, self.factor(x))

    def forward(self, x: Tensor, return_factor: bool = False) -> Tensor | tuple[Tensor, Tensor]:  # type: ignore[override]
        """Float RGB (N, 3, H, W) in [0, 1] -> the same; with ``return_factor`` also the factor (N, 3, H, W)."""
        if not return_factor:
            return super().forward(x)
        if not being_traced():
            check_batch(x)
        own = x.to(next(self.parameters()).dtype)
        factor = self.factor(own)
        image = self.apply_curve(own, factor).clamp(0, 1)
        return image.to(x.dtype), factor.to(x.dtype)
