"""An ablation as a table: for the terminal, for a spreadsheet, for a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..eval.comparison import Comparison
from ..eval.frequent import as_heading, frequent_metric, judged_metric
from ..eval.report.interval_tables import HEADINGS
from ..eval.report.tables import columns, heading, table
from ..files import write_json, write_text

SHOWN = {
    task: (main, as_heading(frequent_metric(main)), *HEADINGS, other)
    for task, main, other in (("detect", "mAP", "AP50"), ("segment", "mIoU", "mPA"))
}
"""Headings of a comparison's own table that stand in this one; of how pictures look all metrics do."""


def figures_of_row(record: Mapping[str, Any], enhancer: str) -> dict[str, Any]:
    """What a comparison found of one enhancer: ``metrics``, and, where it has statistics, how the one that the
    verdict rests on differs from ``none`` (``value`` and its interval ``bca``) and the ``verdict`` in a word."""
    row = next(row for row in record["rows"] if row["enhancer"] == enhancer)
    statistics = record.get("statistics", {"metric": next(iter(row["metrics"])), "rows": {}})
    found = statistics["rows"].get(enhancer, {})
    judged = judged_metric(statistics, statistics["metric"])
    return {
        "metrics": row["metrics"],
        "main": judged,
        "vs_none": found.get("difference", {}).get(judged),
        "verdict": found.get("verdict", {}).get("word"),
    }


def table_of(rows: Sequence[Mapping[str, Any]], compared: Mapping[str, Comparison]) -> dict[str, Any]:
    """The parts ``table`` and ``compared`` of an ablation's record.

    Args:
        rows: of the record.
        compared: task -> the comparison of all the enhancers in ``rows``.
    """
    names, cells = ["variant", "changed", "mean factor"], []
    places: dict[str, list[int]] = {}
    found: dict[str, dict[str, list[str]]] = {}
    for task, comparison in compared.items():
        have = columns(comparison.record)
        wanted = SHOWN.get(task) or have[1 : have.index("enhance ms")]
        places[task] = [place for place, name in enumerate(have) if name in wanted and name != "vs none"]
        judged = have[have.index(HEADINGS[0]) - 1] if HEADINGS[0] in have else ""
        names += [f"{judged} {name}" if name in HEADINGS else name for name in (have[place] for place in places[task])]
        found[task] = {line[0]: line for line in table(comparison.record)}
    for row in rows:
        factor = row.get("last_epoch", {}).get("mean_factor")
        figures = (found[task][row["enhancer"]][place] for task in compared for place in places[task])
        cells.append([row["variant"], row["changes"], "" if factor is None else f"{factor:.3f}", *figures])
    headings = {task: heading(comparison.record) for task, comparison in compared.items()}
    return {"table": {"columns": names, "rows": cells}, "compared": headings}


def write_ablation(record: Mapping[str, Any], out: Path) -> None:
    """Write ``ablation.json``, ``ablation.md`` and ``ablation.csv``."""
    write_json(out / "ablation.json", record)
    write_text(out / "ablation.md", markdown(record))
    write_text(out / "ablation.csv", _csv(record))


def notes(record: Mapping[str, Any]) -> list[str]:
    """What a reader must know beside the figures."""
    lines = [f"{task}: {measured} ({task}/results.md)" for task, measured in record["compared"].items()]
    lines += [f"{name} failed: {sentence}" for name, sentence in record["failed"].items()]
    lines.append(
        "Each variant was trained once, with one seed: a difference between two of them may be chance. Intervals are "
        "of the difference to no enhancer, over the images."
    )
    return lines


def markdown(record: Mapping[str, Any]) -> str:
    """The table and its notes, to be pasted into a README."""
    names, rows = record["table"]["columns"], record["table"]["rows"]
    lines = ["| " + " | ".join(names) + " |", "|---|---|" + "---:|" * (len(names) - 2)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes(record)), ""])


def _csv(record: Mapping[str, Any]) -> str:
    """Every figure at full length; those of a task are called ``detect_mAP``, ``detect_mAP_vs_none`` and so on."""
    text = io.StringIO()
    lines = [_flat(row) for row in record["variants"]]
    writer = csv.DictWriter(text, list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {key: row[key] for key in ("variant", "changes", "enhancer")}
    for task, found in row["figures"].items():
        line |= {f"{task}_{name}": value for name, value in found["metrics"].items()}
        gain = found["vs_none"] or {}
        low, high = gain.get("bca") or (None, None)
        main = f"{task}_{found['main']}_vs_none"
        line |= {main: gain.get("value"), f"{main}_low": low, f"{main}_high": high}
    return line | {f"last_{name}": value for name, value in row.get("last_epoch", {}).items()}
