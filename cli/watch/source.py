"""Where frames come from: a video file, a folder of pictures, a camera or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from ...errors import ScotopicError
from ...pipeline.image import IMAGE_SUFFIXES, find_images, read_image
from ...pipeline.video import VideoReader, without_password
from ...pipeline.video_live import LiveFrames, is_live_name, open_source

Kind = Literal["pictures", "video", "live"]
PICTURES_PER_SECOND = 10
"""Pictures of a folder have no time of their own."""


class Frame(NamedTuple):
    """One picture of a source.

    Attributes:
        time: when it is to be shown, in seconds since the source's beginning.
        seconds: how long.
        read: gives it as uint8 RGB (H, W, 3); so that nobody converts a frame which is left out.
        name: file name of a picture, for enhancers that look pictures up.
    """

    time: float
    seconds: float
    read: Callable[[], np.ndarray]
    name: str | None = None


class Source(Protocol):
    """Something to watch.

    Attributes:
        title: for people, without a password.
        kind: ``"pictures"`` are shown one by one, a ``"video"`` at its own pace, and of a ``"live"`` source the newest
            frame.
    """

    @property
    def title(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    def frames(self) -> Iterator[Frame]:
        """From the beginning to the end. A ScotopicError says that it broke off."""
        ...

    def notes(self) -> list[str]:
        """Sentences on what was wrong with the frames so far."""
        ...

    def stop(self) -> None:
        """From another thread: wait for no more frames."""
        ...


def source_of(text: str, loop: bool = False) -> Source:
    """What an argument of the command means.

    Args:
        text: a video file, a picture, a folder of pictures, the number of a camera, or an address (``rtsp://...``).
        loop: begin anew at the end; for files and folders.

    Raises:
        ScotopicError: there is no such thing, it cannot be opened, or what never ends is to be looped.
    """
    path = Path(text).expanduser()
    if path.is_dir() or (path.suffix.lower() in IMAGE_SUFFIXES and not is_live_name(text)):
        source: Source = PictureSource(path)
    elif is_live_name(text) or path.exists():
        source = VideoSource(text if is_live_name(text) else str(path))
    else:
        raise ScotopicError(
            f"nothing to watch at {text}: give a video file, a folder of pictures, the number of a camera, or rtsp://..."
        )
    if not loop:
        return source
    if source.kind == "live":
        source.stop()
        raise ScotopicError(f"--loop is for files and folders: {source.title} has no end to begin anew at")
    return LoopedSource(source)


class PictureSource:
    """The pictures of a folder by their names, or a single one."""

    kind: Kind = "pictures"

    def __init__(self, path: Path) -> None:
        self.title = path.name or str(path)
        self._images = [image for image, _ in find_images([path])]

    def frames(self) -> Iterator[Frame]:
        seconds = 1 / PICTURES_PER_SECOND
        for number, path in enumerate(self._images):
            yield Frame(number * seconds, seconds, partial(read_image, path), path.name)

    def notes(self) -> list[str]:
        return []

    def stop(self) -> None: ...


class VideoSource:
    """A video file, a camera or a stream; opened at once, so that mistakes are told before anything else happens."""

    def __init__(self, text: str) -> None:
        self.title = f"camera {text}" if text.isdigit() else title_of(text)
        self._text = text
        self._reader: VideoReader | LiveFrames = open_source(text)
        self._fresh = True
        self.kind: Kind = "live" if isinstance(self._reader, LiveFrames) else "video"

    def frames(self) -> Iterator[Frame]:
        if not self._fresh:
            self._reader = open_source(self._text)
        self._fresh = False
        reader = self._reader
        tick = float(reader.info.time_base)
        try:
            for frame in reader:
                yield Frame(frame.time, frame.duration * tick, frame.upright)
        finally:
            reader.close()
        if self.kind == "live" and reader.issues.broken_off:
            raise ScotopicError(f"{self.title} broke off: {reader.issues.broken_off}")

    def notes(self) -> list[str]:
        return self._reader.issues.lines()

    def stop(self) -> None:
        if isinstance(self._reader, LiveFrames):
            self._reader.stop()


class LoopedSource:
    """Begins anew at its end, with the time running on."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.title: str = source.title
        self.kind: Kind = source.kind

    def frames(self) -> Iterator[Frame]:
        offset = 0.0
        while True:
            last = None
            for last in self._source.frames():
                yield last._replace(time=offset + last.time)
            if last is None:
                return
            offset += last.time + last.seconds

    def notes(self) -> list[str]:
        return self._source.notes()

    def stop(self) -> None:
        self._source.stop()


def title_of(text: str) -> str:
    """What a file or address is called where others may read it.

    >>> title_of("rtsp://me:secret@camera/stream"), title_of("drive/clip.mp4")
    ('rtsp://camera/stream', 'clip.mp4')
    """
    return without_password(text) if "://" in text else Path(text).name
