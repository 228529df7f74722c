"""Accuracy against latency: the points, and those that no other one beats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...frequent import in_words
from .figures import Scale, number
from .results import TONES, Results

MODEL_STEPS = ("preprocess", "inference", "postprocess")


@dataclass(frozen=True)
class Point:
    """One enhancer.

    Attributes:
        enhancer: its spec.
        latency: milliseconds per image.
        accuracy: points of the metric that the verdict rests on.
        front: no other one is as fast and more accurate, or as accurate and faster.
    """

    enhancer: str
    latency: float
    accuracy: float
    front: bool = False


def added_ms(timing: Mapping[str, float]) -> float:
    """Milliseconds that the enhancement adds to an image which it changes.

    >>> added_ms({"gate": 1.0, "enhance": 12.0, "inference": 66.0, "total": 80.0})
    13.0
    """
    return sum(value for step, value in timing.items() if step not in (*MODEL_STEPS, "total"))


def model_ms(timing: Mapping[str, float]) -> float | None:
    """Milliseconds of the model itself; None where they were not taken."""
    steps = [timing[step] for step in MODEL_STEPS if step in timing]
    return sum(steps) if steps else None


def latency_points(results: Results) -> list[Point]:
    """A point for each row that has a metric and timings, by latency.

    The model is the same behind each enhancer, so its own time is that of the row ``none`` for all: the rows were
    measured one after another, and the machine drifts. Inside the graph the two cannot be told apart, and the whole
    time is taken.
    """
    in_graph = (results.record.get("settings") or {}).get("where") == "graph"
    base = model_ms(results.rows[0]["timing_ms"])
    found = []
    for row in results.rows:
        timing, accuracy = row["timing_ms"], row["metrics"].get(results.judged)
        if in_graph:
            latency = timing.get("total")
        elif base is None:
            latency = None
        else:
            latency = base + (0 if row["enhancer"] == "none" else added_ms(timing))
        if accuracy is not None and latency:
            found.append(Point(row["enhancer"], latency, 100 * accuracy))
    return _with_front(sorted(found, key=lambda point: (point.latency, -point.accuracy)))


def _with_front(by_latency: Sequence[Point]) -> list[Point]:
    """Mark each point that is more accurate than all faster ones."""
    best, marked = -math.inf, []
    for point in by_latency:
        marked.append(replace(point, front=point.accuracy > best))
        best = max(best, point.accuracy)
    return marked


@dataclass(frozen=True)
class Mark:
    """A point on the plot: percent from the left and from the top, and where its name stands."""

    point: Point
    x: float
    y: float
    label: tuple[int, int, str] | None
    tone: str


@dataclass(frozen=True)
class LatencyPlot:
    """All that the template draws; places in percent, ``decades`` from end to end of the axis of latency."""

    metric: str
    marks: list[Mark]
    front: list[tuple[float, float, float, float]]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    decades: Scale

    def latency_at(self, percent: float) -> float:
        """Milliseconds at a place along the axis, which is logarithmic."""
        return 10 ** (self.decades.low + percent / 100 * (self.decades.high - self.decades.low))

    @property
    def on_front(self) -> list[Mark]:
        """The Pareto front, fastest first."""
        return [mark for mark in self.marks if mark.point.front]


def latency_plot(results: Results) -> LatencyPlot | None:
    """Lay the plot out; None where there are fewer than two points."""
    found = latency_points(results)
    if len(found) < 2:
        return None
    low, high = math.log10(found[0].latency), math.log10(found[-1].latency)
    margin = max(0.08 * (high - low), 0.02)
    across = Scale(low - margin, high + margin)
    accuracies = [p.accuracy for p in found]
    spread = max(accuracies) - min(accuracies) or 1.0
    up = Scale(min(accuracies) - 0.08 * spread, max(accuracies) + 0.1 * spread)
    places = [(across.at(math.log10(p.latency)), 100 - up.at(p.accuracy)) for p in found]
    labels = _labels(found, places)
    marks = [
        Mark(point, round(x, 2), round(y, 2), label, _tone(results, point))
        for point, (x, y), label in zip(found, places, labels, strict=True)
    ]
    steps = [(m.x, m.y) for m in marks if m.point.front]
    front = []
    for (x1, y1), (x2, y2) in pairwise(steps):
        front += [(x1, y1, x2, y1), (x2, y1, x2, y2)]
    ticks = [(100 - at, label) for at, label in up.ticks]
    return LatencyPlot(in_words(results.judged), marks, front, _log_ticks(across), ticks, across)


def _tone(results: Results, point: Point) -> str:
    if point.enhancer == "none":
        return "none"
    return TONES.get(results.word_of(point.enhancer), "bare")


def _log_ticks(scale: Scale) -> list[tuple[float, str]]:
    """1, 2, 5, 10, ... milliseconds."""
    decades = range(math.floor(scale.low), math.ceil(scale.high) + 1)
    steps = [math.log10(step) + decade for decade in decades for step in (1, 2, 5)]
    inside = [step for step in steps if scale.low <= step <= scale.high]
    if len(inside) < 2:  # all within about a factor of two
        straight = Scale(10**scale.low, 10**scale.high)
        return [
            (scale.at(math.log10(value)), label)
            for value, (_, label) in zip(straight.steps, straight.ticks, strict=True)
        ]
    return [(scale.at(step), number(10**step, 0 if step >= 0 else 1)) for step in inside]


WIDTH, HEIGHT, LETTER, LINE = 820, 400, 7.2, 15
"""Pixels of a plot on a desk, and of the letters in it: names are placed for these."""


def _labels(found: Sequence[Point], places: Sequence[tuple[float, float]]) -> list[tuple[int, int, str] | None]:
    """(dx, dy, anchor) of each name where it covers nothing; those on the front choose first."""
    pixels = [(x * WIDTH / 100, y * HEIGHT / 100) for x, y in places]
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in pixels]
    chosen: list[tuple[int, int, str] | None] = [None] * len(found)
    for index in sorted(range(len(found)), key=lambda i: (not found[i].front, -found[i].accuracy)):
        x, y = pixels[index]
        width = LETTER * len(found[index].enhancer)
        for dx, dy, anchor in ((11, 4, "start"), (-11, 4, "end"), (0, -12, "middle"), (0, 22, "middle")):
            left = x + dx - {"start": 0, "end": width, "middle": width / 2}[anchor]
            box = (left, y + dy - LINE + 3, left + width, y + dy + 3)
            others = taken[:index] + taken[index + 1 :]
            if box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and not any(_overlap(box, other) for other in others):
                taken.append(box)
                chosen[index] = (dx, dy, anchor)
                break
    return chosen


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def as_text(mark: Mark, metric: str) -> str:
    """What a reader without eyes for the plot is told."""
    point = mark.point
    front = ", on the Pareto front" if point.front else ""
    return f"{point.enhancer}: {number(point.accuracy)} {metric} at {number(point.latency, 0)} ms per image{front}"
