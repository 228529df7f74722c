"""`scotopic bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..configs.bench_schema import BenchPreset, BenchSettings
from ..eval.bench import bench as run_bench
from ..eval.report.bench_tables import bench_heading, bench_notes, cost_table, pipeline_table
from ..pipeline.registry import DEFAULT
from .console import progress_bars, say, show_table
from .options import ENHANCERS_HELP, OutOption, checked_settings, enhancer_specs, preset_option, required

USUAL = f"none,gamma,clahe,sgz,{DEFAULT}"


def _option(name: str, flag: str, metavar: str | None = None) -> Any:
    """An option whose help is the description of its field in the settings."""
    return typer.Option(flag, metavar=metavar, help=BenchSettings.model_fields[name].description)


def bench(
    context: typer.Context,
    enhancers: Annotated[str, typer.Option(help=ENHANCERS_HELP)] = USUAL,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Detector or segmentation net behind the enhancers: yolo11n.pt, street, road."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with pictures of yours; made-up ones unless given.")
    ] = None,
    sizes: Annotated[str, _option("sizes", "--sizes", "WIDTHxHEIGHT,...")] = "1280x720",
    batch_sizes: Annotated[str, _option("batch_sizes", "--batch-sizes", "N,...")] = "1",
    rounds: Annotated[int, _option("rounds", "--rounds")] = BenchSettings().rounds,
    threads: Annotated[int | None, _option("threads", "--threads")] = None,
    device: Annotated[str | None, _option("device", "--device")] = None,
    imgsz: Annotated[int | None, _option("imgsz", "--imgsz")] = BenchSettings().imgsz,
    budget: Annotated[str | None, _option("budget", "--budget", "33ms")] = None,
    out: OutOption = None,
    config: Annotated[str | None, preset_option(BenchPreset)] = None,
) -> None:
    """Time, parameters, operations and memory of enhancers, and their share of a whole pipeline's time.

    Ends with status 1 if an enhancer takes longer than the budget, or cannot be measured.
    """
    folder = required(out, "--out", "FOLDER")
    specs = enhancer_specs(enhancers)
    settings = checked_settings(context, BenchSettings)
    with progress_bars() as progress:
        result = run_bench(specs, folder, model=model, data=data, settings=settings, progress=progress)
    record = result.record
    show_table(bench_heading(record), *cost_table(record))
    if model:
        show_table("", *pipeline_table(record))
    for line in bench_notes(record):
        say(line)
    say(f"written to {folder}: results.json, results.csv, results.md")
    if result.over_budget:
        say(f"over the budget of {settings.budget}: {', '.join(result.over_budget)}")
    if result.over_budget or result.skipped:
        raise typer.Exit(1)
