"""A YOLO or RT-DETR of ultralytics as a detector for the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...pipeline.stage import EnhancementStage
from ..attach import Where
from ..contract import Detections
from .model import UltralyticsModel

_TASKS_WITH_BOXES = ("detect", "segment", "pose")


class UltralyticsDetector(UltralyticsModel):
    """See :func:`scotopic.adapters.detectors.load_detector` for the arguments.

    The same boxes as ``YOLO(path).predict(file, rect=True, ...)``: one picture at a time, rectangular letterbox.
    """

    def __init__(
        self,
        path: Path,
        *,
        imgsz: int,
        conf: float,
        iou: float,
        max_det: int,
        device: str | None,
        stage: EnhancementStage | None,
        where: Where,
        download: bool,
    ) -> None:
        super().__init__(
            path,
            tasks=_TASKS_WITH_BOXES,
            kind=("detector", "boxes"),
            settings={"imgsz": imgsz, "conf": conf, "iou": iou, "max_det": max_det},
            device=device,
            stage=stage,
            where=where,
            download=download,
        )

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        result, gate_passed, timing = self.predict(image, name)
        return detections_of(result, gate_passed), timing


def detections_of(result: Any, gate_passed: bool | None = None) -> Detections:
    """The boxes of one ``Results`` of ultralytics."""
    boxes = result.boxes.cpu().numpy()
    return Detections(
        boxes.xyxy.astype(np.float64).reshape(-1, 4),
        boxes.conf.astype(np.float64),
        boxes.cls.astype(np.int64),
        gate_passed,
    )
