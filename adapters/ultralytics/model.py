"""A checkpoint of ultralytics, or a file that it exported, ready to run on one picture after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ScotopicError
from ...files import sha256_of
from ...pipeline.contract import check_image
from ...pipeline.image import contiguous
from ...pipeline.stage import EnhancementStage
from ..attach import Where, attach
from ..shipped_detectors import load_yolo
from ..staging import process_as
from .setup import import_ultralytics, threads_kept


class UltralyticsModel:
    """What the evaluation's detectors and segmentation nets of ultralytics share.

    Args:
        path: the file; of a detector of ours its YAML file.
        tasks: those of ultralytics' tasks that will do.
        kind: what such a model is called in errors, and what it gives: ``("detector", "boxes")``.
        settings: of ``predict``.
        device: where it runs; None chooses.
        stage: an enhancement stage in front; None for the bare model.
        where: on the whole picture, or inside the network.
        download: whether ultralytics may fetch a file of its own that is not there.
    """

    names: Mapping[int, str]
    description: dict[str, Any]

    @threads_kept()
    def __init__(
        self,
        path: Path,
        *,
        tasks: Sequence[str],
        kind: tuple[str, str],
        settings: Mapping[str, Any],
        device: str | None,
        stage: EnhancementStage | None,
        where: Where,
        download: bool,
    ) -> None:
        framework = import_ultralytics()
        from .facade import enhancer_inside

        what, product = kind
        path = _find(path, what, download)
        weights = path
        if path.suffix == ".yaml":
            weights = path.with_suffix(".safetensors")
        elif path.suffix != ".pt" and not _metadata(path):
            raise ScotopicError(f"{path} was not exported by ultralytics, so the meaning of its outputs is unknown")
        self._settings = {**settings, "rect": True}
        self._device = device
        self._stage = stage if where == "source" else None
        try:
            self._model: Any = load_yolo(path) if path.suffix == ".yaml" else framework.YOLO(str(path))
            task = self._model.task
        except ScotopicError:
            raise
        except Exception as error:
            raise ScotopicError(f"cannot load the {what} {path}: {_first_line(error)}") from error
        if task not in tasks:
            raise ScotopicError(f"{path} is a model for {task!r}, which gives no {product}: take one for {tasks[0]!r}")
        held = enhancer_inside(self._model.model)
        if stage is not None and where == "graph":
            attach(self._model, stage, where="graph")
        try:
            self._predict(np.zeros((32, 32, 3), np.uint8))  # loads an exported file, and keeps that out of the timing
        except Exception as error:
            raise ScotopicError(f"cannot run the {what} {path}: {_first_line(error)}") from error
        self.names = dict(self._model.names)
        self.description = {
            "file": weights.name,
            "sha256": _sha256(weights),
            "framework": f"ultralytics {framework.__version__}",
            "task": task,
            "device": str(self._model.predictor.device),
            "settings": {**self._settings, "imgsz": list(self._model.predictor.imgsz)},
            **({"enhancer": held} if held else {}),
        }

    def predict(self, image: np.ndarray, name: str | None) -> tuple[Any, bool | None, dict[str, float]]:
        """``Results`` of ultralytics for a uint8 RGB picture (H, W, 3), whether the gate let it pass, milliseconds."""
        check_image(image)
        timing: dict[str, float] = {}
        gate_passed: bool | None = None
        if self._stage is not None:
            staged = process_as(self._stage, image, "rgb", name)
            image, gate_passed = staged.image, not staged.enhanced
            timing["enhance"] = sum(staged.timing_ms.values())
        result = self._predict(contiguous(image[..., ::-1]))
        return result, getattr(result, "gate_passed", gate_passed), {**timing, **result.speed}

    def _predict(self, bgr: np.ndarray) -> Any:
        return self._model.predict(bgr, device=self._device, verbose=False, save=False, **self._settings)[0]


def _find(path: Path, what: str, download: bool) -> Path:
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
        raise ScotopicError(f"no {what} at {path}: {remedy}")
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
