"""The table of a training: as CSV, as TensorBoard's events, and as a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..files import whole_file, write_text


class TrainingLog:
    """Writes the table after each epoch; one of the same name goes on where the last one stopped.

    Args:
        folder: for ``<name>.csv``, ``<name>.png`` and the folder ``tensorboard``.
        name: of the files.
        columns: of the table; the first is the epoch.
        done: epochs that are in the table already.
        console: where it is said if TensorBoard is missing.
    """

    def __init__(self, folder: Path, name: str, columns: Sequence[str], done: int, console: Console) -> None:
        self.folder, self.name, self.columns = folder, name, columns
        self.events = _events(folder / "tensorboard", done, console)

    def write(self, history: Sequence[Sequence[float]]) -> None:
        """Write the whole table; its last row is new."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([int(epoch), *(f"{value:.6g}" for value in values)] for epoch, *values in history)
        write_text(self.folder / f"{self.name}.csv", text.getvalue())
        if self.events is not None:
            for column, value in list(zip(self.columns, history[-1], strict=True))[1:]:
                self.events.add_scalar(f"{self.name}/{column}", value, int(history[-1][0]))
            self.events.flush()

    def show(self, sheet: np.ndarray, epoch: int) -> None:
        """Show a contact sheet, uint8 RGB (H, W, 3), beside the curves."""
        if self.events is not None:
            self.events.add_image(f"{self.name}/sheet", sheet, epoch, dataformats="HWC")
            self.events.flush()

    def close(self, history: Sequence[Sequence[float]]) -> None:
        """Draw each column over the epochs, and let go of the files."""
        draw_curves(self.folder / f"{self.name}.png", self.columns, history)
        if self.events is not None:
            self.events.close()


def draw_curves(path: Path, columns: Sequence[str], history: Sequence[Sequence[float]]) -> None:
    """Draw a small plot for each column over the first, as a PNG."""
    from matplotlib.figure import Figure

    across = 3
    down = -(-(len(columns) - 1) // across)
    figure = Figure(figsize=(3.2 * across, 2.2 * down), layout="constrained")
    plots: Any = figure.subplots(down, across, squeeze=False)
    for index, plot in enumerate(plots.flat):
        if index + 1 >= len(columns):
            plot.set_visible(False)
            continue
        plot.plot([row[0] for row in history], [row[index + 1] for row in history], ".-", markersize=3)
        plot.set_title(columns[index + 1].replace("_", " "), fontsize="medium")
        plot.set_xlabel(columns[0], fontsize="small")
        plot.tick_params(labelsize="small")
        plot.grid(alpha=0.3)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=80)


def _events(folder: Path, done: int, console: Console) -> Any:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        console.print('no log for TensorBoard: pip install "scotopic\\[train]"', style="yellow")
        return None
    # What an interrupted run wrote beyond its last checkpoint is not to be seen twice.
    return SummaryWriter(folder, purge_step=done + 1)
