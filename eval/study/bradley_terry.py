"""Strengths from preferences: the model of Bradley and Terry.

R. A. Bradley and M. E. Terry: Rank analysis of incomplete block designs, I. Biometrika 39, 1952:
i is preferred to j with the probability 1 / (1 + exp(s_j - s_i)).

A tie counts half for either side. Davidson's model (1970) gives ties a parameter of their own, but the same strengths
would follow from the same sums (wins and half the ties), and "a tie counts half" lets the result be read as a share
of votes.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, log_expit

from ...errors import ScotopicError

PRIOR = 1.0
"""Ties that each enhancer is given in addition, spread evenly over the others: who wins always stays finite."""


def fit_bradley_terry(wins: np.ndarray, prior: float = PRIOR, start: np.ndarray | None = None) -> np.ndarray:
    """The strengths under which the votes are most likely.

    Args:
        wins: float (N, N), at least 0: how often the row was preferred to the column, ties half; the diagonal is
            ignored.
        prior: ties added to each row; 0 gives the plain maximum of the likelihood.
        start: strengths near which the answer is expected; changes nothing but the time.

    Returns:
        float (N,), natural logarithms of odds, with the mean 0.

    Raises:
        ScotopicError: without a prior there is no maximum, as somebody (or some group) never lost to the rest, or was
            never compared with it.

    >>> fit_bradley_terry(np.array([[0, 30], [10, 0]]), prior=0).round(4)  # half of log 3, and its negative
    array([ 0.5493, -0.5493])
    """
    count = len(wins)
    votes = np.array(wins, dtype=float)
    if prior and count > 1:
        votes += prior / (2 * (count - 1))
    np.fill_diagonal(votes, 0)
    if not prior and len(groups(votes, strongly=True)) > 1:
        raise ScotopicError("these votes have no most likely strengths, as some never lost to the rest: add a prior")
    votes /= max(votes.sum(), 1e-300)

    # The last term is 0 where the mean is 0 and chooses that one among all solutions, which differ by a constant.
    def loss(strengths: np.ndarray) -> tuple[float, np.ndarray]:
        ahead = strengths[:, None] - strengths[None, :]
        pull = votes * expit(-ahead)
        middle = strengths.sum()
        return -(votes * log_expit(ahead)).sum() + middle**2 / 2, pull.sum(0) - pull.sum(1) + middle

    def curvature(strengths: np.ndarray) -> np.ndarray:
        ahead = strengths[:, None] - strengths[None, :]
        links = (votes + votes.T) * expit(ahead) * expit(-ahead)
        return np.diag(links.sum(1)) - links + 1

    begin = np.zeros(count) if start is None else start
    found = minimize(loss, begin, jac=True, hess=curvature, method="dogleg", options={"gtol": 1e-9})
    return found.x - found.x.mean()


def groups(votes: np.ndarray, strongly: bool = False) -> list[list[int]]:
    """Rows of float (N, N) that hang together.

    Args:
        votes: as for :func:`fit_bradley_terry`.
        strongly: by wins and losses (each can be reached from each other by wins alone), or by any comparison.

    >>> groups(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    [[0, 1], [2]]
    """
    number, labels = connected_components(votes > 0, directed=True, connection="strong" if strongly else "weak")
    return [np.flatnonzero(labels == label).tolist() for label in range(number)]


def win_probability(strengths: np.ndarray) -> np.ndarray:
    """How likely each wins against an average one, of strength 0: the same shape, in [0, 1].

    >>> win_probability(np.array([0.0])).tolist()
    [0.5]
    """
    return expit(strengths)
