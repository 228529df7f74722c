"""How dark the input pictures of a set are, and the set parted by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pipeline.gate import DarknessGate

MEASURES = {"mean_luma": 255.0, "dark_share": 1.0}
"""What pictures are parted by -> its highest possible value; the lowest is 0."""
PARTS = 3

_GATE = DarknessGate()


def measure_darkness(image: np.ndarray) -> dict[str, float]:
    """What the record says of an input picture: a sixteenth of it is looked at, in well under a millisecond.

    Args:
        image: uint8 RGB (H, W, 3).

    Returns:
        ``mean_luma``, BT.601, 0..255, and ``dark_share``, the share of pixels with a luma below 50, 0..1.

    >>> measure_darkness(np.full((8, 8, 3), 20, np.uint8))
    {'mean_luma': 20.0, 'dark_share': 1.0}
    """
    seen = _GATE.measure(image)
    return {"mean_luma": round(seen.mean_luma, 2), "dark_share": round(seen.dark_share, 4)}


@dataclass(frozen=True)
class Bin:
    """Pictures of about the same darkness.

    Attributes:
        by: which measure.
        low: of the measure, itself inside.
        high: of the measure, itself outside but in the last bin.
        ids: of the pictures.
    """

    by: str
    low: float
    high: float
    ids: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {"by": self.by, "low": self.low, "high": self.high, "images": len(self.ids)}


def darkness_bins(pictures: Mapping[str, Mapping[str, float]]) -> list[Bin]:
    """Part pictures into thirds by each measure; where many are equal the parts differ in size, and one may be empty.

    Args:
        pictures: id -> what :func:`measure_darkness` gave.

    Returns:
        Three bins by mean luma, three by dark share, each from its lowest values up; nothing for no pictures.

    >>> lumas = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 90.0}
    >>> bins = darkness_bins({name: {"mean_luma": luma, "dark_share": 0.5} for name, luma in lumas.items()})
    >>> [(part.low, part.high, part.ids) for part in bins[:3]]
    [(0.0, 20.0, ('a',)), (20.0, 30.0, ('b',)), (30.0, 255.0, ('c', 'd'))]
    """
    bins = []
    for by, highest in MEASURES.items() if pictures else ():
        values = np.array([picture[by] for picture in pictures.values()])
        edges = np.quantile(values, np.arange(1, PARTS) / PARTS)
        part = np.searchsorted(edges, values, side="right")
        limits = [0.0, *edges.tolist(), highest]
        for number in range(PARTS):
            ids = tuple(name for name, own in zip(pictures, part, strict=True) if own == number)
            bins.append(Bin(by, limits[number], limits[number + 1], ids))
    return bins
