"""Presets with several conditions: the same model and enhancers on each, and one page over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from ..configs.schema import Condition
from ..errors import ScotopicError
from ..eval.comparison import Comparison, file_name
from ..eval.datasets.dark_set import build_dark_set
from ..eval.datasets.dark_source import find_dark_source
from ..eval.datasets.recipes import parse_recipe
from ..eval.report.page.build import write_report
from ..eval.report.page.results import Results
from .console import progress_bars, say
from .options import CONDITIONS, given, required

OWN = ("split", "gate")
"""Options that a condition may set for itself."""


def in_every_condition(context: typer.Context, compare_once: Callable[[], Comparison]) -> None:
    """Call ``compare_once`` under each condition of the preset, or as it is where the preset has none.

    Under a condition the options are the command's with the condition's in their place, and the results go into a
    folder of its name below ``--out``, where ``report.html`` is then one page over all. Status 1 if an image failed.

    Raises:
        ScotopicError: an option on the command line would undo a condition.
    """
    conditions: Mapping[str, Condition] = context.meta.get(CONDITIONS, {})
    done = _under_all(context, conditions, compare_once) if conditions else [compare_once()]
    if any(row["failed"] for comparison in done for row in comparison.rows):
        raise typer.Exit(1)


def _under_all(
    context: typer.Context, conditions: Mapping[str, Condition], compare_once: Callable[[], Comparison]
) -> list[Comparison]:
    options = dict(context.params)
    out = Path(required(options["out"], "--out", "FOLDER"))
    for name in OWN:
        if given(context, name) and any(getattr(condition, name) is not None for condition in conditions.values()):
            raise ScotopicError(f"--{name} would undo the conditions of {options['config']}: leave one of them out")
    results = []
    for name, condition in conditions.items():
        own = {key: value for key in ("data", *OWN) if (value := getattr(condition, key)) is not None}
        context.params.update({**options, **own, "out": out / file_name(name)})
        if condition.darken is not None:
            dark = out / "dark_sets" / file_name(name)
            _darken(context.params, condition.darken, dark)
            context.params.update(data=str(dark), split=None)
        say(f"\n{name}")
        results.append(Results(name, out / file_name(name), compare_once().record))
    write_report(results, out / "report.html")
    say(f"written to {out / 'report.html'}: {', '.join(conditions)} on one page")
    return [Comparison(result.record, result.folder) for result in results]


def _darken(options: Mapping[str, Any], recipe: str, folder: Path) -> None:
    """Make the dark set of a condition; what an earlier run made is kept."""
    source = find_dark_source(required(options["data"], "--data", "darkbdd"), options["split"])
    with progress_bars() as progress:
        build_dark_set(
            source,
            folder,
            parse_recipe(recipe),
            seed=0,
            progress=lambda done, total: progress(f"darkening, {recipe}", done, total),
        )
