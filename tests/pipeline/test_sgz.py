"""SGZ against the paper: the authors' picture, the curve by a scalar loop, every parameter."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.learned.curve import recurrent_enhancement
from scotopic.pipeline.enhancers.learned.sgz import SGZ
from scotopic.pipeline.registry import create_enhancer


def straight_line(state: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """The published inference, written down from its description: (picture, factor). Sizes are multiples of 12."""

    def conv(name: str, y: Tensor) -> Tensor:
        depth = state[f"{name}.depth_conv.weight"]
        y = F.conv2d(y, depth, state[f"{name}.depth_conv.bias"], padding=1, groups=depth.shape[0])
        return F.conv2d(y, state[f"{name}.point_conv.weight"], state[f"{name}.point_conv.bias"])

    small = F.interpolate(x, scale_factor=1 / 12, mode="bilinear", align_corners=False)
    x1 = conv("e_conv1", small).relu()
    x2 = conv("e_conv2", x1).relu()
    x3 = conv("e_conv3", x2).relu()
    x4 = conv("e_conv4", x3).relu()
    x5 = conv("e_conv5", torch.cat([x3, x4], 1)).relu()
    x6 = conv("e_conv6", torch.cat([x2, x5], 1)).relu()
    r = conv("e_conv7", torch.cat([x1, x6], 1)).tanh()
    r = F.interpolate(r, scale_factor=12, mode="bilinear", align_corners=True)
    for _ in range(8):
        x = x + r * (torch.pow(x, 2) - x)
    return x, r


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    return np.ascontiguousarray(pixels[..., ::-1])


def test_reproduces_the_authors_picture(data_dir: Path, official_weights: Path) -> None:
    dark = read(data_dir / "sgz_samples" / "Dark7.jpg")
    published = read(data_dir / "sgz_samples" / "Ours7.jpg")
    x = torch.from_numpy(dark.astype(np.float32) / 255).permute(2, 0, 1)[None]
    state = torch.load(official_weights, "cpu", weights_only=True)
    net = create_enhancer("sgz", weights=official_weights)
    with torch.inference_mode():
        expected, expected_factor = straight_line(state, x)
        out, factor = net(x, return_factor=True)
    assert float((out - expected).abs().mean()) < 1e-5
    assert float((factor - expected_factor).abs().mean()) < 1e-5
    enhanced = net.enhance(dark)
    assert abs(enhanced.mean() - published.mean()) < 0.1
    # Both files have been through JPEG, so single pixels differ; areas of 16x16 do not.
    ours, theirs = (
        cv2.resize(p.astype(np.float32), (144, 108), interpolation=cv2.INTER_AREA) for p in (enhanced, published)
    )
    assert np.abs(ours - theirs).mean() < 1.5


def test_every_layer_stands_where_it_should() -> None:
    """The authors' checkpoint cannot show it: its layers 3 to 5 have decayed to nothing (below 1e-39)."""
    net, x = _net(), torch.rand(2, 3, 36, 60)
    expected, expected_factor = straight_line(dict(net.state_dict()), x)
    out, factor = net(x, return_factor=True)
    assert float(factor.std()) > 0.1
    torch.testing.assert_close(factor, expected_factor, rtol=0, atol=1e-5)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (5, 12), (13, 25), (36, 47), (100, 11)], ids=str)
