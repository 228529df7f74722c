"""An enhancer ahead of any module or function: what the net gets, what it learns, and what is left afterwards."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scotopic import EnhancementStage, ScotopicError, attach, create_enhancer, detach
from scotopic.adapters.input_spec import InputSpec
from scotopic.pipeline.contract import to_batch

SPEC = InputSpec(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
STRIDE = InputSpec(multiple=4)


def normal(x: Tensor) -> Tensor:
    return (x - torch.tensor(SPEC.mean).view(3, 1, 1)) / torch.tensor(SPEC.std).view(3, 1, 1)


@pytest.fixture
def net() -> Any:
    """A small segmentation net with a batch norm, four classes, stride 4."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1))


@pytest.fixture
def dark() -> Tensor:
    return torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0)) * 0.2


def test_first_enhanced_then_normalised_once(net: Any, dark: Tensor) -> None:
    net.eval()
    wrapped = attach(net, "gamma[gamma=2.0]", spec=SPEC)
    torch.testing.assert_close(wrapped(dark), net(normal(dark.sqrt())))
    torch.testing.assert_close(wrapped.enhance(dark), dark.sqrt())
    bright = 1 - dark
    torch.testing.assert_close(wrapped(bright), net(normal(bright)), msg="the gate lets daylight pass")


