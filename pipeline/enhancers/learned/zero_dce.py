"""`zero_dce`: zero-reference deep curve estimation (Guo et al., CVPR 2020)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...contract import EnhancerInfo
from ...registry import register_enhancer
from .curve import REACH, CurveEnhancer, Traditional, recurrent_enhancement
from .tiles import TILE, in_tiles

ITERATIONS = 8


@register_enhancer
class ZeroDCE(CurveEnhancer):
    """Eight curve parameter maps per channel, estimated at full resolution and used one after the other.

    ``LE_n = LE_(n-1) + A_n LE_(n-1) (1 - LE_(n-1))`` (eq. 3 of the paper). The net gives ``-A_n``, as in the authors'
    checkpoint: negative values brighten. Without gradients a large picture goes through tile by tile, with the same
    result: a 3840x2160 one needs some hundred megabytes instead of many gigabytes.

    Args:
        weights: a path, a name in the manifest, a URL, or ``"random"`` for an untrained net (deviation 0.02). The
            default are the authors' (CC BY-NC 4.0, academic research), downloaded when first used.
        tile: pixels along a side of a tile; 0 takes the picture whole.

    Raises:
        ScotopicError: weights that cannot be had, are damaged, or made for another net.

    >>> net = ZeroDCE(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    79416
    """

    info = EnhancerInfo(
        name="zero_dce",
        summary="A net at full resolution estimates eight curves per pixel, applied one after the other.",
        paper="Guo et al.: Zero-Reference Deep Curve Estimation for Low-Light Image Enhancement (CVPR)",
        year=2020,
        kind="zero-shot",
        learned=True,
        params=79_416,
        code_licence="CC BY-NC 4.0",
        weights_licence="CC BY-NC 4.0, academic research only",
        commercial=False,
        needs_weights=True,
        cost="heavy",
    )

    has_engine = True

    def __init__(self, weights: str | Path = "zero_dce-official", *, tile: int = TILE) -> None:
        super().__init__(weights, Traditional, outputs=3 * ITERATIONS, tile=tile)

    def transform(self, x: Tensor) -> Tensor:
        # All of the method, not the net alone: its 24 maps of a large picture are a burden themselves.
        return in_tiles(self._apply_curves, x, REACH, self.tile)

    def _apply_curves(self, x: Tensor) -> Tensor:
        return self.apply_curve(x, self._extract(x))

    def apply_curve(self, x: Tensor, factor: Tensor) -> Tensor:
        for one in factor.split(3, dim=1):
            x = recurrent_enhancement(x, one, iterations=1)
        return x
