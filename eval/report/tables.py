"""A comparison as rows of text: for the terminal, for a spreadsheet, for a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...files import write_text
from ..frequent import as_heading, frequent_metric, judged_metric
from ..quality import CEILING
from ..shared_pictures import perfect_pictures, shared_means
from .interval_tables import (
    BINS_NOTE,
    HEADINGS,
    against_none,
    bin_table,
    interval_notes,
    judgement_cells,
    judgement_columns,
)

WHERE = {"source": "enhanced at the source", "graph": "enhanced in the graph", "beside": "two looks"}
"""Setting -> where an enhancer stood, for people."""
_MODEL_STEPS = ("preprocess", "inference", "postprocess", "second look")


@dataclass(frozen=True)
class _Form:
    """How the figures of a task are shown.

    Attributes:
        metrics: name in the record -> heading; enhancers are compared by the first in the record, and by its mean over
            the frequent classes where there is one.
        settings: those that only this task has -> how the heading calls them.
        about: what the figures are.
        chance: which difference may be chance.
        failed: what becomes of an image that failed.
        units: name -> the factor before it is shown, and the digits behind the point; points (x 100) unless given.
        others: factor and digits of metrics beyond these, which are shown under their own names; None shows none.
        class_metric: which figure of the single classes has a table of its own, if any.
        of_pictures: whether the figures are means over the pictures that have a value, which differ from row to row.
    """

    metrics: Mapping[str, str]
    settings: Mapping[str, str]
    about: str
    chance: str
    failed: str
    units: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    others: tuple[float, int] | None = None
    class_metric: str | None = None
    of_pictures: bool = False

    def cell(self, name: str, value: float | None, signed: bool = False) -> str:
        """A figure as people read it; a dash where there is none."""
        factor, digits = self.units.get(name, self.others or (100, 2))
        return "-" if value is None else f"{factor * value:{'+' if signed else ''}.{digits}f}"

    def shown(self, record: Mapping[str, Any]) -> list[str]:
        """The metrics that all rows of the record have, in the order of the table."""
        measured = _in_all_rows(record)
        known = [name for name in self.metrics if name in measured]
        return known + [name for name in measured if self.others and name not in known]


_A_POINT = "on a few hundred images or fewer, a difference of about a point may be chance"


_FORMS = {
    "detect": _Form(
        metrics={
            "mAP": "mAP",
            frequent_metric("mAP"): as_heading(frequent_metric("mAP")),
            **{name: name for name in ("AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR")},
        },
        settings={"imgsz": "imgsz", "conf": "conf", "iou": "NMS IoU", "max_det": "max_det"},
        about="mAP is COCO AP@[.50:.95] by pycocotools, in points; the detector is not retrained.",
        chance=_A_POINT,
        failed="count as empty",
    ),
    "segment": _Form(
        metrics={
            "mIoU": "mIoU",
            frequent_metric("mIoU"): as_heading(frequent_metric("mIoU")),
            "mPA": "mPA",
            "pixel_accuracy": "pixel accuracy",
            "frequency_weighted_IoU": "weighted IoU",
        },
        settings={"input_size": "input size"},
        about=(
            "IoU and accuracy are in points, from one confusion matrix over all images at the size of the masks; "
            "mPA is the mean accuracy of the true classes, weighted IoU goes by their pixels; the net is not retrained."
        ),
        chance=_A_POINT,
        failed="count as wrong in every pixel",
        class_metric="IoU",
    ),
    "quality": _Form(
        metrics={name: name for name in ("PSNR", "SSIM", "MSE", "LPIPS", "BRISQUE", "NIQE")},
        settings={},
        about="Means over the images; PSNR (dB) and SSIM rise with quality, MSE, BRISQUE and NIQE fall.",
        chance="look at per_image in results.json before a small difference of means is called a gain",
        failed="are left out of its means",
        units={"PSNR": (1, 2), "SSIM": (1, 3), "MSE": (1, 1), "BRISQUE": (1, 2), "NIQE": (1, 2)},
        others=(1, 3),
        of_pictures=True,
    ),
}


def heading(record: Mapping[str, Any]) -> str:
    """One line that says what was measured, on what, and how.

    >>> heading({"task": "segment", "model": {"file": "road"}, "data": {"name": "night", "images": 2},
    ...     "settings": {"gate": "off", "strength": 1.0, "where": "source", "input_size": [512, 1024]}})
    'night, 2 images, frozen road, gate off, enhanced at the source, input size 512x1024'
    """
    data, settings, model = record["data"], record["settings"], record["model"]
    own = {name: settings[key] for key, name in _FORMS[record["task"]].settings.items()}
    own_enhancer = f" with its own {model['enhancer']}" if model.get("enhancer") else ""
    parts = [
        data["name"],
        f"{data['images']} images",
        *([f"frozen {model['file']}{own_enhancer}"] if model else []),
        f"gate {settings['gate']}",
        *([WHERE[settings["where"]]] if model else []),
        *([f"strength {settings['strength']}"] if settings["strength"] != 1 else []),
        *(f"{name} {_setting(value)}" for name, value in own.items() if value is not None),
    ]
    return ", ".join(parts)


def _setting(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def columns(record: Mapping[str, Any]) -> list[str]:
    """The headings above :func:`table`; a verdict stands right behind the figure that it rests on."""
    form = _FORMS[record["task"]]
    main, judged, others = _parted(record)
    judged_too = [] if judged == main else ["vs none", form.metrics[judged]]
    against = HEADINGS if "statistics" in record else ["vs none"]
    rest = (form.metrics.get(name, name) for name in others)
    model = ["model ms"] if record["model"] else []
    return [
        "enhancer",
        form.metrics.get(main, main),
        *judged_too,
        *against,
        *rest,
        "enhance ms",
        *model,
        "passed",
        "failed",
    ]


def _in_all_rows(record: Mapping[str, Any]) -> list[str]:
    """The names of the metrics; while rows are still missing, some may have one that the others have not yet."""
    first, *others = (row["metrics"] for row in record["rows"])
    return [name for name in first if all(name in metrics for metrics in others)]


def _parted(record: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """The main metric, the one that the verdict rests on (often the same), and all others that are shown."""
    main, *others = _FORMS[record["task"]].shown(record)
    judged = judged_metric(record.get("statistics"), main)
    return main, judged, [name for name in others if name != judged]


def table(record: Mapping[str, Any]) -> list[list[str]]:
    """The cells below :func:`columns`: metrics of a model in points (x 100), those of pictures in their units."""
    rows, form = record["rows"], _FORMS[record["task"]]
    main, judged, others = _parted(record)
    cells = []
    for row in rows:
        metrics, timing = row["metrics"], row["timing_ms"]
        model = [timing[step] for step in _MODEL_STEPS if step in timing]
        plain = "" if row["enhancer"] == "none" else _gain(record, row, main)
        bounded = against_none(record["statistics"], row["enhancer"]) if "statistics" in record else [plain]
        cells.append(
            [
                row["enhancer"],
                form.cell(main, metrics[main]),
                *([] if judged == main else [plain, form.cell(judged, metrics[judged])]),
                *bounded,
                *(form.cell(name, metrics[name]) for name in others),
                f"{timing['enhance']:.1f}" if "enhance" in timing else "-",
                *([f"{sum(model):.1f}" if model else "-"] if record["model"] else []),
                f"{len(row['passed_by_gate'])}",
                f"{len(row['failed'])}",
            ]
        )
    return cells


def _gain(record: Mapping[str, Any], row: Mapping[str, Any], metric: str) -> str:
    """What a row has more than ``none``; of pictures, over those that both have, and their number if it is not all."""
    form, none = _FORMS[record["task"]], record["rows"][0]
    if not form.of_pictures:
        return form.cell(metric, difference(row["metrics"][metric], none["metrics"][metric]), signed=True)
    means, number = shared_means((none, row), metric)
    gain = form.cell(metric, means[1] - means[0] if means else None, signed=True)
    images = record["data"]["images"]
    return gain if number in (0, images) else f"{gain} ({number} of {images})"


def class_table(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the single classes behind each enhancer, in points; empty where a task shows none."""
    metric, rows = _FORMS[record["task"]].class_metric, record["rows"]
    if metric is None:
        return [], []
    cells = [[name, *(points(row["per_class"][name][metric]) for row in rows)] for name in rows[0]["per_class"]]
    return [f"{metric} of", *(row["enhancer"] for row in rows)], cells


