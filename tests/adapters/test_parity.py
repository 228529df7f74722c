"""An exported file, with the enhancer in it, finds the boxes of the torch model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic import EnhancementStage, ScotopicError, attach
from scotopic.adapters.contract import Detections
from scotopic.adapters.parity import check_export, compare_boxes
from scotopic.pipeline.image import read_image

Load = Callable[..., Any]


@pytest.fixture
def model(load: Load, detector_weights: Path, tmp_path: Path) -> Any:
    """A trained detector in a folder of its own, because an export is written beside the weights."""
    return load(shutil.copy(detector_weights, tmp_path / "yolo.pt"))


@pytest.mark.parametrize(
    "options", [{"format": "onnx"}, {"format": "onnx", "dynamic": True}, {"format": "torchscript"}]
)
def test_the_exported_file_finds_the_same_boxes(
    model: Any, options: dict[str, Any], official_stage: EnhancementStage, dark_pictures: list[Path]
) -> None:
    attach(model, official_stage)
    exported = model.export(imgsz=320, verbose=False, **options)
    reports = [check_export(model, exported, path) for path in dark_pictures[:6]]
    assert sum(report.boxes for report in reports) >= 10, "there must be something to compare"
    for report in reports:
        assert report.agrees(), report
        assert report.score_difference < 1e-3


def test_the_enhancer_really_is_in_the_file(
    load: Load, model: Any, official_stage: EnhancementStage, dark_pictures: list[Path], detector_weights: Path
) -> None:
    """The bare detector, on the same pictures, finds other boxes than the file does."""
    attach(model, official_stage)
    exported = model.export(format="onnx", imgsz=320, verbose=False)
    bare = load(detector_weights)
    assert not all(check_export(bare, exported, path).agrees() for path in dark_pictures[:6])


def test_with_the_enhancer_ahead_of_the_network(model: Any, dark_pictures: list[Path]) -> None:
    attach(model, "clahe", where="source")
    exported = model.export(format="onnx", imgsz=320, verbose=False)
    report = check_export(model, exported, read_image(dark_pictures[2]))
    assert report.boxes > 0
    assert report.agrees(), report


def test_what_cannot_be_compared_is_named(model: Any, tmp_path: Path, dark_pictures: list[Path]) -> None:
    with pytest.raises(ScotopicError, match=r"no exported model at .*nothing.onnx"):
        check_export(model, tmp_path / "nothing.onnx", dark_pictures[0])
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(ScotopicError, match=r"text\.onnx was not exported by ultralytics"):
        check_export(model, tmp_path / "text.onnx", dark_pictures[0])


def test_differences_are_found() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 40, 40]])
    first = Detections(boxes, np.array([0.9, 0.5]), np.array([0, 0]))
    second = Detections(boxes + np.array([0, 0, 0, 0.25]), np.array([0.9, 0.4]), np.array([0, 0]))
    report = compare_boxes(first, second)
    assert (report.boxes, report.exported_boxes, report.matched) == (2, 2, 2)
    assert report.coordinate_difference == 0.25
    assert report.score_difference == pytest.approx(0.1)
    assert not report.agrees()
    assert report.agrees(score=0.2, pixels=0.3)
    missing = compare_boxes(first, Detections(boxes[:1], np.ones(1), np.zeros(1, int)))
    assert not missing.agrees(score=1)
