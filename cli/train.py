"""`scotopic train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.ablation_schema import load_ablation_settings
from ..configs.detector_schema import load_detector_settings
from ..configs.segmenter_schema import load_segmenter_settings
from ..configs.train_schema import load_train_settings
from ..pipeline.registry import parse_spec
from ..training.ablation import run_ablation
from ..training.ablation_tables import notes
from ..training.acceleration import is_main_process
from ..training.detector import train_detector
from ..training.segmenter import train_segmenter
from ..training.trainer import train_enhancer
from .console import progress_bars, say, show_table
from .options import OutOption, required

app = typer.Typer(help="Make weights.", no_args_is_help=True)


@app.command("enhancer")
def enhancer(
    data: Annotated[Path | None, typer.Option(help="Folder of pictures, dark and bright; no labels needed.")] = None,
    out: OutOption = None,
    config: Annotated[str, typer.Option(help="YAML settings: a file, or one of configs/train.")] = "sgz-quick",
    guide: Annotated[
        list[str] | None,
        typer.Option(help="Detector or segmentation net to learn from, in the place of the preset's; may be repeated."),
    ] = None,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Learn from labels, too: --data is then a labelled set.")
    ] = False,
) -> None:
    """Train a curve enhancer on a folder of pictures; run again, it goes on where it stopped."""
    task = {**({"nets": guide} if guide else {}), **({"supervised": True} if supervised else {})}
    settings = load_train_settings(config, data, **({"task": task} if task else {}))
    weights = train_enhancer(settings, required(out, "--out", "FOLDER"))
    if is_main_process():
        name, _ = parse_spec(settings.enhancer)
        say(f'written to {weights}: create_enhancer("{name}", weights="{weights}")')


@app.command("segmenter")
def segmenter(
    data: Annotated[str | None, typer.Option(help="Labelled set: a folder, or a preset's name.")] = None,
    out: OutOption = None,
    config: Annotated[str, typer.Option(help="YAML settings: a file, or one of configs/segmenter.")] = "road",
) -> None:
    """Train a segmentation net on a labelled set; run again, it goes on where it stopped."""
    net = train_segmenter(load_segmenter_settings(config, data), required(out, "--out", "FOLDER"))
    say(f"written to {net} and {net.with_suffix('.safetensors').name} beside it")


@app.command("detector")
def detector(
    data: Annotated[str | None, typer.Option(help="Labelled set: a folder, a file, or a preset's name.")] = None,
    out: OutOption = None,
    config: Annotated[str, typer.Option(help="YAML settings: a file, or one of configs/detector.")] = "street",
) -> None:
    """Train a detector on a labelled set; run again, it goes on where it stopped."""
    net = train_detector(load_detector_settings(config, data), required(out, "--out", "FOLDER"))
    say(f"written to {net} and {net.with_suffix('.safetensors').name} beside it: --model {net}")


@app.command("ablation")
def ablation(
    data: Annotated[Path | None, typer.Option(help="Folder of pictures, dark and bright; no labels needed.")] = None,
    out: OutOption = None,
    config: Annotated[str, typer.Option(help="YAML settings: a file, or one of configs/ablation.")] = "quick",
) -> None:
    """Train the variants of an ablation, draw and measure them; run again, it goes on where it stopped."""
    settings = load_ablation_settings(config, data)
    done = run_ablation(settings, required(out, "--out", "FOLDER"), say=say, watched=progress_bars)
    table = done.record["table"]
    show_table("", table["columns"], table["rows"])
    for line in notes(done.record):
        say(line)
    say(f"written to {done.out}: sheet.png, ablation.json, ablation.csv, ablation.md, and a folder for each variant")
    if done.failed:
        raise typer.Exit(1)
