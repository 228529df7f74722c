"""What detections say of each image: average precision under resampling, and boxes won and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .average_precision import average_precision, class_matches
from .coco_matches import FALSE, RIGHT, Matches
from .coco_results import CocoResult, CocoResults
from .detection import CONFIDENCE, match_detections
from .evidence_memory import EvidenceMemory
from .statistics_figures import Figures, ImageEvidence, KeptEvidence, mean_over, means, read_kept

SIZES = {"AP_small": 1, "AP_medium": 2, "AP_large": 3}
"""Metric -> pycocotools' number of its range of areas."""
OVERLAP = 0.5
"""IoU from which on two boxes are the same, where boxes are counted."""


class DetectionFiles(KeptEvidence):
    """``truth.json`` and ``predictions/*.json``."""

    main, second = "mAP", "AP50"

    def __init__(self, record: Mapping[str, Any], folder: Path, memory: EvidenceMemory) -> None:
        self.folder, self.memory = folder, memory
        self.truth: Mapping[str, Any] = read_kept(folder, "truth.json", record["data"].get("truth_sha256"))
        self.ids = [image["name"] for image in self.truth["images"]]
        self.support = {name: numbers["boxes"] for name, numbers in record["rows"][0]["per_class"].items()}
        wanted = [a for a in self.truth["annotations"] if not a["iscrowd"]]
        self.images_with = {
            category["name"]: len({a["image_id"] for a in wanted if a["category_id"] == category["id"]})
            for category in self.truth["categories"]
        }

    def row(self, row: Mapping[str, Any]) -> DetectedImages:
        checksum = row.get("predictions_sha256")
        judged = self.memory.get(checksum)
        results, matches = judged or (read_kept(self.folder, row["predictions"], checksum), None)
        return DetectedImages(self.truth, results, self.frequency.apart, matches)

    def image_gain(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
        """Boxes found, minus false ones, more than before."""
        return (after["found"] - after["false"]) - (before["found"] - before["false"])

    def against(self, none: ImageEvidence, enhanced: ImageEvidence) -> dict[str, Any]:
        assert isinstance(none, DetectedImages)
        assert isinstance(enhanced, DetectedImages)
        return {"boxes": changed_boxes(none, enhanced)}


class DetectedImages(ImageEvidence):
    """Detections of one row, matched with the truth by pycocotools.

    Args:
        truth: a COCO annotation file's content.
        results: COCO results.
        frequent: classes whose mean is given beside that over all; then a verdict rests on theirs.
        matches: of the results, where somebody matched them already.
    """

    def __init__(
        self,
        truth: Mapping[str, Any],
        results: Sequence[CocoResult],
        frequent: Sequence[str] = (),
        matches: Matches | None = None,
    ) -> None:
        results = CocoResults.of(results)
        matches = matches or match_detections(truth, results)
        names = {category["id"]: category["name"] for category in truth["categories"]}
        self.names = [names[id_] for id_ in matches.classes]
        self.frequent = [self.names.index(name) for name in frequent]
        self.all_sizes = class_matches(matches)
        self.sizes = {metric: class_matches(matches, area) for metric, area in SIZES.items()}
        self.found, self.false, self.sure = _sure_boxes(matches, self.names, results)

    def figures(self, weights: np.ndarray) -> Figures:
        precision = average_precision(self.all_sizes, weights)
        of_classes, at_50 = precision.mean(1), precision[:, 0]
        return Figures(
            metrics={**means("mAP", of_classes, self.frequent), "AP50": mean_over(at_50)},
            per_class=dict(zip(self.names, of_classes, strict=True)),
            per_size={
                metric: mean_over(average_precision(matches, weights).mean(1)) for metric, matches in self.sizes.items()
            },
        )

    def judged_figure(self, weights: np.ndarray, images: np.ndarray) -> np.ndarray:
        judged = self.frequent or range(len(self.names))
        some = [self.all_sizes[place].of_images(images) for place in judged]
        return mean_over(average_precision(some, weights).mean(1))


Boxes = dict[tuple[int, str], list[list[float]]]
"""(image number, class) -> boxes x, y, width, height."""


def _sure_boxes(
    matches: Matches, names: Sequence[str], results: CocoResults
) -> tuple[dict[str, set[int]], Boxes, Boxes]:
    """Class -> ids of the labelled boxes that were found; false detections; all detections: from score 0.25, IoU 0.5.

    Detections on ignored regions are neither found nor false.
    """
    found: dict[str, set[int]] = {}
    false: Boxes = {}
    sure: Boxes = {}
    outcome = matches.outcome[0, 0]
    for number, name in enumerate(names):
        own = matches.of_class(number)
        counted = matches.score[own] >= CONFIDENCE
        found[name] = set(matches.box[own][counted & (outcome[own] == RIGHT)].tolist())
        boxes = results.box[matches.result[own][counted]]
        columns = (column.tolist() for column in (matches.image[own][counted], boxes, outcome[own][counted]))
        for image, box, became in zip(*columns, strict=True):
            key = matches.images[image], name
            sure.setdefault(key, []).append(box)
            if became == FALSE:
                false.setdefault(key, []).append(box)
    return found, false, sure


def _overlap(box: Sequence[float], others: Sequence[Sequence[float]]) -> float:
    """The highest IoU of a box with several others, all x, y, width, height."""
    (x, y, width, height), (xs, ys, widths, heights) = box, np.asarray(others, float).T
    across = np.minimum(x + width, xs + widths) - np.maximum(x, xs)
    down = np.minimum(y + height, ys + heights) - np.maximum(y, ys)
    shared = across.clip(0) * down.clip(0)
    together = width * height + widths * heights - shared
    return float((shared / np.maximum(together, np.spacing(1))).max())


def changed_boxes(before: DetectedImages, after: DetectedImages) -> dict[str, dict[str, int]]:
    """What an enhancer changed for people, class by class, at IoU 0.5 and score 0.25.

    Returns:
        class -> ``gained``, labelled boxes found now and not before; ``lost``, found before and not now;
        ``new_false``, false detections that overlap no detection of this class which was there before.

    >>> box = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]}
    >>> truth = {
    ...     "images": [{"id": 1, "name": "a", "width": 90, "height": 90}], "categories": [{"id": 1, "name": "car"}],
    ...     "annotations": [box | {"id": 1, "area": 100, "iscrowd": 0}],
    ... }
    >>> wrong = box | {"bbox": [50, 50, 10, 10], "score": 0.8}
    >>> changed_boxes(DetectedImages(truth, []), DetectedImages(truth, [box | {"score": 0.9}, wrong]))
    {'car': {'gained': 1, 'lost': 0, 'new_false': 1}}
    """
    new_false = dict.fromkeys(after.names, 0)
    for (image, name), boxes in after.false.items():
        known = before.sure.get((image, name), [])
        new_false[name] += sum(not known or _overlap(box, known) < OVERLAP for box in boxes)
    return {
        name: {
            "gained": len(after.found[name] - before.found[name]),
            "lost": len(before.found[name] - after.found[name]),
            "new_false": new_false[name],
        }
        for name in after.names
    }
