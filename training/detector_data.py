"""A labelled detection set, divided into what a detector is trained on and what it is scored on."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from ..configs.detector_schema import DetectorTrainSettings
from ..errors import ScotopicError
from ..eval.datasets.load import load_detection_dataset
from ..eval.datasets.sample import DetectionDataset


@dataclass(frozen=True)
class TrainingSets:
    """What a detector is trained on, and what is held back to score it on."""

    training: DetectionDataset
    held_back: DetectionDataset


def read_sets(settings: DetectorTrainSettings, console: Console) -> TrainingSets:
    """Find the pictures and divide them; what cannot be read is left out and said on the console.

    Which pictures are held back hangs on their ids alone: of the ids in order, each ``hold_back``-th.

    Raises:
        ScotopicError: no such set, or fewer pictures than one batch.
    """
    if settings.data is None:
        raise ScotopicError("no labelled pictures: give a set of them (data)")
    dataset = load_detection_dataset(settings.data, settings.split)
    for sentence in dataset.issues.lines():
        console.print(f"{dataset.name}: {sentence}", style="yellow", markup=False, soft_wrap=True)
    bad = set(dataset.issues.unreadable_images)
    ids = [sample.id for sample in dataset.samples if sample.id not in bad]
    held_back = set(ids[settings.hold_back - 1 :: settings.hold_back])
    if len(ids) - len(held_back) < settings.batch or not held_back:
        raise ScotopicError(
            f"{dataset.name} has {len(ids)} pictures that can be read, {len(held_back)} of them held back: "
            f"not enough for a batch of {settings.batch}; use a smaller batch"
        )
    return TrainingSets(dataset.select(set(ids) - held_back), dataset.select(held_back))
