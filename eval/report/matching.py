"""Which detections of an image are right, one by one, for pictures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycocotools.mask import iou


def judge_boxes(wanted: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]]) -> tuple[list[str], set[int]]:
    """What each detection is (``found``, ``false``, ``ignored``), and the ids of the true boxes that none found.

    Matched as pycocotools does at IoU 0.5: by descending score, each to the best free box of its class.

    Args:
        wanted: COCO annotations of one image.
        given: COCO results of the same image.

    >>> box = {"id": 7, "category_id": 1, "bbox": [0, 0, 10, 10], "iscrowd": 0}
    >>> judge_boxes([box], [{"category_id": 1, "bbox": [0, 0, 10, 9], "score": 0.9}])
    (['found'], set())
    """
    free = {a["id"]: a for a in wanted}
    states = ["false"] * len(given)
    for index in sorted(range(len(given)), key=lambda i: -given[i]["score"]):
        same = [a for a in free.values() if a["category_id"] == given[index]["category_id"]]
        if not same:
            continue
        overlaps = iou([given[index]["bbox"]], [a["bbox"] for a in same], [a["iscrowd"] for a in same])[0]
        close = [(o, a) for o, a in zip(overlaps, same, strict=True) if o >= 0.5]
        best = max(close, key=lambda pair: (not pair[1]["iscrowd"], pair[0]), default=None)
        if best is None:
            continue
        states[index] = "ignored" if best[1]["iscrowd"] else "found"
        if not best[1]["iscrowd"]:
            del free[best[1]["id"]]
    return states, {id_ for id_, a in free.items() if not a["iscrowd"]}
