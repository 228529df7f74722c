"""The fused engine against the module that it stands in for, and everything that could make it stale or fail."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.pipeline.contract import Enhancer, to_batch, to_image
from scotopic.pipeline.enhancers.learned.curve import CurveEnhancer, recurrent_enhancement
from scotopic.pipeline.enhancers.learned.sgz import SGZ
from scotopic.pipeline.enhancers.learned.sgz_task import SGZTask
from scotopic.pipeline.fast import compiled, engine
from scotopic.pipeline.fast.tiles import part
from scotopic.pipeline.parallel import for_each
from scotopic.pipeline.registry import create_enhancer

from ..conftest import torch_threads

pytest.importorskip("numba", reason="the engine needs the extra [fast]")

pytestmark = pytest.mark.usefixtures("two_threads")

SIZES = [(1, 1), (1, 7), (7, 1), (2, 2), (13, 5), (25, 13), (61, 127), (640, 640), (900, 1200)]
NETS = {
    "sgz": {},
    "zero_dce_pp": {},
    "zero_dce": {},
    "sgz-traditional": {"convolution": "tc", "scale_factor": 3},
    "sgz-whole": {"scale_factor": 1},
    "sgz_task": {},
    "sgz_task-larger": {"scale_factor": 5},
}


def loud(name: str, seed: int = 5) -> CurveEnhancer:
    """An untrained net whose every layer makes a difference."""
    net = create_enhancer(name.partition("-")[0], weights="random", **NETS[name])
    assert isinstance(net, CurveEnhancer)
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        # As large as the layer's inputs are many, so that tanh spreads the result over all of (-1, 1).
        inputs = parameter[0].numel() if parameter.ndim == 4 else 16
        parameter.data.normal_(0, 1.3 / inputs**0.5, generator=generator)
    return net


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Mostly dark, with every grey level in it, and no two neighbours alike."""
    levels = np.random.default_rng(seed).random((height, width, 3)) ** 2
    return (levels * 256).astype(np.uint8)


def by_module(net: CurveEnhancer, image: np.ndarray) -> np.ndarray:
    """On one thread, since PyTorch's wait for one another busily while other tests want the processor."""
    with torch_threads(1):
        return Enhancer.enhance(net, image)


def assert_agrees(net: CurveEnhancer, image: np.ndarray) -> None:
    fused = net.fused(image)
    assert fused is not None
    assert fused.shape == image.shape
    expected = by_module(net, image)
    assert np.abs(expected.astype(int) - fused).max() <= 1
    assert np.array_equal(net.enhance(image), fused)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NETS)
