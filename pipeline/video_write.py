"""Video as H.264, timestamps as given, in parts that are joined without encoding again."""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScotopicError
from ..files import whole_file
from .video import import_av, open_container, start_of
from .video_frames import VideoFrame, VideoInfo
from .video_pixels import yuv_as_decoded, yuv_of

OUTPUT_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
_ENCODER = "libx264"
# Visually lossless, fast; no frames that refer to later ones, so that parts can be joined whatever the timestamps are;
# without macroblock trees, with which x264 does not make the same of the same frames every time (one run in 60).
_OPTIONS = {"crf": "18", "preset": "veryfast", "bf": "0", "mbtree": "0"}
_OF_THE_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})


def check_output(path: Path) -> None:
    """Refuse a file that cannot become a video before hours are spent on it.

    Raises:
        ScotopicError: the name does not end as one of the kinds that are written.
    """
    if path.suffix.lower() not in OUTPUT_SUFFIXES:
        raise ScotopicError(f"cannot write a video to {path}: its name should end in {', '.join(OUTPUT_SUFFIXES)}")


class PartEncoder:
    """Frames into one part of a video: an MP4 file whose clock begins at the part's first frame.

    Args:
        path: of the file.
        info: of the video: clock, rate, colours, shape of the pixels.
        keep_turned: frames come as they are stored, so that the part carries the display matrix.

    Raises:
        ScotopicError: PyAV was built without H.264, or the file cannot be written.
    """

    def __init__(self, path: Path, info: VideoInfo, *, keep_turned: bool) -> None:
        self._av = import_av()
        self._path = path
        self._info = info
        self._matrix = info.display_matrix if keep_turned else None
        self._container = self._av.open(str(path), "w", format="mp4")
        self._stream: Any = None
        self._durations: dict[int, int] = {}
        self.start = 0

    def add(self, frame: VideoFrame, image: np.ndarray | None) -> None:
        """Encode one frame: the uint8 RGB picture (H, W, 3), or where there is none the frame as it was decoded."""
        with _written(self._av, self._path):
            raw = yuv_as_decoded(frame.raw, self._info.width, self._info.height) if image is None else None
            if raw is None:
                raw = yuv_of(self._av, frame.stored() if image is None else image, self._info.color)
            if self._stream is None:
                self.start = frame.pts
                self._stream = self._new_stream(raw.width, raw.height)
            raw.pts, raw.time_base = frame.pts - self.start, self._info.time_base
            self._durations[raw.pts] = frame.duration
            self._mux(self._stream.encode(raw))

    def close(self) -> None:
        """Finish the file."""
        with _written(self._av, self._path):
            if self._stream is not None:
                self._mux(self._stream.encode(None))
            self._container.close()

    def let_go(self) -> None:
        """Close the file, finished or not, so that it can be removed; more than once does no harm."""
        with suppress(self._av.error.FFmpegError):  # a full disk, which was told already
            self._container.close()

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            ticks = packet.pts * packet.time_base / self._info.time_base
            packet.duration = round(self._durations.pop(round(ticks)) * self._info.time_base / packet.time_base)
            self._container.mux(packet)

    def _new_stream(self, width: int, height: int) -> Any:
        try:
            stream = self._container.add_stream(_ENCODER, rate=self._info.rate, options=_OPTIONS)
        except (self._av.error.FFmpegError, ValueError):
            raise ScotopicError("this build of PyAV has no H.264 encoder: pip install av, which has one") from None
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = context.time_base = self._info.time_base
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = self._info.color
        if self._info.pixel_aspect:
            context.sample_aspect_ratio = self._info.pixel_aspect
        if self._matrix:
            stream.set_display_matrix(self._matrix)
        return stream


@dataclass(frozen=True)
class EncodedPart:
    """A finished part: its file, and the tick of the whole video at which it begins."""

    path: Path
    start: int


