"""From settings to what an enhancer is fed and what is minimised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console

from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from .data import RandomCrops, TrainingPictures, read_pictures
from .objectives.contract import Objective, Source
from .objectives.restore import Restore
from .objectives.restore_for_task import RestoreForTask
from .objectives.zero_shot import ZeroShot
from .pairs import DarkenedPairs
from .task_labels import LabelledPictures, read_labelled
from .task_samples import TaskSamples

if TYPE_CHECKING:
    from .guidance import SemanticGuide


@dataclass(frozen=True)
class Lesson:
    """What a training consists of.

    Attributes:
        source: what the net is fed.
        objective: what is minimised.
        pictures: paths of the training pictures, relative to ``settings.data`` or in full.
    """

    source: Source
    objective: Objective
    pictures: list[str]


def prepare_lesson(settings: TrainSettings, device: torch.device, console: Console) -> Lesson:
    """Read the pictures and load the nets that guide; pictures that cannot be read are said on the console.

    Raises:
        ScotopicError: no pictures, or none that suit; a net that cannot be loaded; labels that are missing or do not
            suit the nets.
    """
    if settings.data is None:
        raise ScotopicError("no training pictures: give a folder of them (data)")
    labels = None
    if settings.task is not None and settings.task.supervised:
        found = _labelled(settings, settings.data)
        pictures, labels, names = found.pictures, found.labels, [str(file.resolve()) for file in found.files]
        _say(found.remarks, console)
    else:
        pictures = read_pictures(settings.data, settings.size, settings.least_crop)
        names = pictures.names
    _report_unreadable(pictures, console)
    if settings.restore is None:
        assert settings.losses is not None  # the schema wants one of the two
        crops = RandomCrops(pictures, settings.size, settings.least_crop, settings.seed)
        return Lesson(crops, ZeroShot(settings.losses, _semantics(settings, device)), names)
    pairs = DarkenedPairs(pictures, settings.restore, settings.size, settings.seed)
    if settings.task is None and settings.losses is None:
        return Lesson(pairs, Restore(settings.restore), names)
    samples = TaskSamples(pairs, labels, None if settings.losses is None else settings.least_crop)
    guides, weights = [], None
    if settings.task is not None:
        from .task_nets import load_guides

        guides, weights = load_guides(settings.task, labels, device), settings.task.weights
    semantics = _semantics(settings, device)
    return Lesson(samples, RestoreForTask(settings.restore, guides, weights, settings.losses, semantics), names)


def _labelled(settings: TrainSettings, data: Path) -> LabelledPictures:
    from .task_nets import is_detector

    assert settings.task is not None
    detectors = [is_detector(name) for name in settings.task.nets]
    # A file of ultralytics may hold either kind.
    segmenters = not all(detectors) or any(name.endswith(".pt") for name in settings.task.nets)
    return read_labelled(data, settings.task.split, settings.size, settings.least_crop, any(detectors), segmenters)


def _semantics(settings: TrainSettings, device: torch.device) -> SemanticGuide | None:
    """The net that the semantic loss asks, if that counts."""
    if settings.losses is None or not settings.losses.weights.semantic or settings.semantic_guide is None:
        return None
    from .guidance import semantic_guide

    return semantic_guide(settings.semantic_guide, device)


def _report_unreadable(pictures: TrainingPictures, console: Console) -> None:
    _say([f"left out: {sentence}" for sentence in pictures.unreadable], console)
    if pictures.unreadable:
        bad, good = len(pictures.unreadable), len(pictures.images)
        console.print(f"{bad} of {bad + good} pictures cannot be read; training on the other {good}", style="yellow")


def _say(sentences: list[str], console: Console) -> None:
    for sentence in sentences:
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
