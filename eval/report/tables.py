"""A comparison as rows of text: for the terminal, for a spreadsheet, for a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_text

_POINTS = ("mAP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR")
COLUMNS = ("enhancer", "mAP", "vs none", *_POINTS[1:], "enhance ms", "model ms", "passed", "failed")


def heading(record: Mapping[str, Any]) -> str:
    """One line that says what was measured, on what, and how.

    >>> heading({"model": {"file": "y.pt"}, "data": {"name": "night", "images": 2}, "settings": {"gate": "off",
    ...     "strength": 1.0, "where": "source", "imgsz": 640, "conf": 0.001, "iou": 0.7, "max_det": 300}})
    'night, 2 images, frozen y.pt, gate off, enhanced at the source, imgsz 640, conf 0.001, NMS IoU 0.7, max_det 300'
    """
    data, settings = record["data"], record["settings"]
    parts = [
        data["name"],
        f"{data['images']} images",
        f"frozen {record['model']['file']}",
        f"gate {settings['gate']}",
        f"enhanced {'at the source' if settings['where'] == 'source' else 'in the graph'}",
        *([f"strength {settings['strength']}"] if settings["strength"] != 1 else []),
        f"imgsz {settings['imgsz']}",
        f"conf {settings['conf']}",
        f"NMS IoU {settings['iou']}",
        f"max_det {settings['max_det']}",
    ]
    return ", ".join(parts)


def table(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The cells below :data:`COLUMNS`, metrics in points (x 100)."""
    baseline = rows[0]["metrics"]["mAP"]
    cells = []
    for row in rows:
        metrics, timing = row["metrics"], row["timing_ms"]
        model = [timing[step] for step in ("preprocess", "inference", "postprocess") if step in timing]
        cells.append(
            [
                row["enhancer"],
                points(metrics["mAP"]),
                "" if row["enhancer"] == "none" else change(metrics["mAP"], baseline),
                *(points(metrics[name]) for name in _POINTS[1:]),
                f"{timing['enhance']:.1f}" if "enhance" in timing else "-",
                f"{sum(model):.1f}" if model else "-",
                f"{len(row['passed_by_gate'])}",
                f"{len(row['failed'])}",
            ]
        )
    return cells


def points(fraction: float | None) -> str:
    """A fraction as people read it; a dash where there is none.

    >>> points(0.17663), points(None)
    ('17.66', '-')
    """
    return "-" if fraction is None else f"{100 * fraction:.2f}"


def change(fraction: float | None, baseline: float | None) -> str:
    """The difference in points, with its sign.

    >>> change(0.199, 0.177)
    '+2.20'
    """
    return "-" if fraction is None or baseline is None else f"{100 * (fraction - baseline):+.2f}"


def notes(record: Mapping[str, Any]) -> list[str]:
    """What a reader must know beside the figures."""
    lines = [
        "mAP is COCO AP@[.50:.95] by pycocotools, in points; the detector is not retrained.",
        "There are no intervals here: on a few hundred images or fewer, a difference of about a point may be chance.",
    ]
    left_out = record["data"]["left_out"]
    if left_out:
        lines.append(f"Left out, for want of a partner among the model's classes: {', '.join(left_out)}.")
    for row in record["rows"]:
        if row["failed"]:
            lines.append(
                f"{row['enhancer']}: {len(row['failed'])} failed images count as empty: {', '.join(row['failed'])}."
            )
    if any(row["passed_by_gate"] for row in record["rows"]):
        lines.append("passed: frames that the gate found bright and left untouched.")
    return lines


def markdown(record: Mapping[str, Any]) -> str:
    """A table that can be pasted into a README, with what was measured above and notes below."""
    lines = [heading(record), "", "| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(cells) + " |" for cells in table(record["rows"])]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes(record)), ""])


def write_tables(record: Mapping[str, Any], out: Path) -> None:
    """Write ``results.md`` and ``results.csv`` for a record into the folder ``out``."""
    write_text(out / "results.md", markdown(record))
    rows = record["rows"]
    metrics = list(rows[0]["metrics"])
    steps = list(dict.fromkeys(step for row in rows for step in row["timing_ms"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["enhancer", *metrics, *(f"{step}_ms" for step in steps), "images", "passed_by_gate", "failed"])
    for row in rows:
        writer.writerow(
            [
                row["enhancer"],
                *(row["metrics"][name] for name in metrics),
                *(row["timing_ms"].get(step, "") for step in steps),
                row["images"],
                len(row["passed_by_gate"]),
                len(row["failed"]),
            ]
        )
    write_text(out / "results.csv", text.getvalue())
