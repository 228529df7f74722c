"""`scotopic eval flicker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..configs.flicker_schema import FlickerSettings
from ..eval.flicker import measure_flicker
from ..pipeline.registry import DEFAULT
from .console import progress_bars, say, show_table
from .options import ENHANCERS_HELP, OutOption, checked_settings, enhancer_specs

DEFAULTS = FlickerSettings()


def _option(name: str, flag: str, metavar: str | None = None) -> Any:
    """An option whose help is the description of its field in the settings."""
    return typer.Option(flag, metavar=metavar, help=FlickerSettings.model_fields[name].description)


def flicker(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A folder of pictures, in the order of their names, or a video.")],
    enhancers: Annotated[str, typer.Option(help=ENHANCERS_HELP)] = DEFAULT,
    recipe: Annotated[str | None, _option("recipe", "--recipe", "NAME[...]")] = None,
    jitter: Annotated[float, _option("jitter", "--jitter")] = DEFAULTS.jitter,
    seed: Annotated[int, _option("seed", "--seed")] = DEFAULTS.seed,
    frames: Annotated[int | None, _option("frames", "--frames")] = DEFAULTS.frames,
    fps: Annotated[float, _option("fps", "--fps")] = DEFAULTS.fps,
    time_constant: Annotated[float, _option("time_constant", "--time-constant")] = DEFAULTS.time_constant,
    gate: Annotated[str, _option("gate", "--gate", "auto|off|FILE")] = DEFAULTS.gate,
    strength: Annotated[float, _option("strength", "--strength")] = DEFAULTS.strength,
    out: OutOption = None,
) -> None:
    """Flicker of an enhanced video in grey levels, enhanced frame by frame and smoothed."""
    specs = enhancer_specs(enhancers, "sgz,zero_dce_pp")
    settings = checked_settings(context, FlickerSettings)
    with progress_bars() as progress:
        record = measure_flicker(source, specs, out, settings=settings, progress=progress)
    beyond = "beyond scene" if settings.jitter else "beyond input"
    columns = ["enhancer", "smoothed", "change", f"flicker {beyond}", "less", "beyond input", "less", "warped error"]
    if not settings.jitter:  # the scene is the input
        del columns[5:7]
    show_table(
        f"{record['frames']} frames of {source}, in grey levels",
        columns,
        [_cells(row, bool(settings.jitter)) for row in record["rows"]],
    )
    plain = {row["enhancer"] for row in record["rows"]} - {row["enhancer"] for row in record["rows"] if row["smoothed"]}
    if plain := sorted(plain - {"none"}):
        say(f"{', '.join(plain)}: no enhancement factor, so every frame is enhanced by itself")
    if out is not None:
        say(f"written to {out}: results.json")


def _cells(row: dict[str, Any], jittered: bool) -> list[str]:
    cells = [row["enhancer"], "yes" if row["smoothed"] else "", f"{row['change']:.2f}"]
    for key in ("flicker", "flicker_beyond_input") if jittered else ("flicker",):
        less = row.get("reduction", {}).get(key)
        cells += [f"{row[key]:.2f}", "" if less is None else f"{100 * less:.0f} %"]
    return [*cells, f"{row['warped_error']:.2f}"]
