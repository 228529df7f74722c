"""train(): the enhancer is there, frozen or learning, and in the checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from ultralytics.models.yolo.detect import DetectionTrainer

from scotopic import EnhancementStage, ScotopicError, attach, create_enhancer

Build = Callable[[str], Any]
Load = Callable[..., Any]


@pytest.fixture
def train_options(run_options: dict[str, Any]) -> dict[str, Any]:
    """One short epoch at a learning rate that moves everything that may move."""
    return {**run_options, "epochs": 1, "optimizer": "SGD", "lr0": 0.01, "warmup_epochs": 0, "nbs": 2, "exist_ok": True}


@pytest.fixture
def stage() -> EnhancementStage:
    """SGZ with random weights; the pictures of the set are dark, so the gate lets it work."""
    torch.manual_seed(0)
    return EnhancementStage(create_enhancer("sgz", weights="random", scale_factor=2))


class InterruptionError(Exception):
    """Stands for a power cut after an epoch."""


def interrupt(trainer: Any) -> None:
    raise InterruptionError


def weights_of(model: Any) -> dict[str, Tensor]:
    """A copy of the enhancer's weights in a YOLO object."""
    return copy.deepcopy(model.model.enhancement.stage.enhancer.state_dict())


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("trainable", [False, True])
def test_a_detector_is_trained_behind_the_enhancer(
    load: Load,
    trainable: bool,
    stage: EnhancementStage,
    untrained: Build,
    train_options: dict[str, Any],
    tiny_set: Path,
) -> None:
    model = attach(untrained("yolo11n"), stage, train_enhancer=trainable)
    before, seen = weights_of(model), []
    model.add_callback("on_train_batch_end", lambda trainer: seen.append(trainer.model.enhancement.stage.training))
    model.train(**train_options)
    assert seen == [trainable, trainable], "frozen means eval mode, too"
    assert same(weights_of(model), before) == (not trainable)
    picture = next((tiny_set.parent / "images" / "val").iterdir())
    predict = {"imgsz": 64, "conf": 1e-6, "verbose": False}
    result = model.predict(picture, **predict)[0]
    assert result.speed["enhance"] > 0
    for file in (model.trainer.best, model.trainer.last):
        assert same(weights_of(load(file)), weights_of(model))
    loaded = load(model.trainer.best)
    assert loaded.model.enhancement.trainable == trainable
    assert torch.equal(loaded.predict(picture, **predict)[0].boxes.data, result.boxes.data)
    metrics = loaded.val(**{key: value for key, value in train_options.items() if key != "epochs"})
    assert metrics.box.map50 == model.metrics.box.map50


def test_training_goes_on_with_what_the_checkpoint_holds(
    load: Load, stage: EnhancementStage, untrained: Build, train_options: dict[str, Any]
) -> None:
    """A stock YOLO object, which knows nothing of enhancers, continues and resumes."""

    model = attach(untrained("yolo11n"), stage, train_enhancer=True)
    model.add_callback("on_fit_epoch_end", interrupt)
    with pytest.raises(InterruptionError):
        model.train(**{**train_options, "epochs": 2})
    last = load(model.trainer.last)
    halfway = weights_of(last)
    assert not same(halfway, stage.enhancer.state_dict())
    last.train(resume=True)
    assert last.trainer.start_epoch == 1
    resumed = weights_of(last)
    assert not same(resumed, halfway)
    onward = load(last.trainer.best)
    onward.train(**train_options, name="onward")
    assert not same(weights_of(onward), resumed)
    assert onward.model.enhancement.stage.enhancer.scale_factor == 2


def test_an_attached_model_resumes_with_the_trained_enhancer_not_with_the_attached_one(
    load: Load, stage: EnhancementStage, untrained: Build, train_options: dict[str, Any]
) -> None:
    model = attach(untrained("yolo11n"), stage, train_enhancer=True)
    model.add_callback("on_fit_epoch_end", interrupt)
    with pytest.raises(InterruptionError):
        model.train(**{**train_options, "epochs": 2})
    last = attach(load(model.trainer.last), "gamma")
    last.train(resume=True)
    assert last.model.enhancement.stage.enhancer.info.name == "sgz"


class OwnTrainer(DetectionTrainer):
    """A trainer of the user's."""


@pytest.mark.parametrize("how", ["without the old weights", "with the user's trainer"])
def test_no_way_of_training_drops_the_enhancer(how: str, untrained: Build, train_options: dict[str, Any]) -> None:
    model = untrained("yolo11n")
    if how == "without the old weights":
        model.ckpt = {"model": model.model}  # as if loaded from a file
        attach(model, "gamma").train(**train_options, pretrained=False)
    else:
        attach(model, "gamma").train(OwnTrainer, **train_options)
        assert isinstance(model.trainer, OwnTrainer)
    assert model.model.enhancement.stage.enhancer.info.name == "gamma"


def test_training_on_enhanced_pictures(
    untrained: Build, train_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``where="source"`` the checkpoint holds no enhancer, which is said; the model keeps its own."""
    model = attach(untrained("yolo11n"), "clahe[clip_limit=40]", where="source")
    brightness = {"train": [], "val": []}
    model.add_callback("on_train_batch_end", lambda t: brightness["train"].append(_mean_content(t.train_loader)))
    model.add_callback("on_train_end", lambda t: brightness["val"].append(_mean_content(t.test_loader)))
    said: list[str] = []
    from ultralytics.utils import LOGGER

    monkeypatch.setattr(LOGGER, "warning", said.append)
    model.train(**train_options, mosaic=0, scale=0, translate=0, hsv_v=0, fliplr=0)
    dark = 20
    assert min(brightness["train"] + brightness["val"]) > 2 * dark
    assert any("best.pt holds no enhancer: attach the same one whenever it is used" in text for text in said)
    assert type(model.model).__name__ == "DetectionModel"
    assert model.predict(np.full((48, 64, 3), 9, np.uint8), imgsz=64, verbose=False)[0].speed["enhance"] > 0


def _mean_content(loader: Any) -> float:
    """Mean level of the pictures that a loader gives, without the padding of 8 rows above and below."""
    return float(loader.dataset[0]["img"][:, 8:56].float().mean())


def test_an_enhancer_that_cannot_be_saved_is_named_before_training(
    untrained: Build, train_options: dict[str, Any], stage: EnhancementStage
) -> None:
    class Local(type(stage.enhancer)):
        pass

    stage.enhancer.__class__ = Local
    model = attach(untrained("yolo11n"), stage)
    with pytest.raises(ScotopicError, match="the enhancer Local cannot be saved with the model"):
        model.train(**train_options)
