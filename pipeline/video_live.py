"""Frames of a camera or a stream, which come whether anybody is ready for them or not."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import cv2

from ..errors import ScotopicError
from .video import VideoReader, import_av
from .video_frames import FrameSource, VideoFrame, VideoInfo, VideoIssues

LivePolicy = Literal["drop", "queue"]
QUEUED_FRAMES = 32
"""Most frames that wait with the policy ``queue``; then the source has to wait."""

_LOOK_AGAIN_SECONDS = 0.1  # after how long a waiting reader sees that it was stopped
_MICROSECOND = Fraction(1, 1_000_000)


class LiveFrames:
    """Reads a live source in a thread of its own, and hands its frames to one who may be slower.

    The clock begins at the first frame. Frames keep the times at which they were taken, whatever becomes of others.

    Args:
        source: the frames as they come.
        policy: ``"drop"``: whoever asks gets the newest frame, older ones are dropped; ``"queue"``: every frame in its
            order, with up to :data:`QUEUED_FRAMES` of them waiting.

    Attributes:
        dropped: frames that nobody got.
    """

    def __init__(self, source: FrameSource, policy: LivePolicy = "drop") -> None:
        if policy not in ("drop", "queue"):
            raise ScotopicError(f"the policy {policy!r} for live frames is unknown: use 'drop' or 'queue'")
        self.info: VideoInfo = replace(source.info, frames=0, seconds=None)
        self.issues: VideoIssues = source.issues
        self.policy = policy
        self.dropped = 0
        self._source = source
        self._frames: deque[VideoFrame] = deque()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._begun = self._ended = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """End after the frame that is being worked on; may be called from a signal handler or another thread."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and let go of the source as soon as it has delivered its last frame."""
        self.stop()
        if not self._begun:  # else the thread that reads it does so
            self._source.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        if self._stopped.is_set():
            self.close()
            return
        self._begun = True
        threading.Thread(target=self._read, name="live frames", daemon=True).start()
        first = None
        while (frame := self._next()) is not None:
            first = frame.pts if first is None else first
            yield replace(frame, pts=frame.pts - first)
        self.stop()
        self.dropped += len(self._frames)
        if self._error is not None:
            raise self._error

    def _next(self) -> VideoFrame | None:
        with self._changed:
            while not self._stopped.is_set():
                if self._frames:
                    self._changed.notify()
                    return self._frames.popleft()
                if self._ended:
                    return None
                self._changed.wait(_LOOK_AGAIN_SECONDS)
        return None

    def _read(self) -> None:
        try:
            for frame in self._source:
                with self._changed:
                    if self.policy == "drop":
                        self.dropped += len(self._frames)
                        self._frames.clear()
                    while len(self._frames) >= QUEUED_FRAMES and not self._stopped.is_set():
                        self._changed.wait(_LOOK_AGAIN_SECONDS)
                    self._frames.append(frame)
                    self._changed.notify()
                if self._stopped.is_set():
                    break
        except BaseException as error:  # told to whoever reads the frames
            self._error = error
        finally:
            self._source.close()
            with self._changed:
                self._ended = True
                self._changed.notify()


class Camera:
    """The frames of a camera of this machine, stamped when they arrive.

    Args:
        number: as OpenCV counts cameras, from 0.

    Raises:
        ScotopicError: there is none, or it gives no picture.
    """

    def __init__(self, number: int) -> None:
        self._av = import_av()
        self._capture = cv2.VideoCapture(number)
        taken, self._first = self._capture.read()
        if not taken:
            self._capture.release()
            raise ScotopicError(f"camera {number} gives no picture: is it plugged in, and not in use elsewhere?")
        height, width = self._first.shape[:2]
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        rate = Fraction(rate).limit_denominator(1001) if 1 <= rate <= 1000 else Fraction(25)
        self.info = VideoInfo(width, height, _MICROSECOND, rate)
        self.issues = VideoIssues()

    def __iter__(self) -> Iterator[VideoFrame]:
        taken, picture, began, last = True, self._first, time.monotonic(), -1
        while taken:
            last = max(last + 1, round((time.monotonic() - began) * 1_000_000))
            yield VideoFrame(
                last, self.info.frame_ticks, self._av.VideoFrame.from_ndarray(picture, format="bgr24"), self.info
            )
            taken, picture = self._capture.read()

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def open_source(source: str, policy: LivePolicy = "drop") -> VideoReader | LiveFrames:
    """A file, the address of a stream, or the number of a camera.

    Args:
        source: ``clip.mp4``, ``rtsp://...``, ``0``. An address whose duration is known is read as a file is.
        policy: see :class:`LiveFrames`; of no effect on a file.

    Raises:
        ScotopicError: it cannot be opened.
    """
    if source.isdigit():
        return LiveFrames(Camera(int(source)), policy)
    reader = VideoReader(source)
    return LiveFrames(reader, policy) if reader.is_live else reader


def is_live_name(source: str) -> bool:
    """Whether a word on the command line means a stream or a camera.

    >>> [is_live_name(word) for word in ("rtsp://host/street", "0", "clip.mp4")]
    [True, True, False]
    """
    return source.isdigit() or "://" in source
