"""One model over all images, behind one enhancer, with nothing lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..adapters.contract import Detections, Segmentation
from ..errors import ScotopicError
from ..pipeline.stage import EnhancementStage
from .datasets.pictures import PictureSample
from .datasets.sample import DetectionSample
from .datasets.segmentation_sample import SegmentationSample
from .journal import Journal
from .picture_cache import PictureCache

Sample = TypeVar("Sample", DetectionSample, SegmentationSample, PictureSample)


@dataclass(frozen=True, eq=False)
class Picture:
    """What comes out of the stage, where the picture itself is judged."""

    image: np.ndarray
    gate_passed: None = None


class Viewer:
    """Stands where a model would, where the picture itself is judged: it hands the picture on.

    >>> Viewer().view(np.zeros((2, 2, 3), np.uint8))[0].image.shape
    (2, 2, 3)
    """

    description: ClassVar[dict[str, Any]] = {}

    def view(self, image: np.ndarray, name: str | None = None) -> tuple[Picture, dict[str, float]]:
        """The picture, and no time that it took."""
        return Picture(image), {}


Found = TypeVar("Found", Detections, Segmentation, Picture)


@dataclass(frozen=True)
class Run:
    """What came of all images.

    Attributes:
        lines: one dictionary for each image, in the set's order: ``id``, ``timing_ms``, ``passed``, ``failed``,
            ``darkness`` (None if it could not be read), and what was kept of the prediction.
    """

    lines: Sequence[Mapping[str, Any]]

    @property
    def failed(self) -> dict[str, str]:
        """Image id -> why it could not be used."""
        return {line["id"]: line["failed"] for line in self.lines if line["failed"]}

    @property
    def passed(self) -> list[str]:
        """Ids of the images that the gate left untouched."""
        return [line["id"] for line in self.lines if line["passed"]]

    @property
    def darkness(self) -> dict[str, dict[str, float]]:
        """Image id -> how dark the input picture is, for each that could be read."""
        return {line["id"]: line["darkness"] for line in self.lines if line["darkness"]}

    @property
    def timings(self) -> list[dict[str, float]]:
        """Milliseconds by step, for each image that did not fail."""
        return [line["timing_ms"] for line in self.lines if not line["failed"]]


def run_images(
    samples: Sequence[Sample],
    predict: Callable[[np.ndarray, str | None], tuple[Found, dict[str, float]]],
    keep: Callable[[int, Sample, Found | None], dict[str, Any]],
    stage: EnhancementStage | None,
    journal: Journal,
    progress: Callable[[int, int], None],
    pictures: PictureCache,
    *,
    is_whole: Callable[[Mapping[str, Any]], bool] = lambda line: True,
) -> Run:
    """All images through one enhancer; what an earlier, interrupted run finished is taken over.

    Args:
        samples: the images.
        predict: the model's ``detect`` or ``segment``, bare, or with the stage inside its graph.
        keep: what to keep of the prediction for the image with this number (from 1 on), as JSON; None stands for an
            image that failed. It may say why the image ``failed`` after all; whatever it raises ends the run.
        stage: what enhances each picture ahead of the model; None where the model has it inside.
        journal: where each finished image is written down.
        progress: called with (images done, images in all).
        pictures: where the images come from.
        is_whole: whether all that belongs to a line of an earlier run is still there.
    """
    done = {line["id"]: line for line in journal if is_whole(line)}
    warm = False
    with journal, _Reader(samples, pictures) as reader:
        for place, sample in enumerate(samples):
            if sample.id not in done:
                image, error = reader.read(place)
                line: dict[str, Any] = {"id": sample.id, "timing_ms": {}, "passed": False, "failed": error}
                line["darkness"] = None if image is None else pictures.darkness(sample.image, image)
                found = None
                if image is not None:
                    call = partial(_predict, predict, stage, image, sample.image.name, partial(reader.ahead, place + 1))
                    if not warm:  # the first call of a network is slow for reasons that are not the image's
                        call()
                        warm = True
                    found, outcome = call()
                    line |= outcome
                line |= keep(place + 1, sample, found)
                journal.add(line)
                done[sample.id] = line
            progress(place + 1, len(samples))
    return Run([done[sample.id] for sample in samples])


def _predict(
    predict: Callable[[np.ndarray, str | None], tuple[Found, dict[str, float]]],
    stage: EnhancementStage | None,
    image: np.ndarray,
    name: str,
    meanwhile: Callable[[], None],
) -> tuple[Found | None, dict[str, Any]]:
    """What was found in one image, with ``timing_ms`` and ``passed``, or nothing and why it ``failed``.

    ``meanwhile`` begins what can be done while the model works, and not while the enhancer does: next to a network
    nobody notices, but an enhancer may take no longer than that itself.
    """
    start = time.perf_counter()
    timing: dict[str, float] = {}
    passed = False
    try:
        if stage is not None:
            result = stage.process(image, name)
            image, passed = result.image, not result.enhanced
            timing.update(result.timing_ms)
        meanwhile()
        found, steps = predict(image, name)
    except ScotopicError as error:
        return None, {"failed": str(error)}
    total = (time.perf_counter() - start) * 1000
    if found.gate_passed:
        passed = True
        steps["gate"] = steps.pop("enhance")  # inside a network the two are timed as one
    return found, {"timing_ms": {**timing, **steps, "total": total}, "passed": passed}


class _Reader:
    """Reads one picture ahead."""

    def __init__(self, samples: Sequence[Sample], pictures: PictureCache) -> None:
        self._samples = samples
        self._pictures = pictures
        self._pool = ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[tuple[np.ndarray | None, str | None]]] | None = None

    def ahead(self, place: int) -> None:
        """Begin to read a sample's picture."""
        if place < len(self._samples) and (self._ahead is None or self._ahead[0] != place):
            self._ahead = place, self._pool.submit(self._load, place)

    def read(self, place: int) -> tuple[np.ndarray | None, str | None]:
        """A sample's picture, or why there is none."""
        if self._ahead is not None and self._ahead[0] == place:
            return self._ahead[1].result()
        return self._load(place)

    def _load(self, place: int) -> tuple[np.ndarray | None, str | None]:
        try:
            return self._pictures.read(self._samples[place].image), None
        except ScotopicError as error:
            return None, str(error)

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *raised: object) -> None:
        self._pool.shutdown()