def test_agrees_with_the_module(name: str, size: tuple[int, int]) -> None:
    net = loud(name)
    if net.scale_factor < 12 and min(size) > 100:
        size = (size[0] // 5, size[1] // 5)  # the net looks at many more pixels
    image = picture(*size)
    assert_agrees(net, image)
    if min(size) > 9:
        assert np.abs(net.enhance(image).astype(int) - image).mean() > 5


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("size", [(130, 40), (40, 730), (1559, 13), (270, 360)], ids=str)
def test_no_seam_between_tiles(size: tuple[int, int], threads: int) -> None:
    torch.set_num_threads(threads)
    assert_agrees(loud("sgz-whole", seed=threads), picture(*size))


def test_no_trace_of_another_picture() -> None:
    """The memory of a thread is used again, for other sizes and other nets."""
    nets = [loud(name) for name in ("zero_dce_pp", "sgz-traditional", "sgz-whole", "sgz_task")]
    for height, width in [(90, 70), (20, 200), (70, 90), (1, 3), (200, 20)]:
        for net in nets:
            assert_agrees(net, picture(height, width))


def test_agrees_with_real_weights(official_weights: Path) -> None:
    net = create_enhancer("sgz", weights=official_weights)
    assert isinstance(net, CurveEnhancer)
    assert_agrees(net, picture(480, 641))
    assert_agrees(net, np.full((30, 40, 3), 255, np.uint8))
    assert not net.enhance(np.zeros((30, 40, 3), np.uint8)).any()


def test_a_photograph(data_dir: Path) -> None:
    from scotopic.pipeline.image import read_image

    net = create_enhancer("sgz")
    assert isinstance(net, CurveEnhancer)
    assert_agrees(net, read_image(data_dir / "sgz_samples" / "Dark7.jpg"))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", [(1, 1), (25, 13), (150, 361)], ids=str)
def test_in_two_steps_it_does_the_same(name: str, size: tuple[int, int]) -> None:
    net, image, seen = loud(name), picture(*size), []

    def keep(factor: np.ndarray) -> np.ndarray:
        seen.append(factor)
        return factor

    found = net.fused(image, adjust=keep)
    assert found is not None
    assert np.array_equal(found, net.enhance(image))
    with torch.inference_mode():
        estimated = net.estimate(to_batch(image))[0].numpy()
    assert seen[0].shape == estimated.shape
    assert np.allclose(seen[0], estimated, atol=2e-5)


@pytest.mark.parametrize("name", ["sgz", "zero_dce", "sgz_task"])
@pytest.mark.parametrize("exposure", [0.5, 1.07, 2.0])
def test_another_exposure_and_another_factor(name: str, exposure: float) -> None:
    net, image = loud(name), picture(61, 127)
    found = net.fused(image, exposure=exposure, adjust=lambda factor: 0.8 * factor)
    assert found is not None
    with torch.inference_mode():
        x = to_batch(image).mul_(exposure).clamp_(max=1)
        expected = to_image(net.apply_maps(x, net.enlarge(0.8 * net.estimate(x), x.shape[-2:])))
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("r", [-1.0, -0.6, -0.01, -1.01e-3, -1e-3, -1e-4, -1e-7, 0.0, 1e-7, 9e-4, 1.1e-3, 0.3, 1.0])
def test_every_grey_level_along_a_curve(r: float) -> None:
    """Far from zero the curves are computed in another way than near it; in exact arithmetic both are the same."""
    levels = np.arange(256)
    image = levels.astype(np.uint8).reshape(16, 16, 1).repeat(3, 2)
    found = loud("sgz").fused(image, adjust=lambda factor: np.full_like(factor, r))
    assert found is not None
    exact = levels / 255
    for _ in range(8):
        exact = exact + r * (exact**2 - exact)
    assert np.abs(found.reshape(256, 3) - 255 * exact[:, None]).max() < 0.57
    assert r or np.array_equal(found, image)


def test_a_factor_that_passes_zero() -> None:
    image = picture(61, 127)
    ramp = np.linspace(-0.02, 0.02, 11, dtype=np.float32)
    found = loud("sgz").fused(image, adjust=lambda factor: np.broadcast_to(ramp, factor.shape))
    assert found is not None
    x, factor = to_batch(image), torch.from_numpy(np.broadcast_to(ramp, (1, 3, 6, 11)).copy())
    net = loud("sgz")
    expected = to_image(net.apply_maps(x, net.enlarge(factor, x.shape[-2:])))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_given_factor_leaves_nothing_of_what_was_in_memory() -> None:
    """Behind the last pixel of a line lies what an earlier picture left there."""
    net = loud("sgz")
    sick = copy.deepcopy(net)
    for parameter in sick.parameters():
        parameter.data.fill_(torch.nan)
    for size in [(61, 127), (40, 300)]:
        expected = net.enhance(picture(*size))
        sick.enhance(picture(400, 700))
        found = net.fused(picture(*size), adjust=lambda factor: factor)
        assert found is not None
        assert np.array_equal(found, expected)


def _by_optimiser(net: Any) -> None:
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    net(torch.rand(1, 3, 24, 24)).mean().backward()
    optimiser.step()


def _by_data(net: Any) -> None:
    net.e_conv7.point_conv.bias.data.add_(0.5)


def _by_inference(net: Any) -> None:
    with torch.inference_mode():
        next(net.parameters()).mul_(3)


def _by_loading(net: Any) -> None:
    net.load_state_dict(loud("zero_dce_pp", seed=77).state_dict())


def _by_new_parameter(net: Any) -> None:
    net.e_conv7 = loud("zero_dce_pp", seed=78).e_conv7


def _by_layout(net: Any) -> None:
    _by_data(net)
    net.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("change", [_by_optimiser, _by_data, _by_inference, _by_loading, _by_new_parameter, _by_layout])
def test_weights_are_never_stale(change: Any) -> None:
    net, image = loud("zero_dce_pp"), picture(60, 80)
    before = net.enhance(image)
    change(net)
    assert_agrees(net, image)
    assert not np.array_equal(net.enhance(image), before)


def test_copies_are_nets_of_their_own() -> None:
    net, image = loud("zero_dce_pp"), picture(60, 80)
    expected, state = net.enhance(image), set(net.state_dict())
    twin, thawed = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
    _by_data(net)
    assert set(net.state_dict()) == state
    for other in (twin, thawed):
        assert np.array_equal(other.enhance(image), expected)
        assert not np.array_equal(net.enhance(image), expected)


def test_many_threads_at_once() -> None:
    nets = [loud("zero_dce_pp"), loud("sgz-whole"), loud("sgz_task")]
    jobs = [(nets[i % 3], picture(40 + 7 * i, 150 - 9 * i, seed=i)) for i in range(12)]
    expected = [net.enhance(image) for net, image in jobs]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda job: job[0].enhance(job[1]), jobs * 4))
    assert all(np.array_equal(a, b) for a, b in zip(expected * 4, found, strict=True))


