"""What `eval detect` and `compare detect` have in common: they differ in the enhancers and in the gate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import typer

from ..adapters.detectors import load_detector
from ..configs.checks import validate
from ..configs.schema import EvaluationSettings
from ..eval.compare import compare_detection
from ..eval.datasets.load import load_detection_dataset
from ..eval.report.pictures import write_changed_pictures
from ..eval.report.tables import COLUMNS, heading, notes, table, write_tables
from .console import progress_bars, say, show_table


def detect(
    model: str,
    data: str,
    split: str | None,
    enhancers: Sequence[str],
    out: Path,
    class_map: dict[str, str | None],
    pictures: int,
    options: dict[str, object],
) -> None:
    """Load, compare, write tables and pictures, and show the table; status 1 if an image failed."""
    settings = validate(EvaluationSettings, options, "the command line")
    dataset = load_detection_dataset(data, split)
    load = partial(
        load_detector,
        model,
        imgsz=settings.imgsz,
        conf=settings.conf,
        iou=settings.iou,
        max_det=settings.max_det,
        device=settings.device,
        where=settings.where,
        download=True,
    )
    with progress_bars() as progress:
        comparison = compare_detection(
            dataset, lambda stage: load(stage=stage), enhancers, out, settings, class_map, progress
        )
    write_tables(comparison)
    if pictures:
        write_changed_pictures(comparison, dataset, pictures)
    show_table(heading(comparison.record), COLUMNS, table(comparison.rows))
    for line in [*dataset.issues.lines(), *notes(comparison.record)]:
        say(line)
    say(
        f"written to {out}: results.json, results.csv, results.md, truth.json, predictions/"
        + (", pictures/" if pictures else "")
    )
    if any(row["failed"] for row in comparison.rows):
        raise typer.Exit(1)
