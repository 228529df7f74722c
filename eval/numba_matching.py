"""COCO's matching of detections with boxes, compiled: all images, classes and areas in one call."""

from __future__ import annotations

import numba
import numpy as np

from .coco_matches import FALSE, IGNORED, RIGHT


@numba.njit("int64[::1](int64[::1], int64)", cache=True, nogil=True)
def ranks(group, groups):
    """How many of the same group stand before each."""
    seen = np.zeros(groups, np.int64)
    found = np.empty_like(group)
    for place, own in enumerate(group):
        found[place] = seen[own]
        seen[own] += 1
    return found


@numba.njit("float64(float64[::1], float64[::1], boolean)", cache=True, nogil=True, error_model="numpy")
def overlap(found, box, crowd):
    """IoU of a detection with a box, x, y, width, height; each operation is pycocotools', in its order."""
    width = min(found[2] + found[0], box[2] + box[0]) - max(found[0], box[0])
    if width <= 0:
        return 0.0
    height = min(found[3] + found[1], box[3] + box[1]) - max(found[1], box[1])
    if height <= 0:
        return 0.0
    shared = width * height
    own = found[2] * found[3]
    return shared / (own if crowd else own + box[2] * box[3] - shared)


@numba.njit(
    "void(int64[::1], int64[::1], float64[:,::1], int64[::1], float64[:,::1], float64[::1], boolean[::1], int64[::1],"
    "float64[:,::1], float64[::1], uint8[:,:,::1], int64[::1], int64[:,::1])",
    cache=True,
    nogil=True,
)
def match(group, rank, found, starts, boxes, sizes, crowd, ids, areas, thresholds, outcome, taken, wanted):
    """Give each detection, best score first, the free box that it overlaps most, for each area and threshold.

    Args:
        group: (D,), of the class and image that each detection is in.
        rank: (D,), its place in its group, best score first.
        found: (D, 4), x, y, width, height.
        starts: (groups + 1,), where the boxes of each group begin.
        boxes, sizes, crowd, ids: (B, 4), (B,), (B,), (B,); any number of detections may take a crowd, but a detection
            that does is ignored.
        areas: (A, 2), the least and the largest size that counts.
        thresholds: (T,), the least overlap.
        outcome: (A, T, D), filled with FALSE, RIGHT or IGNORED.
        taken: (D,), filled with the id of the box that each took in the first area at the first threshold.
        wanted: zeros (A, groups), filled with the boxes that are not ignored.
    """
    groups = len(starts) - 1
    ignored = np.empty((len(areas), len(boxes)), np.bool_)
    for a in range(len(areas)):
        low, high = areas[a]
        for d in range(len(found)):
            size = found[d, 2] * found[d, 3]
            outcome[a, 0, d] = IGNORED if size < low or size > high else FALSE
        for t in range(1, len(thresholds)):
            for d in range(len(found)):
                outcome[a, t, d] = outcome[a, 0, d]
        for g in range(groups):
            for b in range(starts[g], starts[g + 1]):
                ignored[a, b] = crowd[b] or sizes[b] < low or sizes[b] > high
                wanted[a, g] += not ignored[a, b]

    first = np.zeros(groups + 1, np.int64)
    for g in group:
        first[g + 1] += 1
    most = 0
    for g in range(groups):
        most = max(most, first[g + 1] * (starts[g + 1] - starts[g]))
        first[g + 1] += first[g]
    members = np.empty(len(group), np.int64)
    for d in range(len(group)):
        members[first[group[d]] + rank[d]] = d

    # Hardly any box is near enough to a detection, so those that are get listed once for all areas and thresholds.
    least = 1 - 1e-10
    for threshold in thresholds:
        least = min(least, threshold)
    near = np.empty(most, np.int64)
    shared = np.empty(most)
    of_near = np.empty(len(group) + 1, np.int64)  # where the near boxes of each detection that has any begin
    having = np.empty(len(group), np.int64)
    free = np.empty(len(boxes), np.bool_)
    for g in range(groups):
        if starts[g] == starts[g + 1]:
            continue
        some, count = 0, 0
        for place in range(first[g], first[g + 1]):
            d = members[place]
            of_near[some] = count
            for b in range(starts[g], starts[g + 1]):
                value = overlap(found[d], boxes[b], crowd[b])
                if value >= least:
                    near[count], shared[count] = b, value
                    count += 1
            if count > of_near[some]:
                having[some] = d
                some += 1
        of_near[some] = count
        for a in range(len(areas)):
            for t in range(len(thresholds)):
                for b in range(starts[g], starts[g + 1]):
                    free[b] = True
                for h in range(some):
                    best, place = min(thresholds[t], 1 - 1e-10), -1
                    for ignorable in (False, True):  # one to be ignored is taken only where there is no other
                        for n in range(of_near[h], of_near[h + 1]):
                            b = near[n]
                            usable = ignored[a, b] == ignorable and (free[b] or crowd[b])
                            if usable and shared[n] >= best:
                                best, place = shared[n], b
                        if place > -1:
                            break
                    if place > -1:
                        free[place] = False
                        outcome[a, t, having[h]] = IGNORED if ignored[a, place] else RIGHT
                        if a == 0 and t == 0:
                            taken[having[h]] = ids[place]
