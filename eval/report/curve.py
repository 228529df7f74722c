"""A picture of the recurrent curve (eq. 1 of the paper; its Figures 3 and 4 draw such curves)."""

from __future__ import annotations

from pathlib import Path

import torch

from ...pipeline.enhancers.learned.curve import recurrent_enhancement
from .figures import save_figure

ORDERS = (2, 3, 4)
ITERATIONS = (1, 2, 4, 8)
COLORS = {0.2: "#0072b2", 0.5: "#d55e00", 0.8: "#009e73"}
"""|r| -> its colour: blue, vermilion and green of Okabe and Ito, which people tell apart who see no red or green."""
WIDTHS = {0.2: 1.2, 0.5: 2.0, 0.8: 2.8}
"""|r| -> its line, so that the figure can be read without colour too."""
STYLES = {-1: "solid", 1: "dashed"}
"""Sign of r -> its line: a negative factor brightens, a positive one darkens."""


def curve(factor: float, order: int, iterations: int, points: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey levels in [0, 1], and what the curve makes of them with one factor for all.

    Args:
        factor: in [-1, 1]; negative brightens.
        order: of the polynomial, at least 2.
        iterations: how often it is applied.
        points: on the line.

    >>> x, y = curve(-1.0, order=2, iterations=1, points=3)
    >>> x.tolist(), y.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.75, 1.0])
    """
    x = torch.linspace(0, 1, points)
    return x, recurrent_enhancement(x, torch.tensor(factor), order, iterations)


def plot_curves(path: str | Path) -> None:
    """Write a figure: a row for each order, a column for each number of iterations, a line for each factor.

    The lines are what the enhancer computes. Orders above 2 can leave [0, 1] and are clamped there, in every step.

    Args:
        path: of the figure; the suffix chooses the format (.png, .pdf, .svg).

    Raises:
        ScotopicError: no such format, or the folder cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(ITERATIONS), 3 * len(ORDERS) + 0.8), layout="constrained")
    panels = figure.subplots(len(ORDERS), len(ITERATIONS), sharex=True, sharey=True, squeeze=False)
    for order, row in zip(ORDERS, panels, strict=True):
        for iterations, axis in zip(ITERATIONS, row, strict=True):
            axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="dotted", label="r = 0 (unchanged)")
            for sign, style in STYLES.items():
                for size, color in COLORS.items():
                    x, y = curve(sign * size, order, iterations)
                    label = f"r = {sign * size:+.1f} ({'brightens' if sign < 0 else 'darkens'})".replace("-", "−")
                    axis.plot(x, y, color=color, linestyle=style, linewidth=WIDTHS[size], label=label)
            axis.set_aspect("equal")
            axis.set_xlim(-0.02, 1.02)
            axis.set_ylim(-0.02, 1.02)
            axis.set_xticks([0, 0.5, 1])
            axis.set_yticks([0, 0.5, 1])
            axis.grid(color="0.9", linewidth=0.6)
            axis.set_title(f"order {order}, {iterations} iteration{'s' if iterations > 1 else ''}", fontsize=11)
    figure.supxlabel("grey level of the dark picture")
    figure.supylabel("grey level of the enhanced picture")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    save_figure(figure, path)
