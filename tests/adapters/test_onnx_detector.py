"""Detectors in ONNX files: their boxes are what their graph says, and nothing about it is guessed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scotopic import ScotopicError
from scotopic.adapters.boxes import best_first, suppress
from scotopic.adapters.contract import Detections, match_boxes
from scotopic.adapters.detectors import load_detector
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.onnx import OnnxDetector
from scotopic.adapters.onnx_boxes import decode_yolox
from scotopic.adapters.onnx_file import OnnxSpec, locate_onnx
from scotopic.pipeline.image import read_image

from .onnx_nets import class_list, constant, onnx, write_spec

Build = Callable[[str], Any]


@pytest.fixture(scope="module", params=["yolo11n", "yolo26n"])
def exported(request: pytest.FixtureRequest, untrained: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that ultralytics exported; that of YOLO26 is end to end."""
    model = untrained(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    file = model.export(format="onnx", imgsz=96, verbose=False)
    return Path(shutil.move(file, folder / "net.onnx"))


def without_metadata(path: Path) -> Path:
    model = onnx.load(path)
    del model.metadata_props[:]
    bare = path.with_name("bare.onnx")
    onnx.save(model, bare)
    return bare


def test_the_boxes_are_those_of_ultralytics_own_runner(exported: Path, night: np.ndarray, day: np.ndarray) -> None:
    own = load_detector(exported, conf=1e-6)
    names = {i: str(i) for i in range(80)}
    spec = OnnxSpec(InputSpec(size=(96, 96), pad="center"), names, "ultralytics")
    other = load_detector(without_metadata(exported), conf=1e-6, spec=spec)
    assert isinstance(other, OnnxDetector)
    for picture in (night, day):
        expected, found = own.detect(picture)[0], other.detect(picture)[0]
        assert len(found) == len(expected) > 10
        one, two = (np.c_[d.boxes, d.scores * 1e3, d.labels] for d in (expected, found))
        one, two = (rows[np.lexsort(rows.round(3).T)] for rows in (one, two))
        np.testing.assert_allclose(two, one, atol=2e-3)
        assert (np.diff(found.scores) <= 0).all()
        assert found.boxes.dtype == found.scores.dtype == np.float64


def test_a_file_of_ultralytics_goes_to_ultralytics(exported: Path) -> None:
    assert locate_onnx(exported) == (exported, None)
    assert load_detector(exported).description["framework"].startswith("ultralytics")
    with pytest.raises(ScotopicError, match=r"net\.onnx was exported by ultralytics: load it by its path alone"):
        OnnxDetector(exported)


def test_yolox_is_decoded_as_its_paper_says(rng: np.random.Generator) -> None:
    height, width, classes = 64, 96, 3
    output = rng.normal(0, 1, (8 * 12 + 4 * 6 + 2 * 3, 5 + classes)).astype(np.float32)
    output[:, 4:] = rng.uniform(0, 1, output[:, 4:].shape)
    found, overlapping = decode_yolox(output, classes, (height, width))
    row = 0
    for stride in (8, 16, 32):
        for y in range(height // stride):
            for x in range(width // stride):
                cx, cy = (output[row, 0] + x) * stride, (output[row, 1] + y) * stride
                w, h = np.exp(output[row, 2]) * stride, np.exp(output[row, 3]) * stride
                expected = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                np.testing.assert_allclose(found.boxes[row], expected, rtol=1e-5, atol=1e-4)
                assert found.labels[row] == output[row, 5:].argmax()
                assert found.scores[row] == pytest.approx(output[row, 4] * output[row, 5:].max())
                row += 1
    assert row == len(found)
    assert overlapping


@pytest.mark.parametrize("iou", [0.0, 0.45, 0.7, 1.0])
def test_suppression_agrees_with_torchvision(iou: float, rng: np.random.Generator) -> None:
    from torchvision.ops import batched_nms

    for count in (1, 40, 400):
        corners = rng.uniform(-20, 100, (count, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(1, 60, (count, 2))], 1)
        scores, labels = rng.uniform(0, 1, count), rng.integers(0, 3, count)
        kept = batched_nms(torch.tensor(boxes), torch.tensor(scores), torch.tensor(labels), iou).numpy()
        found = best_first(suppress(Detections(boxes, scores, labels), iou), 0, count)
        np.testing.assert_array_equal(found.boxes, boxes[kept])
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert len(suppress(nothing, iou)) == 0


def test_boxes_come_back_to_the_picture(tmp_path: Path, spec: OnnxSpec) -> None:
    """Two boxes of one object, one of another class in the same place, one of too low a score."""
    rows = [[16, 16, 8, 8, 0.9, 0.1], [16, 16, 8, 7, 0.8, 0.1], [16, 16, 8, 8, 0.1, 0.7], [4, 4, 2, 2, 0.01, 0.0]]
    file = constant(tmp_path / "net.onnx", np.array(rows, np.float32).T[None])
    picture = np.zeros((32, 64, 3), np.uint8)
    for pad, expected in (("stretch", [24, 12, 40, 20]), ("center", [24, 8, 40, 24]), ("corner", [24, 24, 40, 32])):
        padded = replace(spec, input=InputSpec(size=(32, 32), pad=pad))  # type: ignore[arg-type]
        found, timing = OnnxDetector(file, padded, conf=0.05, iou=0.5).detect(picture)
        assert found.boxes.tolist() == [expected, expected]
        np.testing.assert_allclose(found.scores, [0.9, 0.7])
        assert found.labels.tolist() == [0, 1]
        assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert OnnxDetector(file, spec, conf=0.05, iou=0.5, max_det=1).detect(picture)[0].labels.tolist() == [0]
    assert len(OnnxDetector(file, spec, conf=0.95).detect(picture)[0]) == 0


@pytest.fixture(scope="module")
def yolox(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec that names a YOLOX which really detects."""
    file = data_dir / "weights" / "yolox_nano.onnx"
    if not file.is_file():
        pytest.skip(f"no {file}: a trained YOLOX is needed")
    names = (data_dir / "coco128" / "classes.txt").read_text().split("\n")[:80]
    spec = OnnxSpec(InputSpec("bgr", 255, size=(416, 416), pad="corner"), class_list(names), "yolox")
    return write_spec(tmp_path_factory.mktemp("yolox") / "my_yolox.yaml", spec, file=str(file))


def test_a_real_yolox_finds_what_there_is(yolox: Path, data_dir: Path) -> None:
    """mAP on the 64 pictures is 0.36; red and blue exchanged it is 0.33, with another range 0."""
    detector = load_detector(yolox, conf=0.3, iou=0.5)
    assert detector.description["file"] == "yolox_nano.onnx"
    found_boxes, true_boxes = 0, 0
    for label in sorted((data_dir / "coco128" / "labels").glob("*.txt"))[:12]:
        picture = read_image(data_dir / "coco128" / "images" / f"{label.stem}.jpg")
        height, width = picture.shape[:2]
        rows = np.loadtxt(label, ndmin=2)
        sides = np.array([width, height])
        corners = np.concatenate(
            [(rows[:, 1:3] - rows[:, 3:] / 2) * sides, (rows[:, 1:3] + rows[:, 3:] / 2) * sides], 1
        )
        large = (corners[:, 2:] - corners[:, :2]).prod(1) > 0.04 * width * height
        truth = Detections(corners[large], np.ones(large.sum()), rows[large, 0].astype(int))
        true_boxes += len(truth)
        found_boxes += len(match_boxes(truth, detector.detect(picture)[0], 0.6))
    assert true_boxes > 10
    assert found_boxes / true_boxes > 0.7
