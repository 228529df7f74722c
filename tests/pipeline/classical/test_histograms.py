"""The histogram methods against OpenCV, loops over their formulas, and what their papers promise."""

from __future__ import annotations

import importlib.util
import math
import sys
from itertools import pairwise, product
from typing import Any

import cv2
import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.classical.bpdhe import BrightnessPreservingDynamicEqualisation
from scotopic.pipeline.enhancers.classical.he import HistogramEqualisation
from scotopic.pipeline.enhancers.classical.luminance import (
    LUMA_WEIGHTS,
    LuminanceCurve,
    count_levels,
    luminance,
    relight,
    relight_with_opencv,
)
from scotopic.pipeline.enhancers.classical.wthe import WeightedThresholdedHistogramEqualisation
from scotopic.pipeline.fast import compiled
from scotopic.pipeline.fast.relighting import fused_relight

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="compiling needs the extra [fast]")
AVX2 = 11
"""OpenCV's number for processors that multiply and add in one step; Python has no name for it."""

METHODS: list[type[LuminanceCurve]] = [
    HistogramEqualisation,
    WeightedThresholdedHistogramEqualisation,
    BrightnessPreservingDynamicEqualisation,
]


def grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., None], 3, 2)


@pytest.fixture
def dark(rng: np.random.Generator) -> np.ndarray:
    """Three overlapping lumps of levels, most of them dark, with rare levels and gaps between."""
    levels = np.concatenate([rng.normal(18, 5, 3000), rng.normal(50, 9, 2500), rng.normal(120, 20, 900), [0, 231]])
    return levels.clip(0, 255).astype(np.uint8)[:6402].reshape(66, 97)


def test_he_is_opencvs_on_grey_pictures(dark: np.ndarray) -> None:
    expected = cv2.equalizeHist(dark)
    enhanced = HistogramEqualisation().enhance(grey(dark))
    assert np.abs(enhanced.astype(int) - expected[..., None]).max() <= 1


def test_he_fills_every_stretch_of_levels_alike(rng: np.random.Generator) -> None:
    levels = (rng.random((400, 500)) ** 2 * 255).astype(np.uint8)
    luma = luminance(HistogramEqualisation().enhance(grey(levels)))
    for level in (64, 96, 128, 192, 224):  # the lowest level alone holds 6 % of the pixels
        assert abs((luma <= level).mean() - (level / 255)) < 0.07


def wthe_by_loop(histogram: np.ndarray, r: float, v: float, g: float) -> list[float]:
    p = [count / histogram.sum() for count in histogram]
    upper, lower = v * max(p), 1e-4
    weights = [upper if x > upper else 0 if x < lower else ((x - lower) / (upper - lower)) ** r * upper for x in p]
    present = [k for k in range(256) if histogram[k]]
    range_out = min(255, g * (present[-1] - present[0]))
    curve = [range_out * sum(weights[: k + 1]) / sum(weights) for k in range(256)]
    adjustment = sum(p[k] * (k - curve[k]) for k in range(256))
    return [min(max(y + adjustment, 0), 255) for y in curve]


@pytest.mark.parametrize(("r", "v", "g"), [(0.5, 0.5, 1.5), (1, 1, 2), (2, 0.1, 0.7)])
def test_wthe_is_its_formula(dark: np.ndarray, r: float, v: float, g: float) -> None:
    histogram = np.bincount(dark.ravel(), minlength=256)
    curve = WeightedThresholdedHistogramEqualisation(r, v, g).curve(histogram)
    np.testing.assert_allclose(curve, wthe_by_loop(histogram, r, v, g), atol=1e-9)


def test_wthe_without_weights_is_plain_equalisation(dark: np.ndarray) -> None:
    histogram = np.bincount(dark.ravel(), minlength=256)
    plain = WeightedThresholdedHistogramEqualisation(power=1, threshold=1, max_gain=9, mean_adjustment=False)
    expected = 255 * np.cumsum(histogram) / histogram.sum()
    assert np.abs(plain.curve(histogram) - expected).max() < 255 * 1e-4 * 256  # what P_l takes from each level


