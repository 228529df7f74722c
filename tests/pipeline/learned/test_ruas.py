"""RUAS against the published computation, written down once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.pipeline.enhancers.learned.ruas import RUAS
from scotopic.pipeline.registry import create_enhancer

from .conftest import State, assert_sensible, read_published, window

Published = Callable[[str], Path]
FILES = {"ruas_lol.pt": True, "ruas_upe.pt": False, "ruas_dark.pt": False}


def straight_line(state: State, x: Tensor, denoise: bool) -> Tensor:
    def conv(name: str, y: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.conv2d(y, weight, bias, padding=weight.shape[-1] // 2 * dilation, dilation=dilation)

    def act(y: Tensor) -> Tensor:
        return F.leaky_relu(y, 0.05)

    def fuse(name: str, *parts: Tensor) -> Tensor:
        return conv(f"{name}.c5", torch.cat(parts, 1))

    def light(name: str, y: Tensor) -> Tensor:
        first = act(y)
        y = act(conv(f"{name}.c1_r.op", y) + y + y)
        second = act(conv(f"{name}.c2_d.op", y, dilation=2) + y)
        y = act(conv(f"{name}.c2_r.op", y) + y)
        third = act(conv(f"{name}.c3_d.op", y))
        y = act(y + y)
        return fuse(name, first, second, third, act(conv(f"{name}.c4.op", y)))

    def noise(name: str, y: Tensor) -> Tensor:
        first = act(conv(f"{name}.c1_d.op", y) + y)
        y = act(conv(f"{name}.c1_r.op", y) + y + y)
        second = act(conv(f"{name}.c2_d.op", y, dilation=2) + y)
        y = act(y + y)
        third = act(conv(f"{name}.c3_d.op", y) + y)
        y = act(conv(f"{name}.c3_r.op", y) + y + y)
        return fuse(name, first, second, third, act(y))

    def largest(y: Tensor) -> Tensor:
        wide = F.pad(y, (0, 1, 0, 1))
        rows = torch.maximum(wide[:, :, :-1], wide[:, :, 1:])
        return torch.maximum(rows[..., :-1], rows[..., 1:])

    u, t = x, largest(x)
    for k in range(3):
        t = largest(u) - 0.5 * (u - x) if k else t
        t = light(f"enhance_net.iems.{k}.cell", t).sigmoid().clamp(0.001, 1)
        u = (x / t).clamp(0, 1)
    if not denoise:
        return u
    y = conv("denoise_net.stem", u)
    for k in range(3):
        y = noise(f"denoise_net.nrms.{k}", y)
    return (u - conv("denoise_net.activate.0", y)).clamp(0, 1)


@pytest.mark.parametrize(("file", "denoise"), FILES.items())
def test_is_the_published_computation(
    file: str, denoise: bool, published: Published, dark_pictures: dict[str, np.ndarray]
) -> None:
    state = read_published(published(file))
    net = create_enhancer("ruas", weights=published(file), denoise=denoise)
    for name in ("2", "7", "Dark7"):
        x = window(dark_pictures[name], 121, 147)
        with torch.inference_mode():
            assert float((net(x) - straight_line(state, x, denoise)).abs().max()) < 1e-5


def test_every_layer_stands_where_it_should() -> None:
    torch.manual_seed(3)
    net = RUAS(weights="random").eval()
    for parameter in net.parameters():
        parameter.data.normal_(0, 0.2)
    x = torch.rand(2, 3, 31, 40) * 0.5
    with torch.inference_mode():
        expected = straight_line(dict(net.state_dict()), x, denoise=True)
        assert float(expected.std()) > 0.05
        torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("file", "denoise"), FILES.items())
def test_brightens_real_pictures(
    file: str, denoise: bool, published: Published, dark_pictures: dict[str, np.ndarray]
) -> None:
    """The weights for very dark rooms and streets whiten what was light already."""
    net = create_enhancer("ruas", weights=published(file), denoise=denoise)
    for name in ("2", "7", "Dark7"):
        assert_sensible(dark_pictures[name], net.enhance(dark_pictures[name]), blown_out=0.6, correlation=0.8)


def test_denoises_as_the_authors_do(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the weights, unless told otherwise."""
    for name, file in (("ruas-lol", "ruas_lol.pt"), ("ruas-upe", "ruas_upe.pt")):
        path = published(file)
        monkeypatch.setattr(
            "scotopic.pipeline.enhancers.learned.loading.resolve_parts", lambda weights, path=path: {"": path}
        )
        assert RUAS(weights=name).denoise == (name == "ruas-lol")
        assert RUAS(weights=name, denoise=True).denoise


def test_parameters() -> None:
    assert sum(p.numel() for p in RUAS(weights="random").parameters()) == 3_438
