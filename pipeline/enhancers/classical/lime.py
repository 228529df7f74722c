"""`lime`: low-light enhancement by illumination map estimation."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from scipy import fft

from ....errors import ScotopicError
from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .grid_solver import solve_on_grid
from .picture import PictureEnhancer, check_number

Solver = Literal["fast", "exact"]

EPSILON = 1e-3  # keeps the weights finite: a quarter of a grey level
WINDOW, SIGMA = 5, 2.0  # of the Gaussian in weighting strategy III
FIRST_PENALTY, PENALTY_GROWTH = 1.0, 1.2  # mu and rho of the exact solver
EXACT_TOLERANCE, EXACT_ITERATIONS = 1e-5, 50


@register_enhancer
class Lime(PictureEnhancer):
    """LIME (Guo, Li & Ling, IEEE TIP 2017): the picture L over an illumination map T, ``R = L / (T ** gamma + eps)``.

    T starts as the largest channel of each pixel, T^ (eq. 3), and is smoothed except at the edges of the structure:

        min over T of  ||T^ - T||^2 + alpha ||W o grad T||_1                                                    (eq. 8)

    with the weights of strategy III, ``W_d = 1 / (|G * grad_d T^| + eps)``, G a Gaussian (5x5, sigma 2) of sum 1:
    strong where gradients cancel out (texture, noise), weak along edges (eq. 18).

    ``solver="fast"`` replaces the 1-norm by a weighted square (eq. 20-21) and solves one linear system,
    ``(I + sum_d D_d' diag(alpha W_d / (|grad_d T^| + eps)) D_d) t = t^``, by conjugate gradients with multigrid.
    ``solver="exact"`` is the paper's augmented Lagrangian (algorithm 1): at most 50 rounds of a least-squares step
    by FFT, with periodic borders, and a shrinkage.

    The paper leaves open eps (1e-3 here, on a scale where white is 1) and, for the exact solver, the first penalty and
    its growth (1 and 1.2 here). Its optional last step, BM3D denoising of the result, is not built in.

    Cost on one core: fast, about 3 s for 1280x720 and 36 s for 4K, some 200 bytes a pixel (1.7 GB at 4K); exact,
    about 2 s and 31 s, 130 bytes a pixel, but 50 rounds only come near the minimum.

    Args:
        alpha: weight of smoothness.
        gamma: how much of the illumination is divided out: 0 nothing, 1 all.
        solver: ``"fast"`` or ``"exact"``.

    Raises:
        ScotopicError: a parameter is out of its range.

    >>> flat = np.full((4, 4, 3), (64, 32, 0), np.uint8)
    >>> Lime(gamma=0.5).enhance(flat)[0, 0].tolist()  # 64 / (sqrt(64 / 255) + eps)
    [127, 64, 0]
    """

    info = EnhancerInfo(
        name="lime",
        summary="Retinex: the picture divided by its illumination, smoothed but for the edges of the structure.",
        paper="Guo, Li and Ling: LIME: Low-Light Image Enhancement via Illumination Map Estimation",
        year=2017,
        kind="retinex",
        commercial=True,
        cost="heavy",
        in_graph=False,
    )

    def __init__(self, alpha: float = 0.15, gamma: float = 0.8, solver: Solver = "fast") -> None:
        super().__init__()
        self.alpha = check_number("alpha", alpha, 0)
        self.gamma = check_number("gamma", gamma, 0, 1)
        if solver not in get_args(Solver):
            raise ScotopicError(f'solver={solver!r} is not "fast" or "exact"')
        self.solver: Solver = solver

    def enhance(self, image: np.ndarray) -> np.ndarray:
        illumination = self.illumination(check_image(image)).astype(np.float32)
        factor = 1 / (illumination**self.gamma + np.float32(EPSILON))
        return cv2.convertScaleAbs(image * factor[..., None])

    def illumination(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> the map T, float64 (H, W) in [0, 1]."""
        initial = image.max(2) / 255
        if self.solver == "fast":
            down, right = (weight / (np.abs(slope) + EPSILON) for slope, weight in _slopes_and_weights(initial))
            refined = solve_on_grid(np.ones_like(initial), self.alpha * down, self.alpha * right, initial)
        else:
            refined = _exact(initial, self.alpha)
        return refined.clip(0, 1)


def _slope(t: np.ndarray, axis: int) -> np.ndarray:
    """Forward difference with periodic borders."""
    return np.roll(t, -1, axis) - t


def _divergence(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The transpose of the two slopes: Dv' down + Dh' right."""
    return np.roll(down, 1, 0) - down + np.roll(right, 1, 1) - right


def _slopes_and_weights(t: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per axis: the slope of ``t`` and W of strategy III."""
    slopes = [_slope(t, axis) for axis in (0, 1)]
    smooth = [cv2.GaussianBlur(slope, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT) for slope in slopes]
    return [(slope, 1 / (np.abs(mean) + EPSILON)) for slope, mean in zip(slopes, smooth, strict=True)]


def _exact(initial: np.ndarray, alpha: float) -> np.ndarray:
    """Algorithm 1: minimise eq. 8 by an augmented Lagrangian with G = grad T."""
    weights = [weight for _, weight in _slopes_and_weights(initial)]
    height, width = initial.shape
    # The eigenvalues of Dv'Dv + Dh'Dh.
    laplacian = (2 - 2 * np.cos(2 * np.pi * np.arange(height) / height))[:, None] + (
        2 - 2 * np.cos(2 * np.pi * np.arange(width // 2 + 1) / width)
    )
    penalty = FIRST_PENALTY
    split = [np.zeros_like(initial), np.zeros_like(initial)]  # G
    dual = [np.zeros_like(initial), np.zeros_like(initial)]  # Z
    t = initial
    for _ in range(EXACT_ITERATIONS):
        target = [g - z / penalty for g, z in zip(split, dual, strict=True)]
        spectrum = fft.rfft2(2 * initial + penalty * _divergence(*target))
        t = np.asarray(fft.irfft2(spectrum / (2 + penalty * laplacian), initial.shape))
        gap = 0.0
        for axis, weight in enumerate(weights):
            slope = _slope(t, axis)
            wanted = slope + dual[axis] / penalty
            split[axis] = np.sign(wanted) * np.maximum(np.abs(wanted) - alpha * weight / penalty, 0)
            dual[axis] += penalty * (slope - split[axis])
            gap += float(np.sum((slope - split[axis]) ** 2))
        if gap**0.5 <= EXACT_TOLERANCE * float(np.linalg.norm(initial)):
            break
        penalty *= PENALTY_GROWTH
    return t
