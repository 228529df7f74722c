"""What an interval says, in words, and never more than it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ScotopicError
from .frequent import RARE, in_words, judged_metric

SIGNIFICANT = 0.05
"""Below this a p-value, after Holm's correction, may be called more than chance."""


@dataclass(frozen=True)
class Verdict:
    """Whether an enhancer helps.

    Attributes:
        word: ``helps`` or ``harms`` where the BCa interval of the difference lies on one side of zero and its p-value
            is below 0.05 after Holm's correction over all enhancers of the table, and no picture failed that did not
            fail without an enhancer; else ``unclear``.
        difference: in points.
        metric: which figure differs, as the record calls it.
        bounds: the interval in points, after a space; empty where there is none.
        doubt: why it is unclear in spite of an interval that lies on one side of zero, or why no more can be said.
    """

    word: str
    difference: str
    metric: str
    bounds: str
    doubt: str

    @property
    def text(self) -> str:
        """For people.

        >>> Verdict("helps", "+2.1", "mAP", " [0.6, 3.5]", "").text
        'helps: +2.1 mAP [0.6, 3.5]'
        >>> Verdict("harms", "-3.1", "mAP_frequent", " [-4.2, -2.0]", "").text
        'harms: -3.1 mAP of frequent classes [-4.2, -2.0]'
        """
        return f"{self.word}: {self.difference} {in_words(self.metric)}{self.bounds}{self.doubt}"

    @property
    def short(self) -> str:
        """The same without the name of the metric."""
        return f"{self.word}: {self.difference}{self.bounds}{self.doubt}"


def failed_alone(none: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """How many pictures failed in a row of the record and not in that of ``none``, in words; empty where none did.

    >>> failed_alone({"images": 9, "failed": {"a": "cut"}}, {"images": 9, "failed": {"a": "cut", "b": "missing"}})
    '1 of 9 pictures failed'
    """
    number = len(set(row.get("failed") or ()) - set(none.get("failed") or ()))
    return f"{number} of {row['images']} pictures failed" if number else ""


def verdict(difference: Mapping[str, Any], metric: str, frequent: bool = True, failed: str = "") -> Verdict:
    """Judge a difference as the record has it: ``value``, ``bca``, ``p_holm``, fractions.

    Args:
        difference: of the metric, from no enhancement.
        metric: which one.
        frequent: whether any class is in enough images; where none is, the interval is too narrow to tell anything.
        failed: what :func:`failed_alone` says. Pictures that failed count as empty, so the difference is theirs as
            much as the enhancer's, and nobody can tell them apart.

    >>> verdict({"value": 0.021, "bca": (0.006, 0.035), "p_holm": 0.01}, "mAP").text
    'helps: +2.1 mAP [0.6, 3.5]'
    >>> verdict({"value": -0.021, "bca": (-0.041, -0.002), "p_holm": 0.2}, "mAP").text
    'unclear: -2.1 mAP [-4.1, -0.2], p 0.20 for that many enhancers'
    >>> verdict({"value": 0.004, "bca": (-0.008, 0.017), "p_holm": 1.0}, "mAP").text
    'unclear: +0.4 mAP [-0.8, 1.7]'
    >>> verdict({"value": 0.021, "bca": (0.006, 0.035), "p_holm": 0.01}, "mAP", frequent=False).text
    'unclear: +2.1 mAP [0.6, 3.5], but no class is in 20 images'
    >>> verdict({"value": -0.12, "bca": (-0.16, -0.09), "p_holm": 0.01}, "mAP", failed="27 of 77 pictures failed").text
    'unclear: -12.0 mAP [-16.0, -9.0], but 27 of 77 pictures failed (complete them)'
    """
    value, bounds, p = difference["value"], difference["bca"], difference["p_holm"]
    if value is None:
        return Verdict("unclear", "no", metric, "", " in this set")
    if failed:
        shown = "" if bounds is None else f" {bounds_in_points(*bounds)}"
        return Verdict("unclear", signed_points(value), metric, shown, f", but {failed} (complete them)")
    if bounds is None or p is None:
        return Verdict("unclear", signed_points(value), metric, "", ", too few images for an interval")
    low, high = bounds
    if not frequent:
        doubt = f", but no class is in {RARE} images"
        return Verdict("unclear", signed_points(value), metric, f" {bounds_in_points(low, high)}", doubt)
    one_side = low > 0 or high < 0
    word = "unclear" if not one_side or p >= SIGNIFICANT else "helps" if low > 0 else "harms"
    doubt = f", p {p:.2f} for that many enhancers" if one_side and word == "unclear" else ""
    return Verdict(word, signed_points(value), metric, f" {bounds_in_points(low, high)}", doubt)


def verdict_of(statistics: Mapping[str, Any], enhancer: str) -> Verdict:
    """The verdict on one enhancer from ``record["statistics"]``.

    Raises:
        ScotopicError: the statistics have no difference for this enhancer.
    """
    row = statistics["rows"].get(enhancer, {})
    if "difference" not in row:
        known = [name for name, other in statistics["rows"].items() if "difference" in other]
        raise ScotopicError(f"there is no verdict on {enhancer!r}: choose one of {', '.join(known) or 'no enhancers'}")
    metric = judged_metric(statistics, statistics["metric"])
    some_frequent = statistics.get("frequent_classes") != {}
    return verdict(row["difference"][metric], metric, some_frequent, row.get("failed_alone", ""))


def join_verdicts(verdicts: Mapping[str, Verdict]) -> str:
    """One sentence over several conditions; it advises a gate only if there is both help and harm.

    >>> night = Verdict("helps", "+2.1", "mAP", " [0.6, 3.5]", "")
    >>> day = Verdict("harms", "-8.9", "mAP", " [-10.4, -7.2]", "")
    >>> join_verdicts({"at night": night, "by day": day})
    'helps: +2.1 mAP [0.6, 3.5] at night; harms: -8.9 [-10.4, -7.2] by day; gate it.'
    >>> join_verdicts({"at night": night})
    'helps: +2.1 mAP [0.6, 3.5] at night.'
    """
    parts, named = [], ""
    for condition, one in verdicts.items():
        parts.append(f"{one.short if one.metric == named else one.text} {condition}")
        named = one.metric
    if {"helps", "harms"} <= {one.word for one in verdicts.values()}:
        parts.append("gate it")
    return "; ".join(parts) + "."


def signed_points(fraction: float) -> str:
    """A difference in points.

    >>> signed_points(0.0213), signed_points(-0.0001)
    ('+2.1', '-0.0')
    """
    return f"{100 * fraction:+.1f}"


def bounds_in_points(low: float, high: float) -> str:
    """An interval in points; with a second digit where the first alone would show a bound as zero.

    >>> bounds_in_points(0.006, 0.035), bounds_in_points(0.0003, 0.035)
    ('[0.6, 3.5]', '[0.03, 3.50]')
    """
    digits = 2 if any(0 < abs(bound) < 0.0005 for bound in (low, high)) else 1
    return f"[{100 * low:.{digits}f}, {100 * high:.{digits}f}]"
