"""pycocotools' judge, many times faster where numba is installed, and the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from pycocotools.cocoeval import COCOeval


class Ranked(NamedTuple):
    """The detections of one class in one image, best score first."""

    ids: list[int]
    scores: list[float]
    areas: np.ndarray


class Judge(COCOeval):
    """COCOeval whose matching, two nested loops of Python for each image, class, size and threshold, is compiled.

    Without numba, or where it cannot compile, it is pycocotools' own.
    """

    def evaluate(self) -> None:
        self._ranked: dict[tuple[int, int], Ranked] = {}
        super().evaluate()

    _gts: dict[tuple[int, int], list[dict[str, Any]]]
    _dts: dict[tuple[int, int], list[dict[str, Any]]]

    def evaluateImg(self, imgId: int, catId: int, aRng: Any, maxDet: int) -> Any:  # noqa: N802, N803
        """What pycocotools' method of this name gives, see there."""
        match = compiled_match()
        if match is None or not self.params.useCats:
            return super().evaluateImg(imgId, catId, aRng, maxDet)
        truth = self._gts[imgId, catId]
        found = self._ranking(imgId, catId, maxDet)
        if not truth and not found.ids:
            return None
        low, high = aRng
        ignored = np.array([int(bool(g["ignore"]) or g["area"] < low or g["area"] > high) for g in truth], np.int64)
        order = np.argsort(ignored, kind="stable")
        ids = [truth[place]["id"] for place in order]
        thresholds = np.asarray(self.params.iouThrs, float)
        of_found = np.zeros((len(thresholds), len(found.ids)))
        of_truth = np.zeros((len(thresholds), len(ids)))
        found_ignored = np.zeros_like(of_found)
        overlap: Any = self.ious[imgId, catId]
        ignored = ignored[order]
        if len(overlap):
            crowd = np.array([bool(truth[place]["iscrowd"]) for place in order])
            match(
                np.ascontiguousarray(overlap[:, order]),
                *(thresholds, crowd, ignored, np.array(ids, float), np.array(found.ids, float)),
                *(of_found, of_truth, found_ignored),
            )
        strange = (found.areas < low) | (found.areas > high)
        return {
            "image_id": imgId,
            "category_id": catId,
            "aRng": aRng,
            "maxDet": maxDet,
            "dtIds": found.ids,
            "gtIds": ids,
            "dtMatches": of_found,
            "gtMatches": of_truth,
            "dtScores": found.scores,
            "gtIgnore": ignored,
            "dtIgnore": (found_ignored > 0) | ((of_found == 0) & strange),
        }

    def _ranking(self, image: int, category: int, most: int) -> Ranked:
        """Sorted once for all sizes."""
        key = image, category
        if key not in self._ranked:
            found = self._dts[key]
            order = np.argsort([-d["score"] for d in found], kind="stable")[:most]
            best = [found[place] for place in order]
            areas = np.array([d["area"] for d in best], float)
            self._ranked[key] = Ranked([d["id"] for d in best], [d["score"] for d in best], areas)
        return self._ranked[key]


@cache
def compiled_match() -> Callable[..., None] | None:
    """:func:`~scotopic.eval.numba_matching.match`, or None; it takes a second the first time on a machine."""
    try:
        from .numba_matching import match
    except Exception:  # no numba, or one that does not fit this numpy
        return None
    nothing = np.zeros((1, 1))
    try:
        match(
            nothing,
            nothing[0],
            nothing[0] > 0,
            np.zeros(1, np.int64),
            nothing[0],
            nothing[0],
            nothing,
            nothing,
            nothing,
        )
    except Exception:  # no folder for what it compiles, a broken compiler
        return None
    return match
