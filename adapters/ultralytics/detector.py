"""A YOLO or RT-DETR of ultralytics as a detector for the evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ScotopicError
from ...files import sha256_of
from ...pipeline.contract import check_image
from ...pipeline.stage import EnhancementStage
from ..attach import Where, attach
from ..contract import Detections
from ..staging import process_as
from .setup import import_ultralytics

_TASKS_WITH_BOXES = ("detect", "segment", "pose")


class UltralyticsDetector:
    """See :func:`scotopic.adapters.detectors.load_detector` for the arguments.

    The same boxes as ``YOLO(path).predict(file, rect=True, ...)``: one picture at a time, rectangular letterbox.
    """

    names: Mapping[int, str]
    description: dict[str, Any]

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
        framework = import_ultralytics()
        path = _find(path, download)
        if path.suffix != ".pt" and not _metadata(path):
            raise ScotopicError(f"{path} was not exported by ultralytics, so the meaning of its outputs is unknown")
        self._settings: dict[str, Any] = {"imgsz": imgsz, "conf": conf, "iou": iou, "max_det": max_det, "rect": True}
        self._device = device
        self._stage = stage if where == "source" else None
        try:
            self._model = framework.YOLO(str(path))
            task = self._model.task
        except Exception as error:
            raise ScotopicError(f"cannot load the detector {path}: {_first_line(error)}") from error
        if task not in _TASKS_WITH_BOXES:
            raise ScotopicError(f"{path} is a model for {task!r}, which gives no boxes: take one for 'detect'")
        if stage is not None and where == "graph":
            attach(self._model, stage, where="graph")
        try:
            self._predict(np.zeros((32, 32, 3), np.uint8))  # loads an exported file, and keeps that out of the timing
        except Exception as error:
            raise ScotopicError(f"cannot run the detector {path}: {_first_line(error)}") from error
        self.names = dict(self._model.names)
        settings = {**self._settings, "imgsz": list(self._model.predictor.imgsz)}
        self.description = {
            "file": path.name,
            "sha256": _sha256(path),
            "framework": f"ultralytics {framework.__version__}",
            "task": task,
            "device": str(self._model.predictor.device),
            "settings": settings,
        }

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        check_image(image)
        timing: dict[str, float] = {}
        gate_passed: bool | None = None
        if self._stage is not None:
            staged = process_as(self._stage, image, "rgb", name)
            image, gate_passed = staged.image, not staged.enhanced
            timing["enhance"] = sum(staged.timing_ms.values())
        result = self._predict(np.ascontiguousarray(image[..., ::-1]))
        timing.update(result.speed)
        return detections_of(result, gate_passed), timing

    def _predict(self, bgr: np.ndarray) -> Any:
        return self._model.predict(bgr, device=self._device, verbose=False, save=False, **self._settings)[0]


def detections_of(result: Any, gate_passed: bool | None = None) -> Detections:
    """The boxes of one ``Results`` of ultralytics."""
    boxes = result.boxes.cpu().numpy()
    return Detections(
        boxes.xyxy.astype(np.float64).reshape(-1, 4),
        boxes.conf.astype(np.float64),
        boxes.cls.astype(np.int64),
        getattr(result, "gate_passed", gate_passed),
    )


def _find(path: Path, download: bool) -> Path:
    """The absolute path: ultralytics would replace a damaged file that is given by its bare name."""
    if path.exists():
        return path.resolve()
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    stored = Path(SETTINGS["weights_dir"]) / path.name
    its_own = str(path) == path.name and path.name in GITHUB_ASSETS_NAMES
    if its_own and stored.exists():
        return stored.resolve()
    if not (its_own and download):
        remedy = "give a file that exists, or allow the download" if its_own else "check the path"
        raise ScotopicError(f"no detector at {path}: {remedy}")
    try:
        fetched = Path(attempt_download_asset(path.name))
    except Exception as error:
        raise ScotopicError(f"cannot download {path}: {_first_line(error)}") from error
    if not fetched.exists():
        raise ScotopicError(f"cannot download {path}: is the network there?")
    return fetched.resolve()


def _metadata(path: Path) -> dict[str, Any]:
    from ultralytics.nn.backends.base import BaseBackend

    return {key: value for key, value in BaseBackend.read_metadata(path).items() if key in ("task", "stride", "names")}


def _sha256(path: Path) -> str:
    """Of the file; of a folder: of the checksums of its files, in the order of their names."""
    if path.is_file():
        return sha256_of(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return hashlib.sha256("".join(sha256_of(p) for p in files).encode()).hexdigest()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
