"""Detections and labelled boxes as the arrays that the compiled matching takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from pycocotools.cocoeval import Params

from .coco_matches import Matches
from .coco_results import CocoResults, columns
from .compiled import Kernels


def match_all(
    kernels: Kernels, annotations: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], params: Params
) -> Matches:
    """Match all detections of the images and classes of ``params``, for all its areas and thresholds."""
    classes, images = len(params.catIds), len(params.imgIds)
    areas, thresholds = np.array(params.areaRng, float), np.asarray(params.iouThrs, float)

    truth_image, category, box = columns(annotations)
    group = _groups(truth_image, category, params)
    order = np.flatnonzero(group >= 0)
    order = order[np.argsort(group[order], kind="stable")]
    first = np.searchsorted(group[order], np.arange(classes * images + 1))
    numbers = list(map(itemgetter("area", "iscrowd", "id"), annotations))
    area, crowd, ids = np.array(numbers, float).reshape(-1, 3)[order].T.copy()

    found = CocoResults.of(results)
    group = _groups(found.image, found.category, params)
    # classes are few: numpy sorts so short an integer many times faster
    best = np.lexsort((group % images, -found.score, (group // images).astype(np.int16)))
    best = best[group[best] >= 0]
    rank = kernels.ranks(group[best], classes * images)
    counted = rank < params.maxDets[-1]
    best, rank = best[counted], rank[counted]
    group = group[best]

    outcome = np.empty((len(areas), len(thresholds), len(best)), np.uint8)
    taken = np.zeros(len(best), np.int64)
    wanted = np.zeros((len(areas), classes * images), np.int64)
    kernels.match(
        *(group, rank, found.box[best], first, box[order], area, crowd > 0, ids.astype(np.int64)),
        *(areas, thresholds, outcome, taken, wanted),
    )
    return Matches(
        classes=list(params.catIds),
        images=list(params.imgIds),
        starts=np.searchsorted(group // images, np.arange(classes + 1)),
        result=best,
        image=group % images,
        rank=rank,
        score=found.score[best],
        outcome=outcome,
        box=taken,
        wanted=wanted.reshape(len(areas), classes, images),
    )


def _groups(image: np.ndarray, category: np.ndarray, params: Params) -> np.ndarray:
    """int64 (n,), place of the class x images + place of the image; -1 where one of them is not asked for."""
    places = []
    for own, asked in ((category, np.array(params.catIds)), (image, np.array(params.imgIds))):
        place = np.searchsorted(asked, own).clip(max=len(asked) - 1)
        places.append(np.where(asked[place] == own, place, -1))
    number, place = places
    return np.where((number < 0) | (place < 0), -1, number * len(params.imgIds) + place)
