"""What the statistics of a comparison are made of, whatever the task."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..errors import ScotopicError
from .frequent import ClassFrequency, class_frequency, frequent_metric


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures of one row, each float64 (sets,): in every set of images that was asked for, NaN where there is none.

    Attributes:
        metrics: of the whole; the first is the main one.
        per_class: the main one of each class.
        per_size: the main one over boxes of some sizes, where the task knows any.
    """

    metrics: dict[str, np.ndarray]
    per_class: dict[str, np.ndarray]
    per_size: dict[str, np.ndarray] = field(default_factory=dict)


class ImageEvidence(ABC):
    """What is known of each single image behind one enhancer."""

    @abstractmethod
    def figures(self, weights: np.ndarray) -> Figures:
        """All figures for sets of the images; int32 (images, sets), how often each image stands in each set."""

    @abstractmethod
    def judged_figure(self, weights: np.ndarray, images: np.ndarray) -> np.ndarray:
        """The metric that a verdict rests on, over some images alone, whose places are given; weights (those images,
        sets)."""


class KeptEvidence(ABC):
    """The files beside a record, from which its statistics are made.

    Attributes:
        main: the name of the main metric, a mean over classes.
        second: the name of another one.
        ids: of the images, in the order of the weights.
        support: class -> labelled boxes or pixels.
        images_with: class -> how many images have any of these.
    """

    main: ClassVar[str]
    second: ClassVar[str]
    ids: list[str]
    support: dict[str, int]
    images_with: dict[str, int]

    @property
    def frequency(self) -> ClassFrequency:
        """Which classes are frequent in the set, and which are rare."""
        return class_frequency(self.images_with)

    @property
    def judged(self) -> str:
        """The metric that a verdict rests on: the mean over the frequent classes where they stand apart."""
        return frequent_metric(self.main) if self.frequency.apart else self.main

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of :attr:`Figures.metrics`."""
        return tuple(dict.fromkeys((self.main, self.judged, self.second)))

    @abstractmethod
    def row(self, row: Mapping[str, Any]) -> ImageEvidence:
        """What was kept of a row of the record."""

    @abstractmethod
    def image_gain(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float | None:
        """What one image gained, from what two rows of the record say of it."""

    def against(self, none: ImageEvidence, enhanced: ImageEvidence) -> dict[str, Any]:
        """What else the record says of a row against ``none``."""
        return {}


def mean_over(figures: np.ndarray) -> np.ndarray:
    """The mean of (classes, sets) over the classes that a set has a figure for; NaN for a set without any.

    >>> mean_over(np.array([[1.0, np.nan, np.nan], [2.0, 4.0, np.nan]]))
    array([1.5, 4. , nan])
    """
    there = np.isfinite(figures)
    count = there.sum(0)
    total = np.where(there, figures, 0).sum(0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def means(metric: str, figures: np.ndarray, frequent: Sequence[int]) -> dict[str, np.ndarray]:
    """The mean over all classes, and that over the frequent ones, if there are any that stand apart.

    Args:
        metric: what the mean over all is called.
        figures: (classes, sets), NaN where a set has none of a class.
        frequent: places of the classes.

    >>> means("mAP", np.array([[0.5], [0.1]]), [0])
    {'mAP': array([0.3]), 'mAP_frequent': array([0.5])}
    """
    found = {metric: mean_over(figures)}
    if len(frequent):
        found[frequent_metric(metric)] = mean_over(figures[list(frequent)])
    return found


def read_kept(folder: Path, name: str, sha256: str | None) -> Any:
    """A JSON file that a comparison wrote beside its record.

    Args:
        folder: where the record lies.
        name: of the file.
        sha256: what the record says of it; None where it is of a version that did not say.

    Raises:
        ScotopicError: it is missing or broken, or not the file that the record was made of.
    """
    path = folder / name
    again = f"the statistics are made of it: run the comparison into {folder} again"
    try:
        data = path.read_bytes()
        content = json.loads(data)
    except (OSError, ValueError):
        raise ScotopicError(f"{path} is missing or broken, and {again}") from None
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ScotopicError(f"{path} is not the file that results.json was written with, and {again}")
    return content
