"""Small sources, a small detector and a running server, for the tests of the live view."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scotopic.adapters.contract import Detections
from scotopic.cli.watch.loop import Watch
from scotopic.cli.watch.server import WatchServer
from scotopic.cli.watch.source import Frame, Kind, Source
from scotopic.cli.watch.view import Status
from scotopic.pipeline.image import write_image
from scotopic.pipeline.stage import EnhancementStage

WIDTH, HEIGHT = 160, 96


def scene(number: int, level: int = 10) -> np.ndarray:
    """A lamp on ground of a grey level, further to the right in each picture."""
    image = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    left = 8 + 12 * (number % 11)
    image[40:60, left : left + 20] = 220
    return image


def write_scenes(folder: Path, count: int = 8, level: int = 10) -> Path:
    for number in range(count):
        write_image(folder / f"{number:02}.png", scene(number, level))
    return folder


class LampDetector:
    """Finds the bright regions of a picture."""

    names: Mapping[int, str] = {7: "lamp"}
    description: dict[str, Any] = {"task": "detect"}  # noqa: RUF012

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        _, _, regions, _ = cv2.connectedComponentsWithStats((image.min(axis=2) > 200).astype(np.uint8))
        left, top, width, height, _ = regions[1:].astype(np.float64).T
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        times = {"preprocess": 0.5, "inference": 2.0, "postprocess": 0.5}
        return Detections(boxes, np.full(len(boxes), 0.75), np.full(len(boxes), 7)), times


class MadeSource:
    """Frames that are made on the spot; a camera, as far as the view knows."""

    def __init__(self, frames: Callable[[], Iterable[np.ndarray]], kind: Kind = "live") -> None:
        self.title = "made"
        self.kind: Kind = kind
        self._frames = frames

    def frames(self) -> Iterator[Frame]:
        for number, image in enumerate(self._frames()):
            yield Frame(number / 30, 1 / 30, lambda image=image: image)

    def notes(self) -> list[str]:
        return []

    def stop(self) -> None: ...


@dataclass(frozen=True)
class Serving:
    """A view that is being served."""

    watch: Watch
    server: WatchServer

    def wait_for(self, what: Callable[[Status], bool], timeout: float = 60) -> Status:
        """Until the newest view is as it should be."""
        serial = None
        while True:
            view = self.watch.feed.newest(serial, timeout)
            assert view is not None, "no news"
            if what(view.status):
                return view.status
            serial = view.serial


@contextmanager
def serving(source: Source, enhancer: str = "gamma[gamma=2.0]", detector: LampDetector | None = None,
            model: str | None = None) -> Iterator[Serving]:  # fmt: skip
    """A source with its pipeline and its server, on a free port."""
    watch = Watch(source, EnhancementStage(enhancer), detector, enhancer=enhancer, model=model)
    with WatchServer("127.0.0.1", 0, watch.feed) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        watch.start()
        try:
            yield Serving(watch, server)
        finally:
            watch.stop()
            server.shutdown()
            thread.join()
