"""The inner loops of average precision in many sets of images at once, compiled."""

from __future__ import annotations

import numba
import numpy as np

WIDTH = 128
"""Sets that are gone through together: their counts stay in the first cache."""
RIGHT_NOW, ONLY_NOW = 1, 2
"""Of a detection at one threshold: it found a box; it counts at this threshold, though not at every one."""

_inner = numba.njit(nogil=True, error_model="numpy")


@_inner
def _add(counts, row):
    for s in range(len(counts)):
        counts[s] += row[s]


@_inner
def _subtract(counts, row):
    for s in range(len(counts)):
        counts[s] -= row[s]


@_inner
def _raise_precision(best, true, seen, only_now):
    for s in range(len(best)):
        precision = np.float64(true[s]) / (np.float64(seen[s] + only_now[s]) + 2.0**-52)  # as pycocotools divides
        best[s] = max(best[s], precision)


@_inner
def _gain(found, best, reached, true, boxes):
    """Step k of pycocotools' 101 is the recall ``k * 0.01``, rounded so."""
    for s in range(len(found)):
        recall = np.float64(true[s]) / boxes[s]
        nearest = np.floor(100 * recall + 0.5)
        steps = nearest + (1.0 if nearest * 0.01 <= recall else 0.0)
        now = steps if true[s] > 0 else 0.0
        found[s] += (reached[s] - now) * best[s]
        reached[s] = now


@numba.njit(
    "void(int32[:,::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], float64[::1], int64,"
    "int64, float64[:,::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def worth(weights, counted, counted_before, starts, image, place, kind, boxes, first, last, found):
    """AP of one class at each threshold in some of the sets, times the number of recall steps.

    Args:
        weights: int32 (n, sets), how often each image stands in each set.
        counted: int64 (C,), the image of each detection that counts at every threshold, best score first.
        counted_before: int64 (P,), how many of these stand up to each detection that is right at any threshold.
        starts: int64 (thresholds + 1,), where the detections of each threshold begin in the next three: those that are
            right at it, and those that count at it and not at every one.
        image: int64 (N,), of each.
        place: int64 (N,), in ``counted_before``, of each that is right.
        kind: uint8 (N,), RIGHT_NOW, ONLY_NOW, or the sum.
        boxes: float64 (sets,), how many are to be found; at least 1.
        first: a set.
        last: the set to stop before.
        found: float64 (thresholds, sets), for the result.
    """
    seen = np.empty((len(counted_before), WIDTH), np.int32)
    sums, true, only_now = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.int32), np.empty(WIDTH, np.int32)
    best, reached = np.empty(WIDTH), np.empty(WIDTH)
    for start in range(first, last, WIDTH):
        end = min(start + WIDTH, last)
        width = end - start
        sums[:] = 0
        at = 0
        for p in range(len(counted_before)):
            while at < counted_before[p]:
                _add(sums[:width], weights[counted[at], start:end])
                at += 1
            seen[p] = sums
        for t in range(len(starts) - 1):
            true[:], only_now[:] = 0, 0
            for n in range(starts[t], starts[t + 1]):
                row = weights[image[n], start:end]
                if kind[n] & RIGHT_NOW:
                    _add(true[:width], row)
                if kind[n] & ONLY_NOW:
                    _add(only_now[:width], row)
            best[:], reached[:] = 0, 0
            out = found[t, start:end]
            out[:] = 0
            _gain(out, best[:width], reached[:width], true[:width], boxes[start:end])  # where the recall ends
            for n in range(starts[t + 1] - 1, starts[t] - 1, -1):  # the worst score first: precision only rises
                row = weights[image[n], start:end]
                if kind[n] & RIGHT_NOW:
                    _raise_precision(best[:width], true[:width], seen[place[n], :width], only_now[:width])
                    _subtract(true[:width], row)
                    _gain(out, best[:width], reached[:width], true[:width], boxes[start:end])
                if kind[n] & ONLY_NOW:
                    _subtract(only_now[:width], row)
