"""`scotopic list`."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from ..configs.schema import ListPreset
from ..files import sha256_of
from ..pipeline.contract import EnhancerInfo
from ..pipeline.registry import DEFAULT, enhancer_class, enhancer_info, list_enhancers
from ..pipeline.weights.download import cached_path
from ..pipeline.weights.manifest import find_weights, manifest
from .console import say, show_table
from .options import preset_option

COLUMNS = ("enhancer", "paper", "year", "kind", "params", "licence of weights", "weights here")
MARKDOWN_COLUMNS = (
    "enhancer",
    "paper",
    "year",
    "kind",
    "parameters",
    "licence of the code",
    "licence of the weights",
    "commercial use",
    "needs weights",
    "cost",
)


def list_all(
    pattern: Annotated[str, typer.Argument(help="Show the names that fit, such as '*dce*'.")] = "*",
    config: Annotated[str | None, preset_option(ListPreset)] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only those that may be used commercially, for all that is known.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table with everything that is known.")
    ] = False,
) -> None:
    """Show the enhancers: name, paper, year, parameters, licence, and whether the weights are here."""
    names = list_enhancers(pattern, **({"commercial": True} if commercial else {}))
    if markdown:
        say(markdown_table([enhancer_info(name) for name in names]))
        return
    rows = []
    for name in names:
        info = enhancer_info(name)
        paper = info.paper.split(":")[0] or info.summary
        rows.append(
            [
                name,
                paper,
                str(info.year or ""),
                info.kind,
                f"{info.params:,}" if info.params else "",
                info.weights_licence,
                weights_here(name),
            ]
        )
    show_table(f"{len(names)} enhancers", COLUMNS, rows, wrap=True)
    if DEFAULT in names:
        say(f"where none is named, it is {DEFAULT}: docs/results.md says why")
    for entry in manifest().values():
        # Other weights than the default ones may make an enhancer free.
        if entry.enhancer in list_enhancers(pattern) and not (commercial and entry.commercial is not True):
            say(f"weights {entry.name} for {entry.enhancer} ({entry.licence}): {entry.trained}")


def markdown_table(infos: list[EnhancerInfo]) -> str:
    """What is known about each enhancer, one line each.

    >>> print(markdown_table([EnhancerInfo(name="half", summary="Halves.", commercial=True)]).splitlines()[2])
    | `half` | Halves. |  | point |  |  |  | yes | no | cheap |
    """
    rows = [MARKDOWN_COLUMNS, ["---"] * len(MARKDOWN_COLUMNS)]
    for info in infos:
        rows.append(
            [
                f"`{info.name}`",
                info.paper or info.summary,
                str(info.year or ""),
                info.kind,
                f"{info.params:,}" if info.params else "",
                info.code_licence,
                info.weights_licence,
                {True: "yes", False: "no", None: "unknown"}[info.commercial],
                "yes" if info.needs_weights else "no",
                info.cost,
            ]
        )
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


def weights_here(name: str) -> str:
    """Whether the enhancer ``name`` can run as it is without fetching anything: none needed, yes, downloadable, no."""
    if not enhancer_info(name).needs_weights:
        return "none needed"
    weights = inspect.signature(enhancer_class(name)).parameters.get("weights")
    entry = find_weights(str(weights.default)) if weights else None
    if entry is None:
        return "no"
    for file in entry.downloads().values():
        path = cached_path(file.url)
        if not path.is_file() or sha256_of(path) != file.sha256:
            return "downloadable"
    return "yes"
