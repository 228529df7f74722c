"""A contact sheet of the same few pictures again and again, so that one can watch an enhancer learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ..pipeline.contract import Enhancer, to_batch, to_image
from ..pipeline.image import find_images, read_image

ROW_HEIGHT = 180
GAP = 4
OWN_PICTURES = 6
MOST_PICTURES = 24


def sheet_pictures(chosen: Sequence[Path] | None, data: Path, names: Sequence[str]) -> list[np.ndarray]:
    """The pictures of the sheet, uint8 RGB (H, W, 3), as they are on the disk.

    Args:
        chosen: pictures and folders of them, of which the first 24 are taken; None takes the first 6 of ``names``.
        data: the folder of the training pictures.
        names: of those that can be read, relative to it.

    Raises:
        ScotopicError: a chosen one does not exist or cannot be read.
    """
    own = [data / name for name in names[:OWN_PICTURES]]
    paths = own if chosen is None else [path for path, _ in find_images(list(chosen))[:MOST_PICTURES]]
    return [read_image(path) for path in paths]


def draw_sheet(enhancer: Enhancer, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Each picture beside what the enhancer makes of it, one below the other: uint8 RGB (H, W, 3).

    >>> from scotopic import create_enhancer
    >>> draw_sheet(create_enhancer("gamma"), [np.zeros((90, 120, 3), np.uint8)] * 2).shape
    (364, 484, 3)
    """
    rows = [np.hstack([shown(one), _bar(GAP), shown(enhanced(enhancer, one))]) for one in pictures]
    width = max(row.shape[1] for row in rows)
    full = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.vstack(full)[:-GAP]


def enhanced(enhancer: Enhancer, picture: np.ndarray) -> np.ndarray:
    """What the enhancer makes of uint8 RGB (H, W, 3), by the net itself: a faster engine would have to be compiled."""
    with torch.inference_mode():
        return to_image(enhancer.run(to_batch(picture)))


def shown(picture: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) at the height of a row."""
    width = max(1, round(picture.shape[1] * ROW_HEIGHT / picture.shape[0]))
    smaller = picture.shape[0] > ROW_HEIGHT
    return cv2.resize(picture, (width, ROW_HEIGHT), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def _bar(width: int) -> np.ndarray:
    return np.full((ROW_HEIGHT, width, 3), 255, np.uint8)