def test_a_function_has_its_pictures_normalised_where_they_are(dark: Tensor) -> None:
    """It has no parameter that says where it works; "meta" stands for a GPU."""
    wrapped = attach(lambda x: x[:, :2], "none", spec=SPEC)
    assert wrapped.normalisation(dark.to("meta")).device.type == "meta"
    torch.testing.assert_close(wrapped(dark), normal(dark)[:, :2])


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_every_spec_gives_what_the_picture_route_gives(color: Any, layout: Any, night: np.ndarray) -> None:
    """The tensor route and ``InputSpec.prepare`` are two ways to the same numbers."""
    spec = InputSpec(color=color, layout=layout, range=255.0, mean=(1, 2, 3), std=(50, 60, 70), multiple=8)
    seen: list[Tensor] = []

    def remember(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    attach(remember, "none", spec=spec).segment(night)
    expected, _ = spec.prepare(night)
    np.testing.assert_allclose(seen[0].numpy(), expected, atol=1e-4)


def test_the_stage_s_own_colour_order_is_respected(net: Any, dark: Tensor) -> None:
    official = create_enhancer("sgz", weights="random")
    outputs = [
        attach(copy.deepcopy(net).eval(), EnhancementStage(official, color=order), spec=SPEC)(dark)
        for order in ("rgb", "bgr")
    ]
    torch.testing.assert_close(outputs[0], outputs[1])


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_a_gradient_trains_the_enhancer_through_a_frozen_net(net: Any, dark: Tensor, gate: Any) -> None:
    net.requires_grad_(False)
    wrapped = attach(net.eval(), "sgz", gate=gate, spec=SPEC, train_enhancer=True)
    wrapped.train()
    learning = [p for p in wrapped.parameters() if p.requires_grad]
    assert len(learning) == len(list(wrapped.stage.parameters()))
    assert wrapped.stage.training
    wrapped(dark).square().mean().backward()
    assert all(p.grad is not None for p in learning)
    assert sum(float(p.grad.abs().sum()) for p in learning if p.grad is not None) > 0
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_a_gradient_reaches_the_input(net: Any, dark: Tensor, gate: Any) -> None:
    wrapped = attach(net.eval(), "sgz", gate=gate, spec=SPEC)
    dark.requires_grad_()
    wrapped(dark).square().mean().backward()
    assert dark.grad is not None
    assert float(dark.grad.abs().sum()) > 0


def test_a_frozen_enhancer_stays_as_it_is_while_the_net_trains(net: Any, dark: Tensor) -> None:
    wrapped = attach(net, "sgz", spec=SPEC).train()
    before = copy.deepcopy(wrapped.stage.state_dict())
    weight = copy.deepcopy(net[0].weight)
    wrapped.requires_grad_(True)  # as schedules do that unfreeze everything
    optimizer = torch.optim.AdamW(wrapped.parameters(), lr=0.1, weight_decay=0.1)
    wrapped(dark).square().mean().backward()
    optimizer.step()
    assert not wrapped.stage.training
    for key, value in wrapped.stage.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not torch.equal(net[0].weight, weight)


def test_state_dict_holds_everything_and_comes_back(net: Any, dark: Tensor) -> None:
    wrapped = attach(net, "sgz", spec=SPEC).eval()
    other = attach(copy.deepcopy(net), "sgz[weights=random]", spec=STRIDE).eval()
    keys = {key.split(".")[0] for key in wrapped.state_dict()}
    assert keys == {"net", "enhancement", "normalisation"}
    with torch.no_grad():
        next(wrapped.net.parameters()).add_(1)
    assert not torch.equal(other(dark), wrapped(dark))
    other.load_state_dict(wrapped.state_dict())
    assert torch.equal(other(dark), wrapped(dark))
    assert torch.equal(pickle.loads(pickle.dumps(wrapped))(dark), wrapped(dark))


def test_train_and_eval_reach_the_net(net: Any) -> None:
    assert attach(net.eval(), "gamma", spec=SPEC).training is False
    wrapped = attach(net.train(), "gamma", spec=SPEC)
    assert wrapped.training
    assert net.training
    wrapped.eval()
    assert not net.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_another_precision_is_that_of_the_net(net: Any, dark: Tensor, dtype: torch.dtype) -> None:
    wrapped = attach(net.eval().to(dtype), "sgz", spec=SPEC)
    assert wrapped(dark).dtype == dtype
    other = attach(copy.deepcopy(net).float(), "sgz", spec=SPEC).to(dtype)
    assert other(dark.to(dtype)).dtype == dtype


def test_detach_gives_back_what_was_given(net: Any, dark: Tensor) -> None:
    net.eval()
    expected = net(dark)
    enhancer = create_enhancer("sgz", weights="random")
    wrapped = attach(net, enhancer, spec=SPEC)
    assert not any(p.requires_grad for p in enhancer.parameters())
    assert detach(wrapped) is net
    assert all(p.requires_grad for p in enhancer.parameters()), "the enhancer is the user's"
    assert torch.equal(net(dark), expected)
    assert detach(net) is net
    assert detach(detach) is detach
    torch.testing.assert_close(wrapped(dark), net(normal(dark)), msg="the wrapper without an enhancer normalises")


def test_a_second_enhancer_replaces_the_first(net: Any, dark: Tensor) -> None:
    wrapped = attach(net.eval(), "sgz", spec=SPEC)
    assert attach(wrapped, "gamma[gamma=2.0]") is wrapped
    torch.testing.assert_close(wrapped(dark), net(normal(dark.sqrt())))
    assert attach(wrapped, "gamma[gamma=2.0]", spec=InputSpec()) is wrapped
    torch.testing.assert_close(wrapped(dark), net(dark.sqrt()))


def test_a_function_will_do(dark: Tensor) -> None:
    def brightest(x: Tensor, scale: float = 1.0) -> Tensor:
        return scale * x.amax(1)

    wrapped = attach(brightest, "gamma[gamma=2.0]", spec=InputSpec())
    torch.testing.assert_close(wrapped(dark, scale=3.0), 3 * dark.sqrt().amax(1))
    assert detach(wrapped) is brightest


def test_pictures_of_any_size_are_labelled_at_their_own(net: Any, rng: np.random.Generator) -> None:
    wrapped = attach(net, "gamma[gamma=2.0]", gate="off", spec=STRIDE, names=["a", "b", "c", "d"])
    for size in ((24, 32), (23, 30), (1, 1), (5, 90)):
        image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
        found, timing = wrapped.segment(image)
        assert found.labels.shape == size
        assert found.gate_passed is False
        assert np.issubdtype(found.labels.dtype, np.integer)
        assert set(timing) == {"preprocess", "enhance", "inference", "postprocess"}
        assert all(value >= 0 for value in timing.values())
    assert wrapped.names == {0: "a", 1: "b", 2: "c", 3: "d"}


def test_logits_are_enlarged_before_the_best_is_taken(net: Any, rng: np.random.Generator) -> None:
    image = rng.integers(0, 60, (24, 32, 3), dtype=np.uint8)
    found, _ = attach(net, "none", spec=STRIDE).segment(image)
    net.eval()
    with torch.no_grad():
        logits = nn.functional.interpolate(net(to_batch(image)), (24, 32), mode="bilinear", align_corners=False)
    np.testing.assert_array_equal(found.labels, logits[0].argmax(0).numpy())


def test_segment_leaves_the_net_as_it_was(net: Any, night: np.ndarray) -> None:
    wrapped = attach(net.train(), "sgz", spec=STRIDE, train_enhancer=True)
    net[1].eval()  # a batch norm that somebody froze
    before = copy.deepcopy(wrapped.state_dict())
    modes = [part.training for part in wrapped.modules()]
    wrapped.segment(night)
    assert [part.training for part in wrapped.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in wrapped.state_dict().items())


def test_padding_is_not_brightened(net: Any, rng: np.random.Generator) -> None:
    seen: list[Tensor] = []

    def remember(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    attach(remember, "gamma[gamma=3.0]", gate="off", spec=STRIDE).segment(
        rng.integers(0, 60, (5, 6, 3), dtype=np.uint8)
    )
    assert seen[0].shape == (1, 3, 8, 8)
    torch.testing.assert_close(seen[0][:, :, 5:], torch.full((1, 3, 3, 8), 114 / 255))


def test_at_the_source_only_pictures_are_taken(net: Any, night: np.ndarray, day: np.ndarray, dark: Tensor) -> None:
    wrapped = attach(net, "clahe", where="source", spec=STRIDE)
    with pytest.raises(ScotopicError, match=r"'clahe' stands ahead of whole pictures: use segment\(image\)"):
        wrapped(dark)
    bare = attach(copy.deepcopy(net), "none", spec=STRIDE)
    found, timing = wrapped.segment(night)
    enhanced = EnhancementStage("clahe").process(night).image
    np.testing.assert_array_equal(found.labels, bare.segment(enhanced)[0].labels)
    assert found.gate_passed is False
    assert timing["enhance"] > 0
    assert wrapped.segment(day)[0].gate_passed is True


def test_the_record_tells_the_weights_as_they_are(net: Any) -> None:
    wrapped = attach(net, "sgz", spec=SPEC)
    first = wrapped.description
    assert first["file"] == "Sequential"
    assert first["task"] == "semantic"
    assert first["enhancer"] == "sgz"
    assert first["settings"]["input"] == SPEC.to_dict()
    assert first["sha256"] == wrapped.description["sha256"]
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] += 1
    assert wrapped.description["sha256"] != first["sha256"]


BAD: list[tuple[Callable[[Any, Any], Any], str]] = [
    (lambda net, x: attach(net, "sgz"), r"Sequential does not say how it wants its pictures: give spec=InputSpec"),
    (lambda net, x: attach(net, "clahe", spec=SPEC), 'use where="source"'),
    (lambda net, x: attach(net, "sgz", spec=SPEC, keep_enhanced=True), "keep_enhanced means nothing to Sequential"),
    (lambda net, x: attach(nn.Sequential, "sgz", spec=SPEC), "cannot attach to the class Sequential: make a model"),
    (lambda net, x: attach(net, "sgz", spec=SPEC, names="road"), "names is a list of class names"),
    (lambda net, x: attach(net, "sgz", spec=SPEC)(x * 255), "divide 8-bit values by 255"),
    (lambda net, x: attach(net, "none", spec=SPEC)(normal(x)), r"takes values in \[0, 1\]"),
    (
        lambda net, x: detach(attach(net, "none", spec=SPEC)) and attach(net, "none", spec=SPEC)(x[0]),
        "missing dimension",
    ),
    (
        lambda net, x: attach(nn.Flatten(), "none", spec=SPEC).segment(np.zeros((4, 4, 3), np.uint8)),
        r"not shape \(1, 48\)",
    ),
    (lambda net, x: attach(net, "none", spec=SPEC).segment(np.zeros((4, 4), np.uint8)), r"not shape \(4, 4\)"),
    (
        lambda net, x: attach(nn.Conv2d(3, 2, 9), "none", spec=SPEC).segment(np.zeros((4, 5, 3), np.uint8)),
        r"cannot run Conv2d on 4x5 \(height x width\)",
    ),
]


@pytest.mark.parametrize(("act", "message"), BAD)
def test_what_cannot_be_is_said_in_one_sentence(act: Any, message: str, net: Any, dark: Tensor) -> None:
    with pytest.raises(ScotopicError, match=message) as raised:
        act(net, dark)
    assert "\n" not in str(raised.value)
