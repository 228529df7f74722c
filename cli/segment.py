"""What `eval segment` and `compare segment` have in common: they differ in the enhancers and in the gate."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ..configs.schema import SegmentationSettings
from ..eval.compare import compare_segmentation
from ..eval.comparison import Comparison
from ..eval.report.page_pictures import write_report_pictures
from ..eval.report.segmentation_pictures import write_changed_segmentations
from ..eval.report.tables import class_table, columns, heading, notes, table
from .clean_reference import segmentation_data
from .conditions import in_every_condition
from .console import progress_bars, say, show_table
from .options import checked_settings, parse_class_groups, required
from .report import write_page_and_plots

DEFAULT_MODEL = "road"


def segment(context: typer.Context, enhancers: Sequence[str]) -> None:
    """Once, or under each condition of the preset; status 1 if an image failed."""
    in_every_condition(context, lambda: _segment_once(context, enhancers))


def _segment_once(context: typer.Context, enhancers: Sequence[str]) -> Comparison:
    """Load, compare, write tables and pictures, and show the tables."""
    options = context.params
    data = required(options["data"], "--data", "camvid")
    out = required(options["out"], "--out", "FOLDER")
    class_map = parse_class_groups(options["class_map"])
    settings = checked_settings(context, SegmentationSettings)
    dataset = segmentation_data(context, options["model"], data, settings)
    with progress_bars() as progress:
        comparison = compare_segmentation(
            options["model"], dataset, enhancers, out, settings=settings, class_map=class_map, progress=progress
        )
        write_changed_segmentations(comparison, dataset, options["pictures"], progress)
        write_report_pictures(comparison, dataset, options["pictures"], progress)
    write_page_and_plots(comparison)
    record = comparison.record
    show_table(heading(record), columns(record), table(record))
    show_table("", *class_table(record))
    for line in [*dataset.issues.lines(), *notes(record)]:
        say(line)
    say(
        f"written to {out}: report.html, results.json, results.csv, results.md, plots/, confusion/, predictions/"
        + (", pictures/" if options["pictures"] else "")
    )
    return comparison
