"""What enhancers cost, as rows of text: for the terminal, for a spreadsheet, for a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_text

STEP_NAMES = {
    "enhance": "enhance",
    "preprocess": "letterbox",
    "inference": "inference",
    "postprocess": "postprocess",
    "rest": "rest",
}
"""Step in the record -> its heading."""


def bench_heading(record: Mapping[str, Any]) -> str:
    """One line that says on what was measured, and how."""
    data, settings, machine, model = record["data"], record["settings"], record["machine"], record["model"]
    load = machine["load"]
    parts = [
        f"{data['name']}, {data['images']} picture{'s' if data['images'] > 1 else ''}",
        f"{settings['device']}: {machine['device']}",
        f"{settings['threads']} thread{'s' if settings['threads'] > 1 else ''} on {machine['cores']} cores",
        *([f"load {load:.1f} at the start"] if load is not None else []),
        f"{settings['rounds']} rounds in turn",
        *([f"before {model['file']}"] if model else []),
        *([f"budget {settings['budget']}"] if settings["budget"] else []),
    ]
    return ", ".join(parts)


def cost_table(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of what the enhancers need by themselves."""
    verdicts = record["settings"]["budget"] and not record["model"]
    headings = ["enhancer", "size", "batch", "ms (middle half)", "pictures/s", "parameters", "GFLOPs", "memory MB"]
    cells = []
    for row in record["rows"]:
        cells.append(
            [
                row["enhancer"],
                size_of(row),
                str(row["batch"]),
                middle_half(row["ms"]),
                digits(row["pictures_per_second"]),
                f"{row['parameters']:,}" if row["parameters"] else "-",
                "-" if row["flops"] is None else digits(row["flops"] / 1e9),
                "-" if row["memory_mb"] is None else f"{row['memory_mb']:.0f}",
                *([verdict(row)] if verdicts else []),
            ]
        )
    return [*headings, *(["budget"] if verdicts else [])], cells


def pipeline_table(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the time of the whole and the shares of its steps; no cells without a model."""
    verdicts = record["settings"]["budget"]
    shares = [f"{name} ms (share)" for name in STEP_NAMES.values()]
    headings = ["enhancer", "size", "pipeline ms (middle half)", *shares, *(["budget"] if verdicts else [])]
    cells = []
    for row in record["rows"]:
        if row["pipeline"]:
            ms, share = row["pipeline"]["ms"], row["pipeline"]["share"]
            steps = [f"{digits(ms[step]['median'])} ({100 * share[step]:.1f} %)" for step in STEP_NAMES]
            end = [verdict(row)] if verdicts else []
            cells.append([row["enhancer"], size_of(row), middle_half(ms["total"]), *steps, *end])
    return headings, cells


def bench_notes(record: Mapping[str, Any]) -> list[str]:
    """What a reader must know beside the figures, and everything that is missing with its reason."""
    rows, settings = record["rows"], record["settings"]
    lines = [
        "ms: median and quartiles; of one picture enhance(), uint8 to uint8, of a batch forward(). All took turns in "
        "an order shuffled in each round, after an unmeasured one; the gate is off unless the name says otherwise.",
        "GFLOPs: of forward() for one picture, by torch.utils.flop_counter, convolutions and matrix products alone, a "
        "multiplication with its addition as two (most papers count one).",
        "memory: growth of the process at the peak, its output included, in a fresh process for each row.",
    ]
    if record["model"]:
        lines.append("share: of the sum of the steps' medians; rest is what no step accounts for.")
    if settings["budget"]:
        what = "the whole pipeline" if record["model"] else "enhance()"
        lines.append(f"budget: pass if the median of {what} is at most {settings['budget']}.")
        close = [f"{row['enhancer']} at {size_of(row)}" for row in rows if _close(row, record)]
        if close:
            lines.append(f"Too close to call on this machine, the budget lies in the middle half: {', '.join(close)}.")
    for column, note in (("GFLOPs", "flops_note"), ("memory", "memory_note")):
        reasons: dict[str, list[str]] = {}
        for row in rows:
            if row[note] and row["enhancer"] not in reasons.setdefault(row[note], []):
                reasons[row[note]].append(row["enhancer"])
        lines += [f"No {column} for {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    for skip in record["skipped"]:
        where = f" at {size_of(skip)}, batch {skip['batch']}" if "width" in skip else ""
        lines.append(f"{skip['enhancer']} is skipped{where}: {skip['reason']}.")
    return lines


def _close(row: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether the budget lies between the quartiles."""
    if row["within_budget"] is None:
        return False
    judged = row["pipeline"]["ms"]["total"] if row["pipeline"] else row["ms"]
    return judged["lower_quartile"] <= record["settings"]["budget_ms"] < judged["upper_quartile"]


def verdict(row: Mapping[str, Any]) -> str:
    """Whether a row keeps the budget.

    >>> verdict({"within_budget": False})
    'FAIL'
    """
    return {True: "pass", False: "FAIL", None: "-"}[row["within_budget"]]


def size_of(row: Mapping[str, Any]) -> str:
    """WIDTHxHEIGHT of a row."""
    return f"{row['width']}x{row['height']}"


def middle_half(ms: Mapping[str, float]) -> str:
    """The median, and the range that holds the middle half.

    >>> middle_half({"median": 12.34, "lower_quartile": 9.876, "upper_quartile": 123.4})
    '12.3 (9.88 to 123)'
    """
    return f"{digits(ms['median'])} ({digits(ms['lower_quartile'])} to {digits(ms['upper_quartile'])})"


def digits(value: float) -> str:
    """Three digits that mean something.

    >>> [digits(value) for value in (0.0123, 1.234, 12.34, 123.4, 12345.6)]
    ['0.012', '1.23', '12.3', '123', '12346']
    """
    places = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{places}f}"


def bench_markdown(record: Mapping[str, Any]) -> str:
    """The tables with what was measured above and notes below."""
    lines = [bench_heading(record), ""]
    for headings, cells in (cost_table(record), pipeline_table(record)):
        if cells:
            lines += [_line(headings), "|---|" + "---:|" * (len(headings) - 1), *map(_line, cells), ""]
    return "\n".join([*lines, *(f"- {note}" for note in bench_notes(record)), ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def write_bench_tables(record: Mapping[str, Any], out: Path) -> None:
    """Write ``results.md`` and ``results.csv`` for a record into the folder ``out``."""
    write_text(out / "results.md", bench_markdown(record))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    plain = ["enhancer", "width", "height", "batch", "call"]
    quartiles = ["median", "lower_quartile", "upper_quartile"]
    needs = ["pictures_per_second", "parameters", "flops", "memory_mb"]
    steps = [*STEP_NAMES, "total"]
    writer.writerow(
        [*plain, *(f"ms_{name}" for name in quartiles), *needs, "within_budget"]
        + [f"pipeline_ms_{step}" for step in steps]
        + [f"share_{step}" for step in STEP_NAMES]
    )
    for row in record["rows"]:
        pipeline = row["pipeline"]
        writer.writerow(
            [*(row[name] for name in plain), *(row["ms"][name] for name in quartiles), *(row[name] for name in needs)]
            + ["" if row["within_budget"] is None else verdict(row).lower()]
            + [pipeline["ms"][step]["median"] if pipeline else "" for step in steps]
            + [pipeline["share"][step] if pipeline else "" for step in STEP_NAMES]
        )
    write_text(out / "results.csv", text.getvalue())
