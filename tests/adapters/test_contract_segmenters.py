"""What every segmentation net for the evaluation promises, wherever it comes from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from scotopic import EnhancementStage, ScotopicError, attach
from scotopic.adapters.contract import Segmenter
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.onnx_export import export_onnx
from scotopic.adapters.segmenters import load_segmenter
from scotopic.adapters.shipped import list_shipped
from scotopic.adapters.smp import import_smp

smp: Any = pytest.importorskip("segmentation_models_pytorch", reason='pip install "scotopic[seg]"')
pytest.importorskip("torchvision", reason='pip install "scotopic[seg]"')

pytestmark = pytest.mark.filterwarnings("ignore:.timm-. encoders are deprecated:DeprecationWarning")

Stage = EnhancementStage | None
Make = Callable[[Stage], Segmenter]

NAMES = ["sky", "road", "car"]
SPEC = InputSpec(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def untrained_fpn() -> Any:
    torch.manual_seed(0)
    return attach(
        smp.FPN("timm-tf_efficientnet_lite0", encoder_weights=None, classes=3, decoder_segmentation_channels=32),
        "none",
        spec=SPEC,
        names=NAMES,
        gate="off",
    ).eval()


def module(folder: Path) -> Make:
    torch.manual_seed(0)
    net = nn.Conv2d(3, 3, 3, 2, 1)

    def make(stage: Stage) -> Any:
        wrapped = attach(net, stage or EnhancementStage("none"), where="source", spec=SPEC, names=NAMES)
        if stage is None:
            wrapped.put(None)
        return wrapped

    return make


def torchvision_net(folder: Path) -> Make:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    torch.manual_seed(0)
    net = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)

    def make(stage: Stage) -> Any:
        wrapped = attach(net, stage or EnhancementStage("none"), where="source", spec=SPEC, names=NAMES)
        if stage is None:
            wrapped.put(None)
        return wrapped

    return make


def folder_of_smp(folder: Path) -> Make:
    wrapped = untrained_fpn()
    wrapped.put(None)
    wrapped.save_pretrained(folder / "net")
    return lambda stage: load_segmenter(folder / "net", device="cpu", stage=stage)


def onnx_file(folder: Path) -> Make:
    pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    export_onnx(untrained_fpn(), folder / "net.onnx")
    return lambda stage: load_segmenter(folder / "net.onnx", device="cpu", stage=stage)


def ultralytics_checkpoint(folder: Path) -> Make:
    pytest.importorskip("ultralytics", reason='pip install "scotopic[yolo]"')
    from ultralytics import YOLO

    torch.manual_seed(0)
    YOLO("yolo26n-sem.yaml").save(folder / "net.pt")
    return lambda stage: load_segmenter(folder / "net.pt", device="cpu", stage=stage, input_size=(64, 64))


def road(folder: Path) -> Make:
    if "road" not in list_shipped():
        pytest.skip("the net 'road' is not in this tree")
    return lambda stage: load_segmenter("road", device="cpu", stage=stage)


@pytest.fixture(
    scope="module", params=[module, torchvision_net, folder_of_smp, onnx_file, ultralytics_checkpoint, road]
)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    return request.param(tmp_path_factory.mktemp(request.param.__name__))


@pytest.fixture(scope="module")
def bare(make: Make) -> Segmenter:
    return make(None)


@pytest.mark.parametrize("size", [(64, 96), (63, 97), (33, 1), (5, 200)])
def test_labels_are_ids_at_the_picture_s_own_size(bare: Segmenter, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 60, (*size, 3), dtype=np.uint8)
    before = image.copy()
    found, timing = bare.segment(image)
    assert found.labels.shape == size
    assert np.issubdtype(found.labels.dtype, np.integer)
    assert set(np.unique(found.labels)) <= set(bare.names)
    assert found.gate_passed is None
    assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert all(value >= 0 for value in timing.values())
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(bare.segment(image)[0].labels, found.labels)


def test_the_stage_is_that_of_whole_pictures(make: Make, bare: Segmenter, night: np.ndarray, day: np.ndarray) -> None:
    """Colour order included: a net that got BGR would label otherwise."""
    stage = EnhancementStage("clahe")
    staged = make(stage)
    for picture, passed in ((night, False), (day, True)):
        found, timing = staged.segment(picture)
        expected, _ = bare.segment(stage.process(picture).image)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert found.gate_passed is passed
        assert timing["enhance"] >= 0


def test_the_record_is_complete_and_can_be_written(bare: Segmenter) -> None:
    assert {"file", "sha256", "framework", "task", "device", "settings"} <= set(bare.description)
    assert bare.description["task"] == "semantic"
    assert len(bare.description["sha256"]) == 64
    assert "enhancer" not in bare.description
    json.dumps(dict(bare.description))
    assert isinstance(bare.names, Mapping)


def test_no_picture_is_refused(bare: Segmenter) -> None:
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ScotopicError):
            bare.segment(wrong)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("raod", "no segmentation net 'raod'"),
        ("net.png", "cannot tell what kind of segmentation net net.png is"),
        ("torchvision:lraspp", "torchvision has no segmentation model 'lraspp'"),
        ("nothing.onnx", "no ONNX file at nothing.onnx"),
        ("nothing.yaml", "cannot read nothing.yaml"),
        (".", "no net at .*save_pretrained"),
    ],
)
def test_what_is_no_net_is_named(model: str, message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        load_segmenter(model)


def test_a_spec_is_for_onnx_files(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="a spec belongs to an ONNX file, not to road"):
        load_segmenter("road", spec=tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("package", "act"),
    [
        ("segmentation_models_pytorch", lambda: import_smp()),
        ("torchvision", lambda: load_segmenter("torchvision:fcn_resnet50")),
    ],
)
def test_a_missing_package_is_named(package: str, act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ScotopicError, match=r"pip install \"scotopic\[seg\]\""):
        act()
