"""`scotopic plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.schema import PlotPreset
from ..eval.report.factor import plot_factor
from ..pipeline.image import read_image
from ..pipeline.registry import create_enhancer
from .console import say
from .options import preset_option

app = typer.Typer(help="Draw what an enhancer does.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps `factor` a command of its own while it is the only one."""


@app.command("factor")
def factor(
    image: Annotated[Path, typer.Argument(help="A dark picture.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The figure: .png, .pdf or .svg.")] = Path("factor.png"),
    enhancer: Annotated[str, typer.Option(help="An enhancer that estimates a factor.")] = "sgz",
    config: Annotated[str | None, preset_option(PlotPreset)] = None,
) -> None:
    """Draw a picture, the enhancement factor that the net estimates for it, and the result (the paper's Figure 3)."""
    plot_factor(read_image(image), create_enhancer(enhancer), out)
    say(f"written to {out}")
