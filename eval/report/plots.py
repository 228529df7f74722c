"""The page's plots as files, for a paper or a slide: PNG and SVG, legible in print and without colour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...files import output_folder, whole_file
from ..frequent import in_words
from .page.deltas import Grid, classes, darkness
from .page.figures import Span, points
from .page.latency import latency_plot
from .page.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = "plots"
POINT = 0.62
"""Points of a printed figure to a pixel of the page, for the places of names."""
INK, SOFT, GRID = "#1d1e22", "#5f626b", "#e2dfd8"
COLORS = {"up": "#0067a5", "down": "#b84a00", "flat": "#777a83", "bare": "#777a83"}
"""Blue and orange, which colour-blind people can tell apart; filled or hollow marks say the same without colour."""
_STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "svg.hashsalt": "scotopic",
    "svg.fonttype": "none",
}


def write_plots(results: Results) -> list[Path]:
    """Draw what a comparison of models has: accuracy against latency, differences by darkness and by class.

    Args:
        results: of detection or segmentation; a plot whose figures the record does not have is left out, and an older
            file of its name removed.

    Returns:
        The files below ``plots/``: ``accuracy_latency``, ``darkness`` and ``classes``, each as .png and .svg.
    """
    import matplotlib

    folder = output_folder(results.folder / FOLDER)
    with matplotlib.rc_context(cast("Any", _STYLE)):
        figures = {"accuracy_latency": _latency(results), "darkness": _darkness(results), "classes": _classes(results)}
        written = []
        for name, figure in figures.items():
            for suffix in (".png", ".svg"):
                path = folder / f"{name}{suffix}"
                if figure is None:
                    path.unlink(missing_ok=True)
                    continue
                metadata = {"Date": None} if suffix == ".svg" else {}  # the same figures give the same file
                with whole_file(path) as temporary:
                    figure.savefig(temporary, dpi=160, metadata=metadata)
                written.append(path)
    return written


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _title(results: Results) -> str:
    data = results.record["data"]
    return f"{data['name']}, {data['images']} images, {(results.record.get('model') or {}).get('file', 'model')}"


def _latency(results: Results) -> Figure | None:
    plot = latency_plot(results)
    if plot is None:
        return None
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    figure = _figure(7.6, 4.4)
    axes = figure.subplots()
    front = [mark.point for mark in plot.on_front]
    axes.step([p.latency for p in front], [p.accuracy for p in front], where="post", color=INK, lw=1, ls=":", zorder=1)
    for mark in plot.marks:
        point, none = mark.point, mark.tone == "none"
        color = INK if none else COLORS[mark.tone]
        filled = none or mark.tone in ("up", "down")
        size = 46 if point.front else 26
        axes.scatter(point.latency, point.accuracy, s=size, c=color if filled else "white", ec=color, lw=1.3, zorder=3)
        if mark.label is not None:
            dx, dy, anchor = mark.label
            axes.annotate(
                point.enhancer,
                (point.latency, point.accuracy),
                (dx * POINT, (4 - dy) * POINT),
                textcoords="offset points",
                ha={"start": "left", "end": "right", "middle": "center"}[anchor],
                va="center",
                fontsize=7.5,
                weight="bold" if point.front else "normal",
                color=INK if point.front else SOFT,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},  # over the line
            )
    axes.set_xscale("log")
    axes.set_xlim(plot.latency_at(0), plot.latency_at(100))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([plot.latency_at(at) for at, _ in plot.x_ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([label for _, label in plot.x_ticks]))
    axes.grid(color=GRID, lw=0.6)
    unnamed = [f"{mark.point.enhancer} ({mark.point.latency:.0f} ms)" for mark in plot.marks if mark.label is None]
    below = f"\nNo room for a name: {', '.join(unnamed)}" if unnamed else ""
    axes.set_xlabel(f"milliseconds per image: the model, and what the enhancer adds{below}")
    axes.set_ylabel(f"{in_words(results.judged)}, points")
    axes.set_title(_title(results), loc="left", fontsize=9, color=SOFT)
    return figure


def _darkness(results: Results) -> Figure | None:
    grids = darkness(results)
    if not grids:
        return None
    rows = max(len(grid.rows) for grid in grids)
    figure = _figure(8.2, len(grids) * (0.9 + 0.2 * rows))
    panels = np.atleast_2d(figure.subplots(len(grids), max(len(grid.columns) for grid in grids), sharex="row"))
    for grid, line in zip(grids, panels, strict=True):
        for place, axes in enumerate(line):
            _forest(axes, grid, place)
    figure.suptitle(
        f"{in_words(results.judged)}, enhanced minus none, points. {_title(results)}", fontsize=9, color=SOFT
    )
    return figure


def _forest(axes: Axes, grid: Grid, place: int) -> None:
    """One bin: enhancers below each other, dots with whiskers."""
    if place >= len(grid.columns):
        axes.set_axis_off()
        return
    for height, (_, spans) in enumerate(reversed(grid.rows)):
        span = spans[place]
        if span is not None:
            _whisker(axes, span, height)
    axes.axvline(0, color=SOFT, lw=0.8, zorder=1)
    names = [name for name, _ in reversed(grid.rows)] if place == 0 else []
    axes.set_yticks(range(len(grid.rows)) if place == 0 else [], names, fontsize=7.5)
    axes.set_ylim(-0.7, len(grid.rows) - 0.3)
    column = grid.columns[place]
    axes.set_title(f"{grid.by}\n{column.name} ({column.about})", fontsize=8, loc="left")


def _whisker(axes: Axes, span: Span, height: float) -> None:
    color = COLORS[span.tone]
    if span.low is not None and span.high is not None:
        axes.plot([span.low, span.high], [height, height], color=color, lw=1.3, zorder=2)
    filled = span.tone in ("up", "down")
    if span.value is not None:
        axes.plot([span.value], [height], "o", ms=4, mfc=color if filled else "white", mec=color, zorder=3)


def _classes(results: Results) -> Figure | None:
    grid = classes(results)
    if grid is None:
        return None
    from matplotlib.colors import LinearSegmentedColormap

    columns, rows = len(grid.columns), len(grid.rows)
    figure = _figure(max(5.0, 1.9 + 0.72 * columns), 1.2 + 0.23 * rows)
    axes = figure.subplots()
    shown = [[span.value if span and _tinted(span, grid) else None for span in spans] for _, spans in grid.rows]
    values = np.nan_to_num(np.array(shown, np.float64))
    reach = float(np.quantile(np.abs(values), 0.95)) or 1.0
    tints = LinearSegmentedColormap.from_list("difference", ["#e98a4b", "#ffffff", "#5ba3d6"])
    axes.imshow(values, cmap=tints, vmin=-reach, vmax=reach, aspect="auto")
    for row, (_, spans) in enumerate(grid.rows):
        for column, span in enumerate(spans):
            if span is not None:
                sure = _tinted(span, grid) and grid.bounded
                text = points(None if span.value is None else span.value / 100, 1, signed=True)
                weight = "bold" if sure else "normal"
                color = INK if sure or not grid.bounded else SOFT
                axes.text(column, row, text, ha="center", va="center", fontsize=7, weight=weight, color=color)
    axes.set_xticks(range(columns), [f"{c.name}\n{c.about}" for c in grid.columns], fontsize=7)
    axes.set_yticks(range(rows), [name for name, _ in grid.rows], fontsize=7.5)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    note = "; tinted: the 95 % interval leaves out zero" if grid.bounded else ""
    axes.set_xlabel(f"Enhanced minus none, points{note}\n{_title(results)}", fontsize=8, color=SOFT)
    return figure


def _tinted(span: Span, grid: Grid) -> bool:
    """Colour is for what the intervals show; where there are none, for all."""
    return span.tone in ("up", "down") or not grid.bounded
