"""Bootstrap intervals: percentile and BCa, p-values, and Holm's correction. What is drawn is always whole images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

RESAMPLES = 2000
SEED = 0
CONFIDENCE = 0.95
FEWEST = 6
"""Images: where five agree, chance is as likely as 2 in 32 (a sign test), so no five can tell at 95 %."""
GROUPS = 2000
"""The jackknife leaves out single images up to this number of them, and above it this number of groups of images."""

_DRAWN = 2**16
"""Images drawn in one go."""
_TIE = 1e-12
"""Figures closer than this are equal: they are sums of the same numbers in another order."""


@dataclass(frozen=True)
class Interval:
    """A figure and between which values it may lie.

    Attributes:
        value: of the set itself; NaN where it has none.
        percentile: quantiles of the resampled figures (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
            section 13.3); None where there is no interval.
        bca: bias-corrected and accelerated (the same, section 14.3); None where there is none.
    """

    value: float
    percentile: tuple[float, float] | None
    bca: tuple[float, float] | None

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {"value": self.value, "percentile": self.percentile, "bca": self.bca}


def image_weights(images: int, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """How often each image stands in each of the sets that an interval is made of.

    Drawn once and used for all rows of a table, so that every difference is one over the same images.

    Args:
        images: n, at least 1.
        resamples: B, how many sets of n images are drawn with replacement.
        seed: of numpy's default generator.

    Returns:
        int32 (n, 1 + g + B). The columns: the set itself; the set without each of g groups of images (the jackknife,
        which BCa needs); and the resamples. Up to 2,000 images g is n, and each image is a group of its own. Of more,
        every 2,000th image makes up a group, and g is 2,000: n columns of n images would cost n squared. BCa's
        acceleration is the same formula then (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 11
        and 14, equation 14.15), over what groups move the figure by instead of single images. A group moves it by
        about the sum of what its images do, and these are independent and centred: so the sum of the squares, and
        that of the cubes, is about the same as over the images, and so is what is made of the two.

    >>> weights = image_weights(3, resamples=5)
    >>> weights[:, :4]
    array([[1, 0, 1, 1],
           [1, 1, 0, 1],
           [1, 1, 1, 0]], dtype=int32)
    >>> weights[:, 4:].sum(0)
    array([3, 3, 3, 3, 3])
    """
    random = np.random.default_rng(seed)
    groups = _groups(images)
    weights = np.ones((images, 1 + groups + resamples), np.int32)
    number = np.arange(images)
    weights[number, 1 + number % groups] = 0
    at_once = max(1, _DRAWN // images)
    for first in range(1 + groups, weights.shape[1], at_once):
        sets = weights[:, first : first + at_once].T
        drawn = random.integers(images, size=sets.shape)
        drawn += images * np.arange(len(sets))[:, None]
        sets[:] = np.bincount(drawn.ravel(), minlength=sets.size).reshape(sets.shape)
    return weights


def _groups(images: int) -> int:
    """How many sets the jackknife has: as many as there are images, or as groups."""
    return min(images, GROUPS)


def interval(figures: np.ndarray, images: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a figure that was computed for each column of :func:`image_weights`.

    There is none for fewer than ``FEWEST`` images, nor where the figure hangs on a single image, or on one group of the
    jackknife, so that without it there is no figure at all. Resamples without a figure are left out.

    Args:
        figures: (1 + g + B,), NaN where a set has no such figure.
        images: n.
        confidence: the share of intervals that should hold the truth, above 0 and below 1.

    >>> numbers = np.random.default_rng(1).normal(5, 1, 50)
    >>> weights = image_weights(50)
    >>> low, high = interval(numbers @ weights / weights.sum(0), 50).bca
    >>> low < 5 < high
    True
    """
    groups = _groups(images)
    value, left_out, drawn = float(figures[0]), figures[1 : 1 + groups], figures[1 + groups :]
    drawn = drawn[np.isfinite(drawn)]
    if images < FEWEST or not drawn.size or not np.isfinite(value) or not np.isfinite(left_out).all():
        return Interval(value, None, None)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(drawn, tails).tolist()
    return Interval(value, (low, high), _bca(value, left_out, drawn, tails))


def _bca(value: float, left_out: np.ndarray, drawn: np.ndarray, tails: np.ndarray) -> tuple[float, float] | None:
    """None where the figure of the set lies outside all that was drawn, or is too skewed for the formula."""
    equal = np.abs(drawn - value) <= _TIE
    share_below = float(np.mean((drawn < value) & ~equal) + np.mean(equal) / 2)
    if not 0 < share_below < 1:
        return None
    bias = ndtri(share_below)
    apart = left_out.mean() - left_out
    spread = float((apart**2).sum())
    acceleration = float((apart**3).sum()) / (6 * spread**1.5) if spread > _TIE**2 else 0.0
    shifted = bias + ndtri(tails)
    stretch = 1 - acceleration * shifted
    if (stretch <= 0).any():
        return None
    low, high = np.quantile(drawn, ndtr(bias + shifted / stretch)).tolist()
    return low, high


def p_value(figures: np.ndarray, images: int) -> float | None:
    """Two-sided p-value of a difference that was computed for each column of :func:`image_weights`.

    Twice the share of resamples on the rarer side of zero, those at zero on both sides, and one more counted on either:
    ``min(1, 2 (1 + k) / (1 + B))``, where k is the smaller of the number of differences <= 0 and of those >= 0. It is
    what makes the percentile interval of confidence 1 - p just touch zero, and it is never 0. None where there is no
    interval.

    >>> weights = image_weights(40)
    >>> gains = np.random.default_rng(0).normal(0.1, 1, 40)
    >>> p_value(gains @ weights / 40, 40) > 0.05, round(p_value((gains + 2) @ weights / 40, 40), 6)
    (True, 0.001)
    """
    if interval(figures, images).percentile is None:
        return None
    drawn = figures[1 + _groups(images) :]
    drawn = drawn[np.isfinite(drawn)]
    rarer = min(int((drawn <= _TIE).sum()), int((drawn >= -_TIE).sum()))
    return min(1.0, 2 * (1 + rarer) / (1 + drawn.size))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for that there are several (Holm, Scandinavian Journal of Statistics 6, 1979).

    The chance that any of those below 0.05 is there by accident alone is then at most 5 %. None stays None, and does
    not count.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    ranked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(ranked):
        highest = max(highest, min(1.0, p * (len(ranked) - rank)))
        corrected[place] = highest
    return corrected
