"""The statistics of a finished comparison: ``record["statistics"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScotopicError
from ..files import json_ready
from .darkness import darkness_bins
from .evidence_memory import EvidenceMemory
from .frequent import frequent_metric
from .intervals import CONFIDENCE, RESAMPLES, SEED, holm, image_weights, interval, p_value
from .statistics_detection import DetectionFiles
from .statistics_figures import Figures, ImageEvidence, KeptEvidence
from .statistics_segmentation import ConfusionFiles
from .verdict import failed_alone, verdict

KINDS: Mapping[str, type[DetectionFiles] | type[ConfusionFiles]] = {
    "detect": DetectionFiles,
    "segment": ConfusionFiles,
}
"""Task -> where its statistics come from; a task that is not here has none."""


def comparison_statistics(
    record: Mapping[str, Any],
    folder: Path,
    memory: EvidenceMemory | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any] | None:
    """Intervals, p-values, verdicts, and what changed by class, size and darkness; ready for JSON.

    Everything is made of the files beside the record. Differences are paired: each set of images that is drawn is the
    same for all rows.

    Args:
        record: of a comparison whose rows all stand, ``none`` first.
        folder: where it was written.
        memory: of what rows were judged by in this run.
        resamples: at least 100.
        seed: of the resampling.
        progress: called with ("intervals", rows done, rows in all).

    Returns:
        What stands under ``statistics`` in the record; ``docs/statistics.md`` says what each figure means. None for a
        task that has none.

    Raises:
        ScotopicError: a file is missing or not the one that the record was written with, or there are too few
            resamples.
    """
    if resamples < 100:
        raise ScotopicError(f"{resamples} resamples say nothing of the ends of an interval: take 100 or more")
    if record["task"] not in KINDS:
        return None
    kept = KINDS[record["task"]](record, folder, memory or EvidenceMemory())
    table = _Table(kept, record["rows"], resamples, seed)
    for done, row in enumerate(record["rows"]):
        progress("intervals", done, len(record["rows"]))
        table.add(row)
    progress("intervals", len(record["rows"]), len(record["rows"]))
    table.judge()
    return json_ready(
        {
            "settings": {"resamples": resamples, "seed": seed, "confidence": CONFIDENCE},
            "metric": kept.main,
            "judged": kept.judged,
            "metrics": list(kept.metrics),
            "frequent_classes": kept.frequency.frequent,
            "rare_classes": kept.frequency.rare,
            "images": table.darkness,
            "bins": [part.as_dict() for part in table.bins],
            "rows": table.rows,
        }
    )


def with_frequent(row: Mapping[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the record with the mean over the frequent classes behind that over all, where there is such a mean.

    >>> figure = {"intervals": {"mAP_frequent": {"value": 0.3}}}
    >>> row = {"enhancer": "clahe", "metrics": {"mAP": 0.2, "AP50": 0.4}}
    >>> with_frequent(row, {"metric": "mAP", "rows": {"clahe": figure}})["metrics"]
    {'mAP': 0.2, 'mAP_frequent': 0.3, 'AP50': 0.4}
    """
    main = statistics["metric"]
    name = frequent_metric(main)
    found = statistics["rows"][row["enhancer"]]["intervals"].get(name)
    rest = {metric: value for metric, value in row["metrics"].items() if metric not in (main, name)}
    frequent = {} if found is None else {name: found["value"]}
    return {**row, "metrics": {main: row["metrics"][main], **frequent, **rest}}


class _Table:
    """The rows' statistics as they come to stand, one row's figures in memory at a time beside those of ``none``."""

    def __init__(self, kept: KeptEvidence, rows: list[dict[str, Any]], resamples: int, seed: int) -> None:
        self.kept = kept
        self.baseline = rows[0]
        self.images = len(kept.ids)
        self.weights = image_weights(self.images, resamples, seed)
        self.darkness: Mapping[str, Mapping[str, float]] = rows[0].get("darkness", {})
        self.bins = darkness_bins(self.darkness)
        place = {id_: number for number, id_ in enumerate(kept.ids)}
        members = [np.array([place[id_] for id_ in part.ids], int) for part in self.bins]
        self.groups = [(some, image_weights(len(some) or 1, resamples, seed)[: len(some)]) for some in members]
        self.rows: dict[str, dict[str, Any]] = {}
        self.none: tuple[ImageEvidence, Figures, list[np.ndarray]] | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        evidence = self.kept.row(row)
        figures = evidence.figures(self.weights)
        in_groups = [evidence.judged_figure(weights, some) for some, weights in self.groups]
        own = {"intervals": {name: self._interval(values) for name, values in figures.metrics.items()}}
        if self.none is None:
            self.none = evidence, figures, in_groups
            self.rows[row["enhancer"]] = own
            return
        none, before, groups_before = self.none
        self.rows[row["enhancer"]] = {
            **own,
            "difference": {
                name: self._interval(gain) | {"p": p_value(gain, self.images)}
                for name, gain in _gains(before.metrics, figures.metrics).items()
            },
            "per_class": {
                name: {"difference": self._interval(gain), "support": self.kept.support[name]}
                for name, gain in _gains(before.per_class, figures.per_class).items()
            },
            **self._per_size(before, figures),
            "per_bin": [
                {"difference": interval(after - earlier, len(some)).as_dict() if some.size else None}
                for (some, _), after, earlier in zip(self.groups, in_groups, groups_before, strict=True)
            ],
            **self.kept.against(none, evidence),
            **({"failed_alone": failed} if (failed := failed_alone(self.baseline, row)) else {}),
            "per_image": {
                id_: self.kept.image_gain(self.baseline["per_image"][id_], row["per_image"][id_])
                for id_ in self.kept.ids
            },
        }

    def _per_size(self, before: Figures, after: Figures) -> dict[str, Any]:
        gains = _gains(before.per_size, after.per_size)
        sizes = {name: {"difference": self._interval(gain)} for name, gain in gains.items()}
        return {"per_size": sizes} if sizes else {}

    def judge(self) -> None:
        """Correct the p-values over all rows, and give the verdicts."""
        compared = [row for row in self.rows.values() if "difference" in row]
        for metric in self.kept.metrics:
            differences = [row["difference"][metric] for row in compared]
            for difference, p in zip(differences, holm([d["p"] for d in differences]), strict=True):
                difference["p_holm"] = p
        for row in compared:
            difference = json_ready(row["difference"][self.kept.judged])
            some_frequent = bool(self.kept.frequency.frequent)
            given = verdict(difference, self.kept.judged, some_frequent, row.get("failed_alone", ""))
            row["verdict"] = {"word": given.word, "text": given.text}

    def _interval(self, figures: np.ndarray) -> dict[str, Any]:
        return interval(figures, self.images).as_dict()


def _gains(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: after[name] - figures for name, figures in before.items()}
