"""The compiled pass of `sci` against the module that it stands in for, and everything that could make it stale."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.enhancers.learned.sci import SCI
from scotopic.pipeline.fast import compiled
from scotopic.pipeline.fast.illumination import fused_divide

pytest.importorskip("numba", reason="the compiled pass needs the extra [fast]")

pytestmark = pytest.mark.usefixtures("two_threads")

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (13, 5), (31, 33), (33, 257), (65, 256), (32, 600), (200, 300)]


def loud(seed: int = 1, kind: type[SCI] = SCI) -> Any:
    """An untrained net whose every layer, the normalisation included, makes a difference."""
    net = kind(weights="random").eval()
    generator = torch.Generator().manual_seed(seed)
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.normal_(0, 0.5, generator=generator)
    net.get_buffer("conv.1.running_var").abs_().add_(0.1)
    return net


def picture(height: int, width: int) -> np.ndarray:
    return (np.random.default_rng(0).random((height, width, 3)) ** 2 * 256).astype(np.uint8)


def assert_agrees(net: SCI, image: np.ndarray) -> None:
    compiled_one = fused_divide(net, image)
    assert compiled_one is not None
    assert np.array_equal(net.enhance(image), compiled_one)
    apart = np.abs(compiled_one.astype(int) - Enhancer.enhance(net, image))
    assert apart.max() <= 1
    assert (apart > 0).mean() <= max(1e-3, 1 / apart.size)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_size(size: tuple[int, int], seed: int) -> None:
    assert_agrees(loud(seed), picture(*size))


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_flat_pictures_with_their_borders(level: int) -> None:
    for seed in range(4):
        assert_agrees(loud(seed), np.full((40, 50, 3), level, np.uint8))


def test_illuminations_near_their_bounds() -> None:
    net = loud()
    for bias in (-90, -9, 9, 90):
        net.out_conv[0].bias.data.fill_(bias)
        assert_agrees(net, picture(50, 60))


def test_the_number_of_threads_changes_nothing() -> None:
    net, image = loud(), picture(150, 280)
    expected = net.enhance(image)
    for threads in (1, 3):
        torch.set_num_threads(threads)
        assert np.array_equal(net.enhance(image), expected)


def test_views_and_what_they_look_at_stay_as_they_are() -> None:
    image = picture(60, 70)
    image.flags.writeable = False
    before = image.copy()
    for view in (image, image[::2, ::-1], image[..., ::-1], image.transpose(1, 0, 2)):
        assert_agrees(loud(), view)
    assert np.array_equal(image, before)


def test_weights_are_read_anew() -> None:
    net, image = loud(), picture(30, 40)
    first = net.enhance(image)
    net.load_state_dict(loud(2).state_dict())
    assert not np.array_equal(net.enhance(image), first)
    assert_agrees(net, image)


def in_training(net: Any) -> None:
    net.train()


def in_double(net: Any) -> None:
    net.double()


def hooked(net: Any) -> None:
    net.in_conv[0].register_forward_hook(lambda module, inputs, output: output * 2)


def without_bias(net: Any) -> None:
    net.out_conv[0].bias = None


def without_statistics(net: Any) -> None:
    net.conv[1] = torch.nn.BatchNorm2d(3, track_running_stats=False).eval()


def rectified(net: Any) -> None:
    net.out_conv.append(torch.nn.ReLU())


@pytest.mark.parametrize("change", [in_training, in_double, hooked, without_bias, without_statistics, rectified])
def test_what_the_pass_does_not_know_the_module_does(change: Any) -> None:
    net, twin, image = loud(), loud(), picture(30, 40)
    change(net)
    change(twin)  # in training each look at a picture changes the statistics
    assert fused_divide(net, image) is None
    assert np.array_equal(net.enhance(image), Enhancer.enhance(twin, image))


class Other(SCI):
    def transform(self, x: Tensor) -> Tensor:
        return 1 - x


def test_a_subclass_does_what_it_says() -> None:
    image = picture(20, 30)
    assert np.array_equal(loud(kind=Other).enhance(image), 255 - image)


def test_without_numba_pytorch_does_it_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "_loaded", {})
    monkeypatch.setitem(sys.modules, "numba", None)
    net, image = loud(), picture(30, 40)
    for _ in range(2):
        assert np.array_equal(net.enhance(image), Enhancer.enhance(net, image))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "PyTorch" in caplog.text
