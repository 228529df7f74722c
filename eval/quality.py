"""How near an enhanced picture comes to a well-lit reference: PSNR, SSIM, MSE, with the protocol said aloud.

Published figures for the same method on the same pictures differ by several decibels, because the protocols do:
in colour or on luma, with or without scaling the result to the brightness of the reference. Here each choice is a field
of :class:`~scotopic.configs.schema.QualityProtocol` and stands in the record.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from skimage.metrics import structural_similarity

from ..configs.schema import QualityProtocol
from ..errors import ScotopicError
from ..pipeline.contract import check_image

PEAK = 255.0
CEILING = 100.0
"""Decibels: what a comparison counts for a picture that equals its reference, and the most that it counts for any.

Infinity would swallow the mean, and to leave the picture out would cost a row what one a little worse brings it."""
_WINDOW = 11  # Wang et al. 2004: a Gaussian of sigma 1.5, cut off at 11x11


def full_reference_scores(
    enhanced: np.ndarray, reference: np.ndarray, protocol: QualityProtocol | None = None
) -> dict[str, float]:
    """PSNR, SSIM and MSE of a picture against its reference.

    Args:
        enhanced: uint8 RGB (H, W, 3).
        reference: uint8 RGB of the same size.
        protocol: see :class:`~scotopic.configs.schema.QualityProtocol`; plain RGB unless given.

    Returns:
        ``PSNR`` in decibels with peak 255 (infinite for equal pictures), ``SSIM`` in [-1, 1] (Wang et al. 2004:
        Gaussian window of 11x11 pixels, sigma 1.5, K1 0.01, K2 0.03; the mean over the window positions wholly inside
        and over the channels), ``MSE`` in squared grey levels 0..65025.

    Raises:
        ScotopicError: the sizes differ, or a picture is smaller than the window after the crop.

    >>> black, grey = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 51, np.uint8)
    >>> scores = full_reference_scores(grey, black)
    >>> round(scores["PSNR"], 2), scores["MSE"]
    (13.98, 2601.0)
    """
    protocol = protocol or QualityProtocol()
    a, b = comparable(enhanced, reference, protocol)
    if protocol.color == "luma":
        a, b = luma(a)[..., None], luma(b)[..., None]
    if min(a.shape[:2]) < _WINDOW:
        raise ScotopicError(
            f"SSIM needs pictures of at least {_WINDOW}x{_WINDOW} pixels, not {a.shape[1]}x{a.shape[0]}"
        )
    mse = float(np.mean((a - b) ** 2))
    similarity: Any = structural_similarity(
        a, b, data_range=PEAK, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return {"PSNR": 10 * math.log10(PEAK**2 / mse) if mse else float("inf"), "SSIM": float(similarity), "MSE": mse}


def comparable(enhanced: np.ndarray, reference: np.ndarray, protocol: QualityProtocol) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its reference as every metric takes them: brightness matched and borders cut, if asked for.

    Args:
        enhanced: uint8 RGB (H, W, 3).
        reference: uint8 RGB of the same size.
        protocol: its ``match_mean`` and ``crop``.

    Returns:
        Float64 RGB (h, w, 3), 0..255; with no pixel where the crop takes all.

    Raises:
        ScotopicError: the sizes differ.

    >>> white = np.full((6, 8, 3), 255, np.uint8)
    >>> [image.shape for image in comparable(white, white, QualityProtocol(crop=2))]
    [(2, 4, 3), (2, 4, 3)]
    """
    for image in (enhanced, reference):
        check_image(image)
    if enhanced.shape != reference.shape:
        (h, w), (rh, rw) = enhanced.shape[:2], reference.shape[:2]
        raise ScotopicError(f"the picture is {w}x{h}, its reference {rw}x{rh}: they must have the same size")
    a, b = enhanced.astype(np.float64), reference.astype(np.float64)
    if protocol.match_mean:
        a = match_mean(a, b)
    inside = slice(protocol.crop, -protocol.crop or None)
    return a[inside, inside], b[inside, inside]


def luma(image: np.ndarray) -> np.ndarray:
    """BT.601 luma of RGB (H, W, 3) -> (H, W), on the same scale, in float64.

    >>> luma(np.full((1, 1, 3), 10.0)).round(6).tolist()
    [[10.0]]
    """
    return np.asarray(image, np.float64) @ np.array([0.299, 0.587, 0.114])


def match_mean(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """``image`` times one number, so that its mean luma is the reference's; clipped to 0..255.

    Known as "GT mean" in the field; a picture that is black throughout stays so.

    >>> match_mean(np.full((1, 1, 3), 10.0), np.full((1, 1, 3), 20.0)).round(6).tolist()
    [[[20.0, 20.0, 20.0]]]
    """
    own = float(luma(image).mean())
    return np.clip(image * (float(luma(reference).mean()) / own), 0, PEAK) if own else image
