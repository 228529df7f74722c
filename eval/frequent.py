"""Which classes are in enough images for a mean over classes to say more than chance, and what that mean is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RARE = 20
"""A class in fewer images than these makes the interval of a mean over classes too narrow (`docs/statistics.md`)."""

_SUFFIX = "_frequent"


@dataclass(frozen=True)
class ClassFrequency:
    """The classes of a set by how many of its images have any of them.

    Attributes:
        frequent: class -> images, at least ``RARE`` of them.
        rare: class -> images, from 1 to ``RARE`` - 1; a class that is in none has no figure, and stands in neither.
    """

    frequent: dict[str, int]
    rare: dict[str, int]

    @property
    def apart(self) -> tuple[str, ...]:
        """The frequent classes where there are rare ones beside them; else their mean would be that over all."""
        return tuple(self.frequent) if self.rare else ()


def class_frequency(images_with: Mapping[str, int]) -> ClassFrequency:
    """Part the classes, given in how many images each is.

    >>> class_frequency({"car": 60, "bus": 12, "train": 0}).apart
    ('car',)
    """
    return ClassFrequency(
        frequent={name: images for name, images in images_with.items() if images >= RARE},
        rare={name: images for name, images in images_with.items() if 0 < images < RARE},
    )


def frequent_metric(metric: str) -> str:
    """The record's name of the mean over the frequent classes alone.

    >>> frequent_metric("mAP")
    'mAP_frequent'
    """
    return metric + _SUFFIX


def judged_metric(statistics: Mapping[str, Any] | None, main: str) -> str:
    """The figure that the verdicts of ``record["statistics"]`` rest on; in an older record the main one.

    >>> judged_metric({"metric": "mAP", "judged": "mAP_frequent"}, "mAP"), judged_metric(None, "mIoU")
    ('mAP_frequent', 'mIoU')
    """
    found = statistics or {}
    return found.get("judged") or found.get("metric") or main


def as_heading(metric: str) -> str:
    """A metric over a column.

    >>> as_heading("mAP_frequent"), as_heading("mAP")
    ('mAP, frequent classes', 'mAP')
    """
    return metric.replace(_SUFFIX, ", frequent classes")


def in_words(metric: str) -> str:
    """A metric within a sentence.

    >>> in_words("mAP_frequent"), in_words("mAP")
    ('mAP of frequent classes', 'mAP')
    """
    return metric.replace(_SUFFIX, " of frequent classes")
