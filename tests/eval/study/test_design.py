"""Sheets are balanced in every respect that is promised."""

from __future__ import annotations

from collections import Counter

import pytest

from scotopic.eval.study.design import Question, make_sheets


def spread(counts: Counter[int], of: int) -> int:
    values = [counts[number] for number in range(of)]
    return max(values) - min(values)


def sides(sheet: list[Question]) -> Counter[int]:
    """How much more often each enhancer is on the left than on the right."""
    lead: Counter[int] = Counter()
    for _, (left, right) in sheet:
        lead[left] += 1
        lead[right] -= 1
    return lead


@pytest.mark.parametrize("enhancers", [2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("most", [28, 60])
def test_pairs(enhancers: int, most: int) -> None:
    for pictures in (1, 2, 3, 6, 7, 10, 12, 20, 30):
        check_pairs(enhancers, pictures, most)


def check_pairs(enhancers: int, pictures: int, most: int) -> None:
    pairs = enhancers * (enhancers - 1) // 2
    sheets = make_sheets(enhancers, pictures, pairs=True, most=most, seed=3)
    everything: Counter[object] = Counter()
    for sheet in sheets:
        unordered = [(picture, tuple(sorted(group))) for picture, group in sheet]
        assert len(sheet) <= most
        assert len(set(unordered)) == len(sheet)
        of_pairs = Counter(group for _, group in unordered)
        assert len(of_pairs) == pairs
        assert len(set(of_pairs.values())) == 1
        assert spread(Counter(picture for picture, _ in sheet), pictures) <= 1
        assert max(abs(lead) for lead in sides(sheet).values()) <= 1
        everything.update(unordered)
    assert len(everything) == pairs * pictures
    assert len(set(everything.values())) == 1
    if pairs * pictures <= most:
        assert len(sheets) == 1


@pytest.mark.parametrize(("enhancers", "pictures", "most"), [(3, 4, 12), (3, 9, 10), (6, 4, 7)])
def test_single_pictures(enhancers: int, pictures: int, most: int) -> None:
    sheets = make_sheets(enhancers, pictures, pairs=False, most=most, seed=0)
    for sheet in sheets:
        assert len(set(Counter(group for _, group in sheet).values())) == 1
        assert spread(Counter(picture for picture, _ in sheet), pictures) <= 1
    assert {question for sheet in sheets for question in sheet} == {
        (p, (e,)) for p in range(pictures) for e in range(enhancers)
    }


def test_the_seed_decides() -> None:
    first, again, other = (make_sheets(4, 8, pairs=True, most=24, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
