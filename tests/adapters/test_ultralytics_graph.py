"""The stage inside the network: one enhancement in every forward pass, whatever asks for it."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from ultralytics import RTDETR

from scotopic import EnhancementStage, Enhancer, EnhancerInfo, attach, create_enhancer, detach
from scotopic.pipeline.stage import PAD_LEVEL

Build = Callable[[str], Any]
Load = Callable[..., Any]
Look = Callable[[Any, Callable[[], Any]], list[Tensor]]

TASKS = [
    "yolo11n",
    "yolo11n-seg",
    "yolo11n-pose",
    "yolo11n-obb",
    "yolo11n-cls",
    "yolo26n",
    "yolo26n-sem",
    "yolo26n-depth",
    "yolov8n-rtdetr",
]


class Redder(Enhancer):
    """Raises red and nothing else, so that swapped channels are seen."""

    info = EnhancerInfo(name="redder", summary="More red.")

    def transform(self, x: Tensor) -> Tensor:
        return torch.stack((x[:, 0] + 0.5, x[:, 1], x[:, 2]), 1)


@pytest.mark.parametrize("net", TASKS)
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_the_net_receives_the_enhanced_letterbox(
    net: str, color: Any, night: np.ndarray, untrained: Build, inputs_of: Look
) -> None:
    model = untrained(net)
    predict = lambda: model.predict(night, imgsz=160, verbose=False)  # noqa: E731
    (plain,) = inputs_of(model, predict)
    attach(model, EnhancementStage(Redder(), color=color))
    (enhanced,) = inputs_of(model, predict)
    assert torch.equal(enhanced, EnhancementStage(Redder()).run(plain))
    pads = (plain - PAD_LEVEL).abs().amax((1, 3), keepdim=True) < 1e-6
    assert pads.any() == (net not in ("yolo11n-cls", "yolo26n-depth", "yolov8n-rtdetr")), "these stretch or crop"
    change = enhanced - plain
    assert (change[:, 0:1] * ~pads).mean() > 0.3
    assert change[:, 1:].abs().max() == 0
    assert (change[:, 0:1] * pads).abs().max() == 0


def test_rtdetr_has_its_own_facade(untrained: Build) -> None:
    model = attach(untrained("yolov8n-rtdetr"), "gamma")
    assert isinstance(model, RTDETR)
    assert type(detach(model)) is RTDETR


def test_the_net_receives_the_enhanced_letterbox_in_validation(
    untrained: Build, inputs_of: Look, run_options: dict[str, Any]
) -> None:
    model = untrained("yolo11n")
    validate = lambda: model.val(rect=False, **run_options)  # noqa: E731
    plain = inputs_of(model, validate)[-1]
    attach(model, EnhancementStage(Redder()))
    enhanced = inputs_of(model, validate)[-1]
    assert torch.equal(enhanced, EnhancementStage(Redder()).run(plain))
    assert torch.equal(enhanced[:, :, :7], plain[:, :, :7]), "48x64 in 64x64 has 8 rows of padding above"
    assert not torch.equal(enhanced[:, 0, 8:], plain[:, 0, 8:])


def test_day_frames_pass_bit_identical_each_by_itself(
    night: np.ndarray, day: np.ndarray, untrained: Build, inputs_of: Look
) -> None:
    model = untrained("yolo11n")
    predict = lambda: model.predict([night, day], imgsz=96, verbose=False)  # noqa: E731
    (plain,) = inputs_of(model, predict)
    attach(model, "gamma")
    (enhanced,) = inputs_of(model, predict)
    assert torch.equal(enhanced[1], plain[1])
    assert not torch.equal(enhanced[0], plain[0])


def test_augmented_prediction_enhances_once(night: np.ndarray, untrained: Build, inputs_of: Look) -> None:
    """Three scales: each must be the scaled version of one enhanced picture, not an enhancement of its own."""
    model = untrained("yolo11n")
    predict = lambda: model.predict(night, imgsz=96, augment=True, verbose=False)  # noqa: E731
    plain = inputs_of(model, predict)
    attach(model, EnhancementStage(Redder()))
    enhanced = inputs_of(model, predict)
    assert len(enhanced) == len(plain) == 3
    assert torch.equal(enhanced[0], EnhancementStage(Redder()).run(plain[0]))
    inner = (slice(None), 0, slice(20, -36), slice(8, -40))  # away from pads, which the scaled ones have elsewhere
    for before, after in zip(plain, enhanced, strict=True):
        torch.testing.assert_close(after[inner], before[inner] + 0.5, atol=1e-5, rtol=0)


def test_embeddings_and_activation_maps_survive(night: np.ndarray, untrained: Build, tmp_path: Path) -> None:
    model = untrained("yolo11n")
    plain = model.embed(night, imgsz=96, verbose=False)[0]
    attach(model, "gamma", keep_enhanced=True)
    enhanced = model.embed(night, imgsz=96, verbose=False)[0]
    assert enhanced.shape == plain.shape
    assert not torch.equal(enhanced, plain)
    result = model.predict(night, imgsz=96, visualize=True, project=str(tmp_path), name="cam", verbose=False)[0]
    assert list((tmp_path / "cam").glob("*_cam.jpg"))
    assert result.speed["enhance"] > 0


def test_probes_with_whatever_is_in_memory_are_survived(untrained: Build) -> None:
    model = attach(untrained("yolo11n").eval(), "gamma")
    for size in (32, 64):
        model.model(torch.full((1, 3, size, size), float("nan")))
        model.model(torch.full((1, 3, size, size), 1e30))
    model.info(imgsz=64)


def test_saved_and_loaded_in_a_process_that_knows_nothing(
    load: Load, untrained: Build, night: np.ndarray, tmp_path: Path, official_stage: EnhancementStage
) -> None:
    model = attach(untrained("yolo11n"), official_stage)
    model.save(tmp_path / "enhanced.pt")
    np.save(tmp_path / "night.npy", night)
    code = (
        "import sys; from ultralytics import YOLO; import numpy as np; model = YOLO('enhanced.pt');"
        "data = model.predict(np.load('night.npy'), imgsz=96, conf=1e-5, verbose=False)[0].boxes.data;"
        "np.save('boxes.npy', data.numpy()); print(type(model.model).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "EnhancedDetectionModel"
    here = load(tmp_path / "enhanced.pt")
    boxes = here.predict(night, imgsz=96, conf=1e-5, verbose=False)[0].boxes.data
    np.testing.assert_allclose(np.load(tmp_path / "boxes.npy"), boxes.numpy(), atol=1e-4)
    loaded, original = here.model.enhancement.stage, official_stage
    for key, value in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), "saving halves the net, but not the enhancer"
    assert loaded.gate == original.gate
    attach(here, loaded)
    assert here.predict(night, imgsz=96, verbose=False)[0].speed["enhance"] > 0
    detach(here)
    assert type(here.model).__name__ == "DetectionModel"


@pytest.mark.parametrize("origin", ["a local class", "a file"])
def test_an_enhancer_that_cannot_be_saved_is_named_before_it_is_too_late(
    origin: str, untrained: Build, tmp_path: Path, night: np.ndarray
) -> None:
    class Local(Redder):
        pass

    (tmp_path / "mine.py").write_text(
        "from scotopic.pipeline.enhancers.identity import Identity\nclass Local(Identity): pass"
    )
    enhancer = Local() if origin == "a local class" else f"{tmp_path / 'mine.py'}:Local"
    model = attach(untrained("yolo11n"), enhancer)
    assert model.predict(night, imgsz=96, verbose=False)[0].speed["enhance"] > 0
    with pytest.raises(ValueError, match="the enhancer Local cannot be saved with the model"):
        model.save(tmp_path / "enhanced.pt")
    assert not (tmp_path / "enhanced.pt").exists()


def test_loading_weights_carries_the_enhancer_along(
    load: Load, untrained: Build, official_stage: EnhancementStage
) -> None:
    donor = attach(untrained("yolo11n"), official_stage)
    plain = untrained("yolo11n")
    plain.model.load(donor.model, verbose=False)
    weights = plain.model.enhancement.stage.state_dict()
    assert all(torch.equal(weights[key], value) for key, value in official_stage.state_dict().items())
    x = torch.full((1, 3, 64, 64), 0.05)
    assert torch.equal(plain.model.eval()(x)[0], donor.model.eval()(x)[0])
    enhanced = attach(untrained("yolo11n"), "gamma")
    enhanced.model.load(untrained("yolo11n").model, verbose=False)
    assert enhanced.model.enhancement.stage.enhancer.info.name == "gamma", "weights without an enhancer take none away"


def test_conversions_reach_the_net_and_leave_the_enhancer_precise(
    untrained: Build, official_stage: EnhancementStage
) -> None:
    model = attach(untrained("yolo11n"), official_stage).model
    weights = copy.deepcopy(official_stage.state_dict())
    model.half()
    assert next(model.parameters()).dtype == torch.float16
    assert model.enhancement(torch.full((1, 3, 32, 32), 0.05, dtype=torch.float16)).dtype == torch.float16
    model.float().to(memory_format=torch.channels_last)
    assert all(torch.equal(value, weights[key]) for key, value in model.enhancement.stage.state_dict().items())
    assert next(model.to("meta").enhancement.parameters()).device.type == "meta"


def test_resetting_the_net_spares_the_enhancer(untrained: Build, official_stage: EnhancementStage) -> None:
    model = attach(untrained("yolo11n"), official_stage)
    weights = copy.deepcopy(official_stage.state_dict())
    before = model.model.model[0].conv.weight.clone()
    model.reset_weights()
    assert not torch.equal(model.model.model[0].conv.weight, before)
    assert all(torch.equal(value, weights[key]) for key, value in model.model.enhancement.stage.state_dict().items())


def test_a_frozen_stage_gets_no_gradient_and_a_trainable_one_does(official_weights: Path, untrained: Build) -> None:
    for trainable in (False, True):
        stage = EnhancementStage(create_enhancer("sgz", weights=official_weights))
        model = attach(untrained("yolo11n"), stage, train_enhancer=trainable).model.train()
        assert all(p.requires_grad for p in model.enhancement.parameters()), "as trainers leave it"
        batch = {
            "img": torch.rand(2, 3, 64, 64) * 0.2,
            "batch_idx": torch.tensor([0.0, 1.0]),
            "cls": torch.zeros(2, 1),
            "bboxes": torch.full((2, 4), 0.5),
        }
        from ultralytics.cfg import get_cfg

        model.args = get_cfg()
        loss, _ = model(batch)
        loss.sum().backward()
        grads = [p.grad for p in stage.parameters()]
        assert all((g is not None) == trainable for g in grads)
        assert not trainable or any(g is not None and bool(g.any()) for g in grads)
        assert model.model[0].conv.weight.grad is not None
        assert stage.training == trainable
