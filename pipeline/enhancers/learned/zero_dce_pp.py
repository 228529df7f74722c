"""`zero_dce_pp`: Zero-DCE++, zero-reference deep curve estimation made light (Li, Guo and Loy, TPAMI 2021)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...contract import EnhancerInfo
from ...registry import register_enhancer
from .curve import CurveEnhancer, DepthwiseSeparable
from .tiles import TILE


@register_enhancer
class ZeroDCEPlusPlus(CurveEnhancer):
    """One curve parameter map per channel, estimated on a shrunken picture and used in eight iterations.

    ``LE_n = LE_(n-1) + A LE_(n-1) (1 - LE_(n-1))`` with the same map ``A`` each time (section 4 of the paper). The net
    gives ``-A``, as in the authors' checkpoint: negative values brighten.

    Args:
        weights: a path, a name in the manifest, a URL, or ``"random"`` for an untrained net (deviation 0.02). The
            default are the authors' (CC BY-NC 4.0), downloaded when first used.
        scale_factor: how many times the picture is shrunk before the net looks at it; the authors' program takes 12
            at inference, 1 looks at all pixels.
        tile: pixels along a side of the tiles in which the net looks at a large (shrunken) picture; 0 takes it whole.

    Raises:
        ScotopicError: ``scale_factor`` or ``tile`` is out of range; weights that cannot be had or do not fit.

    >>> net = ZeroDCEPlusPlus(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    10561
    """

    info = EnhancerInfo(
        name="zero_dce_pp",
        summary="A tiny net on the shrunken picture estimates one curve per pixel, applied eight times.",
        paper="Li, Guo and Loy: Learning to Enhance Low-Light Image via Zero-Reference Deep Curve Estimation (TPAMI)",
        year=2021,
        kind="zero-shot",
        learned=True,
        params=10_561,
        code_licence="CC BY-NC 4.0",
        weights_licence="CC BY-NC 4.0, academic research only",
        commercial=False,
        needs_weights=True,
        cost="cheap",
    )

    has_engine = True

    def __init__(
        self, weights: str | Path = "zero_dce_pp-official", *, scale_factor: int = 12, tile: int = TILE
    ) -> None:
        super().__init__(weights, DepthwiseSeparable, scale_factor=scale_factor, tile=tile)

    def transform(self, x: Tensor) -> Tensor:
        return self.apply_curve(x, self.factor(x))
