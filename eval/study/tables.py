"""The scores of a study as text: for the terminal, for a spreadsheet, for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import output_folder, write_json, write_text

_COUNTS = {"ab": ("votes", "preferred", "equal", "not_preferred"), "stars": ("votes",)}


def heading(scores: Mapping[str, Any]) -> str:
    """One line that says what was asked, of whom, and on what.

    >>> heading({"mode": "ab", "study": "1f", "data": "lime", "pictures": 10, "participants": [{}], "answers": 60})
    'study 1f on lime, A/B, 10 pictures, participants: 1, answers: 60'
    """
    mode = "A/B" if scores["mode"] == "ab" else "1 to 5 stars"
    return (
        f"study {scores['study']} on {scores['data']}, {mode}, {scores['pictures']} pictures, "
        f"participants: {len(scores['participants'])}, answers: {scores['answers']}"
    )


def columns(scores: Mapping[str, Any]) -> list[str]:
    """The headings above :func:`table`."""
    score = "preferred to average, %" if scores["mode"] == "ab" else "mean opinion score"
    return ["enhancer", score, f"{scores['level']:.0%} interval", *(n.replace("_", " ") for n in _names(scores))]


def table(scores: Mapping[str, Any]) -> list[list[str]]:
    """The cells, the best enhancer first; probabilities in percent."""
    return [
        [row["enhancer"], _shown(scores, row["score"]), _range(scores, row), *(str(row[n]) for n in _names(scores))]
        for row in scores["rows"]
    ]


def _names(scores: Mapping[str, Any]) -> tuple[str, ...]:
    return _COUNTS[scores["mode"]]


def _shown(scores: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if scores["mode"] == "ab" else f"{value:.2f}"


def _range(scores: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return f"[{', '.join(_shown(scores, end) for end in row['interval'])}]" if row["interval"] else "-"


def write_scores(scores: Mapping[str, Any], folder: str | Path) -> None:
    """Write ``scores.json``, ``scores.csv`` and ``scores.md`` into a folder."""
    folder = output_folder(folder)
    write_json(folder / "scores.json", dict(scores))
    write_text(folder / "scores.csv", _csv(scores))
    write_text(folder / "scores.md", _markdown(scores))


def _csv(scores: Mapping[str, Any]) -> str:
    """Figures as they are: probabilities in [0, 1]."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["enhancer", "score", "low", "high", *_names(scores)])
    for row in scores["rows"]:
        low, high = row["interval"] or (None, None)
        writer.writerow([row["enhancer"], row["score"], low, high, *(row[name] for name in _names(scores))])
    return text.getvalue()


def _markdown(scores: Mapping[str, Any]) -> str:
    names = columns(scores)
    lines = [heading(scores), "", "| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in table(scores)]
    return "\n".join([*lines, "", *(f"- {note}" for note in scores["notes"]), ""])
