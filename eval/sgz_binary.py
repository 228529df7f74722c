"""The figures "mIoU" and "mPA" as the public DarkCityScape script counts them: a replication, mistakes included.

Never a measure of our own: use :mod:`scotopic.eval.segmentation`. It is here so that figures which were published with
that script (Dark 54.49, PIE 61.97, RetinexNet 57.96, MBLLEN 51.98, KinD 63.42, Zero-DCE 64.36 "mIoU") can be repeated
and set beside honest ones. What it does with the colour PNG of a prediction and that of the truth:

1. Both are turned into grey, so classes become levels of brightness.
2. Levels above 125 are class 1, all others class 0: of 19 classes two are left, and which of them fall together
   depends on the colours that somebody once chose for them. Unlabelled pixels are black, so they are class 0 too.
3. Only the upper left 1020 rows and 2040 columns count (of 1024 x 2048), where the picture has that many.
4. The two classes are counted in a matrix for 19. The 17 empty ones divide 0 by 0 and are left out of the means.
5. The "accuracy" of a class divides its right pixels by those *predicted* to be it, which is its precision. A class
   that is never predicted divides 0 by 0 as well, and is left out instead of counting 0.
6. Each image has figures of its own, rounded to four digits.

Written from a description and a reading of the published script; the mean over the images (:func:`sgz_binary`) is our
reading of the published table, because the script itself writes a line for each image and no mean.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from ..errors import ScotopicError

THRESHOLD = 125
ROWS, COLUMNS = 1020, 2040
CLASSES = 19


def sgz_binary_image(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """``{"mIoU", "mPA"}`` of one image, fractions 0..1 rounded to four digits.

    Args:
        predicted: the prediction as a colour picture, uint8 RGB (H, W, 3).
        truth: the labels as a colour picture, of the same size.

    Raises:
        ScotopicError: they are no such pictures, or differ in size.

    >>> bright, dark = np.full((2, 2, 3), 200, np.uint8), np.zeros((2, 2, 3), np.uint8)
    >>> sgz_binary_image(np.hstack([bright, bright]), np.hstack([bright, dark]))
    {'mIoU': 0.25, 'mPA': 0.5}
    """
    for picture in (predicted, truth):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise ScotopicError(f"give colour pictures, uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    if predicted.shape != truth.shape:
        raise ScotopicError(f"a prediction of {predicted.shape} and a truth of {truth.shape}: give the same size")
    codes = CLASSES * _two_classes(truth).astype(np.intp) + _two_classes(predicted)
    matrix = np.bincount(codes.ravel(), minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    right, true, claimed = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    with np.errstate(invalid="ignore"):  # 0 / 0 for what is empty, left out by nanmean
        iou = right / (true + claimed - right)
        precision = right / claimed
    return {"mIoU": round(float(np.nanmean(iou)), 4), "mPA": round(float(np.nanmean(precision)), 4)}


def sgz_binary(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """The mean of :func:`sgz_binary_image` over (prediction, truth) pairs.

    Raises:
        ScotopicError: there is no pair.
    """
    scores = [sgz_binary_image(predicted, truth) for predicted, truth in pairs]
    if not scores:
        raise ScotopicError("no pair of pictures to score: give at least one")
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def _two_classes(picture: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return (grey > THRESHOLD)[:ROWS, :COLUMNS]
