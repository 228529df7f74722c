"""`scotopic list`."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from ..configs.schema import ListPreset
from ..files import sha256_of
from ..pipeline.registry import enhancer_class, enhancer_info, list_enhancers
from ..pipeline.weights.download import cached_path
from ..pipeline.weights.manifest import find_weights, manifest
from .console import say, show_table
from .options import preset_option

COLUMNS = ("enhancer", "paper", "year", "learned", "params", "licence of weights", "weights here")


def list_all(
    pattern: Annotated[str, typer.Argument(help="Show the names that fit, such as '*dce*'.")] = "*",
    config: Annotated[str | None, preset_option(ListPreset)] = None,
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
                weights_here(name),
            ]
        )
    show_table(f"{len(names)} enhancers", COLUMNS, rows, wrap=True)
    for entry in manifest().values():
        if entry.enhancer in names:
            say(f"weights {entry.name} for {entry.enhancer} ({entry.licence}): {entry.trained}")


def weights_here(name: str) -> str:
    """Whether the enhancer ``name`` can run as it is without fetching anything: none needed, yes, downloadable, no."""
    if not enhancer_info(name).needs_weights:
        return "none needed"
    weights = inspect.signature(enhancer_class(name)).parameters.get("weights")
    entry = find_weights(str(weights.default)) if weights else None
    if entry is None:
        return "no"
    if entry.url is None:
        return "yes"
    path = cached_path(entry.url)
    return "yes" if path.is_file() and sha256_of(path) == entry.sha256 else "downloadable"
