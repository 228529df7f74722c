"""Squares of pictures laid side by side into a sample, and what becomes of the boxes and masks on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..eval.datasets.segmentation_sample import IGNORED

LEAST_LEFT = 1 / 3
"""Share of a box that the square has to leave of it, or it falls out."""


@dataclass(frozen=True)
class Tile:
    """A square of a picture and its place in the sample, all in pixels.

    Attributes:
        picture: its index.
        left, top, side: of the square in the picture.
        mirrored: whether left and right are changed for each other.
        across, down, extent: left, top and side in the sample; what lies beyond the sample is cut off.
        by_area: whether each pixel of a square that is shrunk is the mean of those that it stands for.
    """

    picture: int
    left: int
    top: int
    side: int
    mirrored: bool
    extent: int
    across: int = 0
    down: int = 0
    by_area: bool = False

    def cut(self, picture: np.ndarray, interpolation: int | None = None) -> np.ndarray:
        """The square, (H, W, ...) -> (extent, extent, ...)."""
        square = picture[self.top : self.top + self.side, self.left : self.left + self.side]
        if interpolation is None:
            interpolation = cv2.INTER_AREA if self.by_area and self.extent < self.side else cv2.INTER_LINEAR
        square = np.ascontiguousarray(square[:, ::-1] if self.mirrored else square)
        return cv2.resize(square, (self.extent, self.extent), interpolation=interpolation)


def lay(tiles: Sequence[Tile], pictures: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The sample, uint8 (size, size, 3), which the tiles must fill.

    >>> picture = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, 2)
    >>> lay([Tile(0, left=1, top=2, side=2, mirrored=True, extent=2)], [picture], size=2)[..., 0].tolist()
    [[10, 9], [14, 13]]
    """
    sample = np.empty((size, size, 3), np.uint8)
    for tile in tiles:
        _place(sample, tile, tile.cut(pictures[tile.picture]))
    return sample


def lay_mask(tiles: Sequence[Tile], masks: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The labels of the sample's pixels, uint8 (size, size): each the nearest of its mask."""
    sample = np.full((size, size), IGNORED, np.uint8)
    for tile in tiles:
        _place(sample, tile, tile.cut(masks[tile.picture], cv2.INTER_NEAREST_EXACT))
    return sample


def lay_boxes(
    tiles: Sequence[Tile], boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray], size: int
) -> np.ndarray:
    """The boxes of the sample: cut, mirrored and scaled with their pictures.

    Args:
        tiles: of the sample.
        boxes: of each picture, float (M, 4), x1, y1, x2, y2 in its pixels.
        labels: of each picture, integer (M,).
        size: side of the sample.

    Returns:
        float64 (K, 5): label, x1, y1, x2, y2 in pixels of the sample. A box of which less than a third is left is not
        among them.

    >>> tile = Tile(0, left=10, top=0, side=20, mirrored=True, extent=40)
    >>> lay_boxes([tile], [np.array([[12.0, 2, 20, 8], [4, 2, 12, 8]])], [np.array([7, 8])], size=40).tolist()
    [[7.0, 20.0, 4.0, 36.0, 16.0]]
    """
    found = [np.zeros((0, 5))]
    for tile in tiles:
        own = np.asarray(boxes[tile.picture], np.float64).reshape(-1, 4)
        gain = tile.extent / tile.side
        moved = (own - [tile.left, tile.top] * 2) * gain
        whole = _area(moved)
        if tile.mirrored:
            moved = np.stack([tile.extent - moved[:, 2], moved[:, 1], tile.extent - moved[:, 0], moved[:, 3]], axis=1)
        reach = [min(tile.extent, size - tile.across), min(tile.extent, size - tile.down)]
        cut = moved.clip(0, reach * 2)
        kept = (_area(cut) >= LEAST_LEFT * whole) & (_area(cut) > 0)
        placed = cut[kept] + [tile.across, tile.down] * 2
        found.append(np.column_stack([labels[tile.picture][kept], placed]))
    return np.concatenate(found)


def _place(sample: np.ndarray, tile: Tile, square: np.ndarray) -> None:
    there = sample[tile.down : tile.down + tile.extent, tile.across : tile.across + tile.extent]
    there[...] = square[: there.shape[0], : there.shape[1]]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
