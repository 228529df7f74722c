"""Gamma and automatic gamma against their formulas and CLAHE against OpenCV, called directly."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import to_batch
from scotopic.pipeline.enhancers.classical.auto_gamma import AutomaticGamma
from scotopic.pipeline.enhancers.classical.clahe import Clahe
from scotopic.pipeline.enhancers.classical.gamma import Gamma


@given(gamma=st.floats(0.1, 10))
def test_gamma_is_the_power_law(gamma: float) -> None:
    levels = np.arange(256, dtype=np.uint8)
    picture = np.stack([levels, levels[::-1], np.roll(levels, 100)], axis=1)[None]
    expected = [math.floor(255 * (level / 255) ** (1 / gamma) + 0.5) for level in range(256)]
    enhancer = Gamma(gamma)
    assert np.abs(enhancer.enhance(picture).astype(int) - np.array(expected)[picture]).max() <= 1
    x = to_batch(picture).double()
    torch.testing.assert_close(enhancer(x), x ** (1 / gamma))


def test_gamma_keeps_black_and_white() -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    for gamma in (0.3, 1.0, 2.2, 7.0):
        assert np.array_equal(Gamma(gamma).enhance(ends), ends)


def test_gamma_1_changes_nothing(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (9, 11, 3), np.uint8)
    assert np.array_equal(Gamma(1).enhance(picture), picture)


@pytest.mark.parametrize("target", [0.5, 0.3])
@pytest.mark.parametrize("brightest", [40, 256])
def test_auto_gamma_sends_the_mean_to_the_target(target: float, brightest: int, rng: np.random.Generator) -> None:
    picture = rng.integers(0, brightest, (31, 20, 3), np.uint8)
    mean = float((picture @ [0.299, 0.587, 0.114]).mean()) / 255
    exponent = math.log(target) / math.log(mean)
    assert mean**exponent == pytest.approx(target)
    expected = 255 * (picture / 255) ** exponent
    assert np.abs(AutomaticGamma(target).enhance(picture) - expected).max() < 0.51


def test_auto_gamma_keeps_black_and_white() -> None:
    for level in (0, 255):
        picture = np.full((3, 4, 3), level, np.uint8)
        assert np.array_equal(AutomaticGamma().enhance(picture), picture)


@pytest.mark.parametrize(("clip_limit", "tiles"), [(2.0, 8), (4.0, 3), (1, 1)])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (72, 96), (101, 67)], ids=str)
def test_clahe_is_opencvs(clip_limit: float, tiles: int, size: tuple[int, int], rng: np.random.Generator) -> None:
    picture = rng.integers(0, 90, (*size, 3), np.uint8)
    lightness, a, b = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB))
    lightness = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(lightness)
    expected = cv2.cvtColor(cv2.merge((lightness, a, b)), cv2.COLOR_LAB2RGB)
    enhancer = Clahe(clip_limit, tiles)
    assert np.array_equal(enhancer.enhance(picture), expected)
    levels = enhancer(to_batch(picture))[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    assert np.array_equal(levels, expected)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        *((Gamma, {"gamma": value}) for value in (0, -1, math.inf, math.nan, "2.2", None, True)),
        *((AutomaticGamma, {"target": value}) for value in (0, 1, -1, math.nan, "0.5", None, True)),
        *((Clahe, {"clip_limit": value}) for value in (0, -1, math.inf, math.nan, "2", None, True)),
        *((Clahe, {"tiles": value}) for value in (0, -8, 2.5, "8", None, True)),
    ],
)
def test_bad_parameters_are_named(method: type[Any], wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ScotopicError, match=f"{name}={value!r} is not"):
        method(**wrong)
