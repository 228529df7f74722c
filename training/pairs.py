"""Bright pictures and what the night would have made of them: a source of training samples without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..configs.restore_schema import RestoreSettings
from ..errors import ScotopicError
from .darkening import darken_at_random
from .data import TrainingPictures
from .tiles import Tile, lay


@dataclass(frozen=True)
class PairPlan:
    """One sample: which picture, and the seed of all else."""

    picture: int
    seed: int


class DarkenedPairs:
    """Every bright picture once an epoch: a random square of it, and the same darkened at random.

    The squares are enlarged or shrunk to ``size``, half of them to where one pixel of a small picture fills two, as in
    the large pictures of a street camera. A share of the samples may be mosaics, of that picture and others.

    Args:
        pictures: to cut from; those darker than ``settings.least_luma`` are left out.
        settings: of the darkness.
        size: side of the samples in pixels.
        seed: of order, squares and darkness.

    Raises:
        ScotopicError: no picture is bright enough.

    >>> images = [np.full((40, 60, 3), level, np.uint8) for level in (20, 120, 200)]
    >>> pictures = TrainingPictures(images, ["a", "b", "c"], [])
    >>> pairs = DarkenedPairs(pictures, RestoreSettings(), size=16)
    >>> dark, bright = pairs.make(pairs.plan(epoch=1))
    >>> tuple(dark.shape), bool((dark <= bright + 0.2).all())
    ((2, 3, 16, 16), True)
    """

    def __init__(self, pictures: TrainingPictures, settings: RestoreSettings, size: int, seed: int = 0) -> None:
        self.pictures = pictures
        self.settings = settings
        self.size = size
        self.seed = seed
        self.bright = [i for i, image in enumerate(pictures.images) if image.mean() >= settings.least_luma]
        if not self.bright:
            raise ScotopicError(
                f"none of the {len(pictures.images)} pictures has a mean level of {settings.least_luma:g} or more: "
                "give pictures taken by day, or lower restore.least_luma"
            )

    @property
    def fingerprint(self) -> str:
        """That of the pictures."""
        return self.pictures.fingerprint

    def describe(self) -> dict[str, Any]:
        """Number and fingerprint of the pictures, and how many could not be read or are too dark."""
        return {
            "pictures": len(self),
            "pictures_fingerprint": self.fingerprint,
            "unreadable": len(self.pictures.unreadable),
            "too_dark": len(self.pictures.images) - len(self),
        }

    def __len__(self) -> int:
        return len(self.bright)

    def plan(self, epoch: int) -> list[PairPlan]:
        """The epoch's samples in their order, which hang on the seed and the epoch alone."""
        generator = torch.Generator().manual_seed(self.seed + epoch * 2**31)
        order = torch.randperm(len(self), generator=generator).tolist()
        seeds = torch.randint(2**62, (len(self),), generator=generator).tolist()
        return [PairPlan(self.bright[index], seed) for index, seed in zip(order, seeds, strict=True)]

    def make(self, entries: Sequence[PairPlan]) -> tuple[Tensor, Tensor]:
        """Dark and bright, each float RGB (N, 3, size, size) in [0, 1]."""
        pairs = [self._pair(entry) for entry in entries]
        dark, bright = (np.stack(side).transpose(0, 3, 1, 2) for side in zip(*pairs, strict=True))
        return torch.from_numpy(dark).float() / 255, torch.from_numpy(bright).float() / 255

    def tiles(self, entry: PairPlan) -> list[Tile]:
        """The squares that the sample is made of: one, or those of a mosaic."""
        return self._drawn(entry)[0]

    def _pair(self, entry: PairPlan) -> tuple[np.ndarray, np.ndarray]:
        tiles, rng = self._drawn(entry)
        bright = lay(tiles, self.pictures.images, self.size)
        return darken_at_random(bright, self.settings, rng), bright

    def _drawn(self, entry: PairPlan) -> tuple[list[Tile], np.random.Generator]:
        """The squares, and the random numbers from which the darkness is drawn."""
        # A mosaic has a seed of its own, so that the other samples are the same whatever the share of mosaics.
        rng = np.random.default_rng(entry.seed + 1)
        if self.settings.mosaic and rng.random() < self.settings.mosaic:
            return self._mosaic(entry.picture, rng), rng
        rng = np.random.default_rng(entry.seed)
        return [self._square(entry.picture, rng)], rng

    def _square(self, picture: int, rng: np.random.Generator) -> Tile:
        height, width = self.pictures.images[picture].shape[:2]
        zoom = np.exp(rng.uniform(np.log(0.7), np.log(1.6))) * (2 if rng.random() < 0.5 else 1)
        side = min(height, width, max(16, round(self.size / zoom)))
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        return Tile(picture, left, top, side, mirrored=rng.random() < 0.5, extent=self.size)

    def _mosaic(self, picture: int, rng: np.random.Generator) -> list[Tile]:
        """Two by two squares, or three by three: the picture and others, nearly whole."""
        rows = 2 if rng.random() < 0.7 else 3
        extent = -(-self.size // rows)
        tiles = []
        for number in range(rows * rows):
            chosen = self.bright[rng.integers(len(self.bright))] if number else picture
            height, width = self.pictures.images[chosen].shape[:2]
            shorter = min(height, width)
            side = int(rng.integers(max(1, int(0.7 * shorter)), shorter + 1))
            top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
            across, down = number % rows * extent, number // rows * extent
            place = {"extent": extent, "across": across, "down": down}
            tiles.append(Tile(chosen, left, top, side, mirrored=rng.random() < 0.5, **place, by_area=True))
        return tiles
