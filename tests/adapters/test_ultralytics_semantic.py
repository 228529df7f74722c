"""The segmentation net that the evaluation sees: stock predictions, a complete record, clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scotopic import EnhancementStage, ScotopicError, attach
from scotopic.adapters.ultralytics.segmenter import UltralyticsSegmenter
from scotopic.files import sha256_of

Build = Callable[[str], Any]
Load = Callable[..., Any]


@pytest.fixture(scope="module")
def weights(untrained: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for 19 classes with random weights."""
    path = tmp_path_factory.mktemp("semantic") / "sem.pt"
    varied(untrained("yolo26n-sem")).save(path)
    return path


def varied(model: Any) -> Any:
    """Untrained, one class wins everywhere; with larger and centred weights each has its places."""
    torch.manual_seed(1)
    last = model.model.model[-1].classifier[-1]
    torch.nn.init.normal_(last.weight)
    with torch.no_grad():
        last.weight -= last.weight.mean(1, keepdim=True)
        last.bias.zero_()
    return model


def labels_of(result: Any) -> np.ndarray:
    return result.semantic_mask.data.numpy()


def test_the_labels_are_those_of_stock_predict(load: Load, weights: Path, night: np.ndarray, day: np.ndarray) -> None:
    net = UltralyticsSegmenter(weights, imgsz=160)
    model = load(weights)
    for picture in (night, day, np.ascontiguousarray(day[:33, :41])):
        seen, timing = net.segment(np.ascontiguousarray(picture[..., ::-1]))
        assert seen.labels.shape == picture.shape[:2]
        assert np.issubdtype(seen.labels.dtype, np.integer)
        assert len(np.unique(seen.labels)) > 1
        np.testing.assert_array_equal(seen.labels, labels_of(model.predict(picture, imgsz=160, verbose=False)[0]))
        assert seen.gate_passed is None
        assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert len(net.names) == 19
    assert net.names == model.names


def test_the_description_is_for_the_record(weights: Path) -> None:
    net = UltralyticsSegmenter(weights, imgsz=(64, 96))
    assert net.description["file"] == "sem.pt"
    assert net.description["sha256"] == sha256_of(weights)
    assert net.description["framework"].startswith("ultralytics 8")
    assert net.description["task"] == "semantic"
    assert net.description["settings"] == {"imgsz": [64, 96], "rect": True}


def test_without_a_size_it_runs_as_it_was_trained(weights: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(weights, weights_only=False)
    torch.save({**checkpoint, "train_args": {"imgsz": 96, "task": "semantic"}}, tmp_path / "trained.pt")
    assert UltralyticsSegmenter(tmp_path / "trained.pt").description["settings"]["imgsz"] == [96, 96]


@pytest.mark.parametrize("where", ["graph", "source"])
def test_a_stage_in_front_is_the_attached_one(
    load: Load, where: Any, weights: Path, night: np.ndarray, day: np.ndarray
) -> None:
    stage = EnhancementStage("gamma[gamma=3]")
    net = UltralyticsSegmenter(weights, imgsz=96, stage=stage, where=where)
    bare = UltralyticsSegmenter(weights, imgsz=96)
    model = attach(load(weights), stage, where=where)
    for picture, passed in ((night, False), (day, True)):
        rgb = np.ascontiguousarray(picture[..., ::-1])
        seen, timing = net.segment(rgb)
        np.testing.assert_array_equal(seen.labels, labels_of(model.predict(picture, imgsz=96, verbose=False)[0]))
        assert seen.gate_passed == passed
        assert timing["enhance"] > 0
        assert np.array_equal(seen.labels, bare.segment(rgb)[0].labels) == passed


def test_an_exported_net_segments_too(untrained: Build, night: np.ndarray) -> None:
    file = untrained("yolo26n-sem").export(format="onnx", imgsz=96, verbose=False)
    net = UltralyticsSegmenter(Path(file))
    seen, _ = net.segment(night)
    assert seen.labels.shape == night.shape[:2]
    assert net.description["settings"]["imgsz"] == [96, 96]


def test_what_is_no_segmentation_net_is_said_in_one_sentence(untrained: Build, tmp_path: Path) -> None:
    untrained("yolo11n").save(tmp_path / "boxes.pt")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    for name, message in (
        ("boxes.pt", "is a model for 'detect', which gives no label for each pixel: take one for 'semantic'"),
        ("text.pt", "cannot load the segmentation net .*text.pt"),
        ("nothing.pt", "no segmentation net at .*nothing.pt: check the path"),
    ):
        with pytest.raises(ScotopicError, match=message) as raised:
            UltralyticsSegmenter(tmp_path / name)
        assert "\n" not in str(raised.value)
