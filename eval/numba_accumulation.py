"""COCO's precision at each step of recall, compiled."""

from __future__ import annotations

import numba
import numpy as np

from .coco_matches import FALSE, RIGHT

_TINY = np.spacing(1)
"""What keeps pycocotools from dividing by zero."""


@numba.njit(
    "void(uint8[:,:,::1], int64[::1], float64[::1], int64[::1], int64[:,::1], float64[::1], int64[::1],"
    "float64[:,:,:,:,::1], float64[:,:,:,::1], float64[:,:,:,:,::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def accumulate(outcome, rank, score, starts, wanted, steps, most, precision, recall, scores):
    """What pycocotools' ``accumulate`` makes of what was matched.

    Nothing but true positives has to be looked at: each step of recall but 0 is reached at one, and the highest
    precision from there on stands at one, too.

    Args:
        outcome, rank, score, starts: of :class:`~.coco_matches.Matches`.
        wanted: (A, K), the boxes that are to be found.
        steps: (R,), of recall, ascending.
        most: (M,), detections of a class that count in an image.
        precision, recall, scores: (T, R, K, A, M), (T, K, A, M), (T, R, K, A, M), filled where there are boxes.
    """
    counted = np.empty(len(rank), np.int64)
    true = np.empty(len(rank), np.int64)
    best = np.empty(len(rank))
    for k in range(len(starts) - 1):
        for m in range(len(most)):
            count = 0
            for d in range(starts[k], starts[k + 1]):
                if rank[d] < most[m]:
                    counted[count] = d
                    count += 1
            for a in range(len(outcome)):
                boxes = wanted[a, k]
                if boxes == 0:
                    continue
                for t in range(outcome.shape[1]):
                    right, wrong = 0, 0
                    for place in range(count):
                        d = counted[place]
                        if outcome[a, t, d] == RIGHT:
                            true[right] = d
                            right += 1
                            best[right - 1] = right / ((wrong + right) + _TINY)
                        wrong += outcome[a, t, d] == FALSE
                    for place in range(right - 1, 0, -1):
                        best[place - 1] = max(best[place - 1], best[place])
                    recall[t, k, a, m] = right / boxes
                    reached = 0
                    for r in range(len(steps)):
                        precision[t, r, k, a, m] = scores[t, r, k, a, m] = 0
                        while reached < right and (reached + 1) / boxes < steps[r]:
                            reached += 1
                        if reached < right:
                            precision[t, r, k, a, m] = best[reached]
                            scores[t, r, k, a, m] = score[true[reached]]
                        if steps[r] <= 0 and count > 0:  # reached before anything is found
                            scores[t, r, k, a, m] = score[counted[0]]
