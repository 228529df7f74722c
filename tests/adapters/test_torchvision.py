"""Segmentation and detection models of torchvision behind an enhancer."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic import EnhancementStage, ScotopicError, attach, detach
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.segmenters import load_segmenter
from scotopic.adapters.torchvision_detector import TorchvisionDetector

pytest.importorskip("torchvision", reason='pip install "scotopic[seg]"')

from torchvision.models import detection, segmentation
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import mobilenet_backbone

WEIGHTS = segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT
NAMES = ["__background__", "car", "person", "bus"]


@pytest.fixture(scope="module")
def lraspp() -> Any:
    torch.manual_seed(0)
    return segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).eval()


@pytest.fixture(scope="module")
def ssdlite() -> Any:
    torch.manual_seed(0)
    return detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4).eval()


@pytest.fixture
def model(ssdlite: Any) -> Any:
    return copy.deepcopy(ssdlite)


@pytest.fixture
def dark() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 0.2


def shots(*sizes: tuple[int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, *size, generator=generator) * 0.2 for size in sizes]


def test_the_preset_in_three_steps_is_the_preset(lraspp: Any, night: np.ndarray) -> None:
    """Without an enhancer, the net gets exactly what ``weights.transforms()`` makes of the picture."""
    wrapped = attach(copy.deepcopy(lraspp), "none", spec=WEIGHTS.transforms())
    seen: list[Tensor] = []
    wrapped.net.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    found, _ = wrapped.segment(night)
    expected = WEIGHTS.transforms()(torch.tensor(night).permute(2, 0, 1)).unsqueeze(0)
    assert min(expected.shape[2:]) == 520
    torch.testing.assert_close(seen[0], expected)
    assert found.labels.shape == night.shape[:2], "scored at the picture's own size, not at 520"


def test_the_enhancer_stands_between_resize_and_normalisation(lraspp: Any, night: np.ndarray) -> None:
    wrapped = attach(copy.deepcopy(lraspp), "gamma[gamma=2.0]")
    seen: list[Tensor] = []
    wrapped.net.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    wrapped.segment(night)
    preset = WEIGHTS.transforms()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preset.mean, preset.std))
    resized = preset(torch.tensor(night).permute(2, 0, 1)) * std + mean
    torch.testing.assert_close(seen[0][0], (resized.clamp(0).sqrt() - mean) / std, atol=1e-2, rtol=0)


def test_the_output_is_the_model_s_own(lraspp: Any, dark: Tensor) -> None:
    wrapped = attach(lraspp, "sgz")
    assert list(wrapped(dark)) == ["out"]
    assert wrapped(dark)["out"].shape == (2, 21, 64, 96)
    assert detach(wrapped) is lraspp


def test_an_input_spec_takes_the_place_of_the_preset(lraspp: Any, night: np.ndarray) -> None:
    wrapped = attach(copy.deepcopy(lraspp), "none", spec=InputSpec(size=(64, 64)))
    assert wrapped.prepare(night)[0].shape == (1, 3, 64, 64)
    with pytest.raises(ScotopicError, match=r"InputSpec or weights.transforms\(\), not dict"):
        attach(lraspp, "none", spec={"mean": 1})


def test_a_gradient_reaches_the_enhancer(lraspp: Any, dark: Tensor) -> None:
    wrapped = attach(copy.deepcopy(lraspp).requires_grad_(False), "sgz", train_enhancer=True)
    wrapped(dark)["out"].square().mean().backward()
    assert all(p.grad is not None for p in wrapped.stage.parameters())


def test_a_model_by_name(lraspp: Any, night: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights lie where torchvision's own download puts them."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    name = "torchvision:lraspp_mobilenet_v3_large"
    with pytest.raises(ScotopicError, match="or allow the download"):
        load_segmenter(name, download=False)
    (tmp_path / "checkpoints").mkdir()
    torch.save(lraspp.state_dict(), tmp_path / "checkpoints" / Path(WEIGHTS.url).name)
    loaded = load_segmenter(name, device="cpu", download=False)
    assert loaded.names[7] == "car"
    assert loaded.description["file"] == Path(WEIGHTS.url).name
    expected, _ = attach(lraspp, "none").segment(night)
    np.testing.assert_array_equal(loaded.segment(night)[0].labels, expected.labels)
    small = load_segmenter(name, device="cpu", input_size=(64, 96), stage=EnhancementStage("sgz"), where="graph")
    assert small.segment(night)[1]["enhance"] > 0
    assert small.description["settings"]["input"]["size"] == [64, 96]
    assert small.description["settings"]["shorter_side"] is None
    with pytest.raises(ScotopicError, match="did you mean 'lraspp_mobilenet_v3_large'"):
        load_segmenter("torchvision:lraspp_mobilenet")
    (tmp_path / "checkpoints" / Path(WEIGHTS.url).name).write_bytes(b"nothing")
    with pytest.raises(ScotopicError, match=r"cannot load https://.*lraspp"):
        load_segmenter(name)


def test_pictures_of_a_list_are_enhanced_one_by_one(model: Any) -> None:
    """Each at its own size, before the model's normalisation and resize."""
    wrapped = attach(model, "gamma[gamma=2.0]")
    pictures = shots((40, 60), (50, 30))
    with torch.no_grad():
        found = wrapped(pictures)
        expected = model([picture.sqrt() for picture in pictures])
    for one, other in zip(found, expected, strict=True):
        assert sorted(one) == ["boxes", "labels", "scores"]
        for key in one:
            torch.testing.assert_close(one[key], other[key])
    bright = [1 - picture for picture in pictures]
    assert all(torch.equal(a, b) for a, b in zip(wrapped.enhance(bright), bright, strict=True)), "the gate"
    assert detach(wrapped) is model


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_in_training_there_are_losses_and_gradients(model: Any, gate: Any) -> None:
    wrapped = attach(model.requires_grad_(False), "sgz", gate=gate, train_enhancer=True).train()
    target = {"boxes": torch.tensor([[2.0, 2.0, 30.0, 25.0]]), "labels": torch.tensor([1])}
    losses = wrapped(shots((40, 60), (50, 40)), [target, target])
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None for p in wrapped.stage.parameters())
    assert torch.equal(target["boxes"], torch.tensor([[2.0, 2.0, 30.0, 25.0]]))


