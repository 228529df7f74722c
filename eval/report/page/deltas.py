"""Where a difference comes from: darkness bins, classes, object sizes, boxes gained and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...intervals import FEWEST
from ..tables import difference
from .figures import Scale, Span, number, scale_of, span
from .results import Results

BIN_NAMES = {"mean_luma": "mean luma", "dark_share": "share of dark pixels"}
CLASS_METRIC = {"detect": "mAP", "segment": "IoU"}
FEW_BOXES = 10
SUPPORT = {"detect": "boxes", "segment": "pixels"}


@dataclass(frozen=True)
class Column:
    """A heading in two lines."""

    name: str
    about: str


@dataclass(frozen=True)
class Grid:
    """Differences of every enhancer (rows) in every bin or class (columns).

    Attributes:
        by: what the columns are.
        rows: (enhancer, one span or None for each column).
        scale: for whiskers.
    """

    by: str
    columns: list[Column]
    rows: list[tuple[str, list[Span | None]]]
    scale: Scale

    @property
    def bounded(self) -> bool:
        """Whether there are intervals."""
        return any(s.bounded for _, spans in self.rows for s in spans if s)


@dataclass(frozen=True)
class Detail:
    """One enhancer by class and by size.

    Attributes:
        classes, sizes: (name, support, span), most frequent class first.
        boxes: (class, gained, lost, new false alarms), all of them summed first.
    """

    enhancer: str
    classes: list[tuple[str, str, Span]]
    sizes: list[tuple[str, Span]]
    boxes: list[tuple[str, int, int, int]]
    class_scale: Scale
    size_scale: Scale


def darkness(results: Results) -> list[Grid]:
    """A grid for each way of binning, brightest bin first; empty without statistics, and for very few images."""
    bins: Sequence[Mapping[str, Any]] = (results.statistics or {}).get("bins") or []
    if results.record["data"]["images"] < FEWEST:
        return []
    grids = []
    for by, name in BIN_NAMES.items():
        places = [place for place, bin_ in enumerate(bins) if bin_["by"] == by]
        places.sort(key=lambda place: bins[place]["low"], reverse=by == "mean_luma")
        if not places:
            continue
        columns = [Column(_range(bins[place]), f"{bins[place]['images']} images") for place in places]
        rows = []
        for row in results.rows[1:]:
            per_bin = results.statistics_of(row["enhancer"]).get("per_bin") or []
            found = [(per_bin[p] or {}).get("difference") if p < len(per_bin) else None for p in places]
            rows.append((row["enhancer"], [span(f) if f else None for f in found]))
        rows = [(name_, spans) for name_, spans in rows if any(spans)]
        if rows:
            grids.append(Grid(name, columns, _as_ranked(results, rows), scale_of(s for _, ss in rows for s in ss if s)))
    return grids


def _range(bin_: Mapping[str, Any]) -> str:
    """Luma in grey levels, shares in percent."""
    if bin_["by"] == "dark_share":
        return f"{number(100 * bin_['low'], 0)} to {number(100 * bin_['high'], 0)} %"
    return f"{number(bin_['low'], 0)} to {number(bin_['high'], 0)}"


def _as_ranked(results: Results, rows: list[Any]) -> list[Any]:
    """Best enhancer first, as in the league table."""
    metrics = {row["enhancer"]: row["metrics"].get(results.judged) for row in results.rows}
    return sorted(rows, key=lambda row: -1.0 if metrics[row[0]] is None else metrics[row[0]], reverse=True)


def class_span(results: Results, row: Mapping[str, Any], name: str) -> Span:
    """Enhanced minus none of one class."""
    metric = CLASS_METRIC[results.task]
    ours, base = row["per_class"].get(name) or {}, results.rows[0]["per_class"].get(name) or {}
    found = (results.statistics_of(row["enhancer"]).get("per_class") or {}).get(name) or {}
    return span(found.get("difference"), difference(ours.get(metric), base.get(metric)))


def present_classes(results: Results) -> list[tuple[str, int]]:
    """(class, boxes or pixels in the truth), most frequent first; those that the truth has none of are left out."""
    unit, metric = SUPPORT[results.task], CLASS_METRIC[results.task]
    per_class = results.rows[0]["per_class"]
    found = [(name, int(c.get(unit) or 0)) for name, c in per_class.items() if c.get(metric) is not None]
    return sorted(found, key=lambda pair: -pair[1])


def classes(results: Results) -> Grid | None:
    """Every enhancer in every class."""
    present = present_classes(results)
    rows = [(row["enhancer"], [class_span(results, row, name) for name, _ in present]) for row in results.rows[1:]]
    if not present or not rows:
        return None
    columns = [Column(name, _support(results, count)) for name, count in present]
    return Grid("class", columns, _as_ranked(results, rows), scale_of(s for _, spans in rows for s in spans))


def _support(results: Results, count: int) -> str:
    if results.task == "detect":
        return f"{count} boxes" if count != 1 else "1 box"
    total = sum(number_ for _, number_ in present_classes(results)) or 1
    return f"{100 * count / total:.1f} % of pixels"


def rare_classes(results: Results) -> str:
    """The classes with so few boxes that one of them makes a difference, with their counts; empty if none is rare."""
    rare = [(name, count) for name, count in present_classes(results) if count < FEW_BOXES]
    if results.task != "detect" or not rare or len(rare) == len(present_classes(results)):
        return ""
    return "each of " * (len(rare) > 1) + ", ".join(f"{name} ({_support(results, count)})" for name, count in rare)


def details(results: Results) -> list[Detail]:
    """Each enhancer by class and size, best first."""
    found = []
    for name, row in _as_ranked(results, [(row["enhancer"], row) for row in results.rows[1:]]):
        present = present_classes(results)
        of_class = [(c, _support(results, count), class_span(results, row, c)) for c, count in present]
        of_size = _sizes(results, row)
        scales = scale_of(s for _, _, s in of_class), scale_of(s for _, s in of_size)
        found.append(Detail(name, of_class, of_size, _boxes(results, name), *scales))
    return found


def _sizes(results: Results, row: Mapping[str, Any]) -> list[tuple[str, Span]]:
    base, per_size = results.rows[0]["metrics"], results.statistics_of(row["enhancer"]).get("per_size") or {}
    keys = [key for key in ("AP_small", "AP_medium", "AP_large") if base.get(key) is not None]
    spans = [
        span((per_size.get(key) or {}).get("difference"), difference(row["metrics"].get(key), base[key]))
        for key in keys
    ]
    return [(key.removeprefix("AP_"), s) for key, s in zip(keys, spans, strict=True)]


def _boxes(results: Results, enhancer: str) -> list[tuple[str, int, int, int]]:
    counts = results.statistics_of(enhancer).get("boxes") or {}
    rows = [(name, c["gained"], c["lost"], c["new_false"]) for name, c in counts.items()]
    rows = [row for row in rows if any(row[1:])]
    rows.sort(key=lambda row: -sum(row[1:]))
    if not rows:
        return []
    return [("all classes", sum(r[1] for r in rows), sum(r[2] for r in rows), sum(r[3] for r in rows)), *rows]
