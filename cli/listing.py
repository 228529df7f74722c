"""`scotopic list`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..configs.schema import ListPreset
from ..pipeline.contract import EnhancerInfo
from ..pipeline.registry import enhancer_info, list_enhancers
from ..pipeline.weights.manifest import manifest
from .console import say, show_table
from .options import preset_option

COLUMNS = ("enhancer", "paper", "year", "learned", "params", "licence of weights", "weights here")


def list_all(
    pattern: Annotated[str, typer.Argument(help="Show the names that fit, such as '*dce*'.")] = "*",
    config: Annotated[str | None, preset_option("enhancer", ListPreset)] = None,
) -> None:
    """Show the enhancers: name, paper, year, parameters, licence, and whether the weights are here."""
    names = list_enhancers(pattern)
    rows = []
    for name in names:
        info = enhancer_info(name)
        paper = info.paper.split(":")[0] or info.summary
        rows.append(
            [
                name,
                paper,
                str(info.year or ""),
                "yes" if info.learned else "no",
                f"{info.params:,}" if info.params else "",
                info.weights_licence,
                weights_here(info),
            ]
        )
    show_table(f"{len(names)} enhancers", COLUMNS, rows, wrap=True)
    for entry in manifest().values():
        if entry.enhancer in names:
            say(f"weights {entry.name} for {entry.enhancer} ({entry.licence}): {entry.trained}")


def weights_here(info: EnhancerInfo) -> str:
    """Whether an enhancer can run without fetching anything."""
    if not info.needs_weights:
        return "none needed"
    entries = [entry for entry in manifest().values() if entry.enhancer == info.name]
    return "yes" if any(entry.file for entry in entries) else "downloadable" if entries else "no"
