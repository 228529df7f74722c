"""The same training again and again, each time with something else changed, and what comes of it side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configs.ablation_schema import AblationSettings, changes_text, variant_folder, variant_settings
from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from ..eval.comparison import Comparison, Progress
from ..eval.environment import environment
from ..files import output_folder, sha256_of
from ..pipeline.image import write_image
from .ablation_figures import prepare_figures
from .ablation_sheet import dark_pictures, draw_variants
from .ablation_tables import figures_of_row, table_of, write_ablation
from .checkpoint import read_made
from .curve_net import spec_at_work
from .records import weights_path
from .sheet import sheet_pictures
from .trainer import train_enhancer


@dataclass(frozen=True)
class Ablation:
    """What ``ablation.json`` holds.

    Attributes:
        record: ``{"base", "changes", "variants", "table", "compared", "failed", "environment"}``. ``table`` is as
            people read it (``columns``, ``rows``); ``compared`` says of each task what was measured on what;
            ``failed`` is the name of a variant or of a task -> what went wrong.
        out: the folder where it was written.
    """

    record: Mapping[str, Any]
    out: Path

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong; empty if nothing did."""
        return self.record["failed"]


@contextmanager
def unwatched() -> Iterator[Progress]:
    """Progress that nobody sees."""
    yield lambda name, done, total: None


def run_ablation(
    ablation: AblationSettings,
    out: str | Path,
    *,
    say: Callable[[str], None] = lambda line: None,
    watched: Callable[[], AbstractContextManager[Progress]] = unwatched,
) -> Ablation:
    """Train each variant, then draw and measure all of them.

    Writes into ``out``: a folder for each variant, as :func:`~scotopic.training.trainer.train_enhancer` does;
    ``sheet.png``, each variant on the same dark pictures; ``detect/``, ``segment/`` and ``quality/``, ordinary
    comparisons of what the preset names; ``ablation.json``, ``ablation.md`` and ``ablation.csv``, the table. Called
    again, it goes on where it stopped: finished variants and rows are reused.

    What is measured is measured without an enhancer first, so that a model or a set that is not there is found before
    hours of training. A variant that fails is named, and the rest go on.

    Args:
        ablation: see :class:`~scotopic.configs.ablation_schema.AblationSettings`; ``data`` must be set.
        out: folder for the results.
        say: called with a line about what comes next, or went wrong.
        watched: gives a context whose value is called with (what, done, total) while something is measured.

    Raises:
        ScotopicError: a variant does not fit the schema; there is no such model, set or picture; no variant at all
            could be trained; or ``out`` cannot be written.

    Example::

        done = run_ablation(load_ablation_settings("quick", Path("my_pictures")), "runs/ablation")
        [(row["variant"], row["figures"]["detect"]["metrics"]["mAP"]) for row in done.record["variants"]]
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ScotopicError("an ablation runs in one process: start it without a launcher")
    out, plans = output_folder(out), variant_settings(ablation)
    missing = [name for name, settings in plans.items() if settings.data is None]
    if missing:
        raise ScotopicError(f"no training pictures for {', '.join(missing)}: give a folder of them (data)")
    files = {name: weights_path(settings, out / variant_folder(name)) for name, settings in plans.items()}
    specs = {name: spec_at_work(settings.enhancer, files[name]) for name, settings in plans.items()}
    pictures = _pictures(ablation, plans)
    with watched() as progress:
        compare = prepare_figures(ablation, out, progress)
        finished = [spec for name, spec in specs.items() if files[name].exists()]  # else their rows would be lost
        for measure in compare.values():
            measure(enhancers=finished, progress=progress)

    trained, failed = _train(plans, out, say)
    if not trained:
        raise ScotopicError(f"no variant could be trained: {next(iter(failed.values()))}")
    specs = {name: spec for name, spec in specs.items() if name in trained}
    write_image(out / "sheet.png", draw_variants(specs, pictures))
    compared: dict[str, Comparison] = {}
    for task, measure in compare.items():
        say(f"measuring: {task}")
        try:
            with watched() as progress:
                compared[task] = measure(enhancers=list(specs.values()), progress=progress)
        except ScotopicError as error:
            failed[task] = str(error)
            say(f"{task} failed: {error}")

    rows: list[dict[str, Any]] = [{"variant": "none", "enhancer": "none", "changes": ""}]
    for name, spec in specs.items():
        made = read_made(files[name])
        rows.append(
            {
                "variant": name,
                "enhancer": spec,
                "changes": changes_text(ablation.variants[name]),
                "weights_sha256": sha256_of(files[name]),
                "settings": made["settings"],
                "last_epoch": dict(zip(made["columns"], made["last_epoch"], strict=True)),
            }
        )
    for row in rows:
        row["figures"] = {task: figures_of_row(c.record, row["enhancer"]) for task, c in compared.items()}
    record = {
        "base": ablation.base,
        "changes": ablation.changes,
        "variants": rows,
        **table_of(rows, compared),
        "failed": failed,
        "environment": environment(),
    }
    write_ablation(record, out)
    return Ablation(record, out)


def _train(
    plans: Mapping[str, TrainSettings], out: Path, say: Callable[[str], None]
) -> tuple[set[str], dict[str, str]]:
    """The names of those that are trained, and what went wrong with the others."""
    trained: set[str] = set()
    failed: dict[str, str] = {}
    for number, (name, settings) in enumerate(plans.items(), start=1):
        say(f"{number} of {len(plans)}: {name}")
        try:
            train_enhancer(settings, out / variant_folder(name))
            trained.add(name)
        except ScotopicError as error:
            failed[name] = str(error)
        except RuntimeError as error:  # of torch: memory that is not there, a GPU that went away
            failed[name] = f"{type(error).__name__}: {(str(error).splitlines() or ['no reason given'])[0]}"
        if name in failed:
            say(f"{name} failed: {failed[name]}")
    return trained, failed


def _pictures(ablation: AblationSettings, plans: Mapping[str, TrainSettings]) -> list[Any]:
    """Of the contact sheet."""
    data = next(iter(plans.values())).data
    assert data is not None
    return sheet_pictures(ablation.pictures, data, []) if ablation.pictures else dark_pictures(data)
