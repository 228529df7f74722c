"""A folder of pictures as seeded batches of random square crops."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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

    def batches(self, batch: int, size: int, least_crop: float, generator: torch.Generator) -> Iterator[Tensor]:
        """Every picture once, in random order, as float RGB batches (N, 3, size, size) in [0, 1], N <= ``batch``.

        From each picture a random square is cut, whose side is between ``least_crop`` and 1 times the shorter side,
        and resized bilinearly, without smoothing, which is how the net sees a picture that it shrinks itself.

        >>> pictures = TrainingPictures([np.zeros((40, 60, 3), np.uint8)] * 3, ["a", "b", "c"], [])
        >>> [tuple(x.shape) for x in pictures.batches(2, 16, 0.5, torch.Generator().manual_seed(0))]
        [(2, 3, 16, 16), (1, 3, 16, 16)]
        """
        order = torch.randperm(len(self.images), generator=generator).tolist()
        for start in range(0, len(order), batch):
            chosen = [self.images[index] for index in order[start : start + batch]]
            yield torch.cat([_random_crop(image, size, least_crop, generator) for image in chosen])


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
            images.append(_shrink(image, needed))
            names.append(name.as_posix())
    if not images:
        raise ScotopicError(
            f"none of the {len(unreadable)} pictures in {folder} can be read (first: {unreadable[0]}): give whole ones"
        )
    return TrainingPictures(images, names, unreadable)


def _shrink(image: np.ndarray, shorter_side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = shorter_side / min(height, width)
    if scale >= 1:
        return image
    target = (max(round(width * scale), shorter_side), max(round(height * scale), shorter_side))
    return cv2.resize(image, target, interpolation=cv2.INTER_LINEAR)


def _random_crop(image: np.ndarray, size: int, least_crop: float, generator: torch.Generator) -> Tensor:
    """uint8 (H, W, 3) -> float (1, 3, size, size) in [0, 1]."""
    height, width = image.shape[:2]
    share, down, across = torch.rand(3, generator=generator).tolist()
    side = max(1, round(min(height, width) * (least_crop + share * (1 - least_crop))))
    top, left = int(down * (height - side + 1)), int(across * (width - side + 1))
    crop = to_batch(image[top : top + side, left : left + side])
    if side == size:
        return crop
    return F.interpolate(crop, size=(size, size), mode="bilinear", align_corners=False)
