"""IoU and accuracy of segmentation, from one confusion matrix over a whole set.

What counts, in every figure here:

- A matrix has the truth in its rows and the prediction in its columns. Behind the K classes stands one more, "other":
  what the set labels but nobody is asked about, and what the net says but the set has no class for.
- "Other" has no score of its own. A class claimed on a pixel of "other" is a false positive of that class; a pixel of
  a class that is called "other" is missed.
- Ignored pixels (255) stand nowhere.
- A class without a single pixel in the truth has neither IoU nor accuracy: NaN, and no mean counts it. What was
  claimed of it is still wrong for the classes that it was claimed from. (Scored as 0 wherever it is claimed, one stray
  pixel would cost a K-th of the mean; scored as 1 where it is not, rare classes would flatter.) So the mean is over
  the same classes whatever is predicted, and two nets or two enhancers can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ScotopicError
from .datasets.segmentation_sample import IGNORED

METRICS = ("mIoU", "mPA", "pixel_accuracy", "frequency_weighted_IoU", "classes_present")
"""All but the last are fractions 0..1."""


@dataclass(frozen=True)
class SegmentationScores:
    """What a confusion matrix says.

    Attributes:
        metrics: by name, NaN where the truth has no pixel of any class:
            ``mIoU``, the mean IoU over the classes that are present;
            ``mPA``, the mean over the same of their accuracy (the part of the true pixels that was found);
            ``pixel_accuracy``, the part found of all true pixels of the K classes;
            ``frequency_weighted_IoU``, the mean IoU weighted with the classes' true pixels;
            ``classes_present``, how many classes have true pixels.
        per_class: for each class ``{"IoU", "accuracy", "pixels"}``, the last of the truth.
    """

    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]]


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each true class that were given each class.

    Args:
        truth: integers (H, W): 0..K-1, K for other, 255 for ignored.
        predicted: integers (H, W): 0..K-1, K for other.
        classes: K, at most 254.

    Returns:
        int64 (K + 1, K + 1), rows truth, columns prediction, other last; matrices of several images add up.

    Raises:
        ScotopicError: the two differ in shape, or hold other values.

    >>> confusion(np.array([[0, 0, 1], [2, 255, 1]]), np.array([[0, 1, 1], [1, 0, 2]]), classes=2)
    array([[1, 1, 0],
           [0, 1, 1],
           [0, 1, 0]])
    """
    if truth.shape != predicted.shape:
        raise ScotopicError(f"a truth of {_size(truth)} pixels and a prediction of {_size(predicted)} cannot be held "
                            "against each other: bring them to the same size")  # fmt: skip
    _check_values("truth", truth, classes, ignored=True)
    _check_values("prediction", predicted, classes, ignored=False)
    codes = truth.astype(np.intp) * (classes + 1) + predicted
    counts = np.bincount(codes.ravel(), minlength=(IGNORED + 1) * (classes + 1))
    return counts.reshape(-1, classes + 1)[: classes + 1].astype(np.int64)


def score_segmentation(matrix: np.ndarray, categories: Sequence[str]) -> SegmentationScores:
    """The scores of a confusion matrix (K + 1, K + 1) over the ``categories``, its K classes in order.

    >>> scores = score_segmentation(np.array([[6, 2, 0], [0, 2, 0], [0, 1, 0]]), ["road", "car"])
    >>> {name: round(value, 3) for name, value in scores.metrics.items()}
    {'mIoU': 0.575, 'mPA': 0.875, 'pixel_accuracy': 0.8, 'frequency_weighted_IoU': 0.68, 'classes_present': 2}
    >>> scores.per_class["car"]
    {'IoU': 0.4, 'accuracy': 1.0, 'pixels': 2}
    """
    count = len(categories)
    if matrix.shape != (count + 1, count + 1):
        raise ScotopicError(
            f"a matrix of {' x '.join(map(str, matrix.shape))} does not fit {count} classes and 'other': "
            f"give one of {count + 1} x {count + 1}"
        )
    right = np.diag(matrix)[:count].astype(np.float64)
    true, claimed = matrix.sum(1)[:count], matrix.sum(0)[:count]
    present = true > 0
    iou = np.full(count, np.nan)
    accuracy = np.full(count, np.nan)
    iou[present] = right[present] / (true + claimed - right)[present]
    accuracy[present] = right[present] / true[present]
    total = true.sum()
    metrics = {
        "mIoU": _mean(iou[present]),
        "mPA": _mean(accuracy[present]),
        "pixel_accuracy": float(right.sum() / total) if total else float("nan"),
        "frequency_weighted_IoU": float((true * iou)[present].sum() / total) if total else float("nan"),
        "classes_present": int(present.sum()),
    }
    per_class = {
        name: {"IoU": float(iou[k]), "accuracy": float(accuracy[k]), "pixels": int(true[k])}
        for k, name in enumerate(categories)
    }
    return SegmentationScores(metrics, per_class)


def _check_values(what: str, labels: np.ndarray, classes: int, ignored: bool) -> None:
    if not 0 < classes < IGNORED:
        raise ScotopicError(f"{classes} classes cannot be counted: give 1 to {IGNORED - 1}, {IGNORED} means ignored")
    known = labels[labels != IGNORED] if ignored else labels
    if known.size and not 0 <= known.min() <= known.max() <= classes:
        strange = int(known.max() if known.max() > classes else known.min())
        raise ScotopicError(f"the {what} holds {strange}, which is none of the {classes} classes: map its labels first")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _size(labels: np.ndarray) -> str:
    return " x ".join(map(str, labels.shape[::-1]))
