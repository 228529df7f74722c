"""Compare enhancers ahead of one frozen model on one data set: a table that can be trusted and repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ..adapters.contract import Detector, Segmenter
from ..adapters.detectors import load_detector
from ..adapters.segmenters import load_segmenter
from ..adapters.shipped_detectors import input_size
from ..adapters.two_looks import TwoLooks
from ..configs.schema import DetectorSettings, EvaluationSettings, SegmentationSettings, SegmenterOptions
from ..pipeline.stage import EnhancementStage
from .comparison import Comparison, Progress, compare
from .datasets.load import load_detection_dataset
from .datasets.sample import DetectionDataset
from .datasets.segmentation import load_segmentation_dataset
from .datasets.segmentation_classes import ClassOverride
from .datasets.segmentation_sample import SegmentationDataset
from .detection_task import DetectionTask
from .segmentation_task import SegmentationTask

LoadDetector = Callable[[EnhancementStage | None], Detector]
"""Give the detector, with the stage inside it (where="graph") or bare (None; all that where="beside" asks for)."""
LoadSegmenter = Callable[[EnhancementStage | None], Segmenter]
"""Give the segmentation net, with the stage inside it (where="graph") or bare (None)."""


def compare_detection(
    model: str | Path | LoadDetector,
    data: str | Path | DetectionDataset,
    enhancers: Sequence[str],
    out: str | Path,
    *,
    split: str | None = None,
    settings: EvaluationSettings | None = None,
    class_map: Mapping[str, str | None] | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Comparison:
    """Run the same frozen detector on the same images behind each enhancer, and judge with pycocotools.

    Writes ``results.json``, ``results.md``, ``results.csv``, ``truth.json`` (COCO annotations) and
    ``predictions/<enhancer>.json`` (COCO results) into ``out`` after each enhancer. Run again, it reuses what was
    finished with the same settings, data, model and enhancer, image by image.

    Args:
        model: a file that :func:`~scotopic.adapters.detectors.load_detector` takes, or a function that gives a
            detector of your own.
        data: what :func:`~scotopic.eval.datasets.load.load_detection_dataset` takes, or a data set.
        enhancers: names or specs; ``none`` is put first if it is not among them.
        out: folder for the results.
        split: which images of ``data``, where that is not a data set already.
        settings: of the stage and of the detector, whose gate is on unless they say otherwise; without any the gate
            is off, as in ``scotopic compare``, so that the enhancers themselves are measured.
        class_map: class of the set -> class of the model (or None), on top of what names and aliases give.
        progress: called with (enhancer, images done, images in all).

    Raises:
        ScotopicError: no such model, data or enhancer, no class has a partner, no box of such a class is labelled, no
            image can be used, or ``out`` cannot be written, holds other results, or is being written to.

    Example::

        comparison = compare_detection("yolo11n.pt", "darkbdd", ["clahe", "sgz"], "out", split="dark")
        [(row["enhancer"], row["metrics"]["mAP"]) for row in comparison.rows]
    """
    settings = settings or EvaluationSettings(gate="off")
    if settings.imgsz is None:  # the record says which size it was
        settings = settings.model_copy(update={"imgsz": 640 if callable(model) else input_size(model)})
    options = settings.model_dump(include=set(DetectorSettings.model_fields))

    def load(stage: EnhancementStage | None) -> Detector:
        return model(stage) if callable(model) else load_detector(model, stage=stage, download=True, **options)

    bare = lru_cache(maxsize=1)(lambda: load(None))

    def beside(stage: EnhancementStage | None) -> Detector:
        return bare() if stage is None else TwoLooks(bare(), stage, iou=settings.iou, max_det=settings.max_det)

    dataset = data if isinstance(data, DetectionDataset) else load_detection_dataset(data, split)
    task = DetectionTask(dataset, beside if settings.where == "beside" else load, Path(out), class_map or {})
    return compare(task, enhancers, settings, progress)


def compare_segmentation(
    model: str | Path | LoadSegmenter,
    data: str | Path | SegmentationDataset,
    enhancers: Sequence[str],
    out: str | Path,
    *,
    split: str | None = None,
    settings: SegmentationSettings | None = None,
    class_map: ClassOverride | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Comparison:
    """Run the same frozen segmentation net on the same images behind each enhancer, and judge by a confusion matrix.

    It is over the whole set, at the masks' own size; see :mod:`scotopic.eval.segmentation` for what counts.
    Writes ``results.json``, ``results.md``, ``results.csv``, ``predictions/<enhancer>/<id>.png`` (the net's class ids)
    and ``confusion/<enhancer>.json`` (a matrix for each image) into ``out`` after each enhancer. Run again, it reuses
    what was finished with the same settings, data, model and enhancer, image by image. An image that fails stays in
    the set, as one in which nothing was recognised.

    Args:
        model: what :func:`~scotopic.adapters.segmenters.load_segmenter` takes (``"road"`` is our own net), or a
            function that gives a :class:`~scotopic.adapters.contract.Segmenter` of your own.
        data: what :func:`~scotopic.eval.datasets.segmentation.load_segmentation_dataset` takes, or a data set.
        enhancers: names or specs; ``none`` is put first if it is not among them.
        out: folder for the results.
        split: which images of ``data``, where that is not a data set already.
        settings: of the stage and of the net, whose gate is on unless they say otherwise; without any the gate is
            off, as in ``scotopic compare``, so that the enhancers themselves are measured.
        class_map: class of the set -> class of the net, several of them, or None, on top of what names and aliases
            give.
        progress: called with (enhancer, images done, images in all).

    Raises:
        ScotopicError: no such model, data or enhancer, no class has a partner, a mask cannot be used, no image can be
            used, or ``out`` cannot be written, holds other results, or is being written to.

    Example::

        comparison = compare_segmentation("road", "camvid", ["clahe", "sgz"], "out", split="test")
        [(row["enhancer"], row["metrics"]["mIoU"]) for row in comparison.rows]
    """
    settings = settings or SegmentationSettings(gate="off")
    options = settings.model_dump(include=set(SegmenterOptions.model_fields))

    def load(stage: EnhancementStage | None) -> Segmenter:
        return model(stage) if callable(model) else load_segmenter(model, stage=stage, **options)

    dataset = data if isinstance(data, SegmentationDataset) else load_segmentation_dataset(data, split)
    return compare(SegmentationTask(dataset, load, Path(out), class_map or {}), enhancers, settings, progress)