def points(fraction: float | None) -> str:
    """A fraction as people read it; a dash where there is none.

    >>> points(0.17663), points(None)
    ('17.66', '-')
    """
    return "-" if fraction is None else f"{100 * fraction:.2f}"


def difference(value: float | None, baseline: float | None) -> float | None:
    """What ``value`` is above ``baseline``; None where either is missing.

    >>> difference(3.0, 1.0), difference(3.0, None)
    (2.0, None)
    """
    return None if value is None or baseline is None else value - baseline


def notes(record: Mapping[str, Any]) -> list[str]:
    """What a reader must know beside the figures of :func:`table`."""
    form, data, rows = _FORMS[record["task"]], record["data"], record["rows"]
    lines = [form.about]
    if "statistics" in record:
        lines += interval_notes(record["statistics"])
    else:
        lines.append(f"There are no intervals here: {form.chance}.")
    if (present := rows[0]["metrics"].get("classes_present")) is not None:
        lines.append(f"{present} of {len(rows[0]['per_class'])} classes are present; the means are over these.")
    if "matching" in data:
        lines += data["matching"]
    elif data.get("left_out"):
        lines.append(f"Left out, for want of a partner among the model's classes: {', '.join(data['left_out'])}.")
    lines += data.get("notes", [])
    for row in rows:
        for metric, ids in row.get("without_value", {}).items():
            lines.append(f"{row['enhancer']}: {metric} has no value for {len(ids)} images, which its mean leaves out.")
        if row["failed"]:
            number = len(row["failed"])
            lines.append(f"{row['enhancer']}: {number} failed images {form.failed}: {failed_images(row['failed'])}")
    if form.of_pictures:
        lines += _notes_on_pictures(record)
    if any(row["passed_by_gate"] for row in rows):
        lines.append("passed: frames that the gate found bright and left untouched.")
    return lines


