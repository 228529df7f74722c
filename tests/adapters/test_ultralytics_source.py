"""The stage ahead of the network: validation, exported files, classification, pictures by name."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch

from scotopic import EnhancementStage, ScotopicError, attach
from scotopic.adapters.staging import process_as

Build = Callable[[str], Any]
Load = Callable[..., Any]
Look = Callable[[Any, Callable[[], Any]], list[torch.Tensor]]

TASKS = ["yolo11n", "yolo11n-seg", "yolo11n-pose", "yolo11n-obb", "yolo11n-cls", "yolo26n-sem", "yolov8n-rtdetr"]


@pytest.mark.parametrize("net", TASKS)
def test_the_net_receives_the_letterbox_of_the_enhanced_picture(
    net: str, night: np.ndarray, untrained: Build, inputs_of: Look
) -> None:
    stage = EnhancementStage("clahe")
    enhanced = process_as(stage, night, "bgr").image
    model = untrained(net)
    (expected,) = inputs_of(model, lambda: model.predict(enhanced, imgsz=160, verbose=False))
    attach(model, stage, where="source")
    (received,) = inputs_of(model, lambda: model.predict(night, imgsz=160, verbose=False))
    assert torch.equal(received, expected)


@pytest.mark.parametrize("net", ["yolo11n", "yolov8n-rtdetr"])
@pytest.mark.parametrize("cached", [False, True])
def test_validation_sees_enhanced_pictures(
    net: str, cached: bool, untrained: Build, inputs_of: Look, run_options: dict[str, Any], tiny_set: Path
) -> None:
    """As if the pictures had been enhanced on the disk, whatever ultralytics has cached of the dark ones."""
    model = untrained(net)
    stage = EnhancementStage("gamma[gamma=3]")
    files = sorted((tiny_set.parent / "images" / "val").iterdir())
    if cached:
        for file in files:
            np.save(file.with_suffix(".npy"), cast(np.ndarray, cv2.imread(str(file))))
            os.utime(file.with_suffix(".npy"), (2e9, 2e9))
    attach(model, stage, where="source")
    received = inputs_of(model, lambda: model.val(**run_options, cache="ram" if cached else False))[-1]
    for file in files:
        picture = cv2.imread(str(file))
        assert picture is not None
        cv2.imwrite(str(file), process_as(stage, picture, "bgr").image)
        file.with_suffix(".npy").unlink(missing_ok=True)
    plain = untrained(net)
    expected = inputs_of(plain, lambda: plain.val(**run_options))[-1]
    assert torch.equal(received, expected)


def test_a_data_set_travels_to_worker_processes(untrained: Build, run_options: dict[str, Any]) -> None:
    model = attach(untrained("yolo11n"), "clahe", where="source")
    copies = []

    def travel(validator: Any) -> None:
        dataset = validator.dataloader.dataset
        copies.append((dataset, pickle.loads(pickle.dumps(dataset))))

    model.add_callback("on_val_start", travel)
    model.val(**run_options)
    ((here, there),) = copies
    assert type(there) is type(here)
    assert torch.equal(there[0]["img"], here[0]["img"])


@pytest.mark.parametrize(("origin", "workers"), [("a file", 0), ("the package", 4)])
def test_only_a_class_from_a_file_does_without_worker_processes(tmp_path: Path, origin: str, workers: int) -> None:
    """One that starts from nothing could not import it. Ultralytics has none on a processor, whatever is asked for."""
    pytest.importorskip("ultralytics", reason='pip install "scotopic[yolo]"')
    from scotopic.adapters.ultralytics.data import _enhanced_dataset

    (tmp_path / "mine.py").write_text(
        "from scotopic.pipeline.enhancers.classical.gamma import Gamma\nclass Mine(Gamma):\n    pass\n"
    )
    user: Any = SimpleNamespace(
        stage=EnhancementStage(f"{tmp_path / 'mine.py'}:Mine" if origin == "a file" else "gamma"),
        args=SimpleNamespace(workers=4, cache=False),
        device=None,
    )
    _enhanced_dataset(lambda: SimpleNamespace(datasets=[]), user, (), {})
    assert user.args.workers == workers


def test_classification_data_are_enhanced(tmp_path: Path, untrained: Build, inputs_of: Look, night: np.ndarray) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / "classes" / split / name).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / "classes" / split / name / "a.png"), night)
    options = {"data": str(tmp_path / "classes"), "imgsz": 64, "batch": 2, "plots": False, "project": str(tmp_path)}
    stage = EnhancementStage("gamma[gamma=3]")
    model = attach(untrained("yolo11n-cls"), stage, where="source")
    received = inputs_of(model, lambda: model.val(**options, cache="ram"))[-1]
    for file in (tmp_path / "classes").rglob("*.png"):
        cv2.imwrite(str(file), process_as(stage, night, "bgr").image)
    plain = untrained("yolo11n-cls")
    assert torch.equal(received, inputs_of(plain, lambda: plain.val(**options))[-1])


def test_pictures_are_looked_up_by_name(
    tmp_path: Path, tiny_set: Path, untrained: Build, inputs_of: Look, run_options: dict[str, Any]
) -> None:
    dark = tiny_set.parent / "images" / "val"
    (tmp_path / "bright").mkdir()
    for i, file in enumerate(sorted(dark.iterdir())):
        cv2.imwrite(str(tmp_path / "bright" / f"{file.stem}.png"), np.full((48, 64, 3), 50 * (i + 1), np.uint8))
    model = attach(untrained("yolo11n"), f"folder:{tmp_path / 'bright'}", where="source", keep_enhanced=True)
    results = model.predict(dark, imgsz=64, verbose=False)
    assert [int(result.enhanced.mean()) for result in results] == [50, 100, 150, 200]
    levels = torch.cat(inputs_of(model, lambda: model.val(**run_options))[-2:])[:, 0].amax((1, 2)) * 255
    assert levels.round().tolist() == [114, 114, 150, 200], "the pads are the brightest of the first two"
    with pytest.raises(ScotopicError, match="works on image files, not on bare arrays"):
        model.predict(np.zeros((48, 64, 3), np.uint8), imgsz=64, verbose=False)


@pytest.fixture
def exported(untrained: Build, tmp_path: Path) -> Path:
    """A net with random weights as an ONNX file without an enhancer."""
    model = untrained("yolo11n")
    return Path(model.export(format="onnx", imgsz=96, verbose=False)).resolve()


def test_exported_models_predict_and_validate_behind_an_enhancer(
    load: Load, exported: Path, night: np.ndarray, run_options: dict[str, Any]
) -> None:
    stage = EnhancementStage("clahe")
    model = load(exported, task="detect")
    by_hand = model.predict(process_as(stage, night, "bgr").image, conf=1e-6, verbose=False)[0]
    attach(model, stage, where="source", keep_enhanced=True)
    result = model.predict(night, conf=1e-6, verbose=False)[0]
    assert len(result.boxes) > 0
    assert torch.equal(result.boxes.data, by_hand.boxes.data)
    np.testing.assert_array_equal(result.orig_img, night)
    np.testing.assert_array_equal(result.enhanced, by_hand.orig_img)
    assert model.val(**{**run_options, "imgsz": 96}).box is not None
    with pytest.raises(ScotopicError, match='is exported, so nothing can be put into its graph: use where="source"'):
        attach(model, "gamma", where="graph")


def test_a_file_with_the_enhancer_in_its_graph_takes_no_second_one(load: Load, untrained: Build) -> None:
    model = attach(untrained("yolo11n"), "gamma", where="graph")
    file = model.export(format="onnx", imgsz=64, verbose=False)
    with pytest.raises(ScotopicError, match="was exported with the enhancer 'gamma' in its graph: use it as it is"):
        attach(load(file, task="detect"), "clahe", where="source")


def test_what_works_on_files_alone_is_refused(untrained: Build) -> None:
    model = attach(untrained("yolo11n"), "clahe", where="source")
    with pytest.raises(ScotopicError, match=r"tune\(\) works on files, which hold no enhancer here"):
        model.tune()
    with pytest.raises(ScotopicError, match=r"benchmark\(\) works on files"):
        model.benchmark()


def test_16_bit_and_grey_files_are_enhanced_as_ultralytics_reads_them(tmp_path: Path, untrained: Build) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((48, 64, 3), 20 * 256, np.uint16))
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((48, 64), 20, np.uint8))
    model = attach(untrained("yolo11n"), "gamma[gamma=2]", where="source", keep_enhanced=True)
    for name in ("deep.png", "grey.png"):
        result = model.predict(tmp_path / name, imgsz=64, verbose=False)[0]
        assert result.enhanced.mean() == pytest.approx(255 * (20 / 255) ** 0.5, abs=1)
