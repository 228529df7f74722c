"""`pie`: simultaneous estimation of illumination and reflectance in the linear domain."""

from __future__ import annotations

import cv2
import numpy as np

from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .mirrored import Smoother, adjoint, shrink, slopes
from .picture import PictureEnhancer, check_number
from .value import value_channel, with_brighter_light

CHANGE = 0.1  # the paper's stopping criterion, for reflectance and illumination
MAX_ROUNDS = 20
BLUR = (5, 5)  # of the first guess of the illumination


@register_enhancer
class ProbabilisticIlluminationEstimation(PictureEnhancer):
    """PIE (Fu et al., IEEE TIP 2015): value channel S of HSV = reflectance R x illumination I, the most probable pair.

        min over R, I of  ||R I - S||^2 + alpha ||grad I||^2 + beta ||grad R||_1 + gamma ||I - I_0||^2,   S <= I

    on levels 0 to 255 of S and I, with I_0 the mean of S. By turns, from I = S blurred and R = b = 0:

        d = shrink(grad R + b, 1 / (2 lambda))
        R = (S / I + beta lambda grad' (d - b)) / (1 + beta lambda grad' grad),        then cut off to [0, 1]
        b = b + grad R - d
        I = (gamma I_0 + S / R) / (1 + gamma + alpha grad' grad),                      then max(I, S)

    until R and I each change by no more than a tenth (in the 2-norm). The result is R 255 (I / 255) ** (1 / 2.2) for V.

    Checked against two public programs: the authors' interface to their (encoded) MATLAB program gives the four
    parameters, the tenth, V on 0 to 255 and gamma 2.2; DavidQiuChao/PIE gives the steps, the first guesses and I_0.
    The latter stops after two rounds; so stopped, this gives the published ``PIE7`` of the SGZ repository (mean level
    98.0, as there; correlation 0.994); where the paper's criterion stops it, after three, the mean is 94.1.
    The more rounds, the darker: the light spreads and the reflectance takes over.

    Ours: mirrored borders instead of periodic ones, which would carry the light of one edge of the picture to the
    opposite one (and so cosine transforms instead of Fourier's); S / R and I no higher than 255, because R, cut off
    at 0, may be far below S / I in the dark.

    Cost on one core: about 0.3 s and 60 MB a megapixel.

    Args:
        alpha: weight of the smoothness of the illumination.
        beta: weight of the sparseness of the reflectance's slopes.
        gamma: weight of the distance of the illumination from the mean.
        penalty: lambda, of the split d = grad R.

    Raises:
        ScotopicError: a parameter is not a positive number.

    >>> ProbabilisticIlluminationEstimation().enhance(np.full((4, 4, 3), (64, 32, 0), np.uint8))[0, 0].tolist()
    [136, 68, 0]
    """

    info = EnhancerInfo(
        name="pie",
        summary="Retinex: the most probable reflectance and illumination, in the linear domain.",
        paper="Fu, Liao, Zeng, Huang, Zhang and Ding: A Probabilistic Method for Image Enhancement With Simultaneous "
        "Illumination and Reflectance Estimation",
        year=2015,
        kind="retinex",
        code_licence="ours, re-implemented",
        commercial=True,
        cost="moderate",
        in_graph=False,
    )

    def __init__(self, alpha: float = 1000.0, beta: float = 0.01, gamma: float = 0.1, penalty: float = 10.0) -> None:
        super().__init__()
        self.alpha = check_number("alpha", alpha, 0)
        self.beta = check_number("beta", beta, 0)
        self.gamma = check_number("gamma", gamma, 0)
        self.penalty = check_number("penalty", penalty, 0)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        value = value_channel(check_image(image))
        return with_brighter_light(image, value, *self.decompose(value))

    def decompose(self, value: np.ndarray, max_rounds: int = MAX_ROUNDS) -> tuple[np.ndarray, np.ndarray]:
        """V (H, W), 0 to 255 -> reflectance, 0 to 1, and illumination, 0 to 255, both of V's type."""
        smoother = Smoother(value.shape, value.dtype.type)
        mean = value.mean()
        illumination = cv2.GaussianBlur(value, BLUR, 0)
        reflectance = np.zeros_like(value)
        dual = [np.zeros_like(value), np.zeros_like(value)]
        for _ in range(max_rounds):
            before = reflectance, illumination
            split = [shrink(s + b, 1 / (2 * self.penalty)) for s, b in zip(slopes(reflectance), dual, strict=True)]
            wanted = adjoint(*(d - b for d, b in zip(split, dual, strict=True)))
            weight = self.beta * self.penalty
            ratio = value / np.maximum(illumination, 1e-6)
            reflectance = smoother.solve(ratio + weight * wanted, 1, weight).clip(0, 1)
            dual = [b + s - d for b, s, d in zip(dual, slopes(reflectance), split, strict=True)]
            ratio = np.minimum(value / np.maximum(reflectance, 1e-6), 255)
            illumination = smoother.solve(self.gamma * mean + ratio, 1 + self.gamma, self.alpha)
            illumination = np.maximum(illumination, value).clip(0, 255)
            if max(map(relative_change, before, (reflectance, illumination))) <= CHANGE:
                break
        return reflectance, illumination


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """||after - before|| / ||before||; 0 where both are zero.

    >>> relative_change(np.array([3.0, 4.0]), np.array([3.0, 5.0]))
    0.2
    """
    step = float(np.linalg.norm(after - before))
    return step / max(float(np.linalg.norm(before)), 1e-12) if step else 0.0
