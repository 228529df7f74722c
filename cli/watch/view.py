"""What is on view: one frame's pictures and figures, and the feed from which any number of viewers get the newest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import cv2
import numpy as np

from ...eval.report.pictures import side_by_side
from ...pipeline.gate import DarknessGate
from ...pipeline.stage import StageResult

PanelName = Literal["original", "enhanced", "detections"]
Phase = Literal["starting", "running", "ended", "failed"]
LONGER_SIDE = 1280
"""Pixels of a picture on view; larger ones are shrunk, since no panel of a screen shows more."""
QUALITY = 80


@dataclass(frozen=True)
class GateState:
    """What the gate did to a frame.

    Attributes:
        light: what the frame looks like by itself, ``"night"``, ``"dusk"`` or ``"daylight"``; ``"off"`` without a gate.
        strength: of the enhancement, 0 (untouched) to 1; it follows the light step by step.
        text: both in words.
    """

    light: str
    strength: float
    text: str

    @classmethod
    def of(cls, gate: DarknessGate | None, result: StageResult, strength: float) -> GateState:
        """From what came out of a stage with this gate and this strength.

        >>> from scotopic.pipeline.gate import Darkness
        >>> bright = StageResult(np.zeros((1, 1, 3), np.uint8), False, Darkness(200, 0, 0.9), opening=0)
        >>> GateState.of(DarknessGate(), bright, strength=1).text
        'daylight: untouched'
        """
        strength *= result.opening
        light = "off"
        if gate and result.darkness:
            alone = gate.opening(result.darkness)
            light = "daylight" if alone == 0 else "night" if alone == 1 else "dusk"
        return cls(light, strength, f"{light}: strength {strength:.2f}" if result.enhanced else f"{light}: untouched")


@dataclass(frozen=True)
class Box:
    """An object that the detector found.

    Attributes:
        corners: x1, y1, x2, y2 in pixels of the source's picture.
        caption: class and score.
    """

    corners: Sequence[float]
    caption: str


@dataclass(frozen=True)
class Status:
    """The figures beside the pictures.

    Attributes:
        source: what is watched.
        enhancer: its name.
        model: name of the detector's file; None without one.
        panels: the pictures that there are.
        phase: whether frames are coming.
        message: why the source failed, or what went wrong last with a single frame; empty if nothing did.
        frame: how many frames went through so far.
        skipped: frames of a video that came too late to be shown at its own pace.
        time: of the frame in the source, in seconds.
        width: of the source's picture, in pixels.
        height: of the source's picture, in pixels.
        fps: frames that go through in a second, over the last few seconds; None before the second frame.
        milliseconds: of each step, the median of the last few frames that took it: ``gate``, ``enhance``, ``inference``
            (the network alone), ``frame`` (all that the frame took).
        gate: what the gate did; None before the first frame.
        boxes: what the detector found; None without one.
    """

    source: str
    enhancer: str
    model: str | None
    panels: Sequence[PanelName]
    phase: Phase = "starting"
    message: str = ""
    frame: int = 0
    skipped: int = 0
    time: float = 0.0
    width: int = 0
    height: int = 0
    fps: float | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    gate: GateState | None = None
    boxes: Sequence[Box] | None = None

    def captions(self) -> dict[PanelName, str]:
        """A line for each panel, for viewers that show pictures only."""
        rate = "" if self.fps is None else f", {self.fps:.1f} fps"
        state = {"starting": ", starting", "running": "", "ended": ", ended", "failed": ", failed"}[self.phase]
        gate = "" if self.gate is None else f", {self.gate.text}"
        lines: dict[PanelName, str] = {"original": f"original{rate}{state}", "enhanced": f"{self.enhancer}{gate}"}
        if self.boxes is not None:
            lines["detections"] = f"{len(self.boxes)} objects, {self.milliseconds.get('inference', 0):.0f} ms"
        return lines


class Pictures:
    """The pictures of one frame, drawn, shrunk and encoded once at most, and only if somebody looks.

    Args:
        draw: for each panel a function that gives uint8 RGB (H, W, 3).
    """

    def __init__(self, draw: Mapping[PanelName, Callable[[], np.ndarray]]) -> None:
        self._draw: dict[str, Callable[[], np.ndarray]] = {**draw}
        self._drawn: dict[str, np.ndarray] = {}
        self._encoded: dict[str, bytes] = {}
        self._lock = threading.RLock()

    def __contains__(self, panel: str) -> bool:
        return panel in self._draw

    def picture(self, panel: str) -> np.ndarray:
        """uint8 RGB, its longer side at most ``LONGER_SIDE``."""
        with self._lock:
            if panel not in self._drawn:
                self._drawn[panel] = shrink(self._draw[panel]())
            return self._drawn[panel]

    def jpeg(self, panel: str) -> bytes:
        """The picture as a JPEG file."""
        with self._lock:
            if panel not in self._encoded:
                self._encoded[panel] = encode(self.picture(panel))
            return self._encoded[panel]


@dataclass(frozen=True)
class View:
    """What a viewer sees; ``serial`` tells one from the next."""

    status: Status
    pictures: Pictures
    serial: int = 0

    def side_by_side(self, panels: Sequence[str]) -> np.ndarray | None:
        """The panels in a row under their captions, uint8 RGB; None before the first frame."""
        if not self.status.frame:
            return None
        captions = self.status.captions()
        named = [(captions[panel], self.pictures.picture(panel)) for panel in captions if panel in panels]
        return side_by_side(named, width=640) if named else None

    def as_json(self) -> dict[str, Any]:
        """The figures, for the page."""
        return {"serial": self.serial, **asdict(self.status)}


class Feed:
    """Holds the newest view and nothing else: who comes late gets that one, and who is slow misses some.

    >>> feed = Feed(View(Status("clip.mp4", "sgz", None, ["original", "enhanced"]), Pictures({})))
    >>> feed.newest(after=None, timeout=0).serial, feed.newest(after=1, timeout=0)
    (1, None)
    """

    def __init__(self, first: View) -> None:
        self._view = replace(first, serial=1)
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether viewers should go."""
        return self._closed

    @property
    def status(self) -> Status:
        """Of the newest view."""
        return self._view.status

    def publish(self, status: Status, pictures: Pictures | None = None) -> None:
        """Put a view in the place of the one before; without pictures, those stay on view."""
        with self._changed:
            self._view = View(status, pictures or self._view.pictures, self._view.serial + 1)
            self._changed.notify_all()

    def newest(self, after: int | None, timeout: float) -> View | None:
        """The newest view, as soon as it is another than the one with the serial ``after``.

        Returns:
            None if there is none within ``timeout`` seconds, or the feed is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._view.serial != after, timeout)
            return None if self._closed or self._view.serial == after else self._view

    def close(self) -> None:
        """Let every viewer go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Meter:
    """Rate and times over the last few frames, steady enough to be read.

    >>> meter = Meter(clock=iter([0.0, 0.1, 0.2]).__next__)
    >>> [meter.tick({"enhance": ms}) for ms in (3, 50, 4)][-1]
    (10.0, {'enhance': 4})
    """

    SECONDS, FRAMES = 3.0, 15

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._ticks: list[float] = []
        self._times: list[Mapping[str, float]] = []

    def tick(self, milliseconds: Mapping[str, float]) -> tuple[float | None, dict[str, float]]:
        """Count a frame that just went through; frames in a second, and the median of each step in milliseconds."""
        now = self._clock()
        recent = [tick for tick in self._ticks if tick >= now - self.SECONDS]
        self._ticks = [*(recent or self._ticks[-1:]), now]
        self._times = [*self._times[1 - self.FRAMES :], milliseconds]
        span = now - self._ticks[0]
        rate = (len(self._ticks) - 1) / span if span > 0 else None
        return rate, {step: self._median(step) for step in milliseconds}

    def _median(self, step: str) -> float:
        times = sorted(each[step] for each in self._times if step in each)
        return times[len(times) // 2]


def shrink(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) whose longer side is at most ``LONGER_SIDE`` pixels."""
    height, width = image.shape[:2]
    scale = LONGER_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def encode(image: np.ndarray) -> bytes:
    """uint8 RGB (H, W, 3) -> a JPEG file."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
