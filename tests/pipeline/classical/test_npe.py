"""NPE against loops over its formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.classical import npe
from scotopic.pipeline.enhancers.classical.npe import (
    NaturalnessPreservedEnhancement,
    bi_log_curve,
    bright_pass,
    neighbour_weights,
)


def weights_by_loop(lightness: np.ndarray) -> np.ndarray:
    """Q(k, l) before the bright pass."""
    height, width = lightness.shape
    counts = np.zeros((256, 256))
    for y in range(height):
        for x in range(width):
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    if (v, u) != (y, x):
                        counts[lightness[y, x], lightness[v, u]] += 1
    for level in set(lightness.ravel().tolist()):
        counts[level, level] = max(counts[level, level], 1)
    half = (int(lightness.max()) - int(lightness.min())) // 32
    return np.array(
        [[counts[k, max(i - half, 0) : i + half + 1].sum() / (2 * half + 1) for i in range(256)] for k in range(256)]
    )


def bright_pass_by_loop(lightness: np.ndarray, patch: int) -> np.ndarray:
    height, width = lightness.shape
    weights, radius = weights_by_loop(lightness), patch // 2
    result = np.zeros(lightness.shape)
    for y in range(height):
        for x in range(width):
            window = lightness[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].ravel()
            brighter = window[window >= lightness[y, x]]
            share = weights[lightness[y, x], brighter]
            result[y, x] = (share * brighter).sum() / share.sum()
    return result


@pytest.fixture
def lightness(rng: np.random.Generator) -> np.ndarray:
    levels = rng.gamma(2, 14, (40, 23)).clip(0, 255).astype(np.uint8)
    levels[10:20, 5:12] += 60
    return levels


def test_weights_count_neighbours(lightness: np.ndarray) -> None:
    np.testing.assert_allclose(neighbour_weights(lightness), np.triu(weights_by_loop(lightness)), rtol=1e-6)


@pytest.mark.parametrize("patch", [3, 15])
def test_bright_pass_is_its_formula(lightness: np.ndarray, patch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bright_pass_by_loop(lightness, patch)
    np.testing.assert_allclose(bright_pass(lightness, patch), expected, rtol=1e-5)
    monkeypatch.setattr(npe, "STRIP", 7)
    np.testing.assert_allclose(bright_pass(lightness, patch), expected, rtol=1e-5)
    assert (expected >= lightness - 1e-9).all()


def test_bi_log_curve_is_its_formula(lightness: np.ndarray) -> None:
    levels = lightness.ravel().tolist()
    whole = sum(math.log(level + 1) for level in levels)
    wanted = np.cumsum([math.log(z + 1) for z in range(256)])
    curve = bi_log_curve(lightness.astype(np.float32))
    for level in (int(lightness.min()), 17, 40, 90, int(lightness.max())):
        share = sum(math.log(other + 1) for other in levels if other <= level) / whole
        z = int(np.searchsorted(wanted / wanted[-1], share))  # the first whole level that reaches the share
        assert z - 1 <= curve[level] <= z
    assert (np.diff(curve) >= 0).all()


def test_enhance_is_reflectance_times_mapped_light(room: np.ndarray) -> None:
    light = bright_pass_by_loop(room.max(2), 15)
    mapped = np.interp(light, np.arange(256), bi_log_curve(light))
    expected = room / light[..., None] * mapped[..., None]
    apart = np.abs(NaturalnessPreservedEnhancement().enhance(room) - expected)
    assert apart.max() < 1  # light halfway between two levels may be counted as either
    assert apart.mean() < 0.3


def test_one_lightness_stays() -> None:
    picture = np.full((9, 8, 3), (3, 80, 2), np.uint8)
    assert np.array_equal(NaturalnessPreservedEnhancement().enhance(picture), picture)


@pytest.mark.parametrize("patch", [0, 1, 4, 15.0, "15", None, True])
def test_bad_parameters_are_named(patch: Any) -> None:
    with pytest.raises(ScotopicError, match=f"patch={patch!r} is not"):
        NaturalnessPreservedEnhancement(patch)
