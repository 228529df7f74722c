"""The innermost loop of COCO's matching, compiled."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def match(overlap, thresholds, crowd, ignored, truth_ids, found_ids, of_found, of_truth, found_ignored):
    """Give each detection, best score first, the free box that it overlaps most, at each threshold.

    Args:
        overlap: float64 (D, G), of detections with boxes; boxes to be ignored stand last.
        thresholds: float64 (T,), the least overlap.
        crowd: bool (G,), boxes that any number of detections may take.
        ignored: int64 (G,), 1 for a box to be ignored, which is taken only where there is no other.
        truth_ids, found_ids: float64 (G,), (D,).
        of_found: zeros (T, D); filled with the id of the box that each detection took.
        of_truth: zeros (T, G); filled with the id of the last detection that took each box.
        found_ignored: zeros (T, D); 1 for a detection that took an ignored box.
    """
    for t in range(len(thresholds)):
        for d in range(overlap.shape[0]):
            best, taken = min(thresholds[t], 1 - 1e-10), -1
            for g in range(overlap.shape[1]):
                if of_truth[t, g] > 0 and not crowd[g]:
                    continue
                if taken > -1 and ignored[taken] == 0 and ignored[g] == 1:
                    break
                if overlap[d, g] >= best:
                    best, taken = overlap[d, g], g
            if taken > -1:
                found_ignored[t, d] = ignored[taken]
                of_found[t, d] = truth_ids[taken]
                of_truth[t, taken] = found_ids[d]