@pytest.mark.parametrize("name", ["zero_dce_pp", "sgz_task"])
def test_any_memory_that_numpy_knows(name: str) -> None:
    net, base = loud(name), picture(120, 90)
    locked = base.copy()
    locked.flags.writeable = False
    views = [locked, base[::2, ::3], base[..., ::-1], base.transpose(1, 0, 2), np.broadcast_to(base[:1], base.shape)]
    for view in views:
        copied = np.ascontiguousarray(view).copy()
        out = net.enhance(view)
        assert np.array_equal(out, net.enhance(copied))
        assert np.array_equal(view, copied)  # never changed
        assert out.flags.writeable
        assert not np.shares_memory(out, base)


class Inverted(SGZ):
    """Somebody's subclass: what it computes is its own affair."""

    def transform(self, x: Tensor) -> Tensor:
        return 1 - super().transform(x)


class Blunt(SGZTask):
    def apply_maps(self, x: Tensor, maps: Tensor) -> Tensor:
        return super().apply_maps(x, maps.round())


def _hooked(name: str = "sgz") -> CurveEnhancer:
    net: Any = loud(name)
    net.e_conv3.register_forward_hook(lambda module, inputs, output: output * 0)
    return net


def _parametrized() -> CurveEnhancer:
    net: Any = loud("sgz")
    torch.nn.utils.parametrizations.weight_norm(net.e_conv3.point_conv)
    return net


@pytest.mark.parametrize(
    "net",
    [
        lambda: Inverted(weights="random"),
        lambda: SGZ(weights="random", order=3),
        lambda: SGZ(weights="random", iterations=5),
        lambda: loud("sgz").double(),
        _hooked,
        _parametrized,
        lambda: Blunt(weights="random"),
        lambda: loud("sgz_task").double(),
        lambda: _hooked("sgz_task"),
    ],
    ids=["subclass", "order", "iterations", "double", "hook", "parametrized", "task", "task-double", "task-hook"],
)
def test_what_the_engine_cannot_do_the_module_does(net: Any) -> None:
    enhancer, image = net(), picture(50, 70)
    expected = Enhancer.enhance(enhancer, image).astype(int)
    assert np.abs(enhancer.enhance(image) - expected).max() <= 1


@pytest.mark.parametrize("name", ["zero_dce_pp", "sgz_task"])
def test_not_a_number_leaves_no_trace(name: str) -> None:
    net, image = loud(name), picture(60, 80)
    expected = net.enhance(image)
    sick = copy.deepcopy(net)
    for parameter in sick.parameters():
        parameter.data.fill_(torch.nan)
    sick.enhance(image)
    sick.enhance(picture(200, 300))
    assert np.array_equal(net.enhance(image), expected)


