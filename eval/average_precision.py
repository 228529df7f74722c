"""COCO average precision of resampled sets of images, exactly as pycocotools has it, thousands at a time.

pycocotools matches detections with boxes image by image; a resampled set only has some images more than once and others
not at all. So the matching is done once, and what is left is to count: sort all detections of a class by score, once;
then in each resample the true positives up to a place are the weights of their images summed, and so are the false
ones. The precision that a recall is worth is the highest from there on, and the highest always stands at a true
positive. So nothing but true positives has to be looked at: each is worth the recall steps (of 101) that are reached
with it, times the highest precision from it on.

The copies of an image stand next to each other where scores are equal. Of equal scores of one class within one image,
all copies of the first stand before those of the second.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix

from ..pipeline.fast.parallel import for_each
from .coco_matches import IGNORED, RIGHT, Matches

RECALLS = np.linspace(0.0, 1.00, 101)
"""pycocotools' recall steps, to the last bit: 29 of 100 boxes do not reach its 0.29."""

_CELLS = 1 << 18
"""True positives x sets worked on at a time: few enough to stay in a processor's cache."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The detections of one class at one IoU threshold, highest score first, without those that are ignored.

    Attributes:
        image: int (D,), the place of the image that each is in.
        right: bool (D,), whether it found a box.
    """

    image: np.ndarray
    right: np.ndarray

    def of_images(self, places: np.ndarray) -> Ranking:
        """Those in some images alone; int (n,), the new place of each image, -1 for those left out."""
        kept = places[self.image] >= 0
        return Ranking(places[self.image[kept]], self.right[kept])


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """What pycocotools matched of one class, over boxes of one range of areas.

    Attributes:
        boxes: int (n,), the labelled boxes of each image, without those that are ignored.
        rankings: one for each IoU threshold.
    """

    boxes: np.ndarray
    rankings: tuple[Ranking, ...]

    def of_images(self, images: np.ndarray) -> ClassMatches:
        """The same of some images alone, whose places are given."""
        places = np.full(len(self.boxes), -1)
        places[images] = np.arange(len(images))
        return ClassMatches(self.boxes[images], tuple(ranking.of_images(places) for ranking in self.rankings))

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """AP in each of several sets of the images.

        Args:
            weights: int32 (n, sets), how often each image stands in each set.

        Returns:
            float64 (IoU thresholds, sets) in 0..1; NaN where a set has no box of this class.

        >>> twice = Ranking(image=np.array([0, 1, 1]), right=np.array([True, False, True]))
        >>> matches = ClassMatches(boxes=np.array([1, 1]), rankings=(twice,))
        >>> matches.average_precision(np.array([[1, 2, 0], [1, 0, 2]], np.int32)).round(3)
        array([[0.835, 1.   , 0.5  ]])
        """
        boxes = self.boxes @ weights
        found = np.zeros((len(self.rankings), weights.shape[1]))
        totals, place = np.unique(boxes, return_inverse=True)
        steps, start_of = _recall_steps(totals)
        start = start_of[place]
        worth = _compiled_worth() or _worth_in_numpy
        jobs = []
        for ranking, row in zip(self.rankings, found, strict=True):
            true = np.flatnonzero(ranking.right)
            false_before = true - np.arange(true.size)
            jobs.append((ranking.image[true], ranking.image[~ranking.right], false_before, steps, start, row))
        for_each(lambda job: worth(weights, *job), jobs, os.cpu_count() or 1)
        found /= len(RECALLS)
        found[:, boxes == 0] = np.nan
        return found


@cache
def _compiled_worth() -> Callable[..., None] | None:
    """:func:`~scotopic.eval.numba_precision.worth`, or None where numba cannot be had."""
    try:
        from .numba_precision import worth

        nothing = np.zeros(0, int)
        worth(np.ones((1, 1), np.int32), nothing, nothing, nothing, nothing.astype(np.uint8), nothing, np.ones(1))
    except Exception:  # none, one that does not fit this numpy, no folder for what it compiles, a broken compiler
        return None
    return worth


def _worth_in_numpy(
    weights: np.ndarray,
    image: np.ndarray,
    false_image: np.ndarray,
    false_before: np.ndarray,
    steps: np.ndarray,
    start: np.ndarray,
    found: np.ndarray,
) -> None:
    """What :func:`~scotopic.eval.numba_precision.worth` does, in several times as long."""
    if not image.size:
        return
    following = np.searchsorted(false_before, np.arange(len(false_image)), side="right")
    counted = following < image.size  # those behind the last true positive lower no precision that counts
    cells = (following[counted], false_image[counted])
    false = csr_matrix((np.ones(int(counted.sum()), np.int32), cells), shape=(image.size, len(weights)))
    for columns in _slices(weights.shape[1], max(1, _CELLS // image.size)):
        some = np.ascontiguousarray(weights[:, columns])
        true = np.cumsum(some[image], axis=0, dtype=np.int32)
        seen = np.cumsum(false @ some, axis=0, dtype=np.int32)
        seen += true
        precision = true / (seen + np.spacing(1))  # as pycocotools, down to what keeps it from dividing by zero
        for place in range(len(precision) - 2, -1, -1):  # row by row: twice as fast as numpy's maximum.accumulate
            np.maximum(precision[place], precision[place + 1], out=precision[place])
        reached = steps[start[columns] + true]
        gained = np.diff(reached, axis=0, prepend=np.uint8(0))
        found[columns] = np.einsum("ks,ks->s", gained, precision)


def _recall_steps(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many recall steps are reached with 0, 1, 2, ... of each total, all in one row, and where each total begins.

    The first step, a recall of 0, is reached with the first true positive: any detection ahead of it has the same
    highest precision from there on.
    """
    rows = []
    for total in totals.tolist():
        row = np.searchsorted(RECALLS, np.arange(total + 1) / max(total, 1), side="right")
        row[0] = 0
        rows.append(row.astype(np.uint8))
    return np.concatenate(rows), np.cumsum([0, *(len(row) for row in rows[:-1])])


def _slices(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def class_matches(matches: Matches, area: int = 0) -> list[ClassMatches]:
    """What was matched, class by class.

    Args:
        matches: of all images, classes and areas.
        area: which of the ranges of areas: 0 all, 1 small, 2 medium, 3 large.
    """
    rankings: list[list[Ranking]] = [[] for _ in matches.classes]
    for outcome in matches.outcome[area]:
        counted = np.flatnonzero(outcome != IGNORED)
        image, right = matches.image[counted], outcome[counted] == RIGHT
        ends = np.searchsorted(counted, matches.starts).tolist()
        for own, start, end in zip(rankings, ends[:-1], ends[1:], strict=True):
            own.append(Ranking(image[start:end], right[start:end]))
    return [ClassMatches(boxes, tuple(own)) for boxes, own in zip(matches.wanted[area], rankings, strict=True)]
