"""What `eval detect` and `compare detect` have in common: they differ in the enhancers and in the gate."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ..configs.schema import EvaluationSettings
from ..eval.compare import compare_detection
from ..eval.comparison import Comparison
from ..eval.report.page_pictures import write_report_pictures
from ..eval.report.pictures import write_changed_pictures
from ..eval.report.tables import columns, heading, notes, table
from .clean_reference import detection_data
from .conditions import in_every_condition
from .console import progress_bars, say, show_table
from .options import checked_settings, parse_class_map, required
from .report import write_page_and_plots


def detect(context: typer.Context, enhancers: Sequence[str]) -> None:
    """Once, or under each condition of the preset; status 1 if an image failed."""
    in_every_condition(context, lambda: _detect_once(context, enhancers))


def _detect_once(context: typer.Context, enhancers: Sequence[str]) -> Comparison:
    """Load, compare, write tables and pictures, and show the table."""
    options = context.params
    model = required(options["model"], "--model", "yolo11n.pt")
    data = required(options["data"], "--data", "darkbdd")
    out = required(options["out"], "--out", "FOLDER")
    class_map = parse_class_map(options["class_map"])
    settings = checked_settings(context, EvaluationSettings)
    dataset = detection_data(context, model, data, settings)
    with progress_bars() as progress:
        comparison = compare_detection(
            model, dataset, enhancers, out, settings=settings, class_map=class_map, progress=progress
        )
        write_changed_pictures(comparison, dataset, options["pictures"], progress)
        write_report_pictures(comparison, dataset, options["pictures"], progress)
    write_page_and_plots(comparison)
    show_table(heading(comparison.record), columns(comparison.record), table(comparison.record))
    for line in [*dataset.issues.lines(), *notes(comparison.record)]:
        say(line)
    say(
        f"written to {out}: report.html, results.json, results.csv, results.md, plots/, truth.json, predictions/"
        + (", pictures/" if options["pictures"] else "")
    )
    return comparison
