"""Does "looks better" mean "sees better"? Quality metrics against mAP or mIoU, over the enhancers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ..errors import ScotopicError
from ..files import write_json
from .frequent import in_words, judged_metric
from .shared_pictures import shared_means, values_of

MAIN = {"detect": "mAP", "segment": "mIoU"}
"""What a model's comparison is judged by where its record does not say."""
LEAST = 3
"""Enhancers without which a correlation says nothing: any two lie on a line."""
_SAME = ("gate", "strength")


@dataclass(frozen=True)
class Correlation:
    """How a quality metric goes with a model's score over the enhancers.

    Attributes:
        metric: the quality metric, such as ``"PSNR"``.
        n: enhancers that have both.
        spearman, pearson: in [-1, 1]; above 0 where better quality goes with a better score, the sign of a metric
            that falls with quality being turned. None with fewer than three enhancers, or where all have one value.
        pictures: that have a value of the metric behind each of these enhancers; their quality is the mean over these.
    """

    metric: str
    n: int
    spearman: float | None
    pearson: float | None
    pictures: int


@dataclass(frozen=True)
class Correlations:
    """What a quality comparison and a model's comparison say of each other.

    Attributes:
        score: the figure that the comparison is judged by, as the record calls it: ``"mAP"``, ``"mAP_frequent"``,
            ``"mIoU"``, ``"mIoU_frequent"``.
        quality_data, score_data: names of what was measured on.
        model: the file of the model.
        enhancers: those that both have.
        pictures: on which quality was measured.
        same_pictures: whether both were measured on pictures of the same names and the same light.
        other_weights: enhancers of one name that were not the same in both; they are left out.
        found: one for each quality metric.
    """

    score: str
    quality_data: str
    score_data: str
    model: str
    pictures: int
    same_pictures: bool
    enhancers: tuple[str, ...]
    other_weights: tuple[str, ...]
    found: tuple[Correlation, ...]

    def heading(self) -> str:
        """One line above the table."""
        return (
            f"looks better, sees better? quality on {self.quality_data} against {in_words(self.score)} of {self.model} "
            f"on {self.score_data}, {len(self.enhancers)} enhancers"
        )

    def columns(self) -> list[str]:
        """The headings above :meth:`table`."""
        return ["quality metric", f"Spearman with {in_words(self.score)}", "Pearson", "n"]

    def table(self) -> list[list[str]]:
        """The cells, a dash where there is no value."""
        return [[c.metric, _signed(c.spearman), _signed(c.pearson), str(c.n)] for c in self.found]

    def notes(self) -> list[str]:
        """What a reader must know beside the figures."""
        lines = [
            f"Above 0, better quality goes with a higher {in_words(self.score)}; the signs of metrics that fall with "
            "quality are turned. Each enhancer is one point, none included.",
        ]
        if not self.same_pictures:
            lines.append("The two comparisons were not measured on the same pictures.")
        lines += [
            f"{c.metric} is over the {c.pictures} of {self.pictures} pictures that have one behind each enhancer."
            for c in self.found
            if c.pictures < self.pictures
        ]
        if self.other_weights:
            lines.append(f"Left out, because they are not the same in both: {', '.join(self.other_weights)}.")
        return lines

    def write(self, out: Path) -> Path:
        """Write ``correlation.json`` into a folder."""
        path = out / "correlation.json"
        write_json(path, {**asdict(self), "notes": self.notes()})
        return path


def correlate(quality: Mapping[str, Any], model: Mapping[str, Any]) -> Correlations:
    """Correlate each quality metric with what a model is judged by over the enhancers that two records share.

    Args:
        quality: record of a quality comparison.
        model: record of a comparison of detection or segmentation.

    Raises:
        ScotopicError: a record is of another task, gate or strength differ, or they share fewer than three enhancers.

    Example::

        correlate(compare_quality("lime", names, "looks").record, read_record("sees/results.json")).table()
    """
    if quality["task"] != "quality" or model["task"] not in MAIN:
        raise ScotopicError(
            f"a comparison of quality goes against one of detection or segmentation, not {quality['task']} against "
            f"{model['task']}: give the results.json of compare detect or compare segment"
        )
    for key in _SAME:
        ours, theirs = quality["settings"][key], model["settings"][key]
        if ours != theirs:
            raise ScotopicError(
                f"quality was measured with --{key} {ours}, the other comparison with --{key} {theirs}: use the same"
            )
    score = judged_metric(model.get("statistics"), MAIN[model["task"]])
    rows, other = {row["enhancer"]: row for row in quality["rows"]}, {row["enhancer"]: row for row in model["rows"]}
    both = [name for name in rows if name in other]
    changed = [name for name in both if rows[name]["enhancer_sha256"] != other[name]["enhancer_sha256"]]
    shared = [name for name in both if name not in changed]
    if len(shared) < LEAST:
        names = ", ".join(shared) or "none"
        differ = f"; of other weights or code are {', '.join(changed)}" if changed else ""
        raise ScotopicError(
            f"the two comparisons share {len(shared)} enhancers ({names}{differ}): a correlation needs {LEAST}"
        )
    found = [
        _correlation(
            metric,
            higher,
            [(rows[name], other[name]["metrics"][score]) for name in shared],
        )
        for metric, higher in quality["data"]["higher_is_better"].items()
    ]
    return Correlations(
        score=score,
        quality_data=quality["data"]["name"],
        score_data=model["data"]["name"],
        model=str(model["model"].get("file", "the model")),
        pictures=quality["data"]["images"],
        same_pictures=_pictures(quality) == _pictures(model),
        enhancers=tuple(shared),
        other_weights=tuple(changed),
        found=tuple(found),
    )


def _pictures(record: Mapping[str, Any]) -> dict[str, Any]:
    """The images that were measured, and how dark each was: a darkened set has the names of its originals.

    Folders are left out of the names, since not every kind of set has them in its ids.
    """
    none = record["rows"][0]
    return {Path(id_).name: none.get("darkness", {}).get(id_) for id_ in none["per_image"]}


def read_record(path: str | Path) -> dict[str, Any]:
    """The record of an earlier comparison: a results.json, or the folder in which it lies.

    Raises:
        ScotopicError: there is none, or it is something else.
    """
    file = Path(path).expanduser()
    file = file / "results.json" if file.is_dir() else file
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScotopicError(f"no results at {path} ({error.strerror}): give the results.json of a comparison") from None
    except ValueError:
        raise ScotopicError(f"{path} is not JSON: give the results.json of a comparison") from None
    if not isinstance(record, dict) or not {"task", "data", "settings", "model", "rows"} <= record.keys():
        raise ScotopicError(f"{path} is not the record of a comparison: give its results.json")
    return record


def _correlation(
    metric: str, higher_is_better: bool, points: Sequence[tuple[Mapping[str, Any], float | None]]
) -> Correlation:
    """Of rows of quality and the score of each; the rows are compared over the pictures that all of them have."""
    whole = [(row, sees) for row, sees in points if values_of(row, metric) and sees is not None]
    means, pictures = shared_means([row for row, _ in whole], metric) if whole else ([], 0)
    x, y = np.array(means), np.array([sees for _, sees in whole][: len(means)], np.float64)
    x = x if higher_is_better else -x
    return Correlation(metric, len(x), pearson(rankdata(x), rankdata(y)), pearson(x, y), pictures)


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's correlation; of ranks it is Spearman's.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])), 6)
    1.0
    """
    if len(x) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