def join_parts(
    parts: Sequence[EncodedPart], out: Path, info: VideoInfo, *, keep_turned: bool, sound_of: str | None
) -> list[str]:
    """Put parts together, with the sound and the subtitles of the source, by copying packets. Nothing is encoded.

    Args:
        parts: in their order, at least one.
        out: the video; it appears whole or not at all.
        info: of the video.
        keep_turned: whether the display matrix goes with it.
        sound_of: the file (or address) whose other tracks are taken over; None: the video stays silent.

    Returns:
        What of the source is not in the video, for people.

    Raises:
        ScotopicError: the container of ``out`` cannot hold the sound, or the file cannot be written.
    """
    av = import_av()
    options = {"movflags": "+faststart"} if out.suffix.lower() != ".mkv" else {}
    with whole_file(out) as temporary, _written(av, out):
        source = open_container(av, sound_of) if sound_of else None
        try:
            with av.open(str(temporary), "w", options=options) as target, av.open(str(parts[0].path)) as first:
                video = target.add_stream_from_template(first.streams.video[0], opaque=True)
                video.time_base = info.time_base
                if keep_turned and info.display_matrix:
                    video.set_display_matrix(info.display_matrix)
                tracks, left_out = _other_tracks(source, target, out) if source else ({}, [])
                pictures = _pictures(av, parts, video, info.time_base)
                for packet in heapq.merge(pictures, _others(source, tracks), key=_seconds):
                    target.mux(packet)
        finally:
            if source:
                source.close()
    return left_out


def check_sound(source: str, out: Path) -> None:
    """Whether the container of ``out`` takes the sound of ``source``, before hours are spent on its pictures.

    Raises:
        ScotopicError: it does not.
    """
    av = import_av()
    with open_container(av, source) as opened:
        for stream in opened.streams.audio:
            if not _fits(av, stream, {".mkv": "matroska", ".mov": "mov"}.get(out.suffix.lower(), "mp4")):
                raise _no_place(stream, out)


def _fits(av: Any, stream: Any, container: str) -> bool:
    if stream.codec_context is None:
        return False
    with av.open(io.BytesIO(), "w", format=container) as trial:
        try:
            trial.add_stream_from_template(stream, opaque=True)
        except (ValueError, av.error.FFmpegError):
            return False
    return True


def _no_place(stream: Any, out: Path) -> ScotopicError:
    name = stream.codec_context.name if stream.codec_context else "unknown"
    remedy = "write an .mkv" if out.suffix.lower() != ".mkv" else "convert the sound of the source first"
    return ScotopicError(f"sound of kind {name} has no place in {out.name} without encoding it again: {remedy}")


def _other_tracks(source: Any, target: Any, out: Path) -> tuple[dict[int, Any], list[str]]:
    """Index in the source -> stream of the target, for sound and subtitles; and what is left out."""
    tracks: dict[int, Any] = {}
    left_out: list[str] = []
    for stream in source.streams:
        if stream.type == "video" and stream.index == source.streams.best("video").index:
            continue
        try:
            if stream.type not in ("audio", "subtitle") or stream.codec_context is None:
                raise ValueError(stream.type)
            tracks[stream.index] = target.add_stream_from_template(stream, opaque=True)
            if stream.metadata.get("language"):
                tracks[stream.index].metadata["language"] = stream.metadata["language"]
        except ValueError:
            if stream.type == "audio":
                raise _no_place(stream, out) from None
            left_out.append(f"track {stream.index} ({stream.type}) is not in {out.name}")
    kept = {key: value for key, value in source.metadata.items() if key.lower() not in _OF_THE_CONTAINER}
    target.metadata.update(kept)
    return tracks, left_out


def _pictures(av: Any, parts: Sequence[EncodedPart], stream: Any, time_base: Fraction) -> Iterator[Any]:
    for part in parts:
        with av.open(str(part.path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is None:
                    continue
                scale = packet.time_base / time_base
                packet.duration = round(packet.duration * scale)
                packet.pts = packet.dts = part.start + round(packet.pts * scale)
                packet.time_base = time_base
                packet.stream = stream
                yield packet


def _others(source: Any, tracks: dict[int, Any]) -> Iterator[Any]:
    if not tracks:
        return
    start = start_of(source)
    for packet in source.demux([source.streams[index] for index in tracks]):
        if packet.dts is None:
            continue
        offset = round(start / packet.time_base)
        packet.dts -= offset
        if packet.pts is not None:
            packet.pts -= offset
        packet.stream = tracks[packet.stream.index]
        yield packet


def _seconds(packet: Any) -> Fraction:
    return packet.dts * packet.time_base


@contextmanager
def _written(av: Any, path: Path) -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise ScotopicError(
            f"cannot write {path} ({error.strerror}): free some space, or choose another folder"
        ) from error