def _mix_of_the_third_layer(net: Any) -> np.ndarray:
    weights = engine.read_weights(net)
    assert weights is not None
    return weights[1].reshape(7, 2, 1, 32, 32)[2, 0, 0]


def test_weights_too_small_for_fast_arithmetic_become_zero() -> None:
    net: Any = loud("zero_dce_pp")
    net.e_conv3.point_conv.weight.data.fill_(1e-39)
    assert not _mix_of_the_third_layer(net).any()
    net.e_conv3.point_conv.weight.data.fill_(1e-6)
    assert _mix_of_the_third_layer(net) == pytest.approx(np.float32(1e-6), rel=1e-6)


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_loaded", {})


@pytest.mark.usefixtures("nothing_loaded")
def test_without_numba_pytorch_does_it_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    image = picture(30, 40)
    for net in (loud("sgz_task"), loud("sgz"), loud("sgz_task")):
        assert np.array_equal(net.enhance(image), Enhancer.enhance(net, image))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert 'pip install "scotopic[fast]"' in caplog.text


@pytest.mark.parametrize("name", ["sgz", "sgz_task"])
@pytest.mark.usefixtures("nothing_loaded")
def test_a_compiler_that_fails_is_done_without(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: Any) -> Any:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(compiled, "_compile", broken)
    net, image = loud(name), picture(30, 40)
    assert np.array_equal(net.enhance(image), Enhancer.enhance(net, image))
    assert "no compiler here" in caplog.text


def test_a_cache_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    compile_ = numba.njit

    def without_disk(*arguments: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_(*arguments, **options)

    monkeypatch.setattr(numba, "njit", without_disk)
    add = compiled._compile(lambda x: x + 1, numba.int64(numba.int64))
    assert add(3) == 4


@pytest.mark.usefixtures("nothing_loaded")
def test_slow_compilation_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    heard = threading.Event()

    def warning(text: str) -> None:
        said.append(text)
        heard.set()

    monkeypatch.setattr(compiled._log, "warning", warning)
    monkeypatch.setattr(compiled, "PATIENCE", 0)
    monkeypatch.setattr(compiled, "Kernels", lambda: heard.wait(60))
    assert compiled.load_kernels()
    assert "compiling" in said[0]


AFTER_FORK = """
import os, sys, numpy as np, torch
torch.set_num_threads(2)
from scotopic import create_enhancer
net, image = create_enhancer("sgz"), np.full((900, 800, 3), 30, np.uint8)
expected = net.enhance(image)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(net.enhance(image), expected) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", AFTER_FORK], timeout=120, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("size", [(1, 1), (75, 100), (180, 320), (31, 900), (2160, 3840)], ids=str)
def test_tiles_cover_every_pixel_once(size: tuple[int, int], threads: int) -> None:
    seen = np.zeros(size, int)
    for top, bottom, left, right in part(*size, threads, (128, 352)):
        seen[top:bottom, left:right] += 1
        assert bottom - top <= 128
        assert right - left <= 352
    assert (seen == 1).all()


def test_an_error_in_a_thread_comes_out() -> None:
    def work(item: int) -> None:
        raise KeyError(item)

    with pytest.raises(KeyError):
        for_each(work, range(8), threads=3)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-7), (torch.bfloat16, 3e-3), (torch.float16, 4e-4)])
def test_the_curve_in_place_is_the_curve(dtype: torch.dtype, error: float) -> None:
    x, factor = torch.rand(2, 3, 50, 60).to(dtype), (2 * torch.rand(2, 3, 50, 60) - 1).to(dtype)
    before = x.clone(), factor.clone()
    exact = recurrent_enhancement(x.double(), factor.double())
    once = 2 * x.double() - x.double() ** 2
    with torch.no_grad():
        found = recurrent_enhancement(x, factor)
        single = recurrent_enhancement(x, torch.tensor([-1.0], dtype=dtype), iterations=1)
    assert found.dtype == dtype
    assert float((found - exact).abs().mean()) < error
    assert float((single - once).abs().mean()) < error
    assert torch.equal(x, before[0])
    assert torch.equal(factor, before[1])
