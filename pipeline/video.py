"""The frames of a video with their timestamps, one at a time, past whatever is damaged."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScotopicError, missing_extra
from .video_frames import USUAL_RATE, VideoFrame, VideoInfo, VideoIssues

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp"}
)
_HIDING_CODECS = frozenset({"vp8"})  # some of their packets are never meant to be seen
_MOST_READ_ERRORS = 100  # in a row, before a damaged file is given up
_PATIENCE_SECONDS = 15.0  # with a stream that sends nothing


def import_av() -> Any:
    """PyAV.

    Raises:
        ScotopicError: it is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        raise missing_extra("av", "video", "Videos") from None
    return av


class VideoReader:
    """The frames of a file, or of an address that FFmpeg knows (``rtsp://``, ``http://``, ``udp://``).

    It holds no more frames than the decoder does. Iterate once; use it in a ``with`` statement, or call :meth:`close`.

    A packet that cannot be decoded costs its own frame alone: it is noted in :attr:`issues` with its time, and all
    other frames keep theirs. Timestamps are those of the file; of transport streams, which begin at any time, the
    start is taken off.

    Args:
        source: path or address.

    Attributes:
        source: path or address.
        path: of the file; None for an address.
        is_live: an address without an end.

    Raises:
        ScotopicError: there is no such file, it is no video, or no frame of it can be decoded.
    """

    def __init__(self, source: str | Path) -> None:
        self._av = import_av()
        self.source = str(source)
        self.path = None if "://" in self.source else Path(source)
        self._container = open_container(self._av, self.source)
        self.issues = VideoIssues()
        stream = self._container.streams.best("video")
        if stream is None:
            self.close()
            raise ScotopicError(f"{without_password(self.source)} holds no picture track: give a video")
        stream.thread_type = "AUTO"
        self._stream = stream
        self.is_live = "://" in self.source and self._container.duration is None
        self.start = start_of(self._container)
        self._hides = stream.codec_context.name in _HIDING_CODECS
        self._waiting: list[int] = []
        self._packets = 0
        self._decoder = self._decoded()
        try:
            self._first = next(self._decoder, None)
        except BaseException:
            self.close()
            raise
        if self._first is None:
            self.close()
            shown = without_password(self.source)
            raise ScotopicError(f"no frame of {shown} can be decoded: is it damaged, or cut off?")
        self.info = _info(self._container, stream, self._first)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        if self.is_live:  # nobody waits there for the next frame, only to learn how long this one lasts
            yield from self._stamped()
            return
        held = None
        for frame in self._stamped():
            if held is not None:
                yield replace(held, duration=frame.pts - held.pts)
            held = frame
        if self._stream.frames:
            self.issues.missing = max(0, self._stream.frames - self._packets)
        if held is not None:
            yield replace(held, duration=self._rest(held))

    def _stamped(self) -> Iterator[VideoFrame]:
        offset = round(self.start / self.info.time_base)
        last = None
        raw, self._first = self._first, None
        while raw is not None:
            ticks = raw.pts if raw.pts is not None else raw.dts
            after = 0 if last is None else last + self.info.frame_ticks
            pts = after if ticks is None else ticks - offset
            if last is not None and pts <= last:
                pts = last + 1
                self.issues.moved += 1
            if raw.is_corrupt:
                self.issues.damaged.append(float(pts * self.info.time_base))
            last = pts
            yield VideoFrame(pts, raw.duration or self.info.frame_ticks, raw, self.info)
            raw = next(self._decoder, None)

    def _rest(self, last: VideoFrame) -> int:
        """How long the last frame lasts: to the end of the track, where that is known and was reached."""
        track = self._stream
        if track.duration is None or track.start_time is None or self.issues.missing or self.issues.broken_off:
            return last.duration
        rest = track.start_time + track.duration - round(self.start / self.info.time_base) - last.pts
        return rest if rest > 0 else last.duration

    def _decoded(self) -> Iterator[Any]:
        for packet in self._read():
            if packet is not None and packet.size:
                self._packets += 1
                if packet.pts is not None and not packet.is_discard and not self._hides:
                    heapq.heappush(self._waiting, packet.pts)
            try:
                frames = self._stream.decode(packet)
            except self._av.error.FFmpegError:
                if packet is not None and (packet.pts is None or self._hides):
                    self._lose(packet.pts if packet.pts is not None else packet.dts)
                continue  # one with a timestamp is noted as soon as a later frame comes
            for frame in frames:
                self._account(frame.pts)
                yield frame
        while self._waiting:
            self._lose(heapq.heappop(self._waiting))

    def _account(self, pts: int | None) -> None:
        """Frames leave the decoder in the order in which they are shown: what is earlier and still waits is lost."""
        while pts is not None and self._waiting and self._waiting[0] <= pts:
            waited = heapq.heappop(self._waiting)
            if waited != pts:
                self._lose(waited)

    def _lose(self, pts: int | None) -> None:
        self.issues.lost.append(float((pts or 0) * self._stream.time_base - self.start))

    def _read(self) -> Iterator[Any]:
        """The packets, also behind a place that cannot be read; the last one, empty or None, empties the decoder."""
        errors = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    yield packet
                return
            except self._av.error.FFmpegError as error:
                errors += 1
                if errors >= _MOST_READ_ERRORS or self.is_live:
                    self.issues.broken_off = str(error.strerror)
                    yield None
                    return


