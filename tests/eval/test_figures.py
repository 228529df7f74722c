"""What the figures of the curve and its factor show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic import create_enhancer
from scotopic.errors import ScotopicError
from scotopic.eval.report.curve import COLORS, ITERATIONS, ORDERS, curve, plot_curves
from scotopic.eval.report.factor import factor_maps, plot_factor
from scotopic.pipeline.contract import to_batch


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60, (26, 37, 3)).astype(np.uint8)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("iterations", ITERATIONS)
@pytest.mark.parametrize("size", COLORS)
def test_curves_are_equation_1(order: int, iterations: int, size: float) -> None:
    for factor in (size, -size):
        x, y = curve(factor, order, iterations)
        expected = x.double().numpy()
        for _ in range(iterations):
            expected = np.clip(expected + factor * (expected**order - expected), 0, 1)
        np.testing.assert_allclose(y.numpy(), expected, atol=1e-5)
        assert bool((y <= x + 1e-6).all() if factor > 0 else (y >= x - 1e-6).all())


def test_the_figure_names_every_line(tmp_path: Path) -> None:
    plot_curves(tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    for color in COLORS.values():
        assert color in text
    for order in ORDERS:
        for iterations in ITERATIONS:
            assert f"order {order}, {iterations} iteration" in text
    for label in ("r = −0.8 (brightens)", "r = +0.2 (darkens)"):
        assert label in text


@pytest.mark.parametrize("name", ["sgz", "zero_dce", "zero_dce_pp"])
def test_factor_maps_make_the_picture_that_the_enhancer_makes(name: str) -> None:
    """So they are the factors that it uses, in their order."""
    torch.manual_seed(0)
    enhancer = create_enhancer(name, weights="random")
    with torch.no_grad():
        for parameter in enhancer.parameters():
            parameter.normal_(0, 0.3)  # far from zero, so that an order that is wrong shows
    maps = factor_maps(picture(), enhancer)
    assert maps.shape == (8 if name == "zero_dce" else 1, 3, 26, 37)
    assert np.abs(maps).max() > 0.01
    x = to_batch(picture())[0].double().numpy()
    for number in range(8):
        factor = maps[number % len(maps)].astype(float)
        x = x + factor * (x**2 - x)
    with torch.inference_mode():
        np.testing.assert_allclose(enhancer(to_batch(picture()))[0].numpy(), x, atol=1e-4)


def test_only_curve_enhancers_have_a_factor(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="gamma estimates no enhancement factor: use sgz or sgz_task or zero_dce"):
        plot_factor(picture(), create_enhancer("gamma"), tmp_path / "factor.png")
    assert not list(tmp_path.iterdir())
