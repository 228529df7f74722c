"""Which of a detector's boxes stay."""

from __future__ import annotations

import cv2
import numpy as np

from .contract import Detections


def suppress(found: Detections, iou: float) -> Detections:
    """Non-maximum suppression within each class: the box of lower score goes if the two overlap by more than ``iou``.

    >>> boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9]])
    >>> suppress(Detections(boxes, np.array([0.8, 0.9, 0.7]), np.array([0, 0, 1])), 0.7).scores.tolist()
    [0.9, 0.7]
    """
    if not len(found):
        return found
    sized = np.concatenate([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]], 1)
    # OpenCV takes scores in single precision only, and so would put near equals into another order.
    order = np.argsort(-found.scores, kind="stable")
    ranks = np.linspace(1, 0.5, len(order), dtype=np.float32)
    labels = found.labels[order].astype(np.int32)
    kept = cv2.dnn.NMSBoxesBatched(sized[order].tolist(), ranks.tolist(), labels.tolist(), 0.0, iou)
    return _pick(found, order[np.asarray(kept, np.int64).reshape(-1)])


def best_first(found: Detections, least: float, most: int) -> Detections:
    """At most ``most`` boxes with a score above ``least``, in the order of their scores."""
    order = np.argsort(-found.scores, kind="stable")
    return _pick(found, order[found.scores[order] > least][:most])


def _pick(found: Detections, which: np.ndarray) -> Detections:
    return Detections(found.boxes[which], found.scores[which], found.labels[which])
