"""A labelled segmentation set as seeded batches of random crops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from rich.console import Console
from torch import Tensor

from ..configs.segmenter_schema import SegmenterSettings
from ..errors import ScotopicError
from ..eval.datasets.segmentation import load_segmentation_dataset
from ..eval.datasets.segmentation_sample import IGNORED, SegmentationDataset
from ..pipeline.image import read_image


@dataclass(frozen=True)
class TrainingSets:
    """What a net is trained on, and what it is scored on meanwhile; they have no image in common.

    Attributes:
        training: without the images that the settings leave out.
        validation: of the same classes.
    """

    training: SegmentationDataset
    validation: SegmentationDataset

    @property
    def classes(self) -> tuple[str, ...]:
        """A label is an index into these names."""
        return self.training.classes


def read_sets(settings: SegmenterSettings, console: Console) -> TrainingSets:
    """Find the images of both splits; what cannot be read is left out and said on the console.

    Raises:
        ScotopicError: no such set or split, a split has no image left, fewer pictures than one batch, or an image that
            is in both splits.
    """
    if settings.data is None:
        raise ScotopicError("no labelled pictures: give a set of them (data)")
    training = _readable(load_segmentation_dataset(settings.data, settings.train_split), console)
    if settings.leave_out is not None:
        left_out = {sample.id for sample in load_segmentation_dataset(settings.data, settings.leave_out).samples}
        training = training.select(sample.id for sample in training.samples if sample.id not in left_out)
    validation = _readable(load_segmentation_dataset(settings.data, settings.validation_split), console)
    if len(training) < settings.batch:
        raise ScotopicError(
            f"{training.name} has {len(training)} pictures to train on, not enough for a batch of {settings.batch}: "
            "use a smaller batch"
        )
    common = sorted({s.id for s in training.samples} & {s.id for s in validation.samples})
    if common:
        raise ScotopicError(
            f"{len(common)} images, such as '{common[0]}', are both in {training.name} and in {validation.name}: "
            "a net cannot be judged on what it was trained on; choose other splits"
        )
    return TrainingSets(training, validation)


def class_weights(dataset: SegmentationDataset, balance: float) -> Tensor:
    """A weight for each class, its share of all labelled pixels to the power of ``-balance``: float32 (classes,).

    Their mean over the pixels is 1. A class that the set never shows weighs 0.

    Raises:
        ScotopicError: a mask cannot be read, or no pixel is labelled.
    """
    counts = torch.zeros(len(dataset.classes), dtype=torch.float64)
    for sample in dataset.samples:
        labels = torch.from_numpy(dataset.read_mask(sample))
        counts += labels[labels != IGNORED].bincount(minlength=len(counts))
    if not counts.any():
        raise ScotopicError(f"no mask of {dataset.name} labels a single pixel: there is nothing to learn")
    share = counts / counts.sum()
    weights = torch.where(share > 0, share.clamp(min=1e-12) ** -balance, 0)
    return (weights / (weights * share).sum()).float()


def batches(dataset: SegmentationDataset, settings: SegmenterSettings) -> Iterator[tuple[Tensor, Tensor]]:
    """Every picture once, in random order, as float RGB crops (N, 3, h, w) in 0..255 and labels int64 (N, h, w).

    Pictures that fill no whole batch are left for another epoch's order. Draws from torch's global random numbers.
    """
    from .torchvision_augmentation import Augmentation

    change = Augmentation(settings)
    order = torch.randperm(len(dataset)).tolist()
    for start in range(0, len(order) - settings.batch + 1, settings.batch):
        samples = [dataset.samples[index] for index in order[start : start + settings.batch]]
        crops = [change(read_image(sample.image), dataset.read_mask(sample)) for sample in samples]
        yield torch.stack([image for image, _ in crops]).float(), torch.stack([mask for _, mask in crops]).long()


def _readable(dataset: SegmentationDataset, console: Console) -> SegmentationDataset:
    for sentence in dataset.issues.lines():
        console.print(f"{dataset.name}: {sentence}", style="yellow", markup=False, soft_wrap=True)
    bad = set(dataset.issues.unreadable_images)
    kept = dataset.select(sample.id for sample in dataset.samples if sample.id not in bad) if bad else dataset
    if not len(kept):
        raise ScotopicError(f"no picture of {dataset.name} can be read: give whole ones")
    return kept
