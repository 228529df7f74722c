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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.sparse import csr_matrix

from ..pipeline.parallel import for_each
from .coco_matches import IGNORED, RIGHT, Matches
from .compiled import compiled

RECALLS = np.linspace(0.0, 1.00, 101)
"""pycocotools' recall steps, to the last bit: 29 of 100 boxes do not reach its 0.29."""

_CELLS = 1 << 18
"""True positives x sets that numpy works on at a time: few enough to stay in a processor's cache."""
_SETS = 512
"""Sets that a thread takes at a time."""


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """What pycocotools matched of one class, over boxes of one range of areas.

    Attributes:
        boxes: int64 (n,), the labelled boxes of each image, without those that are ignored.
        image: int64 (D,), the place of the image that each detection is in, highest score first.
        outcome: uint8 (IoU thresholds, D), what became of each: FALSE, RIGHT or IGNORED.
    """

    boxes: np.ndarray
    image: np.ndarray
    outcome: np.ndarray

    def of_images(self, images: np.ndarray) -> ClassMatches:
        """The same of some images alone, whose places are given."""
        places = np.full(len(self.boxes), -1)
        places[images] = np.arange(len(images))
        own = places[self.image]
        return ClassMatches(self.boxes[images], own[own >= 0], self.outcome[:, own >= 0])

    @cached_property
    def events(self) -> tuple[np.ndarray, ...]:
        """``counted`` to ``kind`` of :func:`~scotopic.eval.numba_precision.worth`, which says what they are."""
        right, ignored = self.outcome == RIGHT, self.outcome == IGNORED
        ever_right, always = right.any(0), ~ignored.any(0)
        threshold, detection = np.nonzero(right | ~(ignored | always))
        return (
            self.image[always],
            np.cumsum(always)[ever_right],
            np.searchsorted(threshold, np.arange(len(self.outcome) + 1)),
            self.image[detection],
            (np.cumsum(ever_right) - 1)[detection],
            (right[threshold, detection] + 2 * ~always[detection]).astype(np.uint8),
        )


def average_precision(classes: Sequence[ClassMatches], weights: np.ndarray) -> np.ndarray:
    """AP of each of several classes in each of several sets of the images.

    Args:
        classes: what was matched of each, over the same n images.
        weights: int32 (n, sets), how often each image stands in each set.

    Returns:
        float64 (classes, IoU thresholds, sets) in 0..1; NaN where a set has no box of a class.

    >>> from scotopic.eval.coco_matches import FALSE
    >>> found = np.array([[RIGHT, FALSE, RIGHT]], np.uint8)
    >>> cars = ClassMatches(boxes=np.array([1, 1]), image=np.array([0, 1, 1]), outcome=found)
    >>> average_precision([cars], np.array([[1, 2, 0], [1, 0, 2]], np.int32)).round(3)
    array([[[0.835, 1.   , 0.5  ]]])
    """
    weights = np.ascontiguousarray(weights, np.int32)
    found = np.zeros((len(classes), len(classes[0].outcome), weights.shape[1]))
    boxes = np.stack([own.boxes for own in classes]) @ weights
    kernels = compiled()
    jobs: list[Callable[[], None]] = []
    for own, wanted, result in zip(classes, boxes, found, strict=True):
        if kernels is None:
            jobs.append(partial(_worth_in_numpy, weights, own, wanted, result))
            continue
        shared = *own.events, np.maximum(wanted, 1).astype(float)
        jobs += [partial(kernels.worth, weights, *shared, *part, result) for part in _parts(weights.shape[1], _SETS)]
    for_each(lambda job: job(), jobs, os.cpu_count() or 1)
    found /= len(RECALLS)
    found.transpose(0, 2, 1)[boxes == 0] = np.nan
    return found


def _worth_in_numpy(weights: np.ndarray, matches: ClassMatches, boxes: np.ndarray, found: np.ndarray) -> None:
    """What :func:`~scotopic.eval.numba_precision.worth` does, in many times as long; boxes (sets,)."""
    totals, place = np.unique(boxes, return_inverse=True)
    steps, start_of = _recall_steps(totals)
    start = start_of[place]
    for outcome, row in zip(matches.outcome, found, strict=True):
        image, right = matches.image[outcome != IGNORED], outcome[outcome != IGNORED] == RIGHT
        true = np.flatnonzero(right)
        if not true.size:
            continue
        false = np.flatnonzero(~right[: true[-1]])  # those behind the last true positive lower no precision that counts
        cells = np.searchsorted(true, false), image[false]
        lowering = csr_matrix((np.ones(false.size, np.int32), cells), shape=(true.size, len(weights)))
        for first, last in _parts(weights.shape[1], max(1, _CELLS // true.size)):
            some = np.ascontiguousarray(weights[:, first:last])
            taken = np.cumsum(some[image[true]], axis=0, dtype=np.int32)
            seen = taken + np.cumsum(lowering @ some, axis=0, dtype=np.int32)
            precision = taken / (seen + np.spacing(1))  # as pycocotools, down to what keeps it from dividing by zero
            for k in range(len(precision) - 2, -1, -1):  # row by row: twice as fast as numpy's maximum.accumulate
                np.maximum(precision[k], precision[k + 1], out=precision[k])
            reached = steps[start[first:last] + taken]
            gained = np.diff(reached, axis=0, prepend=np.uint8(0))
            row[first:last] = np.einsum("ks,ks->s", gained[::-1], precision[::-1])


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


def _parts(count: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, count)) for start in range(0, count, size))


def class_matches(matches: Matches, area: int = 0) -> list[ClassMatches]:
    """What was matched, class by class.

    Args:
        matches: of all images, classes and areas.
        area: which of the ranges of areas: 0 all, 1 small, 2 medium, 3 large.
    """
    own = [matches.of_class(number) for number in range(len(matches.classes))]
    return [
        ClassMatches(boxes, matches.image[place], matches.outcome[area][:, place])
        for boxes, place in zip(matches.wanted[area], own, strict=True)
    ]
