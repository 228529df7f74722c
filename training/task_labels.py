"""A labelled set in memory: pictures to darken, and the boxes or masks on them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import ScotopicError
from ..eval.datasets.load import load_detection_dataset
from ..eval.datasets.sample import DetectionDataset
from ..eval.datasets.segmentation import load_segmentation_dataset
from ..eval.datasets.segmentation_sample import SegmentationDataset
from ..pipeline.image import read_image
from .data import TrainingPictures, shrink
from .tiles import Tile, lay_boxes, lay_mask


@dataclass(frozen=True)
class Boxes:
    """The boxes on pictures in memory; regions to ignore are not among them.

    Attributes:
        classes: names; a label is an index into them.
        class_map: the set's own words on which class goes to which class of a model.
        boxes: of each picture, float64 (M, 4), x1, y1, x2, y2 in its pixels.
        labels: of each picture, int64 (M,).
    """

    kind: ClassVar[str] = "boxes"

    classes: tuple[str, ...]
    class_map: Mapping[str, str | None]
    boxes: list[np.ndarray]
    labels: list[np.ndarray]

    def batch(self, samples: Sequence[Sequence[Tile]], size: int) -> dict[str, Tensor]:
        """``boxes``: float32 (N, most, 5), label, x1, y1, x2, y2 in pixels of the sample; rows of -1 fill up.

        Args:
            samples: what each sample is made of.
            size: side of the samples.
        """
        found = [lay_boxes(tiles, self.boxes, self.labels, size) for tiles in samples]
        filled = np.full((len(found), max(map(len, found)), 5), -1, np.float32)
        for row, boxes in zip(filled, found, strict=True):
            row[: len(boxes)] = boxes
        return {"boxes": torch.from_numpy(filled)}

    @property
    def fingerprint(self) -> str:
        """Changes with the labels."""
        return _digest(self.classes, [*self.boxes, *self.labels])


@dataclass(frozen=True)
class Masks:
    """The masks of pictures in memory.

    Attributes:
        classes: names; a label is an index into them.
        class_map: the set's own words on which class goes to which classes of a net.
        masks: of each picture, uint8 (H, W) of its size; 255 counts nowhere.
    """

    kind: ClassVar[str] = "masks"

    classes: tuple[str, ...]
    class_map: Mapping[str, str | Sequence[str] | None]
    masks: list[np.ndarray]

    def batch(self, samples: Sequence[Sequence[Tile]], size: int) -> dict[str, Tensor]:
        """``masks``: int64 (N, size, size). See :meth:`Boxes.batch`."""
        return {"masks": torch.from_numpy(np.stack([lay_mask(tiles, self.masks, size) for tiles in samples])).long()}

    @property
    def fingerprint(self) -> str:
        """Changes with the labels."""
        return _digest(self.classes, self.masks)


Labels = Boxes | Masks


@dataclass(frozen=True)
class LabelledPictures:
    """A labelled set.

    Attributes:
        pictures: shrunk as those of a folder are; named by the ids of the samples.
        labels: of those pictures, shrunk with them.
        files: where the pictures lie, in the same order.
        remarks: a sentence for each kind of thing that was wrong with the labels.
    """

    pictures: TrainingPictures
    labels: Labels
    files: list[Path]
    remarks: list[str]


def read_labelled(
    data: str | Path, split: str | None, size: int, least_crop: float, boxes: bool, masks: bool
) -> LabelledPictures:
    """Read a labelled set, shrunk as far as the smallest crop still has ``size`` pixels.

    Args:
        data: a detection set or a segmentation set, in any form that the evaluation reads, or a preset's name.
        split: which of its images; see :func:`~scotopic.eval.datasets.load.load_detection_dataset`.
        size: side of the samples.
        least_crop: side of the smallest crop, as a share of the shorter side.
        boxes: whether they would teach anything; looked for first.
        masks: likewise.

    Raises:
        ScotopicError: neither boxes nor masks are there, or no picture can be read.
    """
    dataset = _find(data, split, boxes, masks)
    read = _boxes if isinstance(dataset, DetectionDataset) else _masks
    needed, unreadable = math.ceil(size / least_crop), list[str]()
    kept: list[Any] = []
    images: list[np.ndarray] = []
    sizes: list[tuple[int, int]] = []
    for sample in dataset.samples:
        try:
            image = read_image(sample.image)
        except ScotopicError as error:
            unreadable.append(str(error))
        else:
            kept.append(sample)
            sizes.append(image.shape[:2])
            images.append(shrink(image, needed))
    if not images:
        raise ScotopicError(f"no picture of {dataset.name} can be read (first: {unreadable[0]}): give whole ones")
    dataset = replace(dataset, samples=tuple(kept))
    labels = read(dataset, images, sizes)  # pyright: ignore[reportArgumentType]
    pictures = TrainingPictures(images, [sample.id for sample in kept], unreadable)
    remarks = [f"{dataset.name}: {sentence}" for sentence in dataset.issues.lines()]
    return LabelledPictures(pictures, labels, [sample.image for sample in kept], remarks)


def _find(data: str | Path, split: str | None, boxes: bool, masks: bool) -> DetectionDataset | SegmentationDataset:
    problems: list[str] = []
    for wanted, load in ((boxes, load_detection_dataset), (masks, load_segmentation_dataset)):
        if wanted:
            try:
                return load(data, split)
            except ScotopicError as error:
                problems.append(str(error))
    raise ScotopicError(f"supervised learns from labels: {'; and '.join(problems)}")


def _boxes(dataset: DetectionDataset, images: list[np.ndarray], sizes: list[tuple[int, int]]) -> Boxes:
    found = Boxes(dataset.classes, dataset.class_map, [], [])
    for sample, image, (height, width) in zip(dataset.samples, images, sizes, strict=True):
        gain = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
        found.boxes.append(sample.boxes[~sample.crowd] * gain)
        found.labels.append(sample.labels[~sample.crowd])
    return found


def _masks(dataset: SegmentationDataset, images: list[np.ndarray], sizes: list[tuple[int, int]]) -> Masks:
    found = Masks(dataset.classes, dataset.class_map, [])
    for sample, image, size in zip(dataset.samples, images, sizes, strict=True):
        mask = dataset.read_mask(sample).astype(np.uint8)
        if mask.shape != size:
            raise ScotopicError(f"{sample.mask} has another size than its picture: make them the same")
        found.masks.append(cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT))
    return found


def _digest(classes: tuple[str, ...], arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256(repr(classes).encode())
    for array in arrays:
        digest.update(f"{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
