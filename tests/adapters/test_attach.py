"""attach() and detach(): what they take, what they refuse, and what is left afterwards."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from ultralytics import SAM

from scotopic import EnhancementStage, ScotopicError, attach, create_enhancer, detach
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.ultralytics.setup import import_ultralytics


@pytest.mark.parametrize(
    ("model", "enhancer", "options", "message"),
    [
        (nn.Linear(1, 1), "sgz", {}, r"Linear does not say how it wants its pictures: give spec=InputSpec\(\.\.\.\)"),
        ("yolo11n.pt", "sgz", {}, "cannot attach to str: supported are YOLO"),
        (SAM, "sgz", {}, "cannot attach to the class SAM: make a model of it first"),
        ("yolo11n", "gamma", {"spec": InputSpec()}, "spec means nothing to YOLO: leave it out"),
        ("yolo11n", "gamma", {"names": ["car"]}, "names means nothing to YOLO: leave it out"),
        ("yolo11n", "gama", {}, "did you mean 'gamma'"),
        ("yolo11n", "gamma", {"where": "grpah"}, "did you mean 'graph'"),
        ("yolo11n", "clahe", {}, "'clahe' works on pictures and cannot stand inside a network: use where=\"source\""),
        ("yolo11n", "gamma", {"strenght": 0.5}, "did you mean 'strength'"),
        ("yolo11n", "gamma", {"gamma": 2.0}, r"name\[gamma=2.0\]"),
        ("yolo11n", EnhancementStage("gamma"), {"gate": "off"}, "the stage has its options already"),
        ("yolo11n", "gamma", {"train_enhancer": True}, "'gamma' has no parameters to train"),
        ("yolo11n", "clahe", {"where": "source", "train_enhancer": True}, 'use where="graph"'),
    ],
)
def test_what_cannot_be_attached_is_said_in_one_sentence(
    model: Any, enhancer: Any, options: dict[str, Any], message: str, untrained: Callable[[str], Any]
) -> None:
    if model == "yolo11n":
        model = untrained(model)
    with pytest.raises(ScotopicError, match=message) as raised:
        attach(model, enhancer, **options)
    assert "\n" not in str(raised.value)


def test_other_facades_of_ultralytics_are_refused() -> None:
    sam = SAM.__new__(SAM)
    with pytest.raises(ScotopicError, match="cannot attach to SAM: give the YOLO or RTDETR object"):
        attach(sam, "gamma")


def test_a_net_that_does_not_take_rgb_is_refused(untrained: Callable[[str], Any]) -> None:
    model = untrained("yolo11n")
    model.model.yaml["channels"] = 1
    with pytest.raises(ScotopicError, match="an enhancer works on RGB, but this model takes 1 channels"):
        attach(model, "gamma")


def test_a_classifier_whose_input_is_normalised_takes_an_enhancer_ahead_of_it(
    untrained: Callable[[str], Any], night: np.ndarray
) -> None:
    from ultralytics.data.augment import classify_transforms

    model = untrained("yolo11n-cls")
    model.model.transforms = classify_transforms(64)
    detach(attach(model, "gamma"))
    model.model.transforms = classify_transforms(64, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    with pytest.raises(ScotopicError, match="this classifier takes pictures with mean and deviation removed"):
        attach(model, "gamma")
    attach(model, "gamma", where="source")
    assert model.predict(night, imgsz=64, verbose=False)[0].speed["enhance"] > 0


@pytest.mark.parametrize("where", ["graph", "source"])
@pytest.mark.parametrize(
    "enhancer",
    ["gamma[gamma=1.5]", create_enhancer("gamma", gamma=1.5), EnhancementStage("gamma[gamma=1.5]", gate="off")],
)
def test_a_name_an_enhancer_and_a_stage_can_be_attached(
    enhancer: Any, where: Any, night: np.ndarray, untrained: Callable[[str], Any]
) -> None:
    model = untrained("yolo11n")
    options: dict[str, Any] = {} if isinstance(enhancer, EnhancementStage) else {"gate": "off"}
    assert attach(model, enhancer, where=where, keep_enhanced=True, **options) is model
    assert isinstance(model, type(untrained("yolo11n")))
    enhanced = model.predict(night, imgsz=96, verbose=False)[0].enhanced
    assert enhanced.mean() > 1.3 * night.mean()


@pytest.mark.parametrize(("first", "second"), [("graph", "graph"), ("graph", "source"), ("source", "graph")])
def test_a_second_enhancer_replaces_the_first(
    first: Any, second: Any, night: np.ndarray, untrained: Callable[[str], Any]
) -> None:
    twice = untrained("yolo11n")
    attach(twice, "gamma[gamma=3]", where=first)
    twice.predict(night, imgsz=96, verbose=False)
    attach(twice, "gamma[gamma=1.5]", where=second, keep_enhanced=True)
    once = attach(untrained("yolo11n"), "gamma[gamma=1.5]", where=second, keep_enhanced=True)
    results = [model.predict(night, imgsz=96, verbose=False)[0].enhanced for model in (twice, once)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("fused", ["never", "before", "while attached"])
@pytest.mark.parametrize("where", ["graph", "source"])
def test_detach_leaves_nothing_behind(
    where: Any, fused: str, night: np.ndarray, untrained: Callable[[str], Any]
) -> None:
    model, plain = untrained("yolo11n").eval(), untrained("yolo11n").eval()
    plain_class, net_class = type(model), type(model.model)
    if fused != "never":
        plain.fuse(verbose=False)
    if fused == "before":
        model.fuse(verbose=False)
    attach(model, "gamma", where=where)
    if fused == "while attached":
        model.fuse(verbose=False)
    model.predict(night, imgsz=96, verbose=False)
    assert detach(model) is model
    assert type(model) is plain_class
    assert type(model.model) is net_class
    assert model.predictor is None
    assert list(model.model.state_dict()) == list(plain.model.state_dict())
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(model.model(x)[0], plain.model(x)[0])
    result, expected = (m.predict(night, imgsz=96, conf=1e-4, verbose=False)[0] for m in (model, plain))
    assert torch.equal(result.boxes.data, expected.boxes.data)
    assert "enhance" not in result.speed


def test_detach_of_a_model_without_an_enhancer_does_nothing(untrained: Callable[[str], Any]) -> None:
    model = untrained("yolo11n")
    assert detach(model) is model


def test_missing_ultralytics_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(ScotopicError, match=r"pip install \"scotopic\[yolo\]\""):
        import_ultralytics()


@pytest.mark.parametrize("first", ["import ultralytics.utils.checks; ", ""])
def test_ultralytics_installs_nothing_whoever_imports_it_first(first: str) -> None:
    code = (
        f"{first}from scotopic.adapters.ultralytics import graph; from ultralytics.utils import checks; "
        "print(checks.AUTOINSTALL, checks.check_requirements('no-such-package-of-ours'))"
    )
    environment = {**os.environ, "YOLO_AUTOINSTALL": "true"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
    assert "AutoUpdate disabled" in done.stdout + done.stderr


@pytest.mark.parametrize("where", ["graph", "source"])
def test_an_attached_model_can_be_pickled(untrained: Callable[[str], Any], night: np.ndarray, where: Any) -> None:
    model = attach(untrained("yolo11n"), "gamma", where=where, gate="off", keep_enhanced=True)
    before = model.predict(night, imgsz=64, verbose=False)[0]
    again = pickle.loads(pickle.dumps(model))
    after = again.predict(night, imgsz=64, verbose=False)[0]
    np.testing.assert_array_equal(before.enhanced, after.enhanced)
    assert type(detach(again)) is type(detach(model))
