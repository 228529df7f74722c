"""A YOLO or RT-DETR of ultralytics that follows its detections from frame to frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ScotopicError
from ...pipeline.stage import EnhancementStage
from ..attach import Where
from ..contract import Detections
from ..shipped_detectors import find_shipped_detector, input_size
from .detector import UltralyticsDetector, detections_of

_FAINT = 0.1
"""Score down to which ultralytics hands detections to its tracker, which bridges gaps with them."""


class UltralyticsTracker(UltralyticsDetector):
    """One video's detector and tracker: give it the frames in their order.

    The tracker is the one that ultralytics uses unless told otherwise.

    Args:
        path: a checkpoint of ultralytics, a file that it exported, or the YAML file of a detector of ours.
        imgsz, iou, max_det, device, stage, where, download: see :func:`scotopic.adapters.detectors.load_detector`.
        conf: least score of a box; the tracker sees fainter ones, down to 0.1.
    """

    def __init__(
        self,
        path: Path,
        *,
        imgsz: int | None = None,
        conf: float,
        iou: float,
        max_det: int,
        device: str | None,
        stage: EnhancementStage | None,
        where: Where,
        download: bool,
    ) -> None:
        self._least_score = conf
        super().__init__(
            path,
            imgsz=imgsz or input_size(path),
            conf=min(conf, _FAINT),
            iou=iou,
            max_det=max_det,
            device=device,
            stage=stage,
            where=where,
            download=download,
        )
        for tracker in self._trackers():
            tracker.reset()  # of the blank picture that the model was tried on

    def track(self, image: np.ndarray) -> tuple[Detections, np.ndarray, dict[str, float]]:
        """Detect in the next frame.

        Args:
            image: uint8 RGB (H, W, 3).

        Returns:
            What was found, best score first; int64 (N,) the number of each one's track, from 1 on; milliseconds.
        """
        result, gate_passed, timing = self.predict(image, None)
        found = detections_of(result, gate_passed)
        if result.boxes.id is None:  # nothing is being followed
            ids = np.zeros(0, np.int64)
            kept = ids
        else:
            ids = result.boxes.id.cpu().numpy().astype(np.int64)
            order = np.argsort(-found.scores, kind="stable")
            kept = order[found.scores[order] >= self._least_score]
        return (
            Detections(found.boxes[kept], found.scores[kept], found.labels[kept], gate_passed),
            ids[kept],
            timing,
        )

    def _predict(self, bgr: np.ndarray) -> Any:
        return self._model.track(bgr, persist=True, device=self._device, verbose=False, save=False, **self._settings)[0]

    def _trackers(self) -> list[Any]:
        return getattr(self._model.predictor, "trackers", [])


def load_tracker(model: str | Path, **settings: Any) -> UltralyticsTracker:
    """A tracker from a model's file or the name of a detector of ours; see :class:`UltralyticsTracker` for the rest.

    Raises:
        ScotopicError: it is no model of ultralytics, or should look twice.

    >>> load_tracker("mine.yaml")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: mine.yaml is not a model of ultralytics, and only those can track: leave --track out
    """
    if settings.get("where") == "beside":
        raise ScotopicError("a tracker follows what one look finds: leave --track out, or --where beside")
    if (own := find_shipped_detector(model)) is not None:
        return UltralyticsTracker(own, **settings)
    path = Path(model).expanduser()
    kinds = (".pt", ".onnx", ".torchscript", ".engine", "_openvino_model")
    if not path.name.endswith(kinds):
        raise ScotopicError(f"{model} is not a model of ultralytics, and only those can track: leave --track out")
    return UltralyticsTracker(path, **settings)
