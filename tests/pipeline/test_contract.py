"""The contract of enhancers, held against every one in the registry: who registers a new one is tested here as well."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Cost, Enhancer, EnhancerInfo, Kind, to_batch
from scotopic.pipeline.enhancers.files import Folder
from scotopic.pipeline.image import write_image
from scotopic.pipeline.registry import enhancer_info, list_enhancers

from .conftest import enhancer_without_network

Enhance = Callable[[np.ndarray], np.ndarray]

SIZES = [(1, 1), (7, 5), (1, 9), (9, 1), (31, 33), (64, 64)]
SIZE_4K = (2160, 3840)
# By cost class, so that the dearest do not take all the time.
LARGE: dict[Cost, tuple[int, int]] = {"cheap": SIZE_4K, "moderate": (720, 1280), "heavy": (144, 256)}
NAMES = [name for name in list_enhancers() if enhancer_info(name).kind != "files"]


def dark_picture(height: int, width: int) -> np.ndarray:
    """A dark gradient with noise and one bright lamp, the same every time."""
    rng = np.random.default_rng(height * 10_000 + width)
    ramp = np.linspace(0, 60, height)[:, None, None] + np.linspace(0, 30, width)[None, :, None]
    picture = (ramp + rng.normal(0, 6, (height, width, 3))).clip(0, 255).astype(np.uint8)
    picture[: height // 8, : width // 8] = 250
    return picture


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Any warning fails the test; torch repeats those which it would give once only."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


@pytest.fixture(scope="module", params=NAMES)
def enhancer(request: pytest.FixtureRequest) -> Enhancer:
    """The same object for all its tests: none may leave a trace in it."""
    return enhancer_without_network(request.param)


class PictureContract:
    """What holds for pictures: uint8 RGB (H, W, 3). A subclass gives the fixture ``enhance``."""

    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_any_size_comes_back_whole(self, enhance: Enhance, size: tuple[int, int]) -> None:
        picture = dark_picture(*size)
        enhanced = enhance(picture)
        assert enhanced.shape == picture.shape
        assert enhanced.dtype == np.uint8
        assert enhanced.flags.c_contiguous
        assert enhanced.flags.writeable

    def test_pixels_stay_where_they_are(self, enhance: Enhance) -> None:
        picture = np.full((64, 96, 3), 12, np.uint8)
        lamp = np.zeros((64, 96), bool)
        lamp[21:35, 40:57] = True
        picture[lamp] = 220
        luma = enhance(picture).mean(2)
        assert luma[lamp].min() > luma[~lamp].max()

    @pytest.mark.parametrize("channel", range(3))
    def test_colours_stay_in_their_channel(self, enhance: Enhance, channel: int) -> None:
        picture = np.full((24, 24, 3), 15, np.uint8)
        picture[..., channel] = 110
        means = enhance(picture).mean((0, 1))
        assert means.argmax() == channel

    def test_is_deterministic(self, enhance: Enhance) -> None:
        picture = dark_picture(50, 70)
        assert np.array_equal(enhance(picture), enhance(picture))

    def test_never_changes_or_shares_its_input(self, enhance: Enhance) -> None:
        picture = dark_picture(30, 41)
        before = picture.copy()
        enhanced = enhance(picture)
        assert np.array_equal(picture, before)
        assert not np.shares_memory(picture, enhanced)

    @pytest.mark.usefixtures("no_warnings")
    def test_takes_read_only_arrays_and_views(self, enhance: Enhance) -> None:
        picture = dark_picture(40, 60)
        expected = enhance(picture)
        frozen = picture.copy()
        frozen.flags.writeable = False
        reversed_twice = np.ascontiguousarray(picture[..., ::-1])[..., ::-1]
        column_major = np.asfortranarray(picture)
        window = np.pad(picture, ((3, 4), (5, 6), (0, 0)))[3:-4, 5:-6]
        window.flags.writeable = False
        for same in (frozen, reversed_twice, column_major, window):
            assert np.array_equal(enhance(same), expected)

    @pytest.mark.parametrize(
        ("wrong", "names"),
        [
            ([[[0, 0, 0]]], "list"),
            (torch.zeros(4, 4, 3, dtype=torch.uint8), "Tensor"),
            (np.zeros((4, 4, 3), np.float32), "float32"),
            (np.zeros((4, 4, 3), np.uint16), "uint16"),
            (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
            (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
            (np.zeros((1, 3, 4, 4), np.uint8), r"\(1, 3, 4, 4\)"),
            (np.zeros((0, 4, 3), np.uint8), "empty"),
        ],
        ids=["list", "tensor", "float", "16-bit", "grey", "alpha", "batch", "empty"],
    )
    def test_names_what_is_wrong_with_a_picture(self, enhance: Enhance, wrong: np.ndarray, names: str) -> None:
        with pytest.raises(ScotopicError, match=names):
            enhance(wrong)


class TestRegistered(PictureContract):
    """Every enhancer of the registry, with its default parameters, and weights if they are here, else untrained."""

    @pytest.fixture
    def enhance(self, enhancer: Enhancer) -> Enhance:
        return enhancer.enhance

    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_batch_is_whole_in_range_and_agrees_with_the_picture(
        self, enhancer: Enhancer, size: tuple[int, int]
    ) -> None:
        picture = dark_picture(*size)
        batch = to_batch(picture)
        with torch.no_grad():
            out = enhancer(batch)
        assert out.shape == batch.shape
        assert out.dtype == batch.dtype
        assert out.device == batch.device
        assert bool(torch.isfinite(out).all())
        assert float(out.min()) >= 0
        assert float(out.max()) <= 1
        levels = out[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(levels - enhancer.enhance(picture)).max() <= 1.001

    def test_batch_equals_loop(self, enhancer: Enhancer) -> None:
        pictures = [dark_picture(45, 52), 255 - dark_picture(45, 52), np.zeros((45, 52, 3), np.uint8)]
        batch = torch.cat([to_batch(picture) for picture in pictures])
        with torch.no_grad():
            loop = torch.cat([enhancer(frame.unsqueeze(0)) for frame in batch])
            torch.testing.assert_close(enhancer(batch), loop, rtol=0, atol=1e-5)

    def test_batch_is_deterministic_and_stays_as_it_was(self, enhancer: Enhancer) -> None:
        batch = to_batch(dark_picture(33, 20))
        before = batch.clone()
        with torch.no_grad():
            first = enhancer(batch)
            second = enhancer(batch)
        assert torch.equal(first, second)
        assert torch.equal(batch, before)
        assert first.data_ptr() != batch.data_ptr()

    @pytest.mark.usefixtures("no_warnings")
    def test_takes_views_of_tensors(self, enhancer: Enhancer) -> None:
        batch = to_batch(dark_picture(24, 36)).expand(2, -1, -1, -1)
        turned = batch.transpose(2, 3).contiguous().transpose(2, 3)
        last = batch.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            expected = enhancer(batch.contiguous())
            for same in (batch, turned, last):
                torch.testing.assert_close(enhancer(same), expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize(
        ("dtype", "tolerance"), [(torch.float16, 0.02), (torch.bfloat16, 0.05), (torch.float64, 1e-5)], ids=str
    )
    def test_other_floats(self, enhancer: Enhancer, dtype: torch.dtype, tolerance: float) -> None:
        batch = to_batch(dark_picture(30, 40))
        with torch.no_grad():
            out = enhancer(batch.to(dtype))
            expected = enhancer(batch)
        assert out.dtype == dtype
        assert float(out.min()) >= 0
        assert float(out.max()) <= 1
        torch.testing.assert_close(out.float(), expected, rtol=0, atol=tolerance)

    def test_a_hair_outside_the_range_is_clamped(self, enhancer: Enhancer) -> None:
        batch = torch.linspace(-5e-4, 1 + 5e-4, 3 * 16 * 16).view(1, 3, 16, 16)
        with torch.no_grad():
            out = enhancer(batch)
        assert float(out.min()) >= 0
        assert float(out.max()) <= 1

    _good: ClassVar[Tensor] = torch.full((1, 3, 4, 4), 0.2)

    @pytest.mark.parametrize(
        ("wrong", "names"),
        [
            ([[0.5]], "list"),
            (np.zeros((1, 3, 4, 4), np.float32), "ndarray"),
            (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "uint8"),
            (torch.zeros(1, 3, 4, 4, dtype=torch.int64), "int64"),
            (torch.zeros(3, 4, 4), r"\(3, 4, 4\)"),
            (torch.zeros(1, 1, 4, 4), "not 1"),
            (torch.zeros(1, 4, 4, 4), "not 4"),
            (torch.zeros(1, 4, 4, 3), "not 4"),
            (torch.zeros(0, 3, 4, 4), "empty"),
            (torch.zeros(1, 3, 0, 4), "empty"),
            (_good * 255, "divide 8-bit values by 255"),
            (_good - 1, r"\[-0\.8, -0\.8\]"),
            (_good.index_fill(3, torch.tensor(2), float("nan")), "NaN"),
            (_good.index_fill(2, torch.tensor(0), float("inf")), "inf"),
            (_good.index_fill(1, torch.tensor(1), float("-inf")), "inf"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_names_what_is_wrong_with_a_batch(self, enhancer: Enhancer, wrong: Tensor, names: str) -> None:
        with pytest.raises(ScotopicError, match=names):
            enhancer(wrong)

    def test_copies_and_pickles_enhance_alike(self, enhancer: Enhancer) -> None:
        picture = dark_picture(26, 31)
        expected = enhancer.enhance(picture)
        assert np.array_equal(copy.deepcopy(enhancer).enhance(picture), expected)
        assert np.array_equal(pickle.loads(pickle.dumps(enhancer)).enhance(picture), expected)

    def test_is_ready_to_use(self, enhancer: Enhancer) -> None:
        assert not any(module.training for module in enhancer.modules())

    def test_fingerprint_is_of_the_method_and_its_weights(self, enhancer: Enhancer) -> None:
        other = copy.deepcopy(enhancer)
        assert len(enhancer.fingerprint()) == 64
        assert other.fingerprint() == enhancer.fingerprint()
        weight = next(other.parameters(), None)
        if weight is not None:
            weight.data.view(-1)[0] += 1
            assert other.fingerprint() != enhancer.fingerprint()

    def test_counts_its_parameters(self, enhancer: Enhancer) -> None:
        counted = sum(parameter.numel() for parameter in enhancer.parameters())
        assert counted == enhancer.info.params
        assert (counted > 0) == enhancer.info.learned


class TestFolder(PictureContract):
    """``folder:DIR`` delivers files, so each picture is put there before it is asked for."""

    @pytest.fixture
    def enhance(self, tmp_path: Path) -> Enhance:
        def enhance(picture: np.ndarray) -> np.ndarray:
            if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.shape[2:] == (3,):
                ready = picture if picture.size else np.zeros((1, 1, 3), np.uint8)
                write_image(tmp_path / "frame.bmp", np.minimum(ready, 127) * 2)
            else:
                write_image(tmp_path / "frame.bmp", np.zeros((4, 4, 3), np.uint8))
            return Folder(tmp_path).enhance_named(picture, "night/frame.jpg")

        return enhance

    def test_4k(self, enhance: Enhance) -> None:
        picture = dark_picture(*SIZE_4K)
        assert np.array_equal(enhance(picture), np.minimum(picture, 127) * 2)


@pytest.mark.parametrize("name", NAMES)
def test_large(name: str) -> None:
    enhancer = enhancer_without_network(name)
    size = LARGE[enhancer.info.cost]
    picture = dark_picture(*size)
    with torch.no_grad():
        out = enhancer(to_batch(picture))
    assert out.shape == (1, 3, *size)
    levels = out[0].permute(1, 2, 0).mul_(255).numpy()
    assert np.abs(levels - enhancer.enhance(picture)).max() <= 1.001


@pytest.mark.parametrize("name", list_enhancers())
def test_info_is_complete(name: str) -> None:
    info = enhancer_info(name)
    assert isinstance(info, EnhancerInfo)
    assert info.name == name
    assert info.summary.endswith(".")
    assert info.kind in get_args(Kind)
    assert info.cost in get_args(Cost)
    assert bool(info.paper) == (info.year is not None)
    assert info.learned or not info.needs_weights
    assert info.code_licence
    if info.learned:
        assert info.paper
        assert info.weights_licence
        assert isinstance(info.commercial, (bool, type(None)))
