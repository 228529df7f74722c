"""What the variants of an ablation are judged by: the ordinary comparisons, ready to be called."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..configs.ablation_schema import AblationSettings, DetectFigures, SegmentFigures
from ..configs.schema import EvaluationSettings, QualitySettings, SegmentationSettings
from ..eval.compare import compare_detection, compare_segmentation
from ..eval.compare_quality import compare_quality
from ..eval.comparison import Comparison, Progress
from ..eval.datasets.dark_set import build_dark_set
from ..eval.datasets.dark_source import find_dark_source
from ..eval.datasets.load import load_detection_dataset
from ..eval.datasets.pictures import load_pictures
from ..eval.datasets.recipes import parse_recipe
from ..eval.datasets.segmentation import load_segmentation_dataset


class Measure(Protocol):
    """One of the comparisons, all of whose settings but the enhancers stand."""

    def __call__(self, *, enhancers: list[str], progress: Progress) -> Comparison: ...


def prepare_figures(ablation: AblationSettings, out: Path, progress: Progress) -> dict[str, Measure]:
    """Find the sets, darken them where the preset says so, and give the comparisons that it asks for.

    Args:
        ablation: see :class:`~scotopic.configs.ablation_schema.AblationSettings`.
        out: the results go into ``detect``, ``segment`` and ``quality`` below it, darkened sets into ``dark_sets``.
        progress: called with (what, pictures done, pictures in all).

    Raises:
        ScotopicError: there is no such set, split or recipe.
    """
    found: dict[str, Measure] = {}
    fixed: dict[str, Any]
    if (detect := ablation.detect) is not None:
        settings = EvaluationSettings(**detect.model_dump(include=set(EvaluationSettings.model_fields)))
        dataset = load_detection_dataset(*_lit(detect, out / "dark_sets" / "detect", progress))
        fixed = {"out": out / "detect", "settings": settings, "class_map": detect.class_map}
        found["detect"] = partial(compare_detection, detect.model, dataset, **fixed)
    if (segment := ablation.segment) is not None:
        settings = SegmentationSettings(**segment.model_dump(include=set(SegmentationSettings.model_fields)))
        masks = load_segmentation_dataset(*_lit(segment, out / "dark_sets" / "segment", progress))
        fixed = {"out": out / "segment", "settings": settings, "class_map": segment.class_map}
        found["segment"] = partial(compare_segmentation, segment.model, masks, **fixed)
    if (quality := ablation.quality) is not None:
        settings = QualitySettings(**quality.model_dump(include=set(QualitySettings.model_fields)))
        pictures = load_pictures(quality.data, quality.reference, quality.split)
        found["quality"] = partial(compare_quality, pictures, out=out / "quality", settings=settings)
    return found


def _lit(figures: DetectFigures | SegmentFigures, folder: Path, progress: Progress) -> tuple[str, str | None]:
    """The set and the split to measure on; a darkened one that an earlier run made is kept."""
    if figures.darken is None:
        return figures.data, figures.split
    build_dark_set(
        find_dark_source(figures.data, figures.split),
        folder,
        parse_recipe(figures.darken),
        progress=lambda done, total: progress(f"darkening, {figures.darken}", done, total),
    )
    return str(folder), None