@pytest.mark.parametrize(
    "build",
    [
        lambda: detection.fasterrcnn_mobilenet_v3_large_320_fpn(
            weights=None, weights_backbone=None, num_classes=4, min_size=64, max_size=96
        ),
        lambda: detection.RetinaNet(
            mobilenet_backbone(
                backbone_name="mobilenet_v3_small", weights=None, fpn=True, trainable_layers=6, returned_layers=[3, 4]
            ),
            4,
            anchor_generator=AnchorGenerator(((32,), (64,), (128,)), ((0.5, 1.0, 2.0),) * 3),
            min_size=64,
            max_size=96,
        ),
    ],
    ids=["fasterrcnn", "retinanet"],
)
def test_other_families_work_the_same_way(build: Any, night: np.ndarray) -> None:
    torch.manual_seed(0)
    wrapped = attach(build(), "sgz")
    found, timing = TorchvisionDetector(wrapped, NAMES, conf=0.0).detect(night)
    assert len(found) > 0
    assert found.gate_passed is False
    assert set(timing) == {"preprocess", "enhance", "inference", "postprocess"}


def test_the_detector_finds_what_the_model_finds(model: Any, night: np.ndarray) -> None:
    detector = TorchvisionDetector(model, NAMES)
    found, timing = detector.detect(night)
    with torch.no_grad():
        expected = model([torch.tensor(night).permute(2, 0, 1).float() / 255])[0]
    order = np.argsort(-expected["scores"].numpy(), kind="stable")
    np.testing.assert_allclose(found.boxes, expected["boxes"].numpy()[order], atol=1e-4)
    np.testing.assert_array_equal(found.labels, expected["labels"].numpy()[order])
    assert found.boxes.dtype == found.scores.dtype == np.float64
    assert (np.diff(found.scores) <= 0).all()
    assert found.gate_passed is None
    assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert detector.names == dict(enumerate(NAMES))


def test_the_detector_s_settings_are_its_own(model: Any, night: np.ndarray) -> None:
    before = (model.score_thresh, model.nms_thresh, model.detections_per_img)
    detector = TorchvisionDetector(model, NAMES, conf=0.0, iou=0.6, max_det=7)
    assert len(detector.detect(night)[0]) == 7
    assert detector.description["settings"] == {"score_thresh": 0.0, "nms_thresh": 0.6, "detections_per_img": 7}
    assert (model.score_thresh, model.nms_thresh, model.detections_per_img) == before
    assert len(TorchvisionDetector(model, NAMES, conf=1.0).detect(night)[0]) == 0


@pytest.mark.parametrize("where", ["graph", "source"])
def test_a_stage_in_front_is_the_attached_one(model: Any, night: np.ndarray, day: np.ndarray, where: Any) -> None:
    stage = EnhancementStage("gamma[gamma=2.0]")
    detector = TorchvisionDetector(model, NAMES, conf=0.0, stage=stage, where=where)
    bare = TorchvisionDetector(model, NAMES, conf=0.0)
    assert detector.description["enhancer"] == "gamma"
    assert "enhancer" not in bare.description
    for picture, passed in ((night, False), (day, True)):
        found, _ = detector.detect(picture)
        expected, _ = bare.detect(stage.process(picture).image)
        assert found.gate_passed is passed
        tolerance = 1e-6 if where == "source" or passed else 1e-2  # in the graph nothing is rounded to bytes
        np.testing.assert_allclose(found.scores, expected.scores, atol=tolerance)


def test_what_cannot_be_is_said(model: Any) -> None:
    with pytest.raises(ScotopicError, match="normalises by itself: leave spec and names out"):
        attach(model, "sgz", spec=InputSpec())
    classical = attach(model, "clahe", where="source")
    with pytest.raises(ScotopicError, match=r"'clahe' stands ahead of whole pictures: use TorchvisionDetector"):
        classical(shots((40, 60)))
    wrapped = attach(model, "sgz")
    with pytest.raises(ScotopicError, match=r"a list of \(3, H, W\), not of shape \(40, 60\)"):
        wrapped([torch.zeros(40, 60)])
    with pytest.raises(ScotopicError, match="divide 8-bit values by 255"):
        wrapped([torch.full((3, 40, 60), 255.0)])
