"""The inner loops of average precision in many sets of images at once, compiled."""

from __future__ import annotations

import numba
import numpy as np

WIDTH = 128
"""Sets that are gone through together."""


@numba.njit(cache=True, nogil=True)
def worth(weights, image, false_image, false_before, steps, start, found):
    """AP of one ranking in each set, times the number of recall steps.

    Args:
        weights: int32 (n, sets), how often each image stands in each set.
        image: int64 (K,), the image of each true positive, best score first.
        false_image: int64 (F,), that of each false positive.
        false_before: int64 (K,), how many false positives stand before each true one.
        steps: uint8, how many recall steps are reached with 0, 1, 2, ... true positives, for each total of boxes.
        start: int64 (sets,), where the total of each set begins in ``steps``.
        found: float64 (sets,), for the result.
    """
    precision, gained = np.empty((len(image), WIDTH)), np.empty((len(image), WIDTH), np.uint8)
    true, seen, reached = np.zeros(WIDTH, np.int32), np.zeros(WIDTH, np.int32), np.zeros(WIDTH, np.uint8)
    least = 2.0**-52  # keeps pycocotools from dividing by zero
    for first in range(0, weights.shape[1], WIDTH):
        width = min(WIDTH, weights.shape[1] - first)
        true[:], seen[:], reached[:] = 0, 0, 0
        before = 0
        for k in range(len(image)):
            while before < false_before[k]:
                row = weights[false_image[before], first : first + width]
                for s in range(width):
                    seen[s] += row[s]
                before += 1
            row = weights[image[k], first : first + width]
            for s in range(width):
                true[s] += row[s]
                seen[s] += row[s]
                precision[k, s] = true[s] / (seen[s] + least)
            for s in range(width):
                now = steps[start[first + s] + true[s]]
                gained[k, s] = now - reached[s]
                reached[s] = now
        for k in range(len(image) - 2, -1, -1):
            for s in range(width):
                precision[k, s] = max(precision[k, s], precision[k + 1, s])
        found[first : first + width] = 0
        for k in range(len(image)):
            for s in range(width):
                found[first + s] += gained[k, s] * precision[k, s]
