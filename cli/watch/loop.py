"""Frames of a source through gate, enhancer and detector, at the source's own pace, to the feed."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from ...adapters.contract import Detections, Detector
from ...adapters.detectors import DetectorWhere
from ...errors import ScotopicError
from ...eval.report.pictures import FOUND, draw_boxes
from ...pipeline.stage import EnhancementStage
from ..console import err
from .source import Frame, Kind, Source
from .view import Box, Feed, GateState, Meter, PanelName, Pictures, Status, View

LATE = 0.05
"""Seconds by which a frame of a video may be late and still be shown."""
PATIENCE = 1.0
"""Seconds after which a late frame is shown all the same, when the machine cannot keep up at all."""


class Watch:
    """Runs the source in a thread of its own.

    Args:
        source: where the frames come from.
        stage: the enhancer behind its gate.
        detector: looks at what the stage made; or, unless ``where="source"``, has a stage like it inside and looks at
            the original. None for the two pictures alone.
        where: where the detector's stage is.
        enhancer: what the enhancer is called.
        model: what the detector is called.
    """

    def __init__(
        self,
        source: Source,
        stage: EnhancementStage,
        detector: Detector | None = None,
        where: DetectorWhere = "source",
        *,
        enhancer: str,
        model: str | None = None,
    ) -> None:
        self._source, self._stage, self._detector, self._where = source, stage, detector, where
        panels = ("original", "enhanced", "detections") if detector else ("original", "enhanced")
        self.feed = Feed(View(Status(source.title, enhancer, model, panels), Pictures({})))
        self._memory = stage.video_memory()
        self._meter = Meter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin; whatever happens from now on stands in the feed."""
        self._thread.start()

    def stop(self) -> None:
        """End after the frame that is under way, and let all viewers go."""
        self._stop.set()
        self._source.stop()
        self.feed.close()
        self._thread.join(timeout=3)  # a stream that hangs must not hold the command up

    def _run(self) -> None:
        try:
            for frame, skipped in at_its_pace(self._source.frames(), self._source.kind, self._stop.wait):
                if self._stop.is_set():
                    return
                try:
                    self._show(frame, skipped)
                except ScotopicError as error:
                    self._trouble(str(error))
            if self._stop.is_set():
                return  # a live source ends then
            for note in self._source.notes():
                self._trouble(note)
            status = self.feed.status
            if status.frame == 0:
                raise ScotopicError(status.message or f"{self._source.title} holds no frame")
            self.feed.publish(replace(status, phase="ended"))
        except ScotopicError as error:
            self._fail(str(error))
        except Exception as error:
            traceback.print_exc()
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, sentence: str) -> None:
        if sentence != self.feed.status.message:
            _print(sentence)
        self.feed.publish(replace(self.feed.status, phase="failed", message=sentence))

    def _trouble(self, sentence: str) -> None:
        """With a single frame: the others go on."""
        if sentence != self.feed.status.message:
            _print(sentence)
            self.feed.publish(replace(self.feed.status, message=sentence))

    def _show(self, frame: Frame, skipped: int) -> None:
        start = time.perf_counter()
        image = frame.read()
        result = self._stage.process(image, frame.name, self._memory, frame.time)
        steps = {"gate": result.timing_ms.get("gate", 0.0)}
        if result.enhanced:
            steps["enhance"] = result.timing_ms["enhance"] + result.timing_ms.get("blend", 0.0)
        draw: dict[PanelName, Callable[[], np.ndarray]] = {"original": lambda: image, "enhanced": lambda: result.image}
        boxes = None
        if self._detector:
            seen = result.image if self._where == "source" else image
            found, times = self._detector.detect(seen, frame.name)
            steps["inference"] = times["inference"] + times.get("second look", 0.0)
            boxes = _boxes(found, self._detector)
            draw["detections"] = partial(_drawn, result.image, boxes)
        steps["frame"] = (time.perf_counter() - start) * 1000
        fps, milliseconds = self._meter.tick(steps)
        height, width = image.shape[:2]
        status = replace(
            self.feed.status,
            phase="running",
            frame=self.feed.status.frame + 1,
            skipped=skipped,
            time=frame.time,
            width=width,
            height=height,
            fps=fps,
            milliseconds=milliseconds,
            gate=GateState.of(self._stage.gate, result, self._stage.strength),
            boxes=boxes,
        )
        self.feed.publish(status, Pictures(draw))


def at_its_pace(
    frames: Iterable[Frame],
    kind: Kind,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[Frame, int]]:
    """Each frame of a file when it is due. Frames of a video that come too late are left out, as a camera would.

    Args:
        frames: of a source of this kind.
        kind: of a folder all pictures are given, and of a live source all that come.
        wait: for some seconds.
        clock: in seconds.

    Returns:
        frames, each with how many were left out so far.

    >>> frames = [Frame(time, 0.2, lambda: np.zeros((1, 1, 3), np.uint8)) for time in (0, 0.2, 0.4, 0.6)]
    >>> now = iter([0, 0, 0.6, 0.6, 0.6, 0.6]).__next__  # as if the first one had taken 0.6 seconds
    >>> [(frame.time, skipped) for frame, skipped in at_its_pace(frames, "video", clock=now)]
    [(0, 0), (0.6, 2)]
    """
    begin, shown, skipped = 0.0, 0.0, 0
    for number, frame in enumerate(frames):
        now = clock()
        early = begin + frame.time - now
        if number == 0 or kind == "live":
            begin = now - frame.time
        elif early > 0:
            wait(early)
        elif kind == "pictures":
            begin = now - frame.time  # every picture is shown, however long the one before took
        elif early < -LATE and now - shown < PATIENCE:
            skipped += 1
            continue
        elif early < -PATIENCE:
            begin = now - frame.time
        shown = clock()
        yield frame, skipped


def _print(sentence: str) -> None:
    err.print(f"scotopic: {sentence}", style="red", highlight=False, markup=False)


def _boxes(found: Detections, detector: Detector) -> list[Box]:
    rows = zip(found.boxes.round(1).tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
    return [Box(corners, f"{detector.names[label]} {score:.2f}") for corners, label, score in rows]


def _drawn(image: np.ndarray, boxes: list[Box]) -> np.ndarray:
    corners, captions = [box.corners for box in boxes], [box.caption for box in boxes]
    return draw_boxes(image, corners, captions, [FOUND] * len(boxes))
