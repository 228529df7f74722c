"""`scotopic plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.schema import PlotPreset
from ..eval.report.curve import plot_curves
from ..eval.report.factor import plot_factor
from ..pipeline.image import read_image
from ..pipeline.registry import create_enhancer
from .console import say
from .options import preset_option

app = typer.Typer(help="Draw what an enhancer does.", no_args_is_help=True)
FIGURE = "The figure: .png, .pdf or .svg."


@app.command("factor")
def factor(
    image: Annotated[Path, typer.Argument(help="A dark picture.")],
    out: Annotated[Path, typer.Option("-o", "--out", help=FIGURE)] = Path("factor.png"),
    enhancer: Annotated[str, typer.Option(help="One that steers a curve: sgz, zero_dce, zero_dce_pp.")] = "sgz",
    config: Annotated[str | None, preset_option(PlotPreset)] = None,
) -> None:
    """Draw a picture, the enhancement factor estimated for it, and the result (the paper's Figure 3)."""
    plot_factor(read_image(image), create_enhancer(enhancer), out)
    say(f"written to {out}")


@app.command("curve")
def curve(
    out: Annotated[Path, typer.Option("-o", "--out", help=FIGURE)] = Path("curve.png"),
) -> None:
    """Draw the curve that brightens: for factors of both signs, several orders and numbers of iterations."""
    plot_curves(out)
    say(f"written to {out}")
