"""What it costs: the timings of a comparison, and the record of ``scotopic bench``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..bench_tables import bench_heading, bench_notes, cost_table, pipeline_table
from .figures import DASH, milliseconds, number, typeset
from .latency import added_ms, latency_points, model_ms
from .results import Results


@dataclass(frozen=True)
class Share:
    """The median image behind one enhancer: milliseconds, and the enhancement's share in percent."""

    enhancer: str
    added: str
    model: str
    whole: str
    share: float | None
    sort: tuple[float | None, float | None, float | None]


def shares(results: Results) -> list[Share]:
    """One for each row that was timed, fastest first."""
    rows = {row["enhancer"]: row["timing_ms"] for row in results.rows}
    found = []
    for point in latency_points(results):
        timing, own = rows[point.enhancer], point.enhancer == "none"
        added = 0.0 if own else added_ms(timing)
        model = model_ms(timing)
        share = 100 * added / point.latency if added <= point.latency else None
        texts = (DASH if own else milliseconds(added), milliseconds(model), milliseconds(point.latency))
        found.append(Share(point.enhancer, *texts, share, (added, model, point.latency)))
    return found


@dataclass(frozen=True)
class Table:
    """Any table: headings, and rows of (text, number or None)."""

    title: str
    headings: list[str]
    rows: list[list[tuple[str, float | None]]]


@dataclass(frozen=True)
class Bench:
    """A benchmark: a line above, tables, notes below."""

    name: str
    about: str
    tables: list[Table]
    notes: list[str]


def bench_tables(results: Results) -> Bench:
    """The tables that ``scotopic bench`` prints; of any other record, every list of rows that it holds."""
    if results.task == "bench":
        record = results.record
        titles = {"The enhancers alone": cost_table, "The whole pipeline": pipeline_table}
        tables = [_table(title, *make(record)) for title, make in titles.items()]
        return Bench(
            results.name, bench_heading(record), [table for table in tables if table.rows], bench_notes(record)
        )
    return Bench(results.name, "", _any_tables(results.record), [])


def _table(title: str, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    return Table(title, list(headings), [[(typeset(cell), _leading_number(cell)) for cell in row] for row in cells])


def _leading_number(text: str) -> float | None:
    """What a cell is sorted by.

    >>> _leading_number("12,345"), _leading_number("3.5 (3.1 to 4.0)"), _leading_number("640x480"), _leading_number("-")
    (12345.0, 3.5, None, None)
    """
    found = re.match(r"-?[\d,]*\.?\d+(?![\dx])", text)
    return float(found[0].replace(",", "")) if found else None


def _any_tables(record: Mapping[str, Any]) -> list[Table]:
    """What is nested becomes columns of its own."""
    tables = []
    for key, value in record.items():
        if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            flat = [_flat(row) for row in value]
            headings = list(dict.fromkeys(name for row in flat for name in row))
            rows = [[_cell(row.get(name)) for name in headings] for row in flat]
            tables.append(Table(key, [name.replace("_", " ") for name in headings], rows))
    return tables


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key} ")
        elif not (isinstance(value, list) and len(value) > 4) and not str(key).endswith("sha256"):
            flat[f"{prefix}{key}"] = value
    return flat


def _cell(value: Any) -> tuple[str, float | None]:
    if value is None:
        return DASH, None
    if isinstance(value, bool):
        return ("yes" if value else "no"), float(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f"), float(value)
    if isinstance(value, float):
        return number(value, 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0), value
    if isinstance(value, list):
        return " × ".join(str(item) for item in value), None
    return str(value), None
