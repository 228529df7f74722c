"""What earlier runs into the same folder finished: reused where it still fits, kept where it was not asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ScotopicError
from ..files import sha256_of, write_json

KEPT = ".finished.json"
"""Rows that are not in ``results.json``, since the last run was not asked for their enhancers."""

_TASKS = {
    "detect": "a comparison of detectors",
    "segment": "a comparison of segmentation nets",
    "quality": "a comparison of pictures",
    "bench": "a measurement of cost",
    "flicker": "a measurement of flicker",
}
Row = dict[str, Any]


def refuse_other_task(out: Path, task: str) -> None:
    """Make sure that a folder does not hold results of another kind, whose files these would mix with.

    Raises:
        ScotopicError: it does.
    """
    record = _read(out / "results.json")
    held = record.get("task") if isinstance(record, dict) else None
    if held in _TASKS and held != task:
        raise ScotopicError(
            f"{out} holds {_TASKS[held]}, with whose files those of {_TASKS[task]} would mix: choose another output "
            "folder"
        )


def finished_rows(out: Path, keys: Mapping[str, str], evidence: Sequence[str]) -> dict[str, Row]:
    """Rows of earlier runs that this run would make again in just the same way, by enhancer.

    What this run was not asked for is put aside, before anything is written over it, so that a later one may ask again.

    Args:
        out: the folder.
        keys: enhancer -> the key of its row, of all that this run was asked for.
        evidence: keys of a row that hold the paths of files it must still have.
    """
    shown, aside = _rows(_read(out / "results.json")), _rows(_read(out / KEPT))
    found = [name for name in keys if _fits(out, shown.get(name), keys[name], evidence)]
    again = [name for name in keys if name not in found and _fits(out, aside.get(name), keys[name], evidence)]
    # those that come back stay here, too, until they stand in results.json
    kept = {name: row for name, row in {**aside, **shown}.items() if name not in keys}
    kept |= {name: aside[name] for name in again}
    if kept:
        write_json(out / KEPT, {"rows": list(kept.values())})
    else:
        (out / KEPT).unlink(missing_ok=True)
    return {name: shown[name] for name in found} | {name: aside[name] for name in again}


def _fits(out: Path, row: Row | None, key: str, evidence: Sequence[str]) -> bool:
    try:
        return (
            row is not None
            and row["key"] == key
            and all(fingerprint(out / row[part]) == row[f"{part}_sha256"] for part in evidence)
        )
    except (OSError, KeyError, TypeError):
        return False  # of an older version, or not ours


def _rows(record: Any) -> dict[str, Row]:
    rows = record.get("rows") if isinstance(record, dict) else None
    known = [row for row in rows if isinstance(row, dict) and "key" in row] if isinstance(rows, list) else []
    return {str(row.get("enhancer")): row for row in known}


def _read(path: Path) -> Any:
    """What a JSON file holds; None if there is none, or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def fingerprint(path: Path) -> str | None:
    """SHA-256 of a file, or over the names and contents of the label maps below a folder; None if there is neither."""
    if path.is_dir():
        files = sorted(path.rglob("*.png"))
        lines = (f"{file.relative_to(path).as_posix()} {sha256_of(file)}\n" for file in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    return sha256_of(path) if path.is_file() else None
