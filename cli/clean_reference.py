"""The data of `eval` and `compare`: labelled by people, or, with `--reference`, by the model in the originals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from ..adapters.detectors import load_detector
from ..adapters.segmenters import load_segmenter
from ..configs.schema import (
    CleanDetectionSettings,
    CleanSettings,
    DetectorSettings,
    EvaluationSettings,
    SegmentationSettings,
    SegmenterOptions,
)
from ..errors import ScotopicError
from ..eval.datasets.clean_reference import clean_detections, clean_segmentation
from ..eval.datasets.load import load_detection_dataset
from ..eval.datasets.pictures import PictureSet, load_pictures
from ..eval.datasets.sample import DetectionDataset
from ..eval.datasets.segmentation import load_segmentation_dataset
from ..eval.datasets.segmentation_sample import SegmentationDataset
from ..eval.finished import refuse_other_task
from .console import progress_bars
from .options import checked_settings, given

CLEAN = "clean"
"""The word for originals that the data itself knows of."""


def detection_data(context: typer.Context, model: str, data: str, settings: EvaluationSettings) -> DetectionDataset:
    """The set ``data``: with its labels, or with ``--reference`` with those of the bare detector."""
    options, clean = context.params, checked_settings(context, CleanDetectionSettings)
    if clean.reference is None:
        if given(context, "reference_score"):
            raise ScotopicError("--reference-score says nothing where labels are the truth: add --reference clean")
        return load_detection_dataset(data, options["split"])
    refuse_other_task(Path(options["out"]), "detect")  # before the originals are gone through
    chosen = settings.model_dump(include=set(DetectorSettings.model_fields) - {"conf", "where"})
    pictures = _pictures(data, options["split"], clean)
    detector = load_detector(model, download=True, conf=clean.reference_score, **chosen)
    return _with_progress(lambda progress: clean_detections(pictures, detector, clean.reference_score, progress))


def segmentation_data(
    context: typer.Context, model: str, data: str, settings: SegmentationSettings
) -> SegmentationDataset:
    """The set ``data``: with its masks, or with ``--reference`` with the label maps of the bare net."""
    options, clean = context.params, checked_settings(context, CleanSettings)
    if clean.reference is None:
        return load_segmentation_dataset(data, options["split"])
    refuse_other_task(Path(options["out"]), "segment")
    chosen = settings.model_dump(include=set(SegmenterOptions.model_fields) - {"where"})
    pictures = _pictures(data, options["split"], clean)
    net = load_segmenter(model, **chosen)
    truth = Path(options["out"]) / "truth"
    return _with_progress(lambda progress: clean_segmentation(pictures, net, truth, progress))


def _pictures(data: str, split: str | None, clean: CleanSettings) -> PictureSet:
    return load_pictures(data, None if clean.reference == CLEAN else clean.reference, split)


def _with_progress(make: Callable[[Callable[[int, int], None]], Any]) -> Any:
    with progress_bars() as progress:
        return make(lambda done, total: progress("originals", done, total))
