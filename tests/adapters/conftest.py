"""Small nets with random weights, small pictures, and a look at what a net receives."""

from __future__ import annotations

import csv
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from scotopic import EnhancementStage, create_enhancer
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.onnx_file import OnnxSpec

Build = Callable[[str], Any]
Look = Callable[[Any, Callable[[], Any]], list[torch.Tensor]]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ultralytics writes beside itself goes into the test's own folder."""
    from ultralytics.utils import SETTINGS

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SETTINGS, "runs_dir", str(tmp_path / "runs"))


@pytest.fixture(scope="session")
def untrained() -> Build:
    """``untrained("yolo11n")``: a YOLO or RTDETR object, each time anew with the same random weights."""
    from ultralytics import RTDETR, YOLO

    built: dict[str, Any] = {}

    def build(name: str) -> Any:
        if name not in built:
            torch.manual_seed(0)
            built[name] = (RTDETR if "rtdetr" in name else YOLO)(f"{name}.yaml")
        return deepcopy(built[name])

    return build


@pytest.fixture
def spec() -> OnnxSpec:
    """Of an ONNX file with two classes."""
    return OnnxSpec(InputSpec(size=(32, 32)), {0: "car", 1: "bus"}, "ultralytics")


@pytest.fixture
def load() -> Callable[..., Any]:
    """``YOLO``, loosely typed: what its attributes are depends on what was loaded."""
    from ultralytics import YOLO

    return YOLO


@pytest.fixture
def night(rng: np.random.Generator) -> np.ndarray:
    """A dark picture, uint8 (50, 100, 3): 160 pixels wide it is 80 high, and a letterbox adds 8 rows on each side."""
    return rng.integers(0, 60, (50, 100, 3), dtype=np.uint8)


@pytest.fixture
def day(rng: np.random.Generator) -> np.ndarray:
    """A bright picture of the same size."""
    return rng.integers(150, 250, (50, 100, 3), dtype=np.uint8)


@pytest.fixture
def inputs_of() -> Look:
    """``inputs_of(model, call)``: the tensors that reach the first layer of ``model`` while ``call()`` runs."""

    def look(model: Any, call: Callable[[], Any]) -> list[torch.Tensor]:
        seen: list[torch.Tensor] = []
        model.predictor = None  # the next one copies the net with the hook
        hook = model.model.model[0].register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
        try:
            call()
        finally:
            hook.remove()
            model.predictor = None
        return seen

    return look


@pytest.fixture
def tiny_set(tmp_path: Path, rng: np.random.Generator) -> Path:
    """``data.yaml`` of a detection set with four dark pictures of 48x64, each with one box of class 0."""
    root = tmp_path / "set"
    for split in ("train", "val"):
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
        for i in range(4):
            picture = rng.integers(0, 40, (48, 64, 3), dtype=np.uint8)
            picture[10:30, 10:40] = (0, 0, 90)
            cv2.imwrite(str(root / "images" / split / f"{split}{i}.png"), picture)
            (root / "labels" / split / f"{split}{i}.txt").write_text("0 0.39 0.42 0.47 0.42\n")
    path = root / "data.yaml"
    path.write_text(f"path: {root}\ntrain: images/train\nval: images/val\nnames: {{0: car}}\n")
    return path


@pytest.fixture
def run_options(tmp_path: Path, tiny_set: Path) -> dict[str, Any]:
    """Options of ``train`` and ``val`` for a run of a second or two."""
    return {
        "data": str(tiny_set),
        "imgsz": 64,
        "batch": 2,
        "workers": 0,
        "plots": False,
        "verbose": False,
        "device": "cpu",
        "project": str(tmp_path / "runs"),
    }


@pytest.fixture(scope="session")
def detector_weights(data_dir: Path) -> Path:
    """A YOLO11n that really detects."""
    path = data_dir / "weights" / "yolo11n_dequant.pt"
    if not path.is_file():
        pytest.skip(f"no {path}: a trained detector is needed")
    return path


@pytest.fixture(scope="session")
def dark_pictures(data_dir: Path) -> list[Path]:
    """Night pictures with traffic."""
    folder = data_dir / "darkbdd"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: pictures of the night are needed")
    with (folder / "luma.csv").open() as file:
        return [folder / "images" / f"{row['id']}.jpg" for row in csv.DictReader(file) if row["split"] == "dark"]


@pytest.fixture
def official_stage(official_weights: Path) -> EnhancementStage:
    """SGZ with the authors' weights."""
    return EnhancementStage(create_enhancer("sgz", weights=official_weights))
