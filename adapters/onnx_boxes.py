"""Boxes out of the outputs of detectors in ONNX files. C classes, N candidates; boxes are x1, y1, x2, y2 in pixels."""

from __future__ import annotations

import numpy as np

from ..errors import ScotopicError
from .contract import Detections

_YOLOX_STRIDES = (8, 16, 32)


def decode_ultralytics(output: np.ndarray, classes: int) -> tuple[Detections, bool]:
    """The output of a detector that ultralytics exported.

    Args:
        output: (4 + C, N): centre x, centre y, width, height and a score for each class; or, end to end, (N, 6): x1,
            y1, x2, y2, score and class.
        classes: C.

    Returns:
        Candidates in pixels of the frame, unordered, and whether they still need non-maximum suppression.

    Raises:
        ScotopicError: an output of another shape.

    >>> found, overlapping = decode_ultralytics(np.array([[0.0, 0, 4, 4, 0.9, 1]]), classes=2)
    >>> found.boxes.tolist(), found.labels.tolist(), overlapping
    ([[0.0, 0.0, 4.0, 4.0]], [1], False)
    """
    if output.ndim == 2 and output.shape[0] == 4 + classes:
        rows = output.T.astype(np.float64)
        return _best_class(_corners(rows[:, :4]), rows[:, 4:]), True
    if output.ndim == 2 and output.shape[1] == 6:
        rows = output.astype(np.float64)
        return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)), False
    raise ScotopicError(
        f"an output of shape {(1, *output.shape)} is not ultralytics' of {classes} classes: expected is "
        f"(1, {4 + classes}, N) or (1, N, 6); check names and outputs"
    )


def decode_yolox(output: np.ndarray, classes: int, frame: tuple[int, int]) -> tuple[Detections, bool]:
    """The output of YOLOX (Ge et al., arXiv 2107.08430), not decoded in the graph.

    Args:
        output: (N, 5 + C): centre relative to the cell, logarithm of the size, both in units of the stride, objectness
            and a score for each class. Rows run over the cells of strides 8, 16 and 32 in turn, row by row.
        classes: C.
        frame: (height, width) of the net's input.

    Returns:
        Candidates in pixels of the frame, unordered, and True: they still need non-maximum suppression.

    Raises:
        ScotopicError: an output of another shape.

    >>> output = np.zeros((21, 6))  # a frame of 32 x 32 has 16 + 4 + 1 cells
    >>> output[5] = (0.5, 0.5, 0, 0, 0.8, 0.5)  # in the second row of stride 8
    >>> found, overlapping = decode_yolox(output, 1, (32, 32))
    >>> found.boxes[5].tolist(), float(found.scores[5]), overlapping
    ([8.0, 8.0, 16.0, 16.0], 0.4, True)
    """
    grids = [(frame[0] // stride, frame[1] // stride, stride) for stride in _YOLOX_STRIDES]
    expected = (sum(rows * columns for rows, columns, _ in grids), 5 + classes)
    if output.shape != expected:
        raise ScotopicError(
            f"an output of shape {(1, *output.shape)} is not YOLOX's of {classes} classes at {frame[1]}x{frame[0]}: "
            f"expected is {(1, *expected)}; check names, size and outputs"
        )
    cells = np.concatenate([np.indices((rows, columns))[::-1].reshape(2, -1).T for rows, columns, _ in grids])
    strides = np.concatenate([np.full((rows * columns, 1), stride) for rows, columns, stride in grids])
    values = output.astype(np.float64)
    boxes = np.concatenate([(values[:, :2] + cells) * strides, np.exp(values[:, 2:4]) * strides], 1)
    return _best_class(_corners(boxes), values[:, 4:5] * values[:, 5:]), True


def _best_class(boxes: np.ndarray, scores: np.ndarray) -> Detections:
    """(N, 4), (N, C) -> each box with its best class."""
    labels = scores.argmax(1)
    return Detections(boxes, scores[np.arange(len(scores)), labels], labels.astype(np.int64))


def _corners(boxes: np.ndarray) -> np.ndarray:
    """Centre and size -> x1, y1, x2, y2."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:4] / 2, boxes[:, :2] + boxes[:, 2:4] / 2], 1)
