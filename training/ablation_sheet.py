"""The variants of an ablation side by side on the same dark pictures, as in Figure 5 of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import ScotopicError
from ..pipeline.image import find_images, read_image
from ..pipeline.registry import create_enhancer
from .sheet import GAP, enhanced, shown

DARK_PICTURES = 4
TITLE_HEIGHT = 24


def dark_pictures(folder: Path, count: int = DARK_PICTURES) -> list[np.ndarray]:
    """Pictures spread over the darker third of a folder, uint8 RGB (H, W, 3), always the same ones.

    Raises:
        ScotopicError: no such folder, or no picture in it that can be read.
    """
    if not folder.is_dir():
        raise ScotopicError(f"no folder of training pictures at {folder}: check the path")
    luma: dict[Path, float] = {}
    for path, _ in find_images([folder]):
        try:
            luma[path] = float(cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY).mean())
        except ScotopicError:
            continue  # the training names it
    if not luma:
        raise ScotopicError(f"no picture in {folder} can be read: give whole ones")
    ordered = sorted(luma, key=lambda path: luma[path])
    # Neither the very darkest, on which nothing is to be seen, nor the same one twice.
    places = dict.fromkeys(round(len(ordered) * (place + 1) / (count + 1) / 3) for place in range(count))
    return [read_image(ordered[place]) for place in places if place < len(ordered)]


def draw_variants(specs: Mapping[str, str], pictures: Sequence[np.ndarray]) -> np.ndarray:
    """A row of pictures as they are, and one for each enhancer, each under its name: uint8 RGB (H, W, 3).

    Args:
        specs: name -> enhancer.
        pictures: uint8 RGB (H, W, 3) each.

    >>> draw_variants({"gamma 2": "gamma[gamma=2.0]"}, [np.zeros((90, 120, 3), np.uint8)] * 2).shape
    (412, 484, 3)
    """
    rows = [_row("dark", pictures)]
    for name, spec in specs.items():
        enhancer = create_enhancer(spec)
        rows.append(_row(name, [enhanced(enhancer, one) for one in pictures]))
    return np.vstack([np.pad(row, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for row in rows])[:-GAP]


def _row(title: str, pictures: Sequence[np.ndarray]) -> np.ndarray:
    small = [np.pad(shown(one), ((0, 0), (0, GAP), (0, 0)), constant_values=255) for one in pictures]
    row = np.hstack(small)[:, :-GAP]
    bar = np.full((TITLE_HEIGHT, row.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, title, (4, TITLE_HEIGHT - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([bar, row])
