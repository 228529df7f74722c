"""Who is asked what: sheets of questions in which everything comes equally often."""

from __future__ import annotations

from itertools import combinations
from math import lcm

import numpy as np

Question = tuple[int, tuple[int, ...]]
"""The number of a picture, and the enhancers whose versions of it are shown: left and right, or a single one."""


def make_sheets(enhancers: int, pictures: int, pairs: bool, most: int, seed: int) -> list[list[Question]]:
    """Sheets of questions, of which each participant draws one.

    On every sheet each pair of enhancers (or each single enhancer) comes exactly equally often, each picture equally
    often or once more, no question twice, and each enhancer stands on the left as often as on the right, give or take
    one question. Over all sheets each pair meets each picture equally often, so the more participants, the more of the
    design they cover. Where all questions fit on one sheet, there is one sheet with all.

    Pairs run through one cycle and pictures through another. Where both would begin together again before all
    combinations have come (lengths with a common divisor), the pictures are moved on by one.

    Args:
        enhancers: how many; at least 2 for pairs.
        pictures: how many.
        pairs: whether two versions of a picture are compared, or one is rated.
        most: questions on a sheet at most; at least one for each pair (or each enhancer).
        seed: of the choice of neighbours and sides.

    >>> sheets = make_sheets(enhancers=3, pictures=4, pairs=True, most=10, seed=0)
    >>> len(sheets), len(sheets[0])
    (4, 9)
    """
    rng = np.random.default_rng(seed)
    groups = list(combinations(range(enhancers), 2)) if pairs else [(e,) for e in range(enhancers)]
    groups = [groups[n] for n in rng.permutation(len(groups))]
    order = rng.permutation(pictures).tolist()
    rounds = min(most // len(groups), pictures)
    period = lcm(len(groups), pictures)
    starts = range(pictures if rounds < pictures else 1)
    return [
        _sides(
            [
                (order[(j + j // period + start) % pictures], groups[j % len(groups)])
                for j in range(rounds * len(groups))
            ],
            enhancers,
            rng,
        )
        for start in starts
    ]


def _sides(questions: list[Question], enhancers: int, rng: np.random.Generator) -> list[Question]:
    """Turn half of each pair's questions round, at random which.

    The odd ones, one of each pair, are turned by a ring: an enhancer stands left of those in the half ring after it.
    """
    ring = rng.permutation(enhancers)
    half_ring = (enhancers - 1) // 2 if enhancers % 2 else enhancers // 2 - int(rng.integers(2))
    by_group: dict[tuple[int, ...], list[int]] = {}
    for picture, group in questions:
        by_group.setdefault(group, []).append(picture)
    sided: list[Question] = []
    for group, pictures in by_group.items():
        turned = group[::-1]
        shuffled = [pictures[n] for n in rng.permutation(len(pictures))]
        half = len(shuffled) // 2
        sided += [(picture, group) for picture in shuffled[:half]]
        sided += [(picture, turned) for picture in shuffled[half : 2 * half]]
        ahead = (ring[group[-1]] - ring[group[0]]) % enhancers
        sided += [(picture, group if ahead <= half_ring else turned) for picture in shuffled[2 * half :]]
    return sided