def bpdhe_by_loop(histogram: np.ndarray) -> dict[int, float]:
    """The levels that occur -> their new luminance before the mean is restored and after."""
    present = [k for k in range(256) if histogram[k]]
    filled = [0.0] * 256
    for left, right in pairwise(present):
        for k in range(left, right + 1):
            filled[k] = histogram[left] + (histogram[right] - histogram[left]) * (k - left) / (right - left)
    taps = [math.exp(-(d**2) / (2 * 1.0762**2)) for d in range(-4, 5)]
    smooth = [
        sum(taps[d + 4] * filled[k + d] for d in range(-4, 5) if 0 <= k + d < 256) / sum(taps) for k in range(256)
    ]
    signs = [int(np.sign(smooth[k + 1] - smooth[k])) for k in range(present[0], present[-1])]
    around = [signs[0], *signs, signs[-1]]
    votes = [int(np.sign(sum(around[i : i + 3]))) for i in range(len(signs))]  # of the step up from level low + i
    parts, low, rising = [], present[0], None
    for i, vote in enumerate(votes):
        if vote < 0 and rising is not None:
            parts.append((low, present[0] + rising + 1))
            low = present[0] + rising + 2
        if vote:
            rising = i if vote > 0 else None
    parts.append((low, present[-1]))
    sizes = [int(sum(histogram[a : b + 1])) for a, b in parts]
    factors = [(b - a) * math.log10(max(m, 1)) for (a, b), m in zip(parts, sizes, strict=True)]
    curve, end = {}, 0.0
    for i, (a, b) in enumerate(parts):
        start = min(end + 1, end + 255 * factors[i] / sum(factors)) if i else 0.0
        end += 255 * factors[i] / sum(factors)
        for k in (k for k in present if a <= k <= b):
            curve[k] = start + (end - start) * sum(histogram[a : k + 1]) / sizes[i]
    pixels = sum(histogram)
    ratio = (sum(histogram[k] * k for k in present) / pixels) / (sum(histogram[k] * curve[k] for k in present) / pixels)
    return {k: min(y * ratio, 255) for k, y in curve.items()}


