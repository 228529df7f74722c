"""The loop over all images: what is done while the model works."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from scotopic.adapters.contract import Detections
from scotopic.errors import ScotopicError
from scotopic.eval.datasets.sample import DetectionSample
from scotopic.eval.journal import Journal
from scotopic.eval.picture_cache import PictureCache
from scotopic.eval.run_images import Run, run_images
from scotopic.pipeline.image import write_image
from scotopic.pipeline.stage import EnhancementStage, StageResult

NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
COUNT = 4


@pytest.fixture
def samples(tmp_path: Path) -> list[DetectionSample]:
    found = []
    for number in range(COUNT):
        path = tmp_path / f"{number}.png"
        write_image(path, np.full((16, 16, 3), 10 * number, np.uint8))
        found.append(DetectionSample(str(number), path, 16, 16, np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool), {}))
    return found


class Watched(PictureCache):
    """Says which pictures were read, and lets others wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self.done = {f"{number}.png": threading.Event() for number in range(COUNT)}

    def read(self, path: Path) -> np.ndarray:
        image = super().read(path)
        self.done[path.name].set()
        return image


def run(samples: list[DetectionSample], stage: EnhancementStage | None, pictures: Watched, folder: Path) -> Run:
    def detect(image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        following = f"{int(str(name)[0]) + 1}.png"
        if following in pictures.done:  # it is read while the model works, or never
            assert pictures.done[following].wait(timeout=20)
        return NOTHING, {"inference": 1.0}

    journal = Journal(folder / "journal.jsonl", "key")
    return run_images(samples, detect, lambda *_: {}, stage, journal, lambda *_: None, pictures)


def test_the_next_picture_is_read_while_the_model_works_and_not_while_the_enhancer_does(
    samples: list[DetectionSample], tmp_path: Path
) -> None:
    pictures, early = Watched(), []

    class Stage(EnhancementStage):
        def process(self, image: np.ndarray, name: str | None = None, *rest: object, **more: object) -> StageResult:
            early.extend(n for n, done in pictures.done.items() if done.is_set() and n > str(name))
            return super().process(image, name)

    lines = run(samples, Stage("gamma", gate="off"), pictures, tmp_path).lines
    assert [line["id"] for line in lines] == ["0", "1", "2", "3"]
    assert early == ["1.png"]  # the first picture's calls are two, the first of them to warm up


def test_pictures_behind_one_that_cannot_be_enhanced_are_read_all_the_same(
    samples: list[DetectionSample], tmp_path: Path
) -> None:
    class Stage(EnhancementStage):
        def process(self, image: np.ndarray, name: str | None = None, *rest: object, **more: object) -> StageResult:
            if name == "2.png":
                raise ScotopicError("not this one")
            return super().process(image, name)

    done = run(samples, Stage("gamma", gate="off"), Watched(), tmp_path)
    assert done.failed == {"2": "not this one"}
    assert len(done.timings) == 3
