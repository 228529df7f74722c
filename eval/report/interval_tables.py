"""Intervals, verdicts and darkness as cells of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..frequent import RARE, as_heading, frequent_metric, in_words, judged_metric
from ..verdict import SIGNIFICANT

HEADINGS = ["vs none [95 % interval]", "verdict"]
"""What stands over :func:`against_none`."""


def against_none(statistics: Mapping[str, Any], enhancer: str) -> list[str]:
    """The difference of the metric that the verdict rests on, with its BCa interval in points, and the verdict's word.

    >>> row = {"difference": {"mAP": {"value": 0.0213, "bca": [0.006, 0.035]}}, "verdict": {"word": "helps"}}
    >>> against_none({"metric": "mAP", "rows": {"clahe": row, "none": {}}}, "clahe")
    ['+2.13 [0.60, 3.50]', 'helps']
    """
    row = statistics["rows"][enhancer]
    if "difference" not in row:
        return ["", ""]
    return [_cell(row["difference"][judged_metric(statistics, statistics["metric"])], digits=2), row["verdict"]["word"]]


def _cell(difference: Mapping[str, Any] | None, digits: int) -> str:
    if difference is None or difference["value"] is None:
        return "-"
    value = f"{100 * difference['value']:+.{digits}f}"
    if difference["bca"] is None:
        return value
    low, high = (f"{100 * bound:.{digits}f}" for bound in difference["bca"])
    return f"{value} [{low}, {high}]"


def judgement_columns(statistics: Mapping[str, Any]) -> list[str]:
    """Headings of the differences at full length, for a spreadsheet.

    >>> judgement_columns({"metric": "mAP"})
    ['mAP_vs_none', 'mAP_vs_none_low', 'mAP_vs_none_high', 'verdict', 'verdict_on']
    """
    ends = ("", "_low", "_high")
    return [*(f"{name}_vs_none{end}" for name in _compared(statistics) for end in ends), "verdict", "verdict_on"]


def judgement_cells(statistics: Mapping[str, Any], enhancer: str) -> list[Any]:
    """What stands below :func:`judgement_columns`: fractions with their BCa interval, the word, what it rests on."""
    row = statistics["rows"][enhancer]
    names = _compared(statistics)
    if "difference" not in row:
        return [""] * len(judgement_columns(statistics))
    differences = (row["difference"][name] for name in names)
    spans = (cell for given in differences for cell in (given["value"], *(given["bca"] or (None, None))))
    return [*spans, row["verdict"]["word"], names[-1]]


def _compared(statistics: Mapping[str, Any]) -> list[str]:
    """The main metric, and the one that the verdict rests on where that is another."""
    main = statistics["metric"]
    return list(dict.fromkeys((main, judged_metric(statistics, main))))


def bin_table(statistics: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the differences by darkness; empty where that is not known, or nothing was compared.

    >>> part = {"by": "dark_share", "low": 0.25, "high": 0.6, "images": 9}
    >>> gain = {"value": 0.01, "bca": [-0.002, 0.03]}
    >>> rows = {"none": {}, "clahe": {"per_bin": [{"difference": gain}]}}
    >>> bin_table({"metric": "mAP", "bins": [part], "rows": rows})
    (['mAP vs none', 'dark pixels 25-60 % (9)'], [['clahe', '+1.0 [-0.2, 3.0]']])
    """
    compared = {name: row["per_bin"] for name, row in statistics["rows"].items() if "per_bin" in row}
    if not statistics["bins"] or not compared:
        return [], []
    cells = [[name, *(_cell(part["difference"], digits=1) for part in parts)] for name, parts in compared.items()]
    judged = in_words(judged_metric(statistics, statistics["metric"]))
    return [f"{judged} vs none", *(_bin_name(part) for part in statistics["bins"])], cells


BINS_NOTE = (
    "By darkness: thirds of the input pictures by mean luma (0 to 255) and by the share of pixels with a luma "
    "below 50, the number of pictures in brackets; not corrected for their number, so read them as hints."
)
"""What a reader must know beside :func:`bin_table`; it goes where that goes."""


def _bin_name(part: Mapping[str, Any]) -> str:
    low, high = part["low"], part["high"]
    bounds = f"luma {low:.0f}-{high:.0f}" if part["by"] == "mean_luma" else f"dark pixels {low:.0%}-{high:.0%}"
    return f"{bounds.replace('%-', '-').replace('%', ' %')} ({part['images']})"


def frequent_note(statistics: Mapping[str, Any]) -> str:
    """On which classes the verdict rests, and why; empty where that is on all of them, and in older records.

    >>> frequent_note({"metric": "mAP", "frequent_classes": {"car": 60}, "rare_classes": {"bus": 12}})
    'mAP, frequent classes: the mean over those in 20 images or more: car (60). The verdict rests on it, since in mAP \
a class in a few images weighs as much as any of these: bus (12).'
    """
    frequent, rare = statistics.get("frequent_classes"), statistics.get("rare_classes")
    if frequent is None or not rare:
        return ""
    metric = statistics["metric"]
    if not frequent:
        return (
            f"No class is in {RARE} images, so all verdicts are unclear: the interval of {metric} would be too narrow "
            f"with so few of each, {_counted(rare)}."
        )
    return (
        f"{as_heading(frequent_metric(metric))}: the mean over those in {RARE} images or more: "
        f"{_counted(frequent)}. The verdict rests on it, since in {metric} a class in a few images weighs as much as "
        f"any of these: {_counted(rare)}."
    )


def _counted(classes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({images})" for name, images in classes.items())


def interval_notes(statistics: Mapping[str, Any]) -> list[str]:
    """How the intervals were made, and what a verdict takes."""
    settings = statistics["settings"]
    compared = sum("difference" in row for row in statistics["rows"].values())
    lines = [
        f"vs none: paired over the same images, which were resampled {settings['resamples']} times (seed "
        f"{settings['seed']}); BCa intervals of {100 * settings['confidence']:g} %."
    ]
    if compared:
        lines.append(
            f"helps, harms: the interval lies on one side of zero, and p is below {SIGNIFICANT} after Holm's "
            f"correction for {compared} enhancer{'s' if compared > 1 else ''}; all else is unclear."
        )
    if any("failed_alone" in row for row in statistics["rows"].values()):
        lines.append(
            "A row in which pictures failed that did not fail behind none is unclear, whatever its interval: complete "
            "them."
        )
    if note := frequent_note(statistics):
        lines.append(note)
    elif rare := statistics["rare_classes"]:
        lines.append(
            "Intervals of a mean over classes are too narrow where classes are in a few images only, as here: "
            f"{_counted(rare)}."
        )
    return lines
