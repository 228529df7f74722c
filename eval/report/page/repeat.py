"""Everything that is needed to measure the same again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..tables import failed_images
from .results import Results

PROGRAM = "scotopic"


@dataclass(frozen=True)
class Recipe:
    """One results folder.

    Attributes:
        command: as it was typed, with the program's name for whatever file started it.
        facts: (name, value) of versions, machine, seeds and settings.
        digests: (what, SHA-256).
        notes: what a reader must know beside the figures.
    """

    name: str
    command: str
    facts: list[tuple[str, str]]
    digests: list[tuple[str, str]]
    notes: list[str]


def recipe(results: Results) -> Recipe:
    """What the record says of itself."""
    record = results.record
    environment: Mapping[str, Any] = record.get("environment") or {}
    model: Mapping[str, Any] = record.get("model") or {}
    data: Mapping[str, Any] = record.get("data") or {}
    _, *arguments = environment.get("command") or [""]
    statistics = (results.statistics or {}).get("settings") or {}
    packages = ", ".join(f"{name} {version}" for name, version in (environment.get("packages") or {}).items())
    machine = [environment.get("system"), f"{environment.get('cpus')} CPUs", environment.get("cuda")]
    facts = {
        "scotopic": environment.get("scotopic"),
        "Python": environment.get("python"),
        "packages": packages,
        "machine": ", ".join(str(part) for part in machine if part and part != "None CPUs"),
        "threads": environment.get("torch_threads"),
        "model": ", ".join(str(model[key]) for key in ("file", "framework", "device") if model.get(key)),
        "data": f"{data['name']}, {data['images']} images" if data.get("name") else None,
        "settings": _pairs(record.get("settings")),
        "gate": _pairs(record.get("gate")),
        "intervals": _intervals(statistics),
        "classes": _class_map(data.get("class_map")),
    }
    digests = {"model": model.get("sha256"), "data": data.get("fingerprint")}
    for row in record.get("rows") or []:
        if isinstance(row, dict) and row.get("enhancer_sha256") and row.get("enhancer") != "none":
            digests[str(row["enhancer"])] = row["enhancer_sha256"]
    return Recipe(
        name=results.name,
        command=shlex.join([PROGRAM, *map(str, arguments)]) if arguments else "",
        facts=[(name, str(value)) for name, value in facts.items() if value not in (None, "")],
        digests=[(name, str(digest)) for name, digest in digests.items() if digest],
        notes=_notes(results),
    )


def _pairs(values: Mapping[str, Any] | None) -> str:
    shown = {key: value for key, value in (values or {}).items() if value is not None and not isinstance(value, dict)}
    return ", ".join(f"{key} {_value(value)}" for key, value in shown.items())


def _value(value: Any) -> str:
    return "×".join(map(str, value)) if isinstance(value, list) else str(value)


def _intervals(settings: Mapping[str, Any]) -> str | None:
    if not settings:
        return None
    confidence = f"{100 * settings['confidence']:.0f} %" if "confidence" in settings else ""
    return f"BCa bootstrap, {confidence}, {settings.get('resamples')} resamples, seed {settings.get('seed')}"


def _class_map(class_map: Mapping[str, Any] | None) -> str:
    pairs = (class_map or {}).items()
    return ", ".join(f"{ours} → {theirs or 'left out'}" if ours != theirs else str(ours) for ours, theirs in pairs)


def _notes(results: Results) -> list[str]:
    data, notes = results.record.get("data") or {}, []
    if data.get("left_out"):
        notes.append(f"Left out, for want of a partner among the model's classes: {', '.join(data['left_out'])}.")
    notes += [str(note) for note in data.get("notes") or []]
    for row in results.record.get("rows") or []:
        if isinstance(row, dict) and row.get("failed"):
            notes.append(f"{row.get('enhancer')}: {len(row['failed'])} images failed: {failed_images(row['failed'])}")
    return notes
