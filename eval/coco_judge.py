"""pycocotools' judge, many times faster where numba is installed, and the same to the last bit."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from .coco_matches import Matches, matches_of
from .compiled import compiled
from .compiled_matching import match_all


class Judge(COCOeval):
    """COCOeval of boxes whose loops of Python for each image, class, area and threshold are compiled.

    Without numba, or where it cannot compile, it is pycocotools' own.

    Args:
        truth: a COCO annotation file's content; the ids of its annotations are above 0.
        results: COCO results.

    Attributes:
        matches: after ``evaluate()``, what pycocotools keeps in ``evalImgs``.
    """

    matches: Matches

    def __init__(self, truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(iouType="bbox")
        self.truth, self.results = truth, results
        self.params.imgIds = sorted({image["id"] for image in truth["images"]})
        self.params.catIds = sorted({category["id"] for category in truth["categories"]})

    def evaluate(self) -> None:
        """Match detections with boxes."""
        kernels = compiled()
        if kernels is not None:
            self.matches = match_all(kernels, self.truth["annotations"], self.results, self.params)
            return
        found = [
            {**result, "id": number, "area": result["bbox"][2] * result["bbox"][3], "iscrowd": 0}
            for number, result in enumerate(self.results, start=1)
        ]
        self.cocoGt, self.cocoDt = _in_memory(self.truth), _in_memory({**self.truth, "annotations": found})
        super().evaluate()
        self.matches = matches_of(self)

    def accumulate(self, p: Any = None) -> None:
        """What pycocotools' method of this name gives, see there."""
        kernels = compiled()
        if kernels is None:
            super().accumulate(p)
            return
        params, matches = self.params, self.matches
        thresholds, steps, most = len(params.iouThrs), len(params.recThrs), len(params.maxDets)
        counts = [thresholds, steps, len(matches.classes), len(params.areaRng), most]
        precision, scores, recall = np.full(counts, -1.0), np.full(counts, -1.0), np.full(counts[:1] + counts[2:], -1.0)
        kernels.accumulate(
            *(matches.outcome, matches.rank, matches.score, matches.starts, matches.wanted.sum(axis=2)),
            *(params.recThrs, np.array(params.maxDets), precision, recall, scores),
        )
        self.eval = {
            "params": params,
            "counts": counts,
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": precision,
            "recall": recall,
            "scores": scores,
        }


def _in_memory(dataset: Mapping[str, Any]) -> COCO:
    """What pycocotools makes of a file. Its loadRes makes polygons of detections, too, and takes no empty list."""
    coco: Any = COCO()  # its stubs know files only
    coco.dataset = dict(dataset)
    coco.createIndex()
    return coco