def test_sizes_that_12_does_not_divide(size: tuple[int, int]) -> None:
    net, x = _net(), torch.rand(2, 3, *size)
    out, factor = net(x, return_factor=True)
    assert out.shape == factor.shape == x.shape
    # A bilinear factor takes the net's own values at the four corners, wherever the size ends.
    height, width = (-(-side // 12) for side in size)
    seen = net._extract(F.interpolate(x, size=(height, width), mode="bilinear"))
    for row, column in itertools.product((0, -1), (0, -1)):
        torch.testing.assert_close(factor[..., row, column], seen[..., row, column], rtol=0, atol=1e-5)


@given(
    x=st.floats(0, 1, width=32),
    factor=st.floats(-1, 1, width=32),
    order=st.integers(2, 5),
    iterations=st.integers(1, 12),
)
def test_curve_is_the_scalar_recursion(x: float, factor: float, order: int, iterations: int) -> None:
    value = x
    for _ in range(iterations):
        value = min(max(value + factor * (value**order - value), 0.0), 1.0)
    out = recurrent_enhancement(torch.tensor([x], dtype=torch.float64), torch.tensor([factor]), order, iterations)
    assert 0 <= out.item() <= 1
    assert out.item() == pytest.approx(value, abs=1e-9)


def test_negative_factors_brighten_positive_ones_darken_and_zero_changes_nothing() -> None:
    x = torch.linspace(0.01, 0.99, 50)
    assert bool((recurrent_enhancement(x, torch.tensor(-0.3)) > x).all())
    assert bool((recurrent_enhancement(x, torch.tensor(0.3)) < x).all())
    assert torch.equal(recurrent_enhancement(x, torch.tensor(0.0)), x)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_no_order_leaves_the_range(order: int) -> None:
    net = _net(order=order)
    with torch.no_grad():
        *_, last = net.parameters()
        last.fill_(-9)  # the bias of the last layer: the factor is all but -1, the strongest brightening
        out = net(torch.rand(1, 3, 48, 48))
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1


def test_iterations_are_counted() -> None:
    net, x = _net(iterations=3), torch.rand(1, 3, 24, 24)
    _, factor = net(x, return_factor=True)
    twice = recurrent_enhancement(recurrent_enhancement(x, factor, 2, 1), factor, 2, 2)
    torch.testing.assert_close(net(x), twice)


def test_scale_factor_1_looks_at_every_pixel() -> None:
    net = _net(scale_factor=1)
    x = torch.full((1, 3, 40, 40), 0.2)
    dot = x.clone()
    dot[..., 20, 20] = 0.9
    _, plain = net(x, return_factor=True)
    _, factor = net(dot, return_factor=True)
    moved = (plain - factor).abs().sum((0, 1)) > 1e-6
    rows, columns = moved.nonzero(as_tuple=True)
    assert bool(moved[20, 20])
    # Seven 3x3 convolutions see seven pixels far.
    assert int(rows.min()) >= 13
    assert int(rows.max()) <= 27
    assert int(columns.min()) >= 13
    assert int(columns.max()) <= 27


def test_traditional_convolution() -> None:
    net = SGZ(weights="random", convolution="tc")
    widths = [(3, 32), (32, 32), (32, 32), (32, 32), (64, 32), (64, 32), (64, 3)]
    assert sum(p.numel() for p in net.parameters()) == sum(9 * a * b + b for a, b in widths)
    out = net(torch.rand(1, 3, 30, 50))
    assert out.shape == (1, 3, 30, 50)


def test_weights_of_the_other_convolution_are_refused(official_weights: Path) -> None:
    with pytest.raises(ScotopicError, match="does not fit SGZ"):
        SGZ(weights=official_weights, convolution="tc")


def test_untrained_net_is_normal_with_deviation_0_02() -> None:
    torch.manual_seed(1)
    net = SGZ(weights="random")
    weights = torch.cat([m.weight.detach().flatten() for m in net.modules() if isinstance(m, torch.nn.Conv2d)])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.03)
    assert float(weights.mean()) == pytest.approx(0, abs=1e-3)


def test_factor_keeps_the_dtype_of_its_input() -> None:
    out, factor = _net()(torch.rand(1, 3, 15, 20).half(), return_factor=True)
    assert out.dtype == factor.dtype == torch.float16


def test_factor_is_checked_too() -> None:
    with pytest.raises(ScotopicError, match="divide 8-bit values by 255"):
        _net()(torch.full((1, 3, 4, 4), 9.0), return_factor=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale_factor": 0},
        {"scale_factor": 2.5},
        {"scale_factor": True},
        {"order": 1},
        {"order": "2"},
        {"iterations": 0},
        {"iterations": -3},
        {"convolution": "dcs"},
        {"convolution": None},
    ],
    ids=str,
)
def test_bad_parameters_are_named(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ScotopicError, match=f"{name}={value!r}"):
        SGZ(weights="random", **wrong)


def test_default_weights_brighten_the_dark(data_dir: Path) -> None:
    net = create_enhancer("sgz")
    dark = read(data_dir / "sgz_samples" / "Dark7.jpg")[::4, ::4]
    assert net.enhance(dark).mean() > 1.3 * dark.mean()
    assert torch.isfinite(torch.cat([p.flatten() for p in net.parameters()])).all()


def _net(**parameters: Any) -> SGZ:
    """Weights large enough for every layer to matter, the same every time."""
    torch.manual_seed(7)
    net = SGZ(weights="random", **parameters).eval()
    for parameter in net.parameters():
        parameter.data.normal_(0, 0.3)
    return net.requires_grad_(False)
