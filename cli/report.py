"""`scotopic report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..eval.comparison import Comparison
from ..eval.report.page.build import write_report
from ..eval.report.page.results import MAIN_METRIC, Results, read_results
from ..eval.report.plots import write_plots
from .console import say


def report(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]FOLDER...",
            help="What compare detect, segment and quality, and bench wrote; each is a condition under its own name.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The page.")] = Path("report.html"),
) -> None:
    """One page over one or several results folders: does it help my model on my data, by how much, at what cost?"""
    results = read_results(folders)
    write_report(results, out)
    compared = [found for found in results if found.task in MAIN_METRIC]
    for found in compared:
        write_plots(found)
    say(f"written to {out} ({out.stat().st_size / 1e6:.1f} MB): {', '.join(found.name for found in results)}")
    say(f"plots (PNG, SVG): {', '.join(str(found.folder / 'plots') for found in compared)}")


def write_page_and_plots(comparison: Comparison, caution: str = "") -> None:
    """``report.html``, with a word of caution ahead of its figures, and ``plots/`` beside a finished comparison."""
    record = comparison.record
    results = Results(str(record["data"]["name"]), comparison.out, record)
    write_report([results], comparison.out / "report.html", caution=caution)
    write_plots(results)
