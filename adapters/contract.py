"""What the evaluation asks of a detector or a segmentation net, whatever the framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Detections:
    """What a detector found in one picture, best score first.

    Attributes:
        boxes: float64 (N, 4), x1, y1, x2, y2 in pixels of the original picture.
        scores: float64 (N,), confidence 0..1.
        labels: int64 (N,), the detector's class ids.
        gate_passed: whether a stage ahead of the detector let the picture pass as it was; None without a stage.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    gate_passed: bool | None = None

    def __len__(self) -> int:
        return len(self.scores)


class Detector(Protocol):
    """Finds objects in one picture at a time.

    Attributes:
        names: class id -> name.
        description: for the record: ``file``, ``sha256``, ``framework``, ``task``, ``device`` and ``settings``.
    """

    @property
    def names(self) -> Mapping[int, str]: ...

    @property
    def description(self) -> dict[str, Any]: ...

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        """Detect in one picture.

        Args:
            image: uint8 RGB (H, W, 3).
            name: its file name, for enhancers that look pictures up.

        Returns:
            What was found, and milliseconds: ``preprocess``, ``inference``, ``postprocess``, with a stage ``enhance``.
        """
        ...


def match_boxes(first: Detections, second: Detections, iou: float = 0.5) -> list[tuple[int, int, float]]:
    """Pair boxes of the same class, the best overlap first, each at most once.

    Args:
        first, second: detections in the same picture.
        iou: the least overlap of a pair.

    Returns:
        (index in ``first``, index in ``second``, IoU).

    >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
    >>> one = Detections(box, np.ones(1), np.zeros(1, int))
    >>> other = Detections(box + [[0, 0, 0, 10]], np.ones(1), np.zeros(1, int))
    >>> match_boxes(one, other)
    [(0, 0, 0.5)]
    """
    overlap = box_iou(first.boxes, second.boxes)
    overlap[first.labels[:, None] != second.labels[None]] = 0
    pairs: list[tuple[int, int, float]] = []
    while overlap.size and overlap.max() >= max(iou, 1e-9):
        i, j = divmod(int(overlap.argmax()), overlap.shape[1])
        pairs.append((i, j, float(overlap[i, j])))
        overlap[i] = 0
        overlap[:, j] = 0
    return pairs


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair of boxes: (N, 4) and (M, 4), x1, y1, x2, y2 -> (N, M)."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(bottom_right - top_left, 0, None).prod(-1)
    area = (first[:, 2:] - first[:, :2]).prod(-1)[:, None] + (second[:, 2:] - second[:, :2]).prod(-1)[None]
    return common / np.maximum(area - common, 1e-12)


@dataclass(frozen=True)
class Segmentation:
    """What a segmentation net sees in one picture.

    Attributes:
        labels: integer (H, W), the net's class id of each pixel of the original picture.
        gate_passed: whether a stage ahead of the net let the picture pass as it was; None without a stage.
    """

    labels: np.ndarray
    gate_passed: bool | None = None


class Segmenter(Protocol):
    """Labels every pixel of one picture at a time.

    Attributes:
        names: class id -> name.
        description: for the record: ``file``, ``sha256``, ``framework``, ``task``, ``device`` and ``settings``.
    """

    @property
    def names(self) -> Mapping[int, str]: ...

    @property
    def description(self) -> dict[str, Any]: ...

    def segment(self, image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        """Label the pixels of one picture.

        Args:
            image: uint8 RGB (H, W, 3).
            name: its file name, for enhancers that look pictures up.

        Returns:
            The labels, and milliseconds: ``preprocess``, ``inference``, ``postprocess``, with a stage ``enhance``.
        """
        ...
