"""Two looks: what both find together, as plain loops would merge it; one look where the gate lets a picture pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from scotopic import EnhancementStage, ScotopicError
from scotopic.adapters.contract import Detections
from scotopic.adapters.detectors import load_detector
from scotopic.adapters.onnx_file import OnnxSpec
from scotopic.adapters.two_looks import TwoLooks
from scotopic.adapters.ultralytics.tracker import load_tracker
from scotopic.pipeline.image import read_image

from .onnx_nets import constant


class Random:
    """Many boxes that differ from look to look, some of them ties."""

    def __init__(self, most: int = 60) -> None:
        self.names, self.description = {0: "car", 1: "bus"}, {"file": "random"}
        self.seen: list[np.ndarray] = []
        self.given: list[Detections] = []
        self._random = np.random.default_rng(0)
        self._most = most

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        count = int(self._random.integers(self._most))
        corner = self._random.uniform(0, 30, (count, 2))
        boxes = np.concatenate([corner, corner + self._random.uniform(10, 30, (count, 2))], 1)
        scores = np.sort(self._random.integers(1, 20, count) / 20)[::-1].copy()
        found = Detections(boxes, scores, self._random.integers(0, 2, count))
        self.seen.append(image)
        self.given.append(found)
        return found, {"preprocess": 1.0, "inference": 2.0, "postprocess": 3.0}


@pytest.fixture
def night() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 40, (48, 64, 3), dtype=np.uint8)


def test_of_overlapping_boxes_of_two_looks_the_surer_one_stays(night: np.ndarray) -> None:
    """Against two loops over all boxes, with torchvision's overlap."""
    detector = Random()
    both = TwoLooks(detector, EnhancementStage("gamma"), iou=0.5)
    for _ in range(30):
        found, timing = both.detect(night)
        looks = detector.given[-2:]
        every = [
            (score, number, box, label)
            for number, look in enumerate(looks)
            for box, score, label in zip(look.boxes, look.scores, look.labels, strict=True)
        ]
        kept: list[Any] = []
        for one in sorted(every, key=lambda one: (-one[0], one[1])):
            if not any(one[1] != o[1] and one[3] == o[3] and _iou(one[2], o[2]) > 0.5 for o in kept):
                kept.append(one)
        assert len(kept) == len(found)
        assert len(kept) < len(every) or min(map(len, looks)) < 5
        np.testing.assert_array_equal(found.boxes, np.array([one[2] for one in kept]).reshape(-1, 4))
        np.testing.assert_array_equal(found.scores, [one[0] for one in kept])
        np.testing.assert_array_equal(found.labels, [one[3] for one in kept])
        assert found.gate_passed is False
        assert set(timing) == {"preprocess", "inference", "postprocess", "enhance", "second look"}
    np.testing.assert_array_equal(detector.seen[0], night)
    assert detector.seen[1].mean() > 1.5 * night.mean()
    assert (both.names, both.description) == (detector.names, detector.description)


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float(box_iou(torch.from_numpy(one[None]), torch.from_numpy(other[None])))


def test_daylight_is_looked_at_once() -> None:
    detector = Random()
    day = np.full((48, 64, 3), 140, np.uint8)
    found, timing = TwoLooks(detector, EnhancementStage("gamma")).detect(day)
    assert len(detector.seen) == 1
    assert found.gate_passed is True
    np.testing.assert_array_equal(found.boxes, detector.given[0].boxes)
    assert "second look" not in timing


def test_no_more_boxes_than_were_asked_for(night: np.ndarray) -> None:
    found, _ = TwoLooks(Random(1000), EnhancementStage("gamma"), iou=1.0, max_det=10).detect(night)
    assert len(found) == 10
    assert (np.diff(found.scores) <= 0).all()


def test_two_equal_looks_are_one(detector_weights: Path, dark_pictures: list[Path]) -> None:
    """A real detector: whatever its second look finds is there already, and nothing of the first one goes."""
    once = load_detector(detector_weights, imgsz=320)
    twice = load_detector(detector_weights, imgsz=320, stage=EnhancementStage("none", gate="off"), where="beside")
    assert isinstance(twice, TwoLooks)
    picture = read_image(dark_pictures[0])
    expected, found = once.detect(picture)[0], twice.detect(picture)[0]
    assert len(expected) > 10
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_without_an_enhancer_there_is_nothing_to_look_at_twice(tmp_path: Path, spec: OnnxSpec) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros((1, 6, 5), np.float32))
    assert not isinstance(load_detector(file, spec=spec, where="beside"), TwoLooks)
    stage = EnhancementStage("clahe", gate="off")
    assert isinstance(load_detector(file, spec=spec, stage=stage, where="beside"), TwoLooks)


def test_a_tracker_does_not_look_twice() -> None:
    with pytest.raises(ScotopicError, match="leave --track out, or --where beside"):
        load_tracker("yolo11n.pt", where="beside")