def test_bpdhe_is_its_formula(dark: np.ndarray) -> None:
    histogram = np.bincount(dark.ravel(), minlength=256)
    curve = BrightnessPreservingDynamicEqualisation().curve(histogram)
    for level, expected in bpdhe_by_loop(histogram).items():
        assert curve[level] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("method", "offset"),
    [(BrightnessPreservingDynamicEqualisation, 0), (WeightedThresholdedHistogramEqualisation, 60)],
)
def test_the_mean_stays(method: type[LuminanceCurve], offset: int, dark: np.ndarray) -> None:
    picture = grey(dark // 2 + offset)  # with room below and above, so that next to nothing is cut off
    assert abs(method().enhance(picture).mean() - picture.mean()) < 0.7


def test_wthe_takes_brightness_back_only_where_told() -> None:
    picture = grey((np.arange(80).reshape(8, 10) ** 2 // 90).astype(np.uint8))
    brightened = WeightedThresholdedHistogramEqualisation(mean_adjustment=False).enhance(picture)
    assert brightened.mean() > WeightedThresholdedHistogramEqualisation().enhance(picture).mean() + 5


@pytest.mark.parametrize("method", METHODS)
def test_curves_rise(method: type[LuminanceCurve], dark: np.ndarray) -> None:
    for levels in (dark, dark // 2 + 100, dark[:2], dark[:1, :2]):
        curve = method().curve(np.bincount(levels.ravel(), minlength=256))
        assert curve.shape == (256,)
        assert np.diff(curve[levels.min() : levels.max() + 1]).min(initial=0) >= 0
        assert curve.min() >= 0
        assert curve.max() <= 255


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("colour", [(0, 0, 0), (15, 110, 15), (255, 255, 255)], ids=str)
def test_one_colour_stays(method: type[LuminanceCurve], colour: tuple[int, int, int]) -> None:
    picture = np.full((5, 6, 3), colour, np.uint8)
    assert np.abs(method().enhance(picture).astype(int) - picture).max() <= 1


def test_relight_gives_the_luminance_and_keeps_the_hue(rng: np.random.Generator) -> None:
    picture = (rng.random((60, 70, 3)) ** 2 * 255).astype(np.uint8)
    luma = luminance(picture)
    for curve in (np.minimum(np.arange(256) * 4.0, 255), np.arange(256) * 0.6, 255 - np.arange(256) * 0.2):
        relit = relight(picture, luma, curve)
        assert np.abs(relit @ LUMA_WEIGHTS[0] - curve[luma])[luma > 0].max() < 0.51
        spread_before = picture.max(2).astype(float) - picture.min(2)
        middle = (np.median(picture, 2) - picture.min(2)) / np.maximum(spread_before, 1)
        spread_after = relit.max(2).astype(float) - relit.min(2)
        clear = (spread_before > 30) & (spread_after > 30)
        after = (np.median(relit, 2) - relit.min(2)) / np.maximum(spread_after, 1)
        assert np.abs(after - middle)[clear].max() < 0.05


def every_colour_once(rng: np.random.Generator) -> np.ndarray:
    """Every 5th value of each channel with every other, black and white among them, in no order."""
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    return rng.permutation(colours, axis=1)


CURVES = {
    "brighter": np.minimum(np.arange(256) * 4.0, 255),
    "darker": np.arange(256) * 0.6,
    "paler": 255 - np.arange(256) * 0.2,
    "black": np.zeros(256),
    "white": np.full(256, 255.0),
    "same": np.arange(256.0),
    "any": np.random.default_rng(3).random(256) * 255,
}


def assert_same_pixels(picture: np.ndarray, curve: np.ndarray) -> None:
    """Compiled and by OpenCV, which rounds more often on a processor without AVX2."""
    luma, curve = luminance(picture), curve.astype(np.float32)
    compiled, expected = fused_relight(picture, luma, curve, LUMA_WEIGHTS[0]), relight_with_opencv(picture, luma, curve)
    assert compiled is not None
    if cv2.checkHardwareSupport(AVX2):
        assert np.array_equal(compiled, expected)
    else:
        assert np.abs(compiled.astype(int) - expected).max() <= 1


@needs_numba
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_compiled_colours_are_those_of_opencv(curve: np.ndarray, rng: np.random.Generator) -> None:
    assert_same_pixels(every_colour_once(rng), curve)
    assert_same_pixels(grey(np.arange(256, dtype=np.uint8)[None]), curve)
    saturated = np.array(list(product((0, 1, 254, 255), repeat=3)), np.uint8)[None]
    assert_same_pixels(saturated, curve)


@needs_numba
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (13, 5), (1, 1025), (33, 31), (257, 511)], ids=str)
def test_compiled_colours_at_every_size(size: tuple[int, int], rng: np.random.Generator) -> None:
    picture = (rng.random((*size, 3)) ** 2 * 256).astype(np.uint8)
    for curve in CURVES.values():
        assert_same_pixels(picture, curve)


@needs_numba
def test_compiled_colours_of_a_picture_that_is_a_view(rng: np.random.Generator) -> None:
    picture = (rng.random((40, 50, 3)) * 256).astype(np.uint8)
    picture.flags.writeable = False
    for view in (picture, picture[::2, ::-1], picture[..., ::-1], picture.transpose(1, 0, 2)):
        assert_same_pixels(view, CURVES["brighter"])


@pytest.mark.parametrize("method", METHODS)
def test_without_numba_opencv_does_it_and_it_is_said_once(
    method: type[LuminanceCurve], dark: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture = np.stack([dark, dark // 2, dark // 3], 2)
    enhanced = method().enhance(picture)
    monkeypatch.setattr(compiled, "_loaded", {})
    monkeypatch.setitem(sys.modules, "numba", None)
    for _ in range(2):
        assert np.abs(method().enhance(picture).astype(int) - enhanced).max() <= 1
    assert len(caplog.records) == 1
    assert 'pip install "scotopic[fast]"' in caplog.text
    assert "OpenCV" in caplog.text


def test_levels_are_counted(rng: np.random.Generator) -> None:
    for size in ((1, 1), (3, 70001), (300, 400)):
        luma = (rng.random(size) ** 2 * 256).astype(np.uint8)
        assert np.array_equal(count_levels(luma), np.bincount(luma.ravel(), minlength=256))


@pytest.mark.parametrize(
    "wrong",
    [
        {"power": 0},
        {"power": math.nan},
        {"threshold": 1.5},
        {"threshold": 0},
        {"max_gain": "2"},
        {"mean_adjustment": 1},
    ],
    ids=str,
)
def test_bad_parameters_are_named(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ScotopicError, match=f"{name}={value!r} is not"):
        WeightedThresholdedHistogramEqualisation(**wrong)