def failed_images(failed: Mapping[str, str]) -> str:
    """Their names, and why the first of them failed: what is wrong with one is mostly wrong with all.

    >>> failed_images({"a": "a.png is truncated", "b": "no image at b.png"})
    'a, b. Why a failed: a.png is truncated.'
    """
    first, reason = next(iter(failed.items()))
    return f"{', '.join(failed)}. Why {first} failed: {reason.removesuffix('.')}."


def _notes_on_pictures(record: Mapping[str, Any]) -> list[str]:
    """Which pictures the means are over, where that is not plain."""
    rows, images, lines = record["rows"], record["data"]["images"], []
    main = _parted(record)[0]
    if any(0 < shared_means((rows[0], row), main)[1] < images for row in rows[1:]):
        lines.append(
            f"vs none is the difference of {main} over the pictures that have one in both rows; where these are not "
            "all, their number stands behind it, and the means beside it may be over others."
        )
    for row in rows:
        if perfect := perfect_pictures(row):
            lines.append(
                f"{row['enhancer']}: {len(perfect)} pictures equal their references, to {CEILING:.0f} dB or more; they "
                f"count with {CEILING:.0f} dB."
            )
    return lines


def markdown(record: Mapping[str, Any]) -> str:
    """Tables that can be pasted into a README, with what was measured above and notes below."""
    lines = [heading(record), "", *_markdown_table(columns(record), table(record)), ""]
    by_darkness = bin_table(record["statistics"]) if "statistics" in record else ([], [])
    for names, cells in (by_darkness, class_table(record)):
        if cells:
            lines += [*_markdown_table(names, cells), ""]
    said = [*notes(record), *([BINS_NOTE] if by_darkness[1] else [])]
    return "\n".join([*lines, *(f"- {note}" for note in said), ""])


def _markdown_table(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in cells]


def write_tables(record: Mapping[str, Any], out: Path) -> None:
    """Write ``results.md`` and ``results.csv`` for a record into the folder ``out``."""
    write_text(out / "results.md", markdown(record))
    rows = record["rows"]
    metrics = _in_all_rows(record)
    statistics = record.get("statistics")
    judgement = judgement_columns(statistics) if statistics else []
    steps = list(dict.fromkeys(step for row in rows for step in row["timing_ms"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["enhancer", *metrics, *(f"{step}_ms" for step in steps), "images", "passed_by_gate", "failed", *judgement]
    )
    for row in rows:
        writer.writerow(
            [
                row["enhancer"],
                *(row["metrics"][name] for name in metrics),
                *(row["timing_ms"].get(step, "") for step in steps),
                row["images"],
                len(row["passed_by_gate"]),
                len(row["failed"]),
                *(judgement_cells(statistics, row["enhancer"]) if statistics else []),
            ]
        )
    write_text(out / "results.csv", text.getvalue())
