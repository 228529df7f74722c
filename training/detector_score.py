"""How well a detector in training does on held-back pictures."""

from __future__ import annotations

from typing import Any

from ..adapters.ultralytics.detector import detections_of
from ..configs.schema import DetectorSettings
from ..eval.coco_results import CocoResults, coco_results
from ..eval.datasets.classes import map_classes
from ..eval.datasets.sample import DetectionDataset
from ..eval.detection import DetectionScores, coco_truth, score_detections
from ..pipeline.image import contiguous, read_image


def score_yolo(yolo: Any, dataset: DetectionDataset, size: int, device: str) -> DetectionScores:
    """COCO average precision over all pictures of the set, with the other settings as an evaluation has them.

    Args:
        yolo: ultralytics' object; its layers are fused.
        dataset: of its classes.
        size: longer side of the network's input in pixels.
        device: where it runs.

    Raises:
        ScotopicError: a picture cannot be read.
    """
    classes = map_classes(dataset.classes, yolo.names)
    settings = DetectorSettings().model_dump(include={"conf", "iou", "max_det"}) | {"imgsz": size, "rect": True}
    found = {}
    for number, sample in enumerate(dataset.samples, start=1):
        bgr = contiguous(read_image(sample.image)[..., ::-1])
        boxes = detections_of(yolo.predict(bgr, device=device, verbose=False, save=False, **settings)[0])
        found[number] = coco_results(number, boxes, classes.categories).numbers()
    return score_detections(coco_truth(dataset, classes), CocoResults.from_numbers(found))
