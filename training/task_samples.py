"""Pairs of dark and bright, with what frozen nets and the losses of darkness want to know beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ScotopicError
from .data import Crop, RandomCrops, TrainingPictures
from .pairs import DarkenedPairs, PairPlan
from .task_labels import Labels


@dataclass(frozen=True)
class TaskPlan:
    """One sample.

    Attributes:
        pair: the darkened picture.
        turn: its number in the epoch, by which it falls to one of several nets.
        real_dark: what is cut beside it from a picture that is dark by nature.
    """

    pair: PairPlan
    turn: int
    real_dark: Crop | None


class TaskSamples:
    """The samples of :class:`~scotopic.training.pairs.DarkenedPairs`, the very same, with more beside each.

    Args:
        pairs: the darkened pictures.
        labels: of the pictures that they are cut from; they are cut, mirrored and scaled alike.
        least_crop: side of the smallest crop of a dark picture, as a share of its shorter side; None: none are wanted.

    Raises:
        ScotopicError: dark pictures are wanted and there are none.

    >>> import numpy as np
    >>> from scotopic.configs.restore_schema import RestoreSettings
    >>> images = [np.full((40, 60, 3), level, np.uint8) for level in (20, 120, 200)]
    >>> pairs = DarkenedPairs(TrainingPictures(images, ["a", "b", "c"], []), RestoreSettings(), size=16)
    >>> samples = TaskSamples(pairs, least_crop=0.5)
    >>> {name: tuple(part.shape) for name, part in samples.make(samples.plan(epoch=1)).items()}
    {'dark': (2, 3, 16, 16), 'bright': (2, 3, 16, 16), 'turn': (2,), 'real_dark': (2, 3, 16, 16)}
    """

    def __init__(self, pairs: DarkenedPairs, labels: Labels | None = None, least_crop: float | None = None) -> None:
        self.pairs = pairs
        self.labels = labels
        self.crops = None if least_crop is None else _dark_crops(pairs, least_crop)

    @property
    def fingerprint(self) -> str:
        """That of the pictures and their labels."""
        if self.labels is None:
            return self.pairs.fingerprint
        return hashlib.sha256(f"{self.pairs.fingerprint} {self.labels.fingerprint}".encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """What the pairs say, what the labels are, and whether the dark pictures took part."""
        record = self.pairs.describe()
        if self.labels is not None:
            record |= {"labels": self.labels.kind, "labels_fingerprint": self.labels.fingerprint}
        if self.crops is not None:
            record["real_dark"] = len(self.crops)
        return record

    def __len__(self) -> int:
        return len(self.pairs)

    def plan(self, epoch: int) -> list[TaskPlan]:
        """The epoch's samples in their order, which hang on the seed and the epoch alone."""
        pairs = self.pairs.plan(epoch)
        crops: list[Crop] | list[None] = [None] * len(pairs) if self.crops is None else self._crops(epoch, len(pairs))
        return [TaskPlan(pair, turn, crop) for turn, (pair, crop) in enumerate(zip(pairs, crops, strict=True))]

    def make(self, entries: Sequence[TaskPlan]) -> dict[str, Tensor]:
        """The batch.

        Returns:
            ``dark`` and ``bright``, float RGB (N, 3, size, size) in [0, 1]; ``turn``, int64 (N,); ``real_dark``, as
            ``dark``, if such are wanted; ``boxes`` or ``masks``, if there are labels.
        """
        dark, bright = self.pairs.make([entry.pair for entry in entries])
        batch = {"dark": dark, "bright": bright, "turn": torch.tensor([entry.turn for entry in entries])}
        if self.crops is not None:
            batch["real_dark"] = self.crops.make([entry.real_dark for entry in entries if entry.real_dark is not None])
        if self.labels is not None:
            batch |= self.labels.batch([self.pairs.tiles(entry.pair) for entry in entries], self.pairs.size)
        return batch

    def _crops(self, epoch: int, count: int) -> list[Crop]:
        """As many as there are pairs; each dark picture about as often as the others."""
        assert self.crops is not None
        rounds = -(-count // len(self.crops))
        return [crop for part in range(rounds) for crop in self.crops.plan((epoch - 1) * rounds + part + 1)][:count]


def _dark_crops(pairs: DarkenedPairs, least_crop: float) -> RandomCrops:
    pictures, bright = pairs.pictures, set(pairs.bright)
    dark = [index for index in range(len(pictures.images)) if index not in bright]
    if not dark:
        raise ScotopicError(
            f"all {len(pictures.images)} pictures have a mean level of {pairs.settings.least_luma:g} or more: "
            "add real dark pictures for the losses beside restore, or leave those out"
        )
    chosen = TrainingPictures([pictures.images[i] for i in dark], [pictures.names[i] for i in dark], [])
    return RandomCrops(chosen, pairs.size, least_crop, pairs.seed)
