"""What `eval quality` and `compare quality` have in common: they differ in the enhancers and in the gate."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ..configs.schema import QualitySettings
from ..errors import ScotopicError
from ..eval.compare_quality import compare_quality
from ..eval.correlation import correlate, read_record
from ..eval.datasets.pictures import load_pictures
from ..eval.report.quality_pictures import write_contact_sheet
from ..eval.report.tables import columns, heading, notes, table
from .console import err, progress_bars, say, show_table
from .options import checked_settings, required


def quality(context: typer.Context, enhancers: Sequence[str]) -> None:
    """Load, compare, write tables and a contact sheet, and show the tables; status 1 if an image or the sheet fails."""
    options = context.params
    data = required(options["data"], "--data", "lol")
    out = required(options["out"], "--out", "FOLDER")
    settings = checked_settings(context, QualitySettings)
    dataset = load_pictures(data, options["reference"], options["split"])
    against = read_record(options["against"]) if options.get("against") else None
    without_sheet = None
    with progress_bars() as progress:
        comparison = compare_quality(dataset, enhancers, out, settings=settings, progress=progress)
        try:
            write_contact_sheet(comparison, dataset, options["pictures"], progress)
        except ScotopicError as error:  # the figures are there, and are shown first
            without_sheet = str(error)
    record = comparison.record
    show_table(heading(record), columns(record), table(record))
    for line in notes(record):
        say(line)
    sheet = ["pictures/"] if options["pictures"] and without_sheet is None else []
    written = ["results.json", "results.csv", "results.md", *sheet]
    if against is not None:
        found = correlate(record, against)
        written.append(found.write(out).name)
        show_table(found.heading(), found.columns(), found.table())
        for line in found.notes():
            say(line)
    say(f"written to {out}: {', '.join(written)}")
    if without_sheet is not None:
        err.print(f"scotopic: {without_sheet}", style="red", highlight=False, markup=False)
    if without_sheet is not None or any(row["failed"] for row in comparison.rows):
        raise typer.Exit(1)
