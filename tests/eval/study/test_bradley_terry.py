"""Strengths, against figures by hand, a search by brute force, and simulated votes."""

from __future__ import annotations

from itertools import product
from math import log

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.study.bradley_terry import fit_bradley_terry, groups, win_probability

from .conftest import votes_of


def log_likelihood(wins: np.ndarray, strengths: np.ndarray) -> float:
    return -sum(
        wins[i, j] * np.log1p(np.exp(strengths[j] - strengths[i]))
        for i, j in product(range(len(wins)), repeat=2)
        if i != j
    )


def test_two_by_hand() -> None:
    """18 of 24 votes, 4 of them ties: 18 to 6, odds of 3."""
    wins = np.array([[0, 16 + 4 / 2], [4 + 4 / 2, 0]])
    strengths = fit_bradley_terry(wins, prior=0)
    assert strengths == pytest.approx([log(3) / 2, -log(3) / 2], abs=1e-8)
    with_prior = fit_bradley_terry(wins, prior=1)  # one tie more: 18.5 to 6.5
    assert with_prior[0] - with_prior[1] == pytest.approx(log(18.5 / 6.5), abs=1e-8)


def test_a_balanced_ring_is_a_draw() -> None:
    ring = np.array([[0, 7, 3], [3, 0, 7], [7, 3, 0]])
    assert fit_bradley_terry(ring, prior=0) == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("prior", [0, 1])
def test_no_point_of_a_grid_is_more_likely(rng: np.random.Generator, prior: float) -> None:
    wins = votes_of(np.array([0.7, 0.1, -0.8]), 15, rng)
    found = fit_bradley_terry(wins, prior=prior)
    counted = wins + prior / 4 * (1 - np.eye(3))
    axis = np.arange(-1.5, 1.5, 0.02)
    grid = [(log_likelihood(counted, np.array([a, b, -a - b])), a, b) for a, b in product(axis, axis)]
    best, a, b = max(grid)
    assert log_likelihood(counted, found) >= best
    assert found[:2] == pytest.approx([a, b], abs=0.011)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def test_known_strengths_are_recovered(rng: np.random.Generator) -> None:
    strengths = np.array([1.2, 0.4, 0.1, -0.5, -1.2])
    assert fit_bradley_terry(votes_of(strengths, 40_000, rng)) == pytest.approx(strengths, abs=0.03)


def test_strengths_do_not_depend_on_the_start(rng: np.random.Generator) -> None:
    wins = votes_of(np.array([1.0, 0, 0, -1.0]), 5, rng)
    far = fit_bradley_terry(wins, start=np.array([-3.0, 3.0, 1.0, -1.0]))
    assert far == pytest.approx(fit_bradley_terry(wins), abs=1e-6)


def test_who_always_wins_stays_finite() -> None:
    wins = np.array([[0, 20, 20], [0, 0, 12], [0, 8, 0]])
    strengths = fit_bradley_terry(wins)
    assert np.isfinite(strengths).all()
    assert strengths[0] > strengths[1] > strengths[2]
    assert 0.9 < win_probability(strengths)[0] < 1
    with pytest.raises(ScotopicError, match="never lost"):
        fit_bradley_terry(wins, prior=0)


def test_without_any_vote_all_are_equal() -> None:
    assert fit_bradley_terry(np.zeros((4, 4))) == pytest.approx([0] * 4)


def test_groups() -> None:
    votes = np.zeros((4, 4))
    votes[0, 2] = votes[3, 1] = 1
    assert groups(votes) == [[0, 2], [1, 3]]
    assert len(groups(votes, strongly=True)) == 4
