"""Write the page: read nothing but the results folders, load nothing when it is opened."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ....errors import ScotopicError
from ....files import write_text
from ....version import __version__
from ...frequent import RARE
from . import agreement, cost, deltas, figures, latency, league, verdict
from .gallery import Gallery, choose_pictures
from .repeat import recipe
from .results import MAIN_METRIC, Results, read_results

SIZE_LIMIT = 5_000_000
"""Bytes; what most mail servers let pass."""
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Condition:
    """Everything that the templates show of one comparison."""

    key: str
    results: Results
    verdict: verdict.Verdict
    league: league.League
    latency: latency.LatencyPlot | None
    darkness: list[deltas.Grid]
    classes: deltas.Grid | None
    rare: str
    details: list[deltas.Detail]
    shares: list[cost.Share]


def write_report(
    folders: Sequence[str | Path | Results], path: str | Path, size_limit: int = SIZE_LIMIT, caution: str = ""
) -> Path:
    """Write one self-contained page over one or several results folders.

    Args:
        folders: of ``scotopic compare detect`` or ``segment``, at least one; of ``compare quality`` and of ``bench``
            beside them, if there are any. Each is ``FOLDER``, ``NAME=FOLDER``, or has been read already.
        path: of the page.
        size_limit: bytes; pictures become smaller and fewer until the page fits.
        caution: what a reader must know before the answer; shown above it.

    Returns:
        ``path``.

    Raises:
        ScotopicError: a folder holds no results, none of them compares models, or the page cannot be written.

    Example::

        write_report(["dark=out/dark", "day=out/day"], "report.html")
    """
    read = [folder for folder in folders if isinstance(folder, Results)]
    rest = [folder for folder in folders if not isinstance(folder, Results)]
    path = Path(path)
    write_text(path, report_html([*read, *(read_results(rest) if rest else [])], size_limit, caution))
    return path


def report_html(results: Sequence[Results], size_limit: int = SIZE_LIMIT, caution: str = "") -> str:
    """The page as text, UTF-8 of at most ``size_limit`` bytes unless the tables alone are larger."""
    compared = [found for found in results if found.task in MAIN_METRIC]
    if not compared:
        raise ScotopicError(
            "no folder compares models: give one that scotopic compare detect or scotopic compare segment wrote"
        )
    conditions = [_condition(f"c{number}", found) for number, found in enumerate(compared, start=1)]
    empty = Gallery(enhancers=[["none"] for _ in conditions], left_out="x" * 200)
    bare = _render(results, conditions, empty, caution)
    gallery = choose_pictures(compared, size_limit - len(bare.encode()) - 2_000 * len(conditions))
    return _render(results, conditions, gallery, caution)


def _condition(key: str, results: Results) -> Condition:
    return Condition(
        key=key,
        results=results,
        verdict=verdict.verdict_of(results),
        league=league.league(results),
        latency=latency.latency_plot(results),
        darkness=deltas.darkness(results),
        classes=deltas.classes(results),
        rare=deltas.rare_classes(results),
        details=deltas.details(results),
        shares=cost.shares(results),
    )


def _render(results: Sequence[Results], conditions: Sequence[Condition], gallery: Gallery, caution: str) -> str:
    compared = [condition.results for condition in conditions]
    quality = [found for found in results if found.task == "quality"]
    bench = [found for found in results if found.task not in MAIN_METRIC and found.task != "quality"]
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment = Environment(
        loader=PackageLoader("scotopic.eval.report.page"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "number": figures.number,
        "points": figures.points,
        "plain": league.plain,
        "as_text": latency.as_text,
    }
    models = list(dict.fromkeys(_model_name(found) for found in compared))
    data = list(dict.fromkeys(str(found.record["data"]["name"]) for found in compared))
    return environment.get_template("page.html").render(
        title=f"Does enhancement help {_listed(models, 'models')} on {_listed(data, 'data sets')}?",
        models=models,
        answer=verdict.overall(compared),
        caution=caution,
        conditions=conditions,
        several=len(conditions) > 1,
        overview=league.overview([(c.results.name, c.league) for c in conditions]),
        gallery=gallery,
        quality=[(agreement.quality_table(found), agreement.agreements(found, compared)) for found in quality],
        bench=[cost.bench_tables(found) for found in bench],
        recipes=[recipe(found) for found in results],
        resamples=next((r.statistics["settings"].get("resamples") for r in compared if r.statistics), None),
        frequent_from=RARE,
        version=__version__,
        made=datetime.now(timezone.utc).strftime("%d %B %Y").lstrip("0"),
        style=(_TEMPLATES / "report.css").read_text(encoding="utf-8").strip(),
        script=script,
        digest=digest,
    )


def _model_name(results: Results) -> str:
    """The model's file without the suffix that says how it is stored."""
    return re.sub(
        r"\.(pt|pth|onnx|safetensors)$", "", str((results.record.get("model") or {}).get("file", "the model"))
    )


def _listed(names: Sequence[str], what: str) -> str:
    """One, two and three by name, more by number.

    >>> _listed(["dark", "day"], "data sets")
    'dark and day'
    """
    if len(names) > 3:
        return f"{len(names)} {what}"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
