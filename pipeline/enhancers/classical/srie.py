"""`srie`: the weighted variational model for reflectance and illumination in the logarithmic domain."""

from __future__ import annotations

import numpy as np

from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .mirrored import Smoother, adjoint, shrink, slopes
from .picture import PictureEnhancer, check_number
from .pie import relative_change
from .value import value_channel, with_brighter_light

CHANGE = 1e-3  # the authors' stopping criterion, for both logarithms
MAX_ROUNDS = 20


@register_enhancer
class WeightedVariationalRetinex(PictureEnhancer):
    """SRIE (Fu et al., CVPR 2016): value channel S of HSV = reflectance R x illumination L, as logarithms s = r + l.

        min over r, l of  ||r + l - s||^2 + c1 ||R grad r||_1 + c2 ||L grad l||^2,     r <= 0,  s <= l       (eq. 5)

    The weights R and L, those of the round before, undo what the logarithm does to slopes: R grad r = grad R. By
    turns, from r = b = 0 and l = s:

        d = shrink(R grad r + b, 1 / (2 lambda))
        r = (s - l + c1 lambda grad' (d - b)) / (1 + c1 lambda mean(R) grad' grad),    then min(r, 0)
        b = b + R grad r - d
        l = (s - r) / (1 + c2 mean(L) grad' grad),                                     then max(l, s)

    until both change by no more than a thousandth (in the 2-norm), at most 20 rounds. The result is
    R 255 (L / 255) ** (1 / 2.2) for V.

    The paper's closed forms multiply a map over pixels (R, L) with one over frequencies, which means something only
    where the map is constant; its mean is taken here. With the weights kept as maps and the systems solved in full,
    the rounds drift to the minimum of eq. 5, which is of no use: L = 255 everywhere, and a result as dark as the input.
    So the decomposition is, in the authors' program as here, that of the first rounds. Checked: the authors'
    interface to their (encoded) MATLAB program, as in baidut/BIMEF and csjunxu's comparisons, gives c1, c2, lambda, the
    thousandth, V on 0 to 255 and gamma 2.2; two public re-implementations agree on the steps and on the first power of
    R and L in the closed forms. Ours: the limit of 20 rounds, and mirrored instead of periodic borders.

    Cost on one core: about 1 s and 60 MB a megapixel.

    Args:
        c1: weight of the sparseness of the reflectance's slopes.
        c2: weight of the smoothness of the illumination.
        penalty: lambda, of the split d = R grad r.

    Raises:
        ScotopicError: a parameter is not a positive number.

    >>> WeightedVariationalRetinex().enhance(np.full((4, 4, 3), (64, 32, 0), np.uint8))[0, 0].tolist()
    [136, 68, 0]
    """

    info = EnhancerInfo(
        name="srie",
        summary="Retinex: reflectance and illumination as logarithms, weighted so that slopes count as they look.",
        paper="Fu, Zeng, Huang, Zhang and Ding: A Weighted Variational Model for Simultaneous Reflectance and "
        "Illumination Estimation",
        year=2016,
        kind="retinex",
        code_licence="ours, re-implemented",
        commercial=True,
        cost="moderate",
        in_graph=False,
    )

    def __init__(self, c1: float = 0.01, c2: float = 0.1, penalty: float = 1.0) -> None:
        super().__init__()
        self.c1 = check_number("c1", c1, 0)
        self.c2 = check_number("c2", c2, 0)
        self.penalty = check_number("penalty", penalty, 0)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        value = value_channel(check_image(image))
        reflectance, illumination = self.decompose(value)
        reflectance[value == 0] = 0  # whose logarithm was taken for that of level 1
        return with_brighter_light(image, value, reflectance, illumination)

    def decompose(self, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """V (H, W), 0 to 255 -> reflectance, 0 to 1, and illumination, 1 to 255, both of V's type."""
        smoother = Smoother(value.shape, value.dtype.type)
        s = np.log(np.maximum(value, 1))
        r, light = np.zeros_like(s), s
        dual = [np.zeros_like(s), np.zeros_like(s)]
        weight = self.c1 * self.penalty
        for _ in range(MAX_ROUNDS):
            before = r, light
            factor = np.exp(r)
            split = [shrink(factor * g + b, 1 / (2 * self.penalty)) for g, b in zip(slopes(r), dual, strict=True)]
            wanted = adjoint(*(d - b for d, b in zip(split, dual, strict=True)))
            r = smoother.solve(s - light + weight * wanted, 1, weight * float(factor.mean()))
            r = np.minimum(r, 0)
            factor = np.exp(r)
            dual = [b + factor * g - d for b, g, d in zip(dual, slopes(r), split, strict=True)]
            light = smoother.solve(s - r, 1, self.c2 * float(np.exp(before[1]).mean()))
            light = np.maximum(light, s)
            if max(map(relative_change, before, (r, light))) <= CHANGE:
                break
        return np.exp(r), np.exp(light).clip(1, 255)
