"""COCO average precision of detections, judged by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .coco_judge import Judge
from .coco_matches import FALSE, RIGHT, Matches
from .coco_results import CocoResult
from .datasets.classes import ClassMap
from .datasets.sample import DetectionDataset

METRICS = (
    "mAP",
    "AP50",
    "AP75",
    "AP_small",
    "AP_medium",
    "AP_large",
    "AR1",
    "AR10",
    "AR",
    "AR_small",
    "AR_medium",
    "AR_large",
)
"""pycocotools' twelve figures in its order; mAP is AP@[.50:.95], AR is AR@100."""

CONFIDENCE = 0.25
"""From this score on a detection counts for people (pictures, found and false boxes of an image)."""


@dataclass(frozen=True)
class DetectionScores:
    """What pycocotools says of one set of predictions.

    Attributes:
        metrics: fractions 0..1 by name; NaN where the truth has no box of that kind.
        per_class: the same for each category: ``{"mAP", "AP50", "boxes"}``.
        per_image: for each image id the boxes found, missed, and the false ones, at IoU 0.5 and score 0.25.
        matches: what became of each detection.
    """

    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]]
    per_image: dict[str, dict[str, int]]
    matches: Matches


def coco_truth(dataset: DetectionDataset, class_map: ClassMap) -> dict[str, Any]:
    """The labelled boxes of the evaluated categories as a COCO annotation file's content.

    Image ids are 1, 2, ... in the order of the samples; category ids are the model's class ids plus one, since
    pycocotools takes 0 for "no match".
    """
    images, annotations = [], []
    for number, sample in enumerate(dataset.samples, start=1):
        images.append(
            {
                "id": number,
                "file_name": sample.image.name,
                "name": sample.id,
                "width": sample.width,
                "height": sample.height,
            }
        )
        boxes, categories, crowd = class_map.apply(sample)
        areas = sample.areas[class_map.evaluated(sample)]
        for (x1, y1, x2, y2), category, ignored, area in zip(
            boxes.tolist(), categories.tolist(), crowd.tolist(), areas.tolist(), strict=True
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": area,
                    "iscrowd": int(ignored),
                }
            )
    categories = [{"id": id_ + 1, "name": name} for id_, name in sorted(class_map.categories.items())]
    return {
        "info": {"description": dataset.name},
        "images": images,
        "categories": categories,
        "annotations": annotations,
    }


def score_detections(truth: Mapping[str, Any], results: Sequence[CocoResult]) -> DetectionScores:
    """Judge COCO results against a COCO truth; an image without results counts as one where nothing was found.

    >>> box = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]}
    >>> truth = {
    ...     "images": [{"id": 1, "name": "a", "width": 20, "height": 20}], "categories": [{"id": 1, "name": "car"}],
    ...     "annotations": [box | {"id": 1, "area": 100, "iscrowd": 0}],
    ... }
    >>> scores = score_detections(truth, [box | {"score": 0.9}])
    >>> round(scores.metrics["mAP"], 6), scores.per_image
    (1.0, {'a': {'found': 1, 'missed': 0, 'false': 0}})
    """
    judge = Judge(truth, results)
    with _quiet():
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    metrics = {name: _or_nan(value) for name, value in zip(METRICS, judge.stats.tolist(), strict=True)}
    return DetectionScores(metrics, _per_class(judge, truth), _per_image(judge.matches, truth), judge.matches)


def match_detections(truth: Mapping[str, Any], results: Sequence[CocoResult]) -> Matches:
    """What becomes of each of COCO results, as pycocotools matches them with a COCO truth."""
    judge = Judge(truth, results)
    with _quiet():
        judge.evaluate()
    return judge.matches


def _quiet() -> contextlib.AbstractContextManager[io.StringIO]:
    """pycocotools reports by printing."""
    return contextlib.redirect_stdout(io.StringIO())


def _per_class(judge: Judge, truth: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Category by category, over all areas and at most 100 detections an image."""
    precision = judge.eval["precision"][:, :, :, 0, -1]  # IoU thresholds, recall steps, categories
    boxes = dict.fromkeys((c["id"] for c in truth["categories"]), 0)
    for annotation in truth["annotations"]:
        boxes[annotation["category_id"]] += not annotation["iscrowd"]
    names = {c["id"]: c["name"] for c in truth["categories"]}
    return {
        names[id_]: {
            "mAP": _mean(precision[:, :, k]),
            "AP50": _mean(precision[0, :, k]),
            "boxes": boxes[id_],
        }
        for k, id_ in enumerate(judge.params.catIds)
    }


def _per_image(matches: Matches, truth: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Detections are matched in the order of the scores, so what lies above a score is matched as if it were alone."""
    sure = matches.score >= CONFIDENCE
    found, false = (
        np.bincount(matches.image[sure & (matches.outcome[0, 0] == kind)], minlength=len(matches.images))
        for kind in (RIGHT, FALSE)
    )
    numbers = (found, matches.wanted[0].sum(axis=0) - found, false)
    counts = dict(zip(matches.images, zip(*(column.tolist() for column in numbers), strict=True), strict=True))
    return {i["name"]: dict(zip(("found", "missed", "false"), counts[i["id"]], strict=True)) for i in truth["images"]}


def _mean(values: np.ndarray) -> float:
    """pycocotools marks what does not exist with -1."""
    values = values[values > -1]
    return float(values.mean()) if values.size else float("nan")


def _or_nan(value: float) -> float:
    return value if value > -1 else float("nan")
