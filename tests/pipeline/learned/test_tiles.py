"""Tiles change nothing: every net that works in tiles gives the picture that it gives as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.enhancers.learned.tiles import in_tiles, pad_to_multiple, spans
from scotopic.pipeline.registry import create_enhancer, enhancer_class, list_enhancers, parameter_names

LEARNED = list_enhancers(learned=True)
SIZES = {"kind": (384, 16), "enlightengan": (384, 16), "llnet": (120, 6)}
"""Height and width: few pixels, but so high that half of it with its margins is not all; else (100, 12)."""


def restless(net: Enhancer) -> Any:
    """With parameters that let far pixels matter."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in net.parameters():
            scale = 0.5 / max(parameter[0].numel(), 1) ** 0.5 if parameter.ndim > 1 else 0.05
            parameter += torch.randn(parameter.shape, generator=generator) * scale
    return net


@pytest.mark.parametrize("name", LEARNED)
def test_every_learned_enhancer_can_be_told_the_size_of_its_tiles(name: str) -> None:
    assert "tile" in parameter_names(enhancer_class(name))
    for wrong in (-1, 2.5, True, "512"):
        with pytest.raises(ScotopicError, match="tile="):
            create_enhancer(name, weights="random", tile=wrong)


@pytest.mark.parametrize("name", LEARNED)
def test_tiles_change_nothing(name: str) -> None:
    size = SIZES.get(name, (100, 12))
    torch.manual_seed(0)
    net = restless(create_enhancer(name, weights="random", tile=0))
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(3)) ** 2
    with torch.no_grad():
        whole = net(x)
        net.tile = size[0] // 2
        assert float(whole.std()) > 0.01
        # A thousandth of a grey level, where one would do.
        torch.testing.assert_close(net(x), whole, rtol=0, atol=1e-3 / 255 * 4)


@pytest.mark.parametrize("name", ["sgz", "zero_dce_pp"])
def test_tiles_of_the_shrunken_picture_change_nothing(name: str) -> None:
    net = restless(create_enhancer(name, weights="random", scale_factor=2, tile=0))
    x = torch.rand(2, 3, 131, 60)
    with torch.no_grad():
        whole = net(x)
        net.tile = 20
        torch.testing.assert_close(net(x), whole, rtol=0, atol=1e-5)


def test_a_net_sees_no_more_than_a_tile_and_its_margins() -> None:
    seen: list[tuple[int, ...]] = []

    def function(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return x

    x = torch.rand(2, 3, 100, 90)
    with torch.no_grad():
        assert torch.equal(in_tiles(function, x, reach=5, tile=40, step=8), x)
    assert len(seen) == 2 * 3 * 3
    assert max(shape[2] for shape in seen) <= 40 + 2 * 8
    assert {shape[0] for shape in seen} == {1}


@pytest.mark.parametrize("tile", [0, 100])
def test_small_pictures_and_gradients_go_through_whole(tile: int) -> None:
    shapes: list[tuple[int, ...]] = []
    net = nn.Conv2d(3, 3, 3, padding=1)
    net.register_forward_hook(lambda _module, inputs, _output: shapes.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        in_tiles(net, torch.rand(2, 3, 60, 70), reach=1, tile=tile)
    in_tiles(net, torch.rand(2, 3, 300, 300), reach=1, tile=tile).mean().backward()
    assert shapes == [(2, 3, 60, 70), (2, 3, 300, 300)]


@given(
    length=st.integers(1, 3000),
    tile=st.integers(1, 700),
    step=st.sampled_from([1, 3, 8, 16]),
)
def test_spans_cover_everything_once(length: int, tile: int, step: int) -> None:
    parts = spans(length, tile, step)
    assert [part[0] for part in parts] == [0, *(part[1] for part in parts[:-1])]
    assert parts[-1][1] == length
    assert all(start % step == 0 and 0 < stop - start < tile + step for start, stop in parts)


@pytest.mark.parametrize("size", [(1, 1), (16, 32), (17, 31)])
def test_padding_repeats_the_border(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    out = pad_to_multiple(x, 16)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (0, -size[0] % 16), (0, -size[1] % 16)), mode="edge")
    np.testing.assert_array_equal(out.numpy(), expected)
