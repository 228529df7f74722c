"""What a video says of itself, its frames, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from .video_pixels import rgb_of, upright

USUAL_RATE = Fraction(25)
"""Frames per second where a video does not say."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video says of itself.

    Attributes:
        width: of the stored picture, in pixels; it may be stored lying on its side, see ``display_matrix``.
        height: likewise.
        time_base: seconds of one tick of the timestamps.
        rate: frames per second, on average.
        frames: how many the file announces, or as many as its duration and rate make; 0: it does not say.
        seconds: duration that the file announces; None: it does not say, as a live stream.
        pixel_aspect: width of a pixel over its height; None: not said.
        display_matrix: nine numbers that turn the stored picture upright; None: it is.
        color: primaries, transfer characteristic, matrix and range, as numbers of ISO/IEC 23091-2 (range as FFmpeg's).
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction = USUAL_RATE
    frames: int = 0
    seconds: float | None = None
    pixel_aspect: Fraction | None = None
    display_matrix: tuple[int, ...] | None = None
    color: tuple[int, int, int, int] = (2, 2, 2, 0)

    @property
    def frame_ticks(self) -> int:
        """Ticks that a frame lasts, for one that does not say."""
        return max(1, round(1 / (self.rate * self.time_base)))


@dataclass
class VideoIssues:
    """What was wrong with a video.

    Attributes:
        lost: seconds at which a frame could not be decoded; the frame before it stays on screen.
        damaged: seconds of frames that were decoded with errors; they are used as the decoder mended them.
        moved: frames whose timestamp was not later than the one before, and was put right behind it.
        missing: frames that the file announces and does not hold.
        broken_off: why reading ended before the end of the file.
    """

    lost: list[float] = field(default_factory=list)
    damaged: list[float] = field(default_factory=list)
    moved: int = 0
    missing: int = 0
    broken_off: str | None = None

    def lines(self) -> list[str]:
        """Sentences for people.

        >>> VideoIssues(lost=[1.24]).lines()
        ['1 frame could not be decoded (the one before stays on screen): at 1.24 s']
        """
        found = []
        if self.lost:
            what = "could not be decoded (the one before stays on screen)"
            found.append(f"{_count(self.lost)} {what}: at {_times(self.lost)}")
        if self.damaged:
            found.append(f"{_count(self.damaged)} decoded with errors: at {_times(self.damaged)}")
        if self.moved:
            found.append(f"{self.moved} timestamps were not later than the one before, and were put right behind it")
        if self.missing:
            found.append(f"the file announces {self.missing} frames more than it holds: it was cut off")
        if self.broken_off:
            found.append(f"the file could not be read to its end: {self.broken_off}")
        return found


def _count(times: list[float]) -> str:
    return "1 frame" if len(times) == 1 else f"{len(times)} frames"


def _times(times: list[float], most: int = 8) -> str:
    rest = ", ..." if len(times) > most else ""
    return ", ".join(f"{time:.2f} s" for time in times[:most]) + rest


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
        pts: when it is shown, in ticks of ``info.time_base``; later than that of the frame before.
        duration: how long, in ticks.
        raw: PyAV's frame, as it was decoded.
        info: of the video.
    """

    pts: int
    duration: int
    raw: Any
    info: VideoInfo

    @property
    def time(self) -> float:
        """When it is shown, in seconds."""
        return float(self.pts * self.info.time_base)

    def stored(self) -> np.ndarray:
        """uint8 RGB (H, W, 3) as it is stored, which may be on its side."""
        return rgb_of(self.raw, self.info.width, self.info.height)

    def upright(self) -> np.ndarray:
        """uint8 RGB (H, W, 3) as a player shows it."""
        return upright(self.stored(), self.info.display_matrix)


class FrameSource(Protocol):
    """Frames in their order, each later than the one before: a file, a stream, a camera, or a source of one's own."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def issues(self) -> VideoIssues: ...

    def __iter__(self) -> Iterator[VideoFrame]: ...

    def close(self) -> None: ...
