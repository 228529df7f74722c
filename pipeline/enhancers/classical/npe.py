"""`npe`: naturalness-preserved enhancement of pictures under uneven light."""

from __future__ import annotations

import cv2
import numpy as np

from ....errors import ScotopicError
from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .channels import largest_channel
from .picture import PictureEnhancer
from .value import value_channel, with_value

NEIGHBOURS = 3  # levels are counted as neighbours within this window
LEVELS_PER_BIN = 32  # the counts are averaged over 2 w + 1 levels, w the range of levels over this
STRIP = 128  # rows at a time, which keeps the working set in the cache and the memory bounded


@register_enhancer
class NaturalnessPreservedEnhancement(PictureEnhancer):
    """NPE (Wang, Zheng, Hu & Li, IEEE TIP 2013): a bright-pass filter finds the light, a bi-log curve maps it.

    1. Lightness G is the largest channel. NN(k, l) counts how often a pixel of level k has a neighbour of level l in
       the picture, and ``Q(k, l) = sum of NN(k, i) over |i - l| <= w, over 2 w + 1``, w = (max G - min G) // 32.
    2. Illumination by the bright-pass filter, a mean over those pixels of the ``patch`` x ``patch`` around that are
       at least as bright as the pixel itself, so that L_r >= G and the reflectance stays in [0, 1]:
       ``L_r(x) = sum over y of Q(G(x), G(y)) U(G(y), G(x)) G(y) / sum over y of Q(G(x), G(y)) U(G(y), G(x))``,
       U(a, b) = 1 where a >= b, else 0.
    3. Bi-log transformation: histogram specification in which each pixel counts as log(L_r + 1), towards the
       histogram s(z) = log(z + 1): ``C_f(L_m) = C_l(L_r)`` with

           C_l(v) = sum of log(L_r(x) + 1) over pixels with L_r(x) <= v, over that sum over all pixels
           C_f(z) = sum of log(i + 1) over i <= z, over that sum over all 256 levels

    4. Each channel of the result is reflectance x mapped illumination, I_c / L_r x L_m; so hue and saturation stay.

    The paper's text was not at hand: the patch of 15 x 15, U, and step 3 with its two ones are also those of a public
    program written from the paper; the counts NN and Q, and their w, are from memory of it, and that neighbours
    are the eight around a pixel is ours. In step 3 the curve is interpolated between whole levels of L_r. A
    picture of one lightness, which has no histogram to transform, stays as it is.

    Small lamps get a thin dark ring: their rim has brighter neighbours, which are taken for its light, so it keeps its
    level, while the dark around it, whose light is dark, is lifted above it.

    Cost on one core: some 0.7 s a megapixel, one box filter for each level that occurs; 40 MB a megapixel.

    Args:
        patch: side of the window of the bright-pass filter in pixels, odd.

    Raises:
        ScotopicError: ``patch`` is not an odd whole number of at least 3.
    """

    info = EnhancerInfo(
        name="npe",
        summary="Retinex: the light, a mean of brighter neighbours, is brightened so that its order stays.",
        paper="Wang, Zheng, Hu and Li: Naturalness Preserved Enhancement Algorithm for Non-Uniform Illumination Images",
        year=2013,
        kind="retinex",
        code_licence="ours, re-implemented",
        commercial=True,
        cost="moderate",
        in_graph=False,
    )

    def __init__(self, patch: int = 15) -> None:
        super().__init__()
        if isinstance(patch, bool) or not isinstance(patch, int) or patch < 3 or patch % 2 == 0:
            raise ScotopicError(f"patch={patch!r} is not an odd whole number of at least 3")
        self.patch = patch

    def enhance(self, image: np.ndarray) -> np.ndarray:
        lightness = largest_channel(check_image(image))
        if lightness.min() == lightness.max():
            return image.copy(order="C")
        illumination = bright_pass(lightness, self.patch)
        mapped = np.interp(illumination, np.arange(256), bi_log_curve(illumination)).astype(np.float32)
        value = value_channel(image)
        return with_value(image, value, value / np.maximum(illumination, 1) * mapped)


def neighbour_weights(lightness: np.ndarray) -> np.ndarray:
    """Q(k, l) for levels l >= k, else 0, float32 (256, 256); a level is a neighbour of itself at least once.

    >>> q = neighbour_weights(np.array([[0, 0, 9]], np.uint8))
    >>> q[0, [0, 9]].tolist(), q[9, [0, 9]].tolist()
    ([2.0, 1.0], [0.0, 1.0])
    """
    counts = np.zeros((256, 256))
    height, width = lightness.shape
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        here = lightness[: height - down, max(-right, 0) : width - max(right, 0)].astype(np.int64)
        there = lightness[down:, max(right, 0) : width + min(right, 0)]
        pairs = np.bincount((here * 256 + there).reshape(-1), minlength=256 * 256).reshape(256, 256)
        counts += pairs + pairs.T
    present = np.unique(lightness)
    counts[present, present] = np.maximum(counts[present, present], 1)
    window = 2 * (int(present[-1] - present[0]) // LEVELS_PER_BIN) + 1
    return np.triu(cv2.blur(counts, (window, 1), borderType=cv2.BORDER_CONSTANT)).astype(np.float32)


def bright_pass(lightness: np.ndarray, patch: int) -> np.ndarray:
    """The bright-pass filter of lightness uint8 (H, W): illumination, float32 (H, W), nowhere below the lightness."""
    weights = neighbour_weights(lightness)
    radius = patch // 2
    height = lightness.shape[0]
    strips = []
    for top in range(0, height, STRIP):
        first, last = max(top - radius, 0), min(top + STRIP + radius, height)
        strip = _bright_pass(lightness[first:last], weights, patch)
        strips.append(strip[top - first : min(top + STRIP, height) - first])
    return np.maximum(np.concatenate(strips), lightness)  # rounding


def _bright_pass(lightness: np.ndarray, weights: np.ndarray, patch: int) -> np.ndarray:
    """Level by level: how many pixels of that level each patch holds, times the weight that the pixel gives it."""
    total = np.zeros(lightness.shape, np.float32)
    weight = np.zeros(lightness.shape, np.float32)
    for level in np.unique(lightness):
        there = (lightness == level).astype(np.float32)
        count = cv2.boxFilter(there, -1, (patch, patch), normalize=False, borderType=cv2.BORDER_CONSTANT)
        count *= cv2.LUT(lightness, np.ascontiguousarray(weights[:, level]))
        weight += count
        count *= np.float32(level)
        total += count
    return total / weight


def bi_log_curve(illumination: np.ndarray) -> np.ndarray:
    """The bi-log transformation: illumination float (H, W), 0 to 255 -> the new value of each whole level, (256,)."""
    levels = np.arange(256)
    count = np.bincount(np.rint(illumination).astype(np.int64).reshape(-1), minlength=256)
    share = np.cumsum(count * np.log(levels + 1))
    wanted = np.cumsum(np.log(levels + 1))
    return np.interp(share / share[-1], wanted / wanted[-1], levels)
