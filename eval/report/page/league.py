"""The league table: one row for each enhancer, differences with their intervals on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...frequent import as_heading
from ..interval_tables import frequent_note
from ..tables import difference
from .figures import DASH, Scale, Span, milliseconds, points, scale_of, span, typeset
from .latency import added_ms, latency_points
from .results import TONES, Results

OTHER_METRICS = {
    "detect": {"AP50": "AP50", "AP75": "AP75", "AR": "AR"},
    "segment": {"mPA": "mPA", "pixel_accuracy": "pixel accuracy", "frequency_weighted_IoU": "weighted IoU"},
}
"""Beside the metric that the verdict rests on: name in the record -> heading. The rest stands in results.csv."""


@dataclass(frozen=True)
class Cell:
    """A figure as text, and the number that it is sorted by."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Row:
    """One enhancer.

    Attributes:
        main: the figure that the verdict rests on.
        difference: of this figure from none; None in the row of none itself.
        p: Holm's p-value.
        word: ``helps``, ``harms``, ``unclear``; empty where there are no statistics.
        others: figures that follow the verdict: what it costs, and then, where something else is judged, the mean over
            all classes.
    """

    enhancer: str
    main: Cell
    difference: Span | None
    p: Cell
    word: str
    others: list[Cell]
    note: str

    @property
    def tone(self) -> str:
        """How the verdict is drawn: an interval beside zero alone does not make one, there is Holm's correction too."""
        return TONES.get(self.word, "bare")


@dataclass(frozen=True)
class League:
    """The table of one condition.

    Attributes:
        metric: what the verdict rests on, as a heading; after a comma the smaller words below it.
        headings: of ``Row.others``, likewise.
        rows: best first, as this metric says.
        scale: of the differences.
        bounded: whether there are intervals.
        note: on which classes the verdict rests, where that is not on all.
    """

    metric: str
    headings: list[str]
    rows: list[Row]
    scale: Scale
    bounded: bool
    note: str


def difference_of(results: Results, row: Mapping[str, Any]) -> Span:
    """Enhanced minus none, of what the verdict rests on; without an interval where there are no statistics."""
    metric = results.judged
    bare = difference(row["metrics"].get(metric), results.rows[0]["metrics"].get(metric))
    return span((results.statistics_of(row["enhancer"]).get("difference") or {}).get(metric), bare)


def league(results: Results) -> League:
    """The rows of a comparison, best first."""
    metric = results.judged
    others = {k: v for k, v in OTHER_METRICS[results.task].items() if k in results.rows[0]["metrics"]}
    over_all = [] if metric == results.metric else [f"{results.metric}, all classes", "vs none, all classes"]
    whole = {point.enhancer: point.latency for point in latency_points(results)}
    rows = []
    for row in results.rows:
        name = row["enhancer"]
        statistics = results.statistics_of(name)
        p = ((statistics.get("difference") or {}).get(metric) or {}).get("p_holm")
        added = None if name == "none" else added_ms(row["timing_ms"]) or None
        rows.append(
            Row(
                enhancer=name,
                main=_points(row["metrics"].get(metric)),
                difference=None if name == "none" else difference_of(results, row),
                p=Cell(DASH if p is None else "<\u2009.001" if p < 0.001 else f"{p:.3f}", p),
                word=results.word_of(name),
                others=[
                    Cell(milliseconds(added), added),
                    Cell(milliseconds(whole.get(name)), whole.get(name)),
                    *(_over_all_classes(results, row) if over_all else []),
                    *(_points(row["metrics"].get(key)) for key in others),
                ],
                note=_note(row),
            )
        )
    rows.sort(key=lambda r: -1.0 if r.main.value is None else r.main.value, reverse=True)
    spans = [r.difference for r in rows if r.difference]
    headings = ["adds ms", "whole ms", *over_all, *others.values()]
    note = typeset(frequent_note(results.statistics)) if results.statistics else ""
    return League(as_heading(metric), headings, rows, scale_of(spans), any(s.bounded for s in spans), note)


def _over_all_classes(results: Results, row: Mapping[str, Any]) -> list[Cell]:
    """The main metric and its difference from none, without the interval, which would be too narrow."""
    ours, bare = (given["metrics"].get(results.metric) for given in (row, results.rows[0]))
    gain = difference(ours, bare)
    return [_points(ours), Cell("") if row["enhancer"] == "none" else Cell(points(gain, 1, signed=True), gain)]


def _points(fraction: float | None) -> Cell:
    return Cell(points(fraction), fraction)


def _note(row: Mapping[str, Any]) -> str:
    parts = []
    if row.get("passed_by_gate"):
        parts.append(f"{len(row['passed_by_gate'])} of {row['images']} left untouched by the gate")
    if row.get("failed"):
        parts.append(f"{len(row['failed'])} failed")
    return ", ".join(parts)


@dataclass(frozen=True)
class Overview:
    """Every enhancer in every condition: a difference and a verdict each, None where it was not measured.

    Attributes:
        names: of the conditions.
        scales: one for each condition.
        rows: (enhancer, cells); ordered by the best difference of the first condition.
    """

    names: list[str]
    metrics: list[str]
    scales: list[Scale]
    rows: list[tuple[str, list[Row | None]]]


def overview(conditions: Sequence[tuple[str, League]]) -> Overview | None:
    """Side by side, where there are several conditions."""
    if len(conditions) < 2:
        return None
    leagues = [league_ for _, league_ in conditions]
    of_enhancer = [{row.enhancer: row for row in league_.rows} for league_ in leagues]
    names = dict.fromkeys(r.enhancer for league_ in leagues for r in league_.rows if r.difference)
    rows = [(name, [rows.get(name) for rows in of_enhancer]) for name in names]
    shared = scale_of(r.difference for league_ in leagues for r in league_.rows if r.difference)
    same = len({league_.metric for league_ in leagues}) == 1
    scales = [shared if same else league_.scale for league_ in leagues]
    return Overview([name for name, _ in conditions], [league_.metric for league_ in leagues], scales, rows)


def plain(value: float | None) -> str:
    """A figure for an attribute that a script reads: empty where there is none.

    >>> plain(None), plain(0.25)
    ('', '0.25')
    """
    return "" if value is None else f"{value:.6g}"
