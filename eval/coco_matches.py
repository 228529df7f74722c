"""What a judge of boxes noted of each detection, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

FALSE, RIGHT, IGNORED = 0, 1, 2
"""What becomes of a detection: it found no box, it found one, or it does not count."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The detections that were judged, class by class, and in a class the highest score first.

    Where scores are equal, the order is that of the images, and in an image that of the results.

    Attributes:
        classes: the ids of the categories, ascending.
        images: the ids of the images, ascending.
        starts: int64 (classes + 1,), where the detections of each class begin.
        result: int64 (D,), the place of each in the results that were given.
        image: int64 (D,), the place of the image that each is in.
        rank: int64 (D,), how many of its class in its image stand before it.
        score: float64 (D,).
        outcome: uint8 (areas, IoU thresholds, D), one of FALSE, RIGHT and IGNORED.
        box: int64 (D,), the id of the labelled box that each found, where it is RIGHT over all areas at the lowest
            threshold.
        wanted: int64 (areas, classes, images), the labelled boxes that are to be found.
    """

    classes: list[int]
    images: list[int]
    starts: np.ndarray
    result: np.ndarray
    image: np.ndarray
    rank: np.ndarray
    score: np.ndarray
    outcome: np.ndarray
    box: np.ndarray
    wanted: np.ndarray

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    def of_class(self, number: int) -> slice:
        """Where its detections stand."""
        return slice(*self.starts[number : number + 2].tolist())


def matches_of(judge: COCOeval) -> Matches:
    """What pycocotools itself matched, after ``evaluate()``, of detections with the ids 1, 2, ..."""
    params: Any = judge.params
    classes, areas, images = len(params.catIds), len(params.areaRng), len(params.imgIds)
    wanted = np.zeros((areas, classes, images), np.int64)
    columns = []
    for number in range(classes):
        given = []
        for area in range(areas):
            first = (number * areas + area) * images
            given.append(judge.evalImgs[first : first + images])
            for place, entry in enumerate(given[-1]):
                wanted[area, number, place] = 0 if entry is None else np.count_nonzero(entry["gtIgnore"] == 0)
        columns.append(_of_class(given, len(params.iouThrs)))
    starts = np.cumsum([0, *(len(column[0]) for column in columns)])
    result, image, rank, score, outcome, box = (np.concatenate(c, axis=-1) for c in zip(*columns, strict=True))
    ids = [int(id_) for id_ in params.catIds], [int(id_) for id_ in params.imgIds]
    return Matches(*ids, starts, result, image, rank, score, outcome, box, wanted)


def _of_class(areas: Sequence[Sequence[Any]], thresholds: int) -> tuple[np.ndarray, ...]:
    """``result``, ``image``, ``rank``, ``score``, ``outcome`` and ``box`` of one class."""
    none = np.zeros((thresholds, 0))
    nothing: dict[str, Any] = {"dtIds": [], "dtScores": [], "dtMatches": none, "dtIgnore": none}
    given = [[nothing if entry is None else entry for entry in entries] for entries in areas]
    counts = [len(entry["dtIds"]) for entry in given[0]]
    score = np.concatenate([np.asarray(entry["dtScores"], float) for entry in given[0]])
    result = np.concatenate([np.asarray(entry["dtIds"], np.int64) - 1 for entry in given[0]])
    rank = np.concatenate([np.arange(count) for count in counts])
    taken = np.stack([np.concatenate([entry["dtMatches"] for entry in entries], axis=1) for entries in given])
    ignored = np.stack([np.concatenate([entry["dtIgnore"] for entry in entries], axis=1) for entries in given])
    outcome = np.where(ignored.astype(bool), IGNORED, np.where(taken > 0, RIGHT, FALSE)).astype(np.uint8)
    image = np.repeat(np.arange(len(counts)), counts)
    order = np.argsort(-score, kind="stable")
    columns = result, image, rank, score, outcome, taken[0, 0].astype(np.int64)
    return tuple(column[..., order] for column in columns)
