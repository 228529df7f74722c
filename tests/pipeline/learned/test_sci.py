"""SCI against the published computation, written down once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.learned.sci import SCI
from scotopic.pipeline.registry import create_enhancer

from .conftest import State, assert_sensible, read_published, window

Published = Callable[[str], Path]
FILES = ("sci_easy.pt", "sci_medium.pt", "sci_difficult.pt")


def straight_line(state: State, x: Tensor) -> Tensor:
    def conv(name: str, y: Tensor) -> Tensor:
        return F.conv2d(y, state[f"enhance.{name}.weight"], state[f"enhance.{name}.bias"], padding=1)

    features = conv("in_conv.0", x).relu()
    mean, deviation = (
        value[:, None, None]
        for value in (state["enhance.conv.1.running_mean"], (state["enhance.conv.1.running_var"] + 1e-5).sqrt())
    )
    normal = (conv("conv.0", features) - mean) / deviation
    normal = normal * state["enhance.conv.1.weight"][:, None, None] + state["enhance.conv.1.bias"][:, None, None]
    features = features + normal.relu()
    illumination = (conv("out_conv.0", features).sigmoid() + x).clamp(0.0001, 1)
    return (x / illumination).clamp(0, 1)


@pytest.mark.parametrize("file", FILES)
def test_is_the_published_computation(file: str, published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    state = read_published(published(file))
    net = create_enhancer("sci", weights=published(file))
    for picture in dark_pictures.values():
        x = window(picture, 241, 313)
        with torch.inference_mode():
            assert float((net(x) - straight_line(state, x)).abs().max()) < 1e-5


@pytest.mark.parametrize("file", FILES)
def test_brightens_real_pictures(file: str, published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    net = create_enhancer("sci", weights=published(file))
    for picture in dark_pictures.values():
        enhanced = net.enhance(picture)
        assert (enhanced >= picture).all()
        assert_sensible(picture, enhanced, blown_out=0.3)


def test_easy_brightens_least_and_medium_most(published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    easy, medium, difficult = (create_enhancer("sci", weights=published(file)) for file in FILES)
    for picture in dark_pictures.values():
        means = [net.enhance(picture).mean() for net in (easy, difficult, medium)]
        assert means == sorted(means)


def test_keeps_what_inference_needs_and_nothing_else(published: Published) -> None:
    state = read_published(published("sci_medium.pt"))
    net = create_enhancer("sci", weights=published("sci_medium.pt"))
    assert sum(p.numel() for p in net.parameters()) == 258
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[f"enhance.{name}"])


@pytest.mark.parametrize("damage", ["missing", "shape", "NaN"])
def test_a_checkpoint_that_does_not_fit_is_refused(damage: str, published: Published, tmp_path: Path) -> None:
    state = read_published(published("sci_medium.pt"))
    key = "enhance.in_conv.0.weight"
    if damage == "missing":
        del state[key]
    else:
        state[key] = torch.zeros(3, 3, 1, 1) if damage == "shape" else torch.full_like(state[key], float("nan"))
    torch.save(state, tmp_path / "damaged.pt")
    with pytest.raises(ScotopicError, match=r"damaged\.pt"):
        SCI(weights=tmp_path / "damaged.pt")
