"""One detector over all images, behind one enhancer, with nothing lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..adapters.contract import Detector
from ..errors import ScotopicError
from ..pipeline.image import read_image
from ..pipeline.stage import EnhancementStage
from .datasets.classes import ClassMap
from .datasets.sample import DetectionDataset, DetectionSample
from .detection import coco_results
from .journal import Journal


@dataclass
class DetectorRun:
    """What came of all images.

    Attributes:
        results: detections in COCO's results format.
        failed: image id -> why it could not be used; it counts as an image in which nothing was found.
        passed: ids of the images that the gate left untouched.
        timings: milliseconds by step, for each image that did not fail.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    timings: list[dict[str, float]] = field(default_factory=list)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take over one finished image as the journal holds it."""
        self.results += line["results"]
        if line["failed"]:
            self.failed[line["id"]] = line["failed"]
        else:
            self.timings.append(line["timing_ms"])
        if line["passed"]:
            self.passed.append(line["id"])


def run_detector(
    dataset: DetectionDataset,
    detector: Detector,
    stage: EnhancementStage | None,
    journal: Journal,
    classes: ClassMap,
    progress: Callable[[int, int], None],
) -> DetectorRun:
    """All images through one enhancer; what an earlier, interrupted run finished is taken over.

    Args:
        dataset: the images.
        detector: bare, or with the stage inside its graph.
        stage: what enhances each picture ahead of the detector; None where the detector has it inside.
        journal: where each finished image is written down.
        classes: which of the detector's classes count.
        progress: called with (images done, images in all).
    """
    done = {line["id"]: line for line in journal}
    run, warm = DetectorRun(), False
    with journal:
        for number, (sample, image, error) in enumerate(_images(dataset.samples, skip=done.keys()), start=1):
            if sample.id not in done:
                line: dict[str, Any] = {
                    "id": sample.id,
                    "results": [],
                    "timing_ms": {},
                    "passed": False,
                    "failed": error,
                }
                if image is not None:
                    if not warm:  # the first call of a network is slow for reasons that are not the image's
                        _detect(detector, stage, image, sample.image.name)
                        warm = True
                    line |= _detect(detector, stage, image, sample.image.name)
                    if (found := line.pop("detections", None)) is not None:
                        line["results"] = coco_results(number, found, classes.categories)
                journal.add(line)
                done[sample.id] = line
            run.add(done[sample.id])
            progress(number, len(dataset.samples))
    return run


def _detect(detector: Detector, stage: EnhancementStage | None, image: np.ndarray, name: str) -> dict[str, Any]:
    """One image: ``detections`` with ``timing_ms`` and ``passed``, or why it ``failed``."""
    start = time.perf_counter()
    timing: dict[str, float] = {}
    passed = False
    try:
        if stage is not None:
            result = stage.process(image, name)
            image, passed = result.image, not result.enhanced
            timing.update(result.timing_ms)
        detections, steps = detector.detect(image, name)
    except ScotopicError as error:
        return {"failed": str(error)}
    total = (time.perf_counter() - start) * 1000
    if detections.gate_passed:
        passed = True
        steps["gate"] = steps.pop("enhance")  # inside a network the two are timed as one
    return {"detections": detections, "timing_ms": {**timing, **steps, "total": total}, "passed": passed}


def _images(
    samples: Sequence[DetectionSample], skip: Collection[str]
) -> Iterator[tuple[DetectionSample, np.ndarray | None, str | None]]:
    """Decode the next image while the current one is detected."""

    def load(sample: DetectionSample) -> tuple[np.ndarray | None, str | None]:
        if sample.id in skip:
            return None, None
        try:
            return read_image(sample.image), None
        except ScotopicError as error:
            return None, str(error)

    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(load, samples[0])
        for sample, following in zip(samples, [*samples[1:], None], strict=True):
            image, error = upcoming.result()
            if following is not None:
                upcoming = pool.submit(load, following)
            yield sample, image, error
