"""A detector or a segmentation net behind an enhancer: how long each step of the whole takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from ..adapters.detectors import load_detector
from ..adapters.segmenters import load_segmenter
from ..configs.bench_schema import BenchSettings
from ..errors import ScotopicError
from ..pipeline.stage import EnhancementStage
from .detection import CONFIDENCE
from .efficiency import spread

STEPS = ("enhance", "preprocess", "inference", "postprocess", "rest")
"""The parts of the whole: ``enhance`` is the stage, ``rest`` what none of them accounts for, such as checks and
colour order."""


@dataclass(frozen=True)
class BenchModel:
    """A model as the bench sees it.

    Attributes:
        predict: uint8 RGB (H, W, 3) -> milliseconds of its steps.
        description: for the record.
    """

    predict: Callable[[np.ndarray], Mapping[str, float]]
    description: Mapping[str, Any]

    def turn(self, stage: EnhancementStage, pictures: Sequence[np.ndarray]) -> Callable[[int], dict[str, float]]:
        """A function that sends one picture through the stage and the model: milliseconds of each step, and ``total``.

        Args:
            stage: ahead of the model.
            pictures: uint8 RGB (H, W, 3), taken one after the other.
        """

        def run(number: int) -> dict[str, float]:
            start = time.perf_counter()
            staged = stage.process(pictures[number % len(pictures)])
            steps = self.predict(staged.image)
            total = (time.perf_counter() - start) * 1000
            parts = {"enhance": sum(staged.timing_ms.values())} | {s: steps.get(s, 0.0) for s in STEPS[1:-1]}
            return {**parts, "rest": total - sum(parts.values()), "total": total}

        return run


def load_bench_model(model: str | Path, settings: BenchSettings, device: torch.device) -> BenchModel:
    """A detector, or else a segmentation net, as it is deployed: boxes from a confidence of 0.25 on.

    Raises:
        ScotopicError: it is neither, it holds an enhancer already, or ``imgsz`` is given for a segmentation net.
    """
    try:
        detector = load_detector(model, imgsz=settings.imgsz, conf=CONFIDENCE, device=str(device), download=True)
        found = BenchModel(lambda image: detector.detect(image)[1], detector.description)
    except ScotopicError as not_a_detector:
        try:
            segmenter = load_segmenter(model, device=str(device))
        except ScotopicError as not_a_segmenter:
            near = "did you mean" in str(not_a_detector)
            raise (not_a_detector if Path(model).suffix or near else not_a_segmenter) from None
        if settings.imgsz is not None:
            raise ScotopicError(f"imgsz is for detectors, and {model} is a segmentation net: leave it out") from None
        found = BenchModel(lambda image: segmenter.segment(image)[1], segmenter.description)
    if held := found.description.get("enhancer"):
        raise ScotopicError(f"{found.description['file']} holds the enhancer {held!r} already: give a model without it")
    return found


def summarize(samples: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Medians and quartiles of the steps and of the total, and the share of each step.

    Shares are of the sum of the steps' medians, so that they add up to 1.

    >>> one = {"enhance": 1.0, "preprocess": 1.0, "inference": 6.0, "postprocess": 1.0, "rest": 1.0, "total": 10.0}
    >>> summarize([one, one])["share"]["enhance"]
    0.1
    """
    medians = {step: median(sample[step] for sample in samples) for step in STEPS}
    whole = sum(medians.values())
    return {
        "ms": {step: spread([sample[step] for sample in samples]) for step in (*STEPS, "total")},
        "share": {step: value / whole for step, value in medians.items()},
    }
