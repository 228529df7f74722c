"""Intervals against scipy's, p-values and Holm against their definitions."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scotopic.eval import intervals
from scotopic.eval.intervals import FEWEST, GROUPS, holm, image_weights, interval, p_value

NUMBERS = np.random.default_rng(3).gamma(2, 1, 60)


def means(numbers: np.ndarray, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    weights = image_weights(len(numbers), resamples, seed)
    return numbers @ weights / weights.sum(0)


@pytest.mark.parametrize(("kind", "method"), [("percentile", "percentile"), ("bca", "BCa")])
def test_equal_to_scipy_but_for_what_was_drawn(kind: str, method: str) -> None:
    ours = getattr(interval(means(NUMBERS, 40_000), 60), kind)
    theirs = stats.bootstrap((NUMBERS,), np.mean, n_resamples=40_000, method=method, rng=np.random.default_rng(1))
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert ours != pytest.approx(NUMBERS.mean() + 1.96 * stats.sem(NUMBERS) * np.array([-1, 1]), abs=0.01)


def test_the_weights_are_the_set_the_jackknife_and_resamples() -> None:
    weights = image_weights(7, resamples=50, seed=4)
    assert weights.shape == (7, 1 + 7 + 50)
    assert (weights[:, 0] == 1).all()
    assert (weights[:, 1:8] == 1 - np.eye(7)).all()
    assert (weights[:, 8:].sum(0) == 7).all()
    assert (weights == image_weights(7, resamples=50, seed=4)).all()
    assert (weights != image_weights(7, resamples=50, seed=5)).any()
    assert weights[:, 8:].std() > 0.5


def test_of_many_images_the_jackknife_leaves_out_groups() -> None:
    images = GROUPS + 500
    weights = image_weights(images, resamples=3)
    assert weights.shape == (images, 1 + GROUPS + 3)
    assert weights.dtype == np.int32
    left_out = weights[:, 1 : 1 + GROUPS] == 0
    assert (left_out.sum(1) == 1).all()
    assert (np.flatnonzero(left_out[:, 7]) == [7, GROUPS + 7]).all()
    assert (np.flatnonzero(left_out[:, 1999]) == [1999]).all()
    assert (weights[:, 1 + GROUPS :].sum(0) == images).all()
    assert (image_weights(GROUPS, resamples=3)[:, 1 : 1 + GROUPS] == 1 - np.eye(GROUPS)).all()


@pytest.mark.parametrize("images", [2500, 4000])
def test_groups_give_the_interval_that_single_images_give(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a skewed figure, whose BCa ends are far from those without acceleration."""
    numbers = np.random.default_rng(5).lognormal(0, 2, images)
    by_group = interval(means(numbers), images)
    monkeypatch.setattr(intervals, "GROUPS", images)
    by_image = interval(means(numbers), images)
    assert by_group.percentile == by_image.percentile  # the same sets are drawn
    assert by_group.bca
    assert by_image.bca
    assert by_image.percentile
    width = by_image.bca[1] - by_image.bca[0]
    assert by_group.bca == pytest.approx(by_image.bca, abs=0.02 * width)
    assert by_image.bca != pytest.approx(by_image.percentile, abs=0.04 * width)
    figures = means(numbers)
    assert p_value(figures, images) == pytest.approx(2 / 2001)


def test_the_weights_take_no_more_memory_than_they_hold() -> None:
    tracemalloc.start()
    try:
        held = image_weights(1500, resamples=1500).nbytes
        assert tracemalloc.get_traced_memory()[1] < 1.1 * held
    finally:
        tracemalloc.stop()


def test_there_is_no_interval_where_there_is_nothing_to_resample() -> None:
    one = interval(np.array([3.0, np.nan, 3.0, 3.0]), images=1)
    assert (one.value, one.percentile, one.bca) == (3.0, None, None)
    figures = means(NUMBERS)
    figures[5] = np.nan  # without this image there is no figure
    assert interval(figures, 60).percentile is None
    assert p_value(figures, 60) is None
    figures = means(NUMBERS)
    figures[100:900] = np.nan  # resamples without a figure are left out
    left = interval(figures, 60).percentile
    assert left == pytest.approx(tuple(np.quantile(np.r_[figures[61:100], figures[900:]], [0.025, 0.975])))


def test_five_images_that_agree_may_do_so_by_chance() -> None:
    """A sign test gives them p = 2 / 32."""
    for images, told in ((FEWEST - 1, False), (FEWEST, True)):
        weights = image_weights(images)
        gains = np.linspace(0.1, 0.2, images) @ weights / images
        assert (interval(gains, images).bca is not None) is told
        assert (p_value(gains, images) is not None) is told


def test_a_difference_that_is_always_the_same_has_an_interval_of_no_width() -> None:
    for constant in (0.0, 0.3):
        same = interval(np.full(1 + 9 + 200, constant), 9)
        assert same.percentile == same.bca == (constant, constant)
    assert p_value(np.zeros(1 + 9 + 200), 9) == 1
    assert p_value(np.full(1 + 9 + 200, 0.3), 9) == pytest.approx(2 / 201)


def test_a_value_outside_all_that_was_drawn_has_no_bca() -> None:
    figures = means(NUMBERS)
    figures[0] = 99
    assert interval(figures, 60).bca is None
    assert interval(figures, 60).percentile is not None


def test_the_p_value_is_where_the_percentile_interval_touches_zero() -> None:
    figures = means(NUMBERS - NUMBERS.mean() + 0.3)
    p = p_value(figures, 60)
    assert p is not None
    low, _ = interval(figures, 60, confidence=1 - p).percentile or (9, 9)
    assert abs(low) < 0.01
    assert p == p_value(-figures, 60)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_procedure(p_values: list[float]) -> None:
    corrected = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1, (len(p_values) - rank) * p_values[place]))
        assert corrected[place] == pytest.approx(highest)
