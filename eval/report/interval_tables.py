"""Intervals, verdicts and darkness as cells of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..verdict import SIGNIFICANT

HEADINGS = ["vs none [95 % interval]", "verdict"]
"""What stands over :func:`against_none`."""


def against_none(statistics: Mapping[str, Any], enhancer: str) -> list[str]:
    """The difference of the main metric with its BCa interval in points, and the verdict's word.

    >>> row = {"difference": {"mAP": {"value": 0.0213, "bca": [0.006, 0.035]}}, "verdict": {"word": "helps"}}
    >>> against_none({"metric": "mAP", "rows": {"clahe": row, "none": {}}}, "clahe")
    ['+2.13 [0.60, 3.50]', 'helps']
    """
    row = statistics["rows"][enhancer]
    if "difference" not in row:
        return ["", ""]
    return [_cell(row["difference"][statistics["metric"]], digits=2), row["verdict"]["word"]]


def _cell(difference: Mapping[str, Any] | None, digits: int) -> str:
    if difference is None or difference["value"] is None:
        return "-"
    value = f"{100 * difference['value']:+.{digits}f}"
    if difference["bca"] is None:
        return value
    low, high = (f"{100 * bound:.{digits}f}" for bound in difference["bca"])
    return f"{value} [{low}, {high}]"


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
    return [f"{statistics['metric']} vs none", *(_bin_name(part) for part in statistics["bins"])], cells


def _bin_name(part: Mapping[str, Any]) -> str:
    low, high = part["low"], part["high"]
    bounds = f"luma {low:.0f}-{high:.0f}" if part["by"] == "mean_luma" else f"dark pixels {low:.0%}-{high:.0%}"
    return f"{bounds.replace('%-', '-').replace('%', ' %')} ({part['images']})"


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
    if rare := statistics["rare_classes"]:
        lines.append(
            "Intervals of a mean over classes are too narrow where classes are in a few images only, as here: "
            f"{', '.join(f'{name} ({images})' for name, images in rare.items())}."
        )
    if statistics["bins"]:
        lines.append(
            "By darkness: thirds of the input pictures by mean luma (0 to 255) and by the share of pixels with a luma "
            "below 50, the number of pictures in brackets; not corrected for their number, so read them as hints."
        )
    return lines