def without_password(source: str) -> str:
    """A file or an address as it may be shown to others: without the user and the password of a stream.

    >>> without_password("rtsp://me:secret@camera/stream"), without_password("drive/clip.mp4")
    ('rtsp://camera/stream', 'drive/clip.mp4')
    """
    return re.sub(r"//[^/]*@", "//", source) if "://" in source else source


def start_of(container: Any) -> Fraction:
    """Seconds to take off all timestamps: the start of formats whose clock starts anywhere, else 0."""
    discontinuous = 0x0200  # AVFMT_TS_DISCONT
    if not int(container.format.flags) & discontinuous or container.start_time is None:
        return Fraction(0)
    return Fraction(container.start_time, 1_000_000)


def open_container(av: Any, source: str) -> Any:
    """PyAV's container of a file or an address.

    Raises:
        ScotopicError: there is none, or it cannot be opened.
    """
    address, shown = "://" in source, without_password(source)
    if not address and Path(source).is_dir():
        raise ScotopicError(f"{source} is a folder, not a video")
    options = {"rtsp_transport": "tcp"} if source.startswith(("rtsp://", "rtsps://")) else {}
    try:
        return av.open(
            source, options=options, timeout=_PATIENCE_SECONDS if address else None, metadata_errors="replace"
        )
    except av.error.FileNotFoundError:
        raise ScotopicError(f"no video at {shown}: check the path") from None
    except (av.error.FFmpegError, OSError) as error:
        if address:
            raise ScotopicError(f"cannot open {shown} ({error.strerror}): check the address") from None
        if Path(source).stat().st_size == 0:
            raise ScotopicError(f"the video {source} is empty (0 bytes): copy it again") from None
        raise ScotopicError(
            f"{source} is not a video that can be read ({error.strerror}); an .mp4 that was cut off lacks its index"
        ) from None


def _info(container: Any, stream: Any, first: Any) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate
    if not rate or not 0 < rate <= 1000:  # some containers give the clock's rate
        rate = USUAL_RATE
    seconds = None
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / 1_000_000
    aspect = stream.codec_context.sample_aspect_ratio
    return VideoInfo(
        width=first.width,
        height=first.height,
        time_base=stream.time_base,
        rate=Fraction(rate),
        frames=stream.frames or round((seconds or 0) * rate),
        seconds=seconds,
        pixel_aspect=aspect if aspect and aspect != 1 else None,
        display_matrix=_display_matrix(first),
        color=_color(first),
    )


def _color(frame: Any) -> tuple[int, int, int, int]:
    """Tags for what is written, which is YUV: a video stored as RGB (matrix 0) becomes BT.601 of limited range."""
    primaries, transfer, matrix = int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace)
    return (primaries, transfer, matrix, int(frame.color_range)) if matrix else (primaries, transfer, 6, 1)


def _display_matrix(frame: Any) -> tuple[int, ...] | None:
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return tuple(np.frombuffer(bytes(data)[:36], np.int32).tolist())
    return None
