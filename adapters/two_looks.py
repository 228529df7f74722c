"""A detector that looks twice, at the picture as it is and at the enhanced one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..pipeline.stage import EnhancementStage
from .boxes import best_first
from .contract import Detections, Detector, box_iou
from .staging import process_as


class TwoLooks:
    """Keeps what a detector finds in a picture as it is and what it finds in the enhanced one.

    An enhancer shows some objects and hides others, so that a detector which is given its picture alone wins and loses.
    With both, where a box of one look overlaps one of the other and is of the same class, the surer one stays. Boxes of
    one look are not held against each other: that is the detector's own affair. A picture that the gate lets pass is
    looked at once.

    Args:
        detector: without an enhancer.
        stage: what makes the picture for the second look.
        iou: overlap above which the less sure box goes; best the same as in the detector's own suppression.
        max_det: most boxes in a picture.

    >>> class Bright:
    ...     names, description = {0: "lamp"}, {}
    ...     def detect(self, image, name=None):
    ...         lit = np.array([[0.0, 0.0, 2.0, 2.0]])[: int(image.max() > 60)]
    ...         return Detections(lit, np.ones(len(lit)), np.zeros(len(lit), int)), {"inference": 1.0}
    >>> dark = np.full((4, 4, 3), 16, np.uint8)
    >>> len(Bright().detect(dark)[0])
    0
    >>> found, timing = TwoLooks(Bright(), EnhancementStage("gamma[gamma=2.0]")).detect(dark)
    >>> len(found), sorted(timing)
    (1, ['enhance', 'inference', 'second look'])
    """

    def __init__(self, detector: Detector, stage: EnhancementStage, *, iou: float = 0.7, max_det: int = 300) -> None:
        self._detector, self._stage = detector, stage
        self._iou, self._max_det = iou, max_det

    @property
    def names(self) -> Mapping[int, str]:
        """Of the detector."""
        return self._detector.names

    @property
    def description(self) -> dict[str, Any]:
        """Of the detector."""
        return self._detector.description

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        """Detect in one picture.

        Args:
            image: uint8 RGB (H, W, 3).
            name: its file name, for enhancers that look pictures up.

        Returns:
            What was found, and milliseconds: the steps of the first look, ``enhance``, and ``second look``, which is
            all of the second one and putting the two together.
        """
        first, timing = self._detector.detect(image, name)
        staged = process_as(self._stage, image, "rgb", name)
        timing = {**timing, "enhance": sum(staged.timing_ms.values())}
        if not staged.enhanced:
            return replace(first, gate_passed=True), timing
        start = time.perf_counter()
        second, _ = self._detector.detect(staged.image, name)
        found = best_first(merge(first, second, self._iou), 0.0, self._max_det)
        timing["second look"] = (time.perf_counter() - start) * 1000
        return replace(found, gate_passed=False), timing


def merge(first: Detections, second: Detections, iou: float) -> Detections:
    """The boxes of two looks at one picture, without those that a surer box of the other look stands for.

    Boxes are gone through from the surest on, of equals the first look's ahead. One that goes takes none with it.

    >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
    >>> faint, sure = Detections(box, np.array([0.3]), np.array([0])), Detections(box, np.array([0.9]), np.array([0]))
    >>> merge(faint, sure, 0.7).scores.tolist()
    [0.9]
    """
    overlap = (box_iou(first.boxes, second.boxes) > iou) & (first.labels[:, None] == second.labels[None])
    kept = np.zeros(len(first), bool), np.zeros(len(second), bool)
    look = np.repeat([0, 1], [len(first), len(second)])
    place = np.concatenate([np.arange(len(first)), np.arange(len(second))])
    scores = np.concatenate([first.scores, second.scores])
    for number in np.argsort(-scores, kind="stable"):
        mine, at = look[number], place[number]
        others = overlap[at] & kept[1] if mine == 0 else overlap[:, at] & kept[0]
        kept[mine][at] = not others.any()
    return Detections(
        np.concatenate([first.boxes[kept[0]], second.boxes[kept[1]]]),
        np.concatenate([first.scores[kept[0]], second.scores[kept[1]]]),
        np.concatenate([first.labels[kept[0]], second.labels[kept[1]]]),
    )
