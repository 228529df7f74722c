"""Detections in COCO's results format, kept in arrays: a comparison has hundreds of thousands of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, overload

import numpy as np

from ..adapters.contract import Detections

CocoResult = dict[str, Any]
"""``image_id``, ``category_id``, ``bbox`` (x, y, width, height) and ``score``."""


@dataclass(frozen=True, eq=False)
class CocoResults(Sequence[CocoResult]):
    """A list of COCO results to whoever reads it.

    A dictionary and a list for each of them would keep Python's memory management busier than judging does.

    Attributes:
        image: int64 (n,), ids of images.
        category: int64 (n,), ids of categories.
        box: float64 (n, 4), x, y, width, height in pixels.
        score: float64 (n,).

    >>> results = CocoResults.of([{"image_id": 7, "category_id": 1, "bbox": [0, 0, 8.5, 9], "score": 0.5}])
    >>> len(results), results[0]
    (1, {'image_id': 7, 'category_id': 1, 'bbox': [0.0, 0.0, 8.5, 9.0], 'score': 0.5})
    """

    image: np.ndarray
    category: np.ndarray
    box: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, results: Sequence[Mapping[str, Any]]) -> CocoResults:
        """The same results."""
        if isinstance(results, CocoResults):
            return results
        score = np.fromiter(map(itemgetter("score"), results), float, len(results))
        return cls(*columns(results), score)

    @classmethod
    def from_numbers(cls, numbers: Mapping[int, Mapping[str, Sequence[float]]]) -> CocoResults:
        """Those of several images, from what :meth:`numbers` gave, by the ids of the images.

        >>> one = {"image_id": 7, "category_id": 1, "bbox": [0.0, 0.0, 8.5, 9.0], "score": 0.5}
        >>> list(CocoResults.from_numbers({7: CocoResults.of([one]).numbers()})) == [one]
        True
        """
        category, box, score = (
            np.array(list(chain.from_iterable(own[name] for own in numbers.values())), dtype)
            for name, dtype in (("category_id", np.int64), ("bbox", np.float64), ("score", np.float64))
        )
        image = np.repeat(list(numbers), [len(own["score"]) for own in numbers.values()]).astype(np.int64)
        return cls(image, category, box.reshape(-1, 4), score)

    def numbers(self) -> dict[str, list[float]]:
        """For JSON, without the image and with the numbers of all boxes in one row: ``category_id, bbox, score``."""
        return {"category_id": self.category.tolist(), "bbox": self.box.ravel().tolist(), "score": self.score.tolist()}

    def as_list(self) -> list[CocoResult]:
        """Dictionaries, for a file."""
        columns = (column.tolist() for column in (self.image, self.category, self.box, self.score))
        return [
            {"image_id": image, "category_id": category, "bbox": box, "score": score}
            for image, category, box, score in zip(*columns, strict=True)
        ]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.image.nbytes + self.category.nbytes + self.box.nbytes + self.score.nbytes

    def __len__(self) -> int:
        return len(self.score)

    @overload
    def __getitem__(self, index: int) -> CocoResult: ...
    @overload
    def __getitem__(self, index: slice) -> CocoResults: ...
    def __getitem__(self, index: int | slice) -> CocoResult | CocoResults:
        some = index if isinstance(index, slice) else [index]
        found = CocoResults(self.image[some], self.category[some], self.box[some], self.score[some])
        return found if isinstance(index, slice) else found.as_list()[0]


def columns(entries: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``image``, ``category`` and ``box`` of COCO annotations or results, as :class:`CocoResults` has them."""
    ids = np.fromiter(chain.from_iterable(map(itemgetter("image_id", "category_id"), entries)), np.int64)
    box = np.fromiter(chain.from_iterable(map(itemgetter("bbox"), entries)), float, 4 * len(entries))
    return ids[::2].copy(), ids[1::2].copy(), box.reshape(-1, 4)


def coco_results(image: int, detections: Detections, categories: Mapping[int, str]) -> CocoResults:
    """Detections of one image in COCO's results format; classes that are not evaluated are left out.

    Coordinates are rounded to a thousandth of a pixel and scores to a millionth, so that the file that is written is
    the very one that is judged.

    Args:
        image: its id.
        detections: what was found.
        categories: the model's class ids that are evaluated, and their names; the id of a category is that of the
            class plus one, since pycocotools takes 0 for "no match".
    """
    kept = np.array([label in categories for label in detections.labels.tolist()], bool)  # isin is slow for so few
    box = detections.boxes[kept].astype(float)
    box[:, 2:] -= box[:, :2]
    category = detections.labels[kept].astype(np.int64) + 1
    return CocoResults(np.full(len(box), image), category, box.round(3), detections.scores[kept].astype(float).round(6))
