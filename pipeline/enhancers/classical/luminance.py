"""Methods that are a curve over the luminance: from the histogram to the curve, from the curve to colours."""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np

from ...contract import check_image
from ...fast.relighting import fused_relight
from .channels import largest_channel, scale_channels, strips
from .picture import PictureEnhancer

LUMA_WEIGHTS = np.array([[0.299, 0.587, 0.114]], np.float32)  # ITU-R BT.601


class LuminanceCurve(PictureEnhancer):
    """A histogram method: it looks at the histogram of the BT.601 luminance and answers with a curve.

    The curve is applied by :func:`relight`, which keeps the hue.
    """

    @abstractmethod
    def curve(self, histogram: np.ndarray) -> np.ndarray:
        """Counts (256,) of at least one pixel -> the new luminance of each of the 256 levels, in [0, 255]."""
        raise NotImplementedError(f"{type(self).__name__} has no curve()")

    def enhance(self, image: np.ndarray) -> np.ndarray:
        luma = luminance(check_image(image))
        return relight(image, luma, self.curve(count_levels(luma)))


def luminance(image: np.ndarray) -> np.ndarray:
    """BT.601 luminance of a uint8 RGB picture (H, W, 3), rounded to uint8 (H, W).

    >>> luminance(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist()
    [[76, 150, 29]]
    """
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def count_levels(luma: np.ndarray) -> np.ndarray:
    """The histogram of uint8 (H, W), 256 counts; numpy's ``bincount`` takes five times as long.

    >>> count_levels(np.array([[0, 2, 2]], np.uint8))[:4].tolist()
    [1, 0, 2, 0]
    """
    counts = np.zeros(256, np.int64)
    for rows in strips(luma):  # OpenCV counts in float32, which is exact for so few pixels
        counts += cv2.calcHist([luma[rows]], [0], None, [256], [0, 256]).reshape(-1).astype(np.int64)
    return counts


def relight(image: np.ndarray, luma: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Give each pixel of luminance k the luminance ``curve[k]``, with its hue.

    The three channels are scaled alike, which keeps hue and saturation: in YCrCb or CIELAB, where only the luminance
    is replaced, a dark picture comes out pale, because its chroma stays as small as it was. Where the largest channel
    would exceed 255, the colour is mixed with the grey of the wanted luminance, just as far as needed: nothing is
    clipped, so the luminance is right and the hue stays.

    Args:
        image: uint8 RGB (H, W, 3).
        luma: uint8 (H, W), its :func:`luminance`.
        curve: 256 luminances in [0, 255].

    Returns:
        a new uint8 RGB (H, W, 3).

    >>> orange = np.array([[[40, 20, 0]]], np.uint8)
    >>> luminance(orange).item()
    24
    >>> relight(orange, luminance(orange), np.minimum(np.arange(256) * 3.0, 255)).tolist()
    [[[122, 61, 0]]]
    >>> pale = relight(orange, luminance(orange), np.full(256, 200.0))
    >>> pale.tolist(), luminance(pale).item()
    ([[[255, 188, 120]]], 200)
    """
    curve = curve.astype(np.float32)
    relit = fused_relight(image, luma, curve, LUMA_WEIGHTS[0])
    return relight_with_opencv(image, luma, curve) if relit is None else relit


def relight_with_opencv(image: np.ndarray, luma: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """:func:`relight` where nothing can be compiled; ``curve`` is float32.

    The same pixels, but on a processor older than AVX2: there OpenCV rounds products ahead of their sum, which moves a
    value in some hundred thousands by one grey level.
    """
    out = np.empty_like(image, order="C")
    for rows in strips(image):
        out[rows] = _relight_strip(image[rows], luma[rows], curve)
    return out


def _relight_strip(image: np.ndarray, luma: np.ndarray, curve: np.ndarray) -> np.ndarray:
    target = cv2.LUT(luma, curve)
    exact = cv2.transform(image.astype(np.float32), LUMA_WEIGHTS)
    factor = target / np.maximum(exact, np.float32(1e-3))
    # The mixture is share * (factor * colour) + (1 - share) * target, with share = 1 where nothing exceeds 255.
    excess = largest_channel(image) * factor
    room = 255 - target
    share = np.where(excess > 255, room / np.maximum(excess - target, np.float32(1e-3)), np.float32(1))
    factor *= share
    target *= 1 - share
    target[exact == 0] = curve[0]  # black has no hue to keep: it becomes the grey of its new luminance
    return scale_channels(image, factor, target)
