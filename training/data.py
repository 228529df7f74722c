"""A folder of pictures as seeded random square crops."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ScotopicError
from ..pipeline.contract import to_batch
from ..pipeline.image import find_images, read_image


@dataclass(frozen=True)
class TrainingPictures:
    """Pictures in memory, no larger than the crops need.

    Bright pictures belong in, too: they teach the enhancer to leave alone, or to pull down, what is bright enough.

    Attributes:
        images: uint8 RGB (H, W, 3) each.
        names: paths relative to the folder, in the same order.
        unreadable: one sentence for each file that could not be read.
    """

    images: list[np.ndarray]
    names: list[str]
    unreadable: list[str]

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 over the names and pixels, so that a run can tell whether it is fed the same."""
        digest = hashlib.sha256()
        for name, image in zip(self.names, self.images, strict=True):
            digest.update(f"{name}\0{image.shape}\0".encode())
            digest.update(image.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Crop:
    """Where a square is cut from a picture.

    Attributes:
        picture: its index.
        extent: 0 cuts the smallest square that is allowed, 1 the whole of the shorter side.
        down: 0 cuts at the top, towards 1 at the bottom.
        across: 0 cuts at the left, towards 1 at the right.
    """

    picture: int
    extent: float
    down: float
    across: float


@dataclass(frozen=True)
class RandomCrops:
    """Every picture once an epoch, in random order, a random square of each: a source of training samples.

    Attributes:
        pictures: to cut from.
        size: side of the samples in pixels.
        least_crop: side of the smallest square, as a share of the picture's shorter side; the largest takes all of it.
        seed: of order and squares.

    >>> crops = RandomCrops(TrainingPictures([np.zeros((40, 60, 3), np.uint8)] * 3, ["a", "b", "c"], []), 16, 0.5)
    >>> sorted(crop.picture for crop in crops.plan(epoch=1))
    [0, 1, 2]
    >>> tuple(crops.make(crops.plan(epoch=1)[:2]).shape)
    (2, 3, 16, 16)
    """

    pictures: TrainingPictures
    size: int
    least_crop: float = 1.0
    seed: int = 0

    @property
    def fingerprint(self) -> str:
        """That of the pictures."""
        return self.pictures.fingerprint

    def describe(self) -> dict[str, Any]:
        """Number and fingerprint of the pictures, and how many more could not be read."""
        return {
            "pictures": len(self.pictures.images),
            "pictures_fingerprint": self.fingerprint,
            "unreadable": len(self.pictures.unreadable),
        }

    def __len__(self) -> int:
        return len(self.pictures.images)

    def plan(self, epoch: int) -> list[Crop]:
        """The epoch's squares in their order, which hang on the seed and the epoch alone."""
        generator = torch.Generator().manual_seed(self.seed + epoch * 2**31)
        order = torch.randperm(len(self), generator=generator).tolist()
        return [Crop(index, *torch.rand(3, generator=generator).tolist()) for index in order]

    def make(self, entries: Sequence[Crop]) -> Tensor:
        """float RGB (N, 3, size, size) in [0, 1]."""
        return torch.cat([cut(self.pictures.images[e.picture], e, self.size, self.least_crop) for e in entries])


def cut(image: np.ndarray, crop: Crop, size: int, least_crop: float) -> Tensor:
    """uint8 (H, W, 3) -> float (1, 3, size, size) in [0, 1].

    Resized bilinearly, without smoothing, which is how the net sees a picture that it shrinks itself.
    """
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * (least_crop + crop.extent * (1 - least_crop))))
    top, left = int(crop.down * (height - side + 1)), int(crop.across * (width - side + 1))
    square = to_batch(image[top : top + side, left : left + side])
    if side == size:
        return square
    return F.interpolate(square, size=(size, size), mode="bilinear", align_corners=False)


def read_pictures(folder: Path, size: int, least_crop: float) -> TrainingPictures:
    """Read all pictures below ``folder``, shrunk as far as the smallest crop still has ``size`` pixels.

    So 2,000 pictures for crops of 64 pixels take 100 MB, and for whole pictures of 512x512 1.6 GB.

    Raises:
        ScotopicError: no such folder, no pictures in it, or none that can be read.
    """
    if not folder.is_dir():
        raise ScotopicError(f"no folder of training pictures at {folder}: check the path")
    needed = math.ceil(size / least_crop)
    images: list[np.ndarray] = []
    names: list[str] = []
    unreadable: list[str] = []
    for path, name in find_images([folder]):
        try:
            image = read_image(path)
        except ScotopicError as error:
            unreadable.append(str(error))
        else:
            images.append(shrink(image, needed))
            names.append(name.as_posix())
    if not images:
        raise ScotopicError(
            f"none of the {len(unreadable)} pictures in {folder} can be read (first: {unreadable[0]}): give whole ones"
        )
    return TrainingPictures(images, names, unreadable)


def shrink(image: np.ndarray, shorter_side: int) -> np.ndarray:
    """uint8 (H, W, 3) so that its shorter side is ``shorter_side``; one that is smaller stays as it is."""
    height, width = image.shape[:2]
    scale = shorter_side / min(height, width)
    if scale >= 1:
        return image
    target = (max(round(width * scale), shorter_side), max(round(height * scale), shorter_side))
    return cv2.resize(image, target, interpolation=cv2.INTER_LINEAR)
