"""The command `scotopic`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..version import __version__
from . import bench, compare, data, demo, enhance, evaluate, listing, plot, report, run_model, study, train
from .console import say
from .watch import command as watch

app = typer.Typer(
    name="scotopic",
    help="Night vision for the detector you already have: put an enhancer ahead of it, and measure whether it helps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(listing.list_all)
app.command("enhance")(enhance.enhance)
app.command("run")(run_model.run_model)
app.add_typer(evaluate.app, name="eval")
app.add_typer(compare.app, name="compare")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(plot.app, name="plot")
app.add_typer(study.app, name="study")
app.command("bench")(bench.bench)
app.command("report")(report.report)
app.command("demo")(demo.demo)
app.command("watch", cls=watch.ServeCommand)(watch.watch)


def _version(value: bool) -> None:
    if value:
        say(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""
