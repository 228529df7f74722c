"""The results folders that a page is made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import ScotopicError
from ...frequent import judged_metric
from ...verdict import failed_alone

MAIN_METRIC = {"detect": "mAP", "segment": "mIoU"}
"""What enhancers are compared by, where the record has no statistics that say it."""

TONES = {"helps": "up", "harms": "down", "unclear": "flat"}
"""The words of a verdict -> how they are drawn; ``bare`` where there is none."""


@dataclass(frozen=True)
class Results:
    """One results folder under its name.

    Attributes:
        name: what the page calls it: "dark", "day".
        folder: where ``results.json`` and ``report_pictures/`` lie.
        record: the content of ``results.json``.
    """

    name: str
    folder: Path
    record: Mapping[str, Any]

    @property
    def task(self) -> str:
        """``detect``, ``segment``, ``quality`` or ``bench``."""
        return self.record["task"]

    @property
    def statistics(self) -> Mapping[str, Any] | None:
        """Intervals and their like; None in a record that has none."""
        return self.record.get("statistics")

    @property
    def metric(self) -> str:
        """The main metric of a comparison of models."""
        return (self.statistics or {}).get("metric") or MAIN_METRIC[self.task]

    @property
    def judged(self) -> str:
        """The metric that the verdict rests on: the main one, or its mean over the frequent classes."""
        return judged_metric(self.statistics, self.metric)

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """One for each enhancer; the first is ``none``."""
        return self.record["rows"]

    def statistics_of(self, enhancer: str) -> Mapping[str, Any]:
        """What the statistics say of an enhancer; empty where they are absent."""
        return ((self.statistics or {}).get("rows") or {}).get(enhancer) or {}

    def failed_alone(self, enhancer: str) -> str:
        """How many pictures failed behind an enhancer and not behind none, in words; empty where none did."""
        return failed_alone(self.rows[0], next(row for row in self.rows if row["enhancer"] == enhancer))

    def word_of(self, enhancer: str) -> str:
        """The word of the verdict on an enhancer; empty where there is none.

        An older record may call it harm where nothing but pictures was missing.
        """
        word = (self.statistics_of(enhancer).get("verdict") or {}).get("word") or ""
        return "unclear" if word and self.failed_alone(enhancer) else word


def read_results(folders: Sequence[str | Path]) -> list[Results]:
    """Read results folders, each given as ``FOLDER`` or ``NAME=FOLDER``.

    A folder is named after itself; a single one after its data set.

    Raises:
        ScotopicError: a folder holds no results, or two have the same name.
    """
    named = [_named(str(folder)) for folder in folders]
    found = [Results(name or folder.resolve().name, folder, _record(folder)) for name, folder in named]
    if len(found) == 1 and named[0][0] is None:
        found = [Results(_data_name(found[0]), found[0].folder, found[0].record)]
    for name, times in Counter(results.name for results in found).items():
        if times > 1:
            raise ScotopicError(f"{times} folders are called {name!r}: tell them apart with NAME=FOLDER")
    return found


def _named(text: str) -> tuple[str | None, Path]:
    """A folder whose own name holds an equals sign is still a folder."""
    name, sign, folder = text.partition("=")
    return (name, Path(folder)) if sign and name and not Path(text).exists() else (None, Path(text))


def _data_name(results: Results) -> str:
    return str((results.record.get("data") or {}).get("name") or results.name)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "results.json"
    remedy = "give the output folder of scotopic compare, eval or bench"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ScotopicError(f"no results.json in {folder}: {remedy}") from None
    except ValueError:
        raise ScotopicError(f"{path} is not JSON: {remedy}") from None
    if not isinstance(record, dict) or record.get("task") not in (*MAIN_METRIC, "quality", "bench"):
        raise ScotopicError(f"{path} holds nothing that a report shows: {remedy}")
    if record["task"] != "bench":
        rows = record.get("rows")
        if not rows or rows[0].get("enhancer") != "none":
            raise ScotopicError(
                f"{path} has no row for the enhancer none, which the others are compared with: {remedy}"
            )
    return record
