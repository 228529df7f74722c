"""The detector that the evaluation sees: stock predictions, a complete record, clear refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from scotopic import EnhancementStage, ScotopicError, attach
from scotopic.adapters.contract import Detections, box_iou, match_boxes
from scotopic.adapters.detectors import load_detector
from scotopic.files import sha256_of
from scotopic.pipeline.image import read_image

from ..conftest import torch_threads

Build = Callable[[str], Any]
Load = Callable[..., Any]


@pytest.fixture
def weights(untrained: Build, tmp_path: Path) -> Path:
    """A checkpoint with random weights."""
    untrained("yolo11n").save(tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_the_boxes_are_those_of_stock_predict(load: Load, detector_weights: Path, dark_pictures: list[Path]) -> None:
    detector = load_detector(detector_weights, imgsz=320)
    model = load(detector_weights)
    for path in dark_pictures[:3]:
        stock = model.predict(path, imgsz=320, conf=0.001, iou=0.7, max_det=300, verbose=False)[0].boxes
        found, timing = detector.detect(read_image(path))
        assert len(found) == len(stock) > 0
        assert found.boxes.dtype == found.scores.dtype == np.float64
        np.testing.assert_array_equal(found.boxes, stock.xyxy.numpy())
        np.testing.assert_array_equal(found.scores, stock.conf.numpy())
        np.testing.assert_array_equal(found.labels, stock.cls.numpy())
        assert (np.diff(found.scores) <= 0).all()
        assert found.gate_passed is None
        assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert detector.names == model.names


def test_the_description_is_for_the_record(weights: Path) -> None:
    detector = load_detector(weights, imgsz=96, conf=0.01, max_det=20)
    assert detector.description["file"] == "net.pt"
    assert detector.description["sha256"] == sha256_of(weights)
    assert detector.description["framework"].startswith("ultralytics 8")
    assert detector.description["task"] == "detect"
    settings = {"imgsz": [96, 96], "conf": 0.01, "iou": 0.7, "max_det": 20, "rect": True}
    assert detector.description["settings"] == settings


@pytest.mark.parametrize("where", ["graph", "source"])
def test_a_stage_in_front_is_the_attached_one(
    load: Load, where: Any, weights: Path, night: np.ndarray, day: np.ndarray
) -> None:
    stage = EnhancementStage("gamma[gamma=3]")
    detector = load_detector(weights, imgsz=96, conf=1e-6, stage=stage, where=where)
    model = attach(load(weights), stage, where=where)
    for picture, passed in ((night, False), (day, True)):
        found, timing = detector.detect(np.ascontiguousarray(picture[..., ::-1]))
        stock = model.predict(picture, imgsz=96, conf=1e-6, verbose=False)[0].boxes
        np.testing.assert_array_equal(found.boxes, stock.xyxy.numpy())
        assert found.gate_passed == passed
        assert timing["enhance"] > 0


def test_the_name_reaches_an_enhancer_that_looks_pictures_up(weights: Path, night: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "bright").mkdir()
    cv2.imwrite(str(tmp_path / "bright" / "a.png"), np.full_like(night, 77))
    stage = EnhancementStage(f"folder:{tmp_path / 'bright'}")
    detector = load_detector(weights, imgsz=96, conf=1e-6, stage=stage)
    bare = load_detector(weights, imgsz=96, conf=1e-6)
    np.testing.assert_array_equal(
        detector.detect(night, "night/a.jpg")[0].boxes, bare.detect(np.full_like(night, 77))[0].boxes
    )
    with pytest.raises(ScotopicError, match="works on image files"):
        detector.detect(night)


def test_exported_files_are_detectors_too(untrained: Build, night: np.ndarray) -> None:
    file = untrained("yolo11n").export(format="onnx", imgsz=96, verbose=False)
    detector = load_detector(file, imgsz=640, conf=1e-6)
    assert len(detector.detect(night)[0]) > 0
    assert detector.description["settings"]["imgsz"] == [96, 96], "what the file fixes, not what was asked for"
    assert detector.names == {i: str(i) for i in range(80)}


def test_a_picture_of_another_kind_is_refused(weights: Path) -> None:
    detector = load_detector(weights, imgsz=96)
    with pytest.raises(ScotopicError, match="uint8 RGB picture"):
        detector.detect(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (None, "nothing.pt", "no detector at .*nothing.pt: check the path"),
        (None, "yolo11x.pt", "no detector at .*yolo11x.pt"),
        (b"", "empty.pt", "cannot load the detector .*empty.pt"),
        (b"not a checkpoint", "text.pt", "cannot load the detector .*text.pt"),
        (b"not a graph", "text.onnx", "text.onnx is not an ONNX file that can be read"),
        (b"", "model.tar", "cannot tell what kind of detector .*model.tar is"),
    ],
)
def test_what_is_no_detector_is_said_in_one_sentence(
    content: bytes | None, name: str, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ScotopicError, match=message) as raised:
        load_detector(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_truncated_checkpoint_is_refused_and_left_where_it_is(weights: Path, tmp_path: Path) -> None:
    """Under the name of an official file ultralytics would delete it and download another."""
    official = tmp_path / "yolo11n.pt"
    official.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(ScotopicError, match="cannot load the detector"):
        load_detector("yolo11n.pt")
    assert official.exists()


def test_nothing_is_downloaded_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ultralytics.utils import SETTINGS, downloads

    def forbidden(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("a download was tried")

    monkeypatch.setitem(SETTINGS, "weights_dir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(downloads, "safe_download", forbidden)
    with pytest.raises(ScotopicError, match=r"no detector at yolo11x\.pt: give a file that exists, or allow"):
        load_detector("yolo11x.pt")
    with pytest.raises(ScotopicError, match=r"cannot download yolo11x\.pt: a download was tried"):
        load_detector("yolo11x.pt", download=True)


def test_ultralytics_own_folder_of_weights_is_looked_into(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ultralytics.utils import SETTINGS

    (tmp_path / "store").mkdir()
    shutil.copy(weights, tmp_path / "store" / "yolo11x.pt")
    monkeypatch.setitem(SETTINGS, "weights_dir", str(tmp_path / "store"))
    assert load_detector("yolo11x.pt", imgsz=64).description["file"] == "yolo11x.pt"


def test_a_net_without_boxes_is_refused(untrained: Build, tmp_path: Path) -> None:
    untrained("yolo11n-cls").save(tmp_path / "classes.pt")
    with pytest.raises(ScotopicError, match="is a model for 'classify', which gives no boxes"):
        load_detector(tmp_path / "classes.pt")


def test_overlap_agrees_with_torchvision(rng: np.random.Generator) -> None:
    from torchvision.ops import box_iou as reference

    corners = rng.uniform(0, 50, (2, 12, 4))
    first, second = (np.concatenate([c[:, :2], c[:, :2] + c[:, 2:]], 1) for c in corners)
    expected = reference(torch.from_numpy(first), torch.from_numpy(second)).numpy()
    np.testing.assert_allclose(box_iou(first, second), expected, atol=1e-9)


def test_boxes_are_paired_once_within_their_class() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
    first = Detections(boxes, np.ones(3), np.array([0, 0, 1]))
    second = Detections(boxes[[1, 0, 2]], np.ones(3), np.array([0, 0, 2]))
    assert match_boxes(first, second) == [(0, 1, 1.0), (1, 0, 1.0)]
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert match_boxes(first, nothing) == match_boxes(nothing, first) == []


def test_a_checkpoint_that_holds_an_enhancer_says_so(untrained: Build, tmp_path: Path) -> None:
    attach(untrained("yolo11n"), "gamma", gate="off").save(tmp_path / "enhanced.pt")
    untrained("yolo11n").save(tmp_path / "bare.pt")
    assert load_detector(tmp_path / "enhanced.pt", imgsz=64).description["enhancer"] == "gamma"
    assert "enhancer" not in load_detector(tmp_path / "bare.pt", imgsz=64).description
    stage = EnhancementStage("gamma")
    assert "enhancer" not in load_detector(tmp_path / "bare.pt", imgsz=64, stage=stage, where="graph").description


def test_a_process_keeps_its_threads(weights: Path) -> None:
    """ultralytics takes OpenCV's when it is imported, and a core of PyTorch's when a model is loaded."""
    code = f"""
import cv2, numpy as np, torch
torch.set_num_threads(3), cv2.setNumThreads(2)
from scotopic.adapters.detectors import load_detector
load_detector({str(weights)!r}, imgsz=64, device="cpu").detect(np.zeros((48, 64, 3), np.uint8))
print(torch.get_num_threads(), cv2.getNumThreads())
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "3 2\n"


def test_of_more_threads_than_help_ultralytics_chooses_the_number(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scotopic.adapters.ultralytics.setup.MOST_THREADS", 2)
    monkeypatch.setattr("ultralytics.utils.torch_utils.NUM_THREADS", 1)
    for own, left in ((2, 2), (3, 1)):
        with torch_threads(own):
            load_detector(weights, imgsz=64, device="cpu")
            assert torch.get_num_threads() == left
