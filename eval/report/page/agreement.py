"""Picture quality: its table, and whether "looks better" means "sees better"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import ScotopicError
from ...correlation import correlate
from ...frequent import in_words
from ...shared_pictures import shared_means, values_of
from .figures import number, typeset
from .results import Results

DIGITS = {"SSIM": 3, "LPIPS": 3, "MSE": 0}
"""Behind the point; two for all others."""


@dataclass(frozen=True)
class Agreement:
    """A quality record against one condition.

    Attributes:
        against: as "mAP on dark".
        cells: (metric, Spearman, Pearson, n) as (text, number); empty where there is no correlation.
        notes: what a reader must know beside the figures, and why there are none.
    """

    against: str
    cells: list[list[tuple[str, float | None]]]
    notes: list[str]


@dataclass(frozen=True)
class QualityTable:
    """Figures of one quality record.

    Attributes:
        metrics: (name, which direction is better, or nothing where the record does not say).
        rows: (enhancer, cells as (text, number)).
        brisque: whether BRISQUE is among them.
        notes: how a row compares with ``none`` where its means are over other pictures.
    """

    name: str
    about: str
    metrics: list[tuple[str, str]]
    rows: list[tuple[str, list[tuple[str, float | None]]]]
    brisque: bool
    notes: list[str]


def agreements(quality: Results, conditions: Sequence[Results]) -> list[Agreement]:
    """Each quality metric against each condition, over the enhancers that both records have."""
    return [_agreement(quality, results) for results in conditions]


def _agreement(quality: Results, results: Results) -> Agreement:
    against = f"{in_words(results.judged)} on {results.name}"
    if "higher_is_better" not in quality.record["data"]:
        return Agreement(against, [], ["The quality record is of an older version: measure quality again."])
    try:
        found = correlate(quality.record, results.record)
    except ScotopicError as error:
        return Agreement(against, [], [f"No correlation: {error}."])
    cells = [
        [
            (correlation.metric, None),
            (number(correlation.spearman, 2, signed=True), correlation.spearman),
            (number(correlation.pearson, 2, signed=True), correlation.pearson),
            (str(correlation.n), float(correlation.n)),
        ]
        for correlation in found.found
    ]
    return Agreement(against, cells, [typeset(note) for note in found.notes()])


def quality_table(quality: Results) -> QualityTable:
    """The figures as they are, in their units."""
    data = quality.record["data"]
    names = list(quality.rows[0]["metrics"])
    higher: Mapping[str, bool] = data.get("higher_is_better") or {}
    directions = {True: "higher is better", False: "lower is better"}
    rows = [
        (row["enhancer"], [(number(row["metrics"].get(m), DIGITS.get(m, 2)), row["metrics"].get(m)) for m in names])
        for row in quality.rows
    ]
    metrics = [(name, directions[higher[name]] if name in higher else "") for name in names]
    about = f"{data['name']}, {data['images']} pictures"
    notes = [line for row in quality.rows[1:] for metric in names for line in _over_shared(quality, row, metric)]
    return QualityTable(quality.name, about, metrics, rows, "BRISQUE" in names, notes)


def _over_shared(quality: Results, row: Mapping[str, Any], metric: str) -> list[str]:
    """One line, where the means of a row and of ``none`` are not over the same pictures."""
    none, images = quality.rows[0], quality.record["data"]["images"]
    if values_of(none, metric).keys() == values_of(row, metric).keys():
        return []
    means, pictures = shared_means((none, row), metric)
    if not means:
        return [f"{row['enhancer']}: no picture has {metric} both here and behind none."]
    before, after = (number(mean, DIGITS.get(metric, 2)) for mean in means)
    return [
        f"{row['enhancer']}: over the {pictures} of {images} pictures that have {metric} behind none too, it is "
        f"{after} against {before} of none; in the table the two are over different pictures."
    ]
