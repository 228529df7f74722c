"""The guided filter of the fused engine against the module: borders, seams, and maps at their ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic import create_enhancer
from scotopic.pipeline.contract import Enhancer, to_batch
from scotopic.pipeline.enhancers.learned.sgz_task import RADIUS, SGZTask, noise_level
from scotopic.pipeline.fast import compiled

pytest.importorskip("numba", reason="the engine needs the extra [fast]")

from scotopic.pipeline.fast import numba_smoother

pytestmark = pytest.mark.usefixtures("one_thread")


def noise(height: int, width: int, largest: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, largest, (height, width, 3)).astype(np.uint8)


def scene(height: int, width: int) -> np.ndarray:
    """Dark and almost flat, with lamps, an edge, a bright part, and a little noise."""
    rng = np.random.default_rng(4)
    picture = np.full((height, width, 3), 3.0)
    picture[:, width // 2 :] = (24, 20, 31)
    picture[: height // 3, : width // 4] = 250
    picture[rng.random((height, width)) < 0.01] = 255
    return np.rint(picture + rng.normal(0, 0.7, picture.shape)).clip(0, 255).astype(np.uint8)


def steered(*maps: float, restraint: float = 1.0) -> SGZTask:
    """A net that gives the same four maps whatever it sees; -1 and 1 are reached."""
    net = SGZTask(weights="random", restraint=restraint)
    with torch.no_grad():
        net.e_conv7.get_parameter("point_conv.weight").zero_()
        net.e_conv7.get_parameter("point_conv.bias").copy_(torch.atanh(torch.tensor(maps)).clamp(-20, 20))
    return net


def loud(seed: int) -> SGZTask:
    net, generator = SGZTask(weights="random"), torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        inputs = parameter[0].numel() if parameter.ndim == 4 else 16
        parameter.data.normal_(0, 1.3 / inputs**0.5, generator=generator)
    return net


def assert_agrees(net: SGZTask, image: np.ndarray) -> None:
    before = image.copy()
    found = net.fused(image)
    assert found is not None
    assert found.dtype == np.uint8
    assert found.shape == image.shape
    assert np.abs(Enhancer.enhance(net, image).astype(int) - found).max() <= 1
    assert np.array_equal(net.enhance(image), found)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("height", [1, 2, 4, 5, 8, 9, 10, 16, 17, 18, 25])
def test_windows_are_cut_off_at_the_borders(height: int) -> None:
    net = loud(height)
    for width in (1, 2, 5, 8, 9, 13, 17, 25, 64, 71):
        assert_agrees(net, noise(height, width))
        assert_agrees(net, noise(width, height))


@pytest.mark.parametrize("width", [1279, 1280, 1281, 1290, 2561, 3840])
def test_no_seam_between_strips(width: int) -> None:
    assert_agrees(loud(width), noise(20, width))


@pytest.mark.parametrize("size", [(40, 60), (600, 33), (257, 100), (300, 1300)], ids=str)
def test_any_number_of_threads_gives_the_same(size: tuple[int, int]) -> None:
    net, image = loud(9), noise(*size)
    expected = net.enhance(image)
    assert_agrees(net, image)
    for threads in (2, 3, 7):
        torch.set_num_threads(threads)
        assert np.array_equal(net.enhance(image), expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [noise, scene])
def test_agrees_whatever_the_weights(make: Callable[[int, int], np.ndarray], seed: int) -> None:
    assert_agrees(loud(seed), make(90 + seed, 131))


@pytest.mark.parametrize("curve", [-1.0, -0.6, 0.0, 1.0])
@pytest.mark.parametrize("level", [-1.0, -0.9, 0.0, 1.0])
@pytest.mark.parametrize("restraint", [0.75, 1.0])
def test_maps_at_their_ends(curve: float, level: float, restraint: float) -> None:
    net = steered(curve, -curve, curve / 2, level, restraint=restraint)
    for image in (noise(50, 67), noise(50, 67, 9), scene(50, 67), 255 - scene(50, 67)):
        assert_agrees(net, image)


def test_without_noise_nothing_is_smoothed() -> None:
    image = noise(40, 50)
    assert np.array_equal(steered(0, 0, 0, -1).enhance(image), image)


@pytest.mark.parametrize("level", [0, 1, 77, 254, 255])
def test_flat_pictures(level: int) -> None:
    image = np.full((45, 70, 3), level, np.uint8)
    for net in (loud(1), steered(-0.9, 0.3, 0.9, 0.5)):
        assert_agrees(net, image)
        out = net.enhance(image)
        assert level not in (0, 255) or (out == level).all()


@pytest.mark.parametrize("exposure", [0.6, 1.0, 1.4])
def test_what_the_net_sees(exposure: float) -> None:
    """The noise level is largest in a chequered picture, and the net is shown no more than 2 of it."""
    kernels = compiled.load_smoother()
    assert kernels is not None
    chequered = np.indices((50, 75)).sum(0) % 2
    for image in (noise(50, 75), noise(51, 74, 40), 40 * chequered[..., None].repeat(3, 2).astype(np.uint8)):
        height = image.shape[0]
        level, seen = np.zeros((5, 7), np.float32), np.zeros((8, 5, 7), np.float32)
        light = np.float32(exposure) / np.float32(255)
        for part in range(3):
            kernels.look(image.reshape(height, -1), light, part, 3, level, seen, *kernels.look_scratch())
        x = to_batch(image).mul_(exposure).clamp_(max=1)
        assert np.allclose(level, noise_level(x)[0, 0], atol=1e-6)
        assert np.allclose(seen[:3], SGZTask(weights="random").look(x)[0, :3], atol=1e-6)
    assert_agrees(loud(2), 255 * chequered[..., None].repeat(3, 2).astype(np.uint8))


def test_shipped_weights() -> None:
    net = create_enhancer("sgz_task")
    assert isinstance(net, SGZTask)
    for image in (noise(130, 170), noise(130, 171, 30), scene(240, 320)):
        assert_agrees(net, image)


def test_a_photograph(data_dir: Path) -> None:
    from scotopic.pipeline.image import read_image

    net = create_enhancer("sgz_task")
    assert isinstance(net, SGZTask)
    assert_agrees(net, read_image(data_dir / "sgz_samples" / "Dark7.jpg"))


def test_the_kernel_knows_the_modules_window() -> None:
    assert numba_smoother.RADIUS == RADIUS
