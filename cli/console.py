"""How the command line talks: tables and notes on standard output, progress on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def say(text: str) -> None:
    """A line for people; square brackets and file names stay as they are."""
    out.print(escape(text), highlight=False)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], wrap: bool = False) -> None:
    """A table whose first column is text.

    Args:
        title: a line above.
        columns: the headings.
        rows: the cells.
        wrap: fold long texts at the width of the terminal; figures are never folded or cut.
    """
    table = Table(header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 or wrap else "right", no_wrap=number == 0 or not wrap)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    natural = Measurement.get(out, out.options.update(max_width=1000), table).maximum
    say(title)
    # A console of its own, because rich never prints wider than the console thinks the terminal is.
    Console(width=out.width if wrap and out.is_terminal else natural).print(table)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function (name, done, total) which draws one bar for each name; silent where nobody looks at it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield update
