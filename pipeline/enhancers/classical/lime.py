"""`lime`: low-light enhancement by illumination map estimation."""

from __future__ import annotations

import math
from typing import Literal, get_args

import cv2
import numpy as np

from ....errors import ScotopicError
from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .channels import largest_channel, scale_channels
from .illumination import EPSILON, refine_exactly, refine_fast
from .luminance import luminance
from .picture import PictureEnhancer, check_number

Solver = Literal["fast", "exact"]

LARGEST_GRID = 2**21  # pixels; above it, as for 4K, the map is found on a coarser grid
GUIDE_RADIUS, GUIDE_EPSILON = 1, 1e-4  # of the guided filter that brings it back


@register_enhancer
class Lime(PictureEnhancer):
    """LIME (Guo, Li & Ling, IEEE TIP 2017): the picture L over an illumination map T, ``R = L / (T ** gamma + eps)``.

    T starts as the largest channel of each pixel, T^ (eq. 3), and is smoothed except at the edges of the structure:

        min over T of  ||T^ - T||^2 + alpha ||W o grad T||_1                                                    (eq. 8)

    with the weights of strategy III, ``W_d = 1 / (|G * grad_d T^| + eps)``, G a Gaussian (5x5, sigma 2) of sum 1:
    strong where gradients cancel out (texture, noise), weak along edges (eq. 18).

    ``solver="fast"`` is the paper's sped-up one: the 1-norm becomes a weighted square (eq. 20-21), which leaves one
    linear system, ``(I + sum_d D_d' diag(alpha W_d / (|grad_d T^| + eps)) D_d) t = t^``; it is solved by conjugate
    gradients with multigrid. ``solver="exact"`` minimises eq. 8 by the paper's augmented Lagrangian (algorithm 1), a
    least-squares step by cosine transforms and a shrinkage in turn, but with a constant penalty and
    over-relaxation (1.8): the paper's growing penalty stops it far from the minimum (after 50 rounds 29 % above it on
    a picture of 384x288). It ends when the dual problem proves the objective to be within 1 % of its minimum, at the
    latest after 500 rounds.

    ``denoise`` is the paper's optional last step: the luminance of R is denoised to R_d and the results are combined,
    ``R_f = R o T + R_d o (1 - T)``, because noise is amplified most where T is dark. The paper takes BM3D; here it
    is OpenCV's non-local means, ``cv2.fastNlMeansDenoising``, as a well-kept stand-in.

    Pictures of more than 2 megapixels get their map on a grid coarser by a whole factor (2 for 4K), brought back by
    a guided filter with T^ as the guide (He & Sun, "Fast Guided Filter", 2015), so that edges stay sharp. Factor 2
    changes the result by 4 grey levels on average, because texture finer than the grid no longer counts as such.

    The paper leaves open eps (1e-3 here, on a scale where white is 1) and the treatment of borders (mirrored here).
    Checked: alpha 0.15 and sigma 2 with strategy III and the sped-up solver, and denoising with sigma 10, stand in the
    authors' demo as well; its gamma is 0.7, the paper's 0.8.

    Cost on one core, beside the picture itself: fast, about 3 s and 230 MB for 1280x720, 7 s and 550 MB for 4K; exact,
    about 20 s and 130 MB a megapixel. ``denoise`` adds half a second a megapixel.

    Args:
        alpha: weight of smoothness. The default is the authors' for the sped-up solver; the exact one smooths more at
            the same weight, so that light patches blow out, and wants a smaller one, as their demo says as well.
        gamma: how much of the illumination is divided out: 0 nothing, 1 all.
        solver: ``"fast"`` or ``"exact"``.
        denoise: strength of the denoising in grey levels, 0 for none; the authors' demo has 10.

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
        code_licence="ours, re-implemented",
        commercial=True,
        cost="heavy",
        in_graph=False,
    )

    def __init__(self, alpha: float = 0.15, gamma: float = 0.8, solver: Solver = "fast", denoise: float = 0.0) -> None:
        super().__init__()
        self.alpha = check_number("alpha", alpha, 0)
        self.gamma = check_number("gamma", gamma, 0, 1)
        if solver not in get_args(Solver):
            raise ScotopicError(f'solver={solver!r} is not "fast" or "exact"')
        self.solver: Solver = solver
        self.denoise = 0.0 if denoise == 0 and not isinstance(denoise, bool) else check_number("denoise", denoise, 0)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        illumination = self.illumination(check_image(image))
        factor = 1 / (illumination ** np.float32(self.gamma) + np.float32(EPSILON))
        bright = scale_channels(image, factor)
        return denoised_in_the_dark(bright, illumination, self.denoise) if self.denoise else bright

    def illumination(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> the map T, float32 (H, W) in [0, 1]."""
        largest = largest_channel(image)
        height, width = largest.shape
        factor = math.ceil(math.sqrt(height * width / LARGEST_GRID))
        if factor == 1:
            return self._refine(largest / 255, EPSILON).astype(np.float32).clip(0, 1)
        fine = largest.astype(np.float32) / np.float32(255)
        size = (math.ceil(width / factor), math.ceil(height / factor))
        coarse = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        # Slopes from pixel to pixel are steeper by the factor; with eps scaled as well, the objective stays the same.
        refined = self._refine(coarse.astype(np.float64), factor * EPSILON).astype(np.float32)
        return guided_enlargement(fine, coarse, refined).clip(0, 1)

    def _refine(self, initial: np.ndarray, epsilon: float) -> np.ndarray:
        refine = refine_fast if self.solver == "fast" else refine_exactly
        return refine(initial, self.alpha, epsilon)


def denoised_in_the_dark(bright: np.ndarray, illumination: np.ndarray, strength: float) -> np.ndarray:
    """R o T + R_d o (1 - T), R_d being R with a luminance denoised by non-local means; chroma stays.

    Args:
        bright: R, uint8 RGB (H, W, 3).
        illumination: T, float32 (H, W) in [0, 1].
        strength: in grey levels, above 0.
    """
    luma = luminance(bright)
    change = cv2.fastNlMeansDenoising(luma, h=strength) - luma.astype(np.float32)
    change *= 1 - illumination
    return np.rint(bright + change[..., None]).clip(0, 255).astype(np.uint8)


def guided_enlargement(fine: np.ndarray, coarse: np.ndarray, refined: np.ndarray) -> np.ndarray:
    """``refined``, found for ``coarse``, on the grid of ``fine``: locally a linear function of ``fine``.

    Args:
        fine: the guide, float32 (H, W).
        coarse: the guide on the coarse grid, float32 (h, w).
        refined: what to enlarge, float32 (h, w).

    >>> edge = np.float32([[0, 0, 1, 1]])
    >>> guided_enlargement(np.repeat(edge, 2, 1), edge, 0.5 * edge).round(1).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]]
    """
    side = 2 * GUIDE_RADIUS + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT)

    guide, wanted = mean(coarse), mean(refined)
    slope = (mean(coarse * refined) - guide * wanted) / (mean(coarse * coarse) - guide * guide + GUIDE_EPSILON)
    offset = wanted - slope * guide
    size = fine.shape[::-1]
    enlarged = cv2.resize(mean(slope), size, interpolation=cv2.INTER_LINEAR)
    enlarged *= fine
    enlarged += cv2.resize(mean(offset), size, interpolation=cv2.INTER_LINEAR)
    return enlarged
