"""What `eval detect` and `compare detect` have in common: they differ in the enhancers and in the gate."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ..configs.schema import EvaluationSettings
from ..eval.compare import compare_detection
from ..eval.datasets.load import load_detection_dataset
from ..eval.report.pictures import write_changed_pictures
from ..eval.report.tables import columns, heading, notes, table
from .console import progress_bars, say, show_table
from .options import checked_settings, parse_class_map, required


def detect(context: typer.Context, enhancers: Sequence[str]) -> None:
    """Load, compare, write tables and pictures, and show the table; status 1 if an image failed."""
    options = context.params
    model = required(options["model"], "--model", "yolo11n.pt")
    data = required(options["data"], "--data", "darkbdd")
    out = required(options["out"], "--out", "FOLDER")
    class_map = parse_class_map(options["class_map"])
    settings = checked_settings(context, EvaluationSettings)
    dataset = load_detection_dataset(data, options["split"])
    with progress_bars() as progress:
        comparison = compare_detection(
            model, dataset, enhancers, out, settings=settings, class_map=class_map, progress=progress
        )
        write_changed_pictures(comparison, dataset, options["pictures"], progress)
    show_table(heading(comparison.record), columns(comparison.record), table(comparison.record))
    for line in [*dataset.issues.lines(), *notes(comparison.record)]:
        say(line)
    say(
        f"written to {out}: results.json, results.csv, results.md, truth.json, predictions/"
        + (", pictures/" if options["pictures"] else "")
    )
    if any(row["failed"] for row in comparison.rows):
        raise typer.Exit(1)
