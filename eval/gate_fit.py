"""Thresholds of the darkness gate from pictures that somebody labelled night, dusk or day by looking at them.

The score is a logistic regression of night against day on the gate's three statistics (Cox 1958, "The regression
analysis of binary sequences"), with a weak quadratic penalty, without which the weights would grow without bound where
a plane parts night from day. Of the pictures, sorted by id, the first, third, fifth ... are fitted on, and the others
judge. Dusk pictures count in neither: nobody can say what is right for them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import yaml
from scipy.optimize import minimize
from scipy.special import log_expit

from ..errors import ScotopicError, nearest
from ..files import write_text
from ..pipeline.gate import Darkness, DarknessGate
from ..pipeline.image import read_image
from .datasets.dark_source import DarkSource
from .datasets.texts import read_text

Light = Literal["night", "dusk", "day"]
LIGHTS: tuple[Light, ...] = ("night", "dusk", "day")

PENALTY = 0.1
"""Times half the squared weights, in units in which every statistic has variance 1; the loss is a sum over pictures."""

LEAST_SPREAD = (0.25, 0.001, 0.001)
"""Standard deviations below which a statistic counts as constant, so that no weight is made of its noise."""

FULL_ODDS = 9.0
"""The gate is wide open where night is this many times as likely as day; it begins to open where both are alike."""


@dataclass(frozen=True)
class LitPicture:
    """One labelled picture: its id, its label, and what the gate sees of it."""

    id: str
    light: Light
    darkness: Darkness


@dataclass(frozen=True)
class Tally:
    """How a gate treats pictures of one label: ``enhanced`` of ``total``, ``full`` of them at full strength."""

    total: int
    enhanced: int
    full: int


def read_lights(path: str | Path) -> dict[str, Light]:
    """The labels of a CSV file with the columns ``id`` and ``light`` (night, dusk or day), others being ignored.

    Raises:
        ScotopicError: the file cannot be read, a column is missing, a label is unknown, or an id stands there twice.
    """
    reader = csv.DictReader(io.StringIO(read_text(Path(path))))
    if missing := {"id", "light"} - set(reader.fieldnames or ()):
        raise ScotopicError(f"{path} has no column '{min(missing)}': its first line must be id,light")
    lights: dict[str, Light] = {}
    for row in reader:
        name, light = (row["id"] or "").strip(), (row["light"] or "").strip()
        if light not in LIGHTS:
            raise ScotopicError(f"{path} line {reader.line_num}: {light!r} is no light: {nearest(light, LIGHTS)}")
        if not name or name in lights:
            what = f"the id {name!r} stands there twice" if name else "the id is missing"
            raise ScotopicError(f"{path} line {reader.line_num}: {what}")
        lights[name] = cast(Light, light)
    return lights


def measure_pictures(
    source: DarkSource, lights: Mapping[str, Light], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[LitPicture]:
    """What the gate sees of each labelled picture, sorted by id.

    Args:
        source: the pictures; those without a label are left out.
        lights: id -> label. An id is a file name without suffix, or the path below the set's folder without suffix.
        progress: called with (done, total).

    Raises:
        ScotopicError: a label without a picture, an id that fits several, or a picture that cannot be read.
    """
    by_id: dict[str, list[Path]] = {}
    for image in source.images:
        for name in {image.stem, source.key(image)}:
            by_id.setdefault(name, []).append(image)
    pictures = []
    for number, (name, light) in enumerate(sorted(lights.items()), start=1):
        found = by_id.get(name, [])
        if len(found) != 1:
            what = f"{len(found)} pictures" if found else "no picture"
            raise ScotopicError(
                f"{source.name} has {what} '{name}': an id is a file name without suffix, or a path below {source.root}"
            )
        pictures.append(LitPicture(name, light, DarknessGate().measure(read_image(found[0]))))
        progress(number, len(lights))
    return pictures


def halves(pictures: Sequence[LitPicture]) -> tuple[list[LitPicture], list[LitPicture]]:
    """The pictures to fit on and those to judge by: every other one, by id."""
    ordered = sorted(pictures, key=lambda picture: picture.id)
    return ordered[::2], ordered[1::2]


def fit_gate(pictures: Sequence[LitPicture]) -> DarknessGate:
    """A gate that parts the night pictures from the day pictures; dusk pictures have no say.

    Raises:
        ScotopicError: there is no picture of the night, or none of the day.

    >>> night, day = Darkness(20, 0.9, 0.0), Darkness(110, 0.1, 0.4)
    >>> gate = fit_gate([LitPicture("a", "night", night), LitPicture("b", "day", day)])
    >>> gate.opening(night) > 0, gate.opening(day)
    (True, 0.0)
    """
    chosen = [picture for picture in pictures if picture.light != "dusk"]
    for light in ("night", "day"):
        if not any(picture.light == light for picture in chosen):
            raise ScotopicError(f"no {light} picture among those to fit on (every other one): label more pictures")
    seen = np.array([list(asdict(picture.darkness).values()) for picture in chosen])
    sign = np.array([1.0 if picture.light == "night" else -1.0 for picture in chosen])
    center, scale = seen.mean(0), np.maximum(seen.std(0), LEAST_SPREAD)
    inputs = np.column_stack([(seen - center) / scale, np.ones(len(seen))])
    penalty = np.array([PENALTY, PENALTY, PENALTY, 0.0])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = sign * (inputs @ weights)
        slope = -(sign * np.exp(log_expit(-margins))) @ inputs
        return float(-log_expit(margins).sum() + (penalty * weights**2).sum() / 2), slope + penalty * weights

    weights = minimize(loss, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    slopes = weights[:3] / scale
    mean_luma, dark_share, highlight_share = (_short(value) for value in slopes)
    return DarknessGate(
        mean_luma_weight=mean_luma,
        dark_share_weight=dark_share,
        highlight_share_weight=highlight_share,
        intercept=_short(weights[3] - slopes @ center),
        untouched_below=0.0,
        full_above=_short(math.log(FULL_ODDS)),
    )


def tally(gate: DarknessGate, pictures: Sequence[LitPicture]) -> dict[Light, Tally]:
    """The confusion matrix of a gate: what it does to the pictures of each label."""
    tallies: dict[Light, Tally] = {}
    for light in LIGHTS:
        found = [gate.opening(picture.darkness) for picture in pictures if picture.light == light]
        tallies[light] = Tally(len(found), sum(value > 0 for value in found), sum(value == 1 for value in found))
    return tallies


def mistaken(gate: DarknessGate, pictures: Sequence[LitPicture]) -> list[LitPicture]:
    """The night pictures that a gate leaves as they are, and the day pictures that it enhances."""
    wanted = {"night": True, "day": False}
    return [p for p in pictures if p.light in wanted and (gate.opening(p.darkness) > 0) != wanted[p.light]]


def write_gate(path: str | Path, gate: DarknessGate, about: str) -> None:
    """Write a gate's numbers as YAML, which ``gate=`` and ``--gate`` accept; ``about`` stands above them."""
    text = yaml.safe_dump(asdict(gate), sort_keys=False)
    write_text(path, "".join(f"# {line}\n" for line in about.splitlines()) + text)


def _short(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")
