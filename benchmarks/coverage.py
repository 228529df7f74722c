"""How often the intervals of a comparison hold the truth. ``python -m benchmarks.coverage --help``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import numpy as np

from scotopic.cli.console import say, show_table
from scotopic.eval.intervals import CONFIDENCE, RESAMPLES, Interval, image_weights, interval

from .coverage_worlds import Detected, FrequentClasses, HardlyFrequent, RareClasses, Segmented, SkewedMean, World

WORLDS: Sequence[type[World]] = (SkewedMean, Segmented, Detected, RareClasses, FrequentClasses, HardlyFrequent)
LOWEST, HIGHEST = 0.93, 0.97
HEADINGS = ["what", "images", "true difference", "percentile", "BCa", "bar"]


def cover(world: World, truth: float, simulations: int, resamples: int) -> tuple[float, float]:
    """The shares of percentile and BCa intervals, over that many sets drawn from a world, that hold the truth.

    One without an interval counts as one that misses.
    """
    random = np.random.default_rng(1)
    weights = image_weights(world.images, resamples)
    found = [interval(world.draw(random, weights), world.images) for _ in range(simulations)]
    return share(found, truth, "percentile"), share(found, truth, "bca")


def share(intervals: Sequence[Interval], truth: float, kind: str) -> float:
    """How many of them hold the truth, 0..1."""
    bounds = [getattr(one, kind) or (math.inf, -math.inf) for one in intervals]
    return sum(low <= truth <= high for low, high in bounds) / len(bounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    names = [kind.__name__ for kind in WORLDS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="WORLD", help=", ".join(names))
    options = parser.parse_args()
    rows = []
    for world in (kind() for kind in WORLDS if kind.__name__ in options.only):
        truth = world.difference()
        shares = cover(world, truth, options.simulations, options.resamples)
        kept = all(LOWEST <= one <= HIGHEST for one in shares)
        bar = ("kept" if kept else "MISSED") if world.bar else "none"
        figures = [f"{100 * one:.1f} %" for one in shares]
        rows.append([world.name, str(world.images), f"{truth:+.4f}", *figures, bar])
        say(" ".join(rows[-1]))
    title = f"{CONFIDENCE:.0%} intervals that hold the truth: {options.simulations} sets, {options.resamples} resamples"
    show_table(title, HEADINGS, rows)
    say(f"the bar: {LOWEST:.0%} to {HIGHEST:.0%}; by chance alone a share is off by up to "
        f"{196 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / options.simulations):.1f} points")  # fmt: skip


if __name__ == "__main__":
    main()
