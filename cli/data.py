"""`scotopic data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.schema import DarkBDDPreset
from ..eval.datasets.darkbdd import build_darkbdd
from .console import progress_bars, say
from .options import preset_option, required

app = typer.Typer(help="Build data sets.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps `darkbdd` a command of its own while it is the only one."""


@app.command("darkbdd")
def darkbdd(
    bdd: Annotated[Path | None, typer.Option(help="BDD100K folder with images and labels.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the new set.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many of the darkest night images.")] = 100,
    manifest: Annotated[Path | None, typer.Option(help="Rebuild exactly the images of a manifest.json.")] = None,
    config: Annotated[str | None, preset_option(DarkBDDPreset)] = None,
) -> None:
    """Make a DarkBDD of the darkest night images of BDD100K, with a manifest so that others can rebuild it."""
    with progress_bars() as progress:
        dataset = build_darkbdd(
            required(bdd, "--bdd", "FOLDER"),
            required(out, "--out", "FOLDER"),
            count,
            manifest=manifest,
            progress=lambda done, total: progress("measuring luma", done, total),
        )
    for line in dataset.issues.lines():
        say(line)
    say(f"{len(dataset.samples)} images written to {out}; manifest.json names them, luma.csv says how dark they are")
