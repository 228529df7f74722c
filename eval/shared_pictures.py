"""Means over the same pictures: by what the rows of a quality comparison may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from .quality import CEILING


def values_of(row: Mapping[str, Any], metric: str) -> dict[str, float]:
    """Picture id -> its value behind one enhancer, of each picture that has one.

    >>> values_of({"per_image": {"a": {"NIQE": 4.0}, "b": {"NIQE": None}}}, "NIQE")
    {'a': 4.0}
    """
    scores = row.get("per_image", {})
    return {id_: found[metric] for id_, found in scores.items() if found.get(metric) is not None}


def shared_means(rows: Sequence[Mapping[str, Any]], metric: str) -> tuple[list[float], int]:
    """The mean of each row over the pictures that have a value in all of them, and how many these are.

    The means in the record are each over all that its row has. Where an enhancer failed on the hardest pictures, its
    mean is over the easier ones, and the difference of two such means says nothing, not even by its sign.

    Args:
        rows: of one record.
        metric: such as ``"PSNR"``.

    Returns:
        As many means as rows, and a number of pictures; no means where that is 0.

    >>> none = {"per_image": {"dark": {"PSNR": 8.0}, "dim": {"PSNR": 20.0}}}
    >>> failed_on_one = {"per_image": {"dark": {"PSNR": 10.0}}}
    >>> shared_means([none, failed_on_one], "PSNR")
    ([8.0, 10.0], 1)
    """
    values = [values_of(row, metric) for row in rows]
    shared = [id_ for id_ in values[0] if all(id_ in others for others in values[1:])]
    return ([fmean(of_row[id_] for id_ in shared) for of_row in values] if shared else []), len(shared)


def perfect_pictures(row: Mapping[str, Any]) -> list[str]:
    """Ids of the pictures that equal their references, and count with the highest PSNR there is.

    >>> perfect_pictures({"per_image": {"a": {"PSNR": 100.0, "MSE": 0.0}, "b": {"PSNR": 30.0, "MSE": 65.0}}})
    ['a']
    """
    return [id_ for id_, value in values_of(row, "PSNR").items() if value == CEILING]
