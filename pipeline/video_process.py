"""From one video to another, frame by frame: the loop that every command for videos runs."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import ScotopicError
from ..files import whole_file
from ..version import __version__
from .stage import EnhancementStage
from .video import VideoReader
from .video_frames import FrameSource, VideoFrame, VideoInfo, VideoIssues
from .video_parts import PartsFolder
from .video_pixels import is_quarter_turned
from .video_write import PartEncoder, check_output, check_sound, join_parts

PART_FRAMES = 250
"""Frames of a part: what an interrupted run loses at most."""


@dataclass(frozen=True, eq=False)
class Made:
    """What became of one frame.

    Attributes:
        image: uint8 RGB (H, W, 3); None: the frame goes on as it was decoded.
        enhanced: whether the enhancer ran.
        timing_ms: milliseconds of each step.
        line: what is written down of the frame, as JSON.
    """

    image: np.ndarray | None
    enhanced: bool
    timing_ms: Mapping[str, float]
    line: Mapping[str, Any] | None = None


class FrameMemory(Protocol):
    """What later frames need to know of earlier ones."""

    def state(self) -> dict[str, Any]:
        """All of it, as tensors and plain numbers, which a file can hold."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""
        ...


class FrameWork(Protocol):
    """What is done with each frame, in their order.

    Attributes:
        turns: whether frames are made upright; else they stay as they are stored, and the display matrix is kept.
        memory: what later frames need to know of earlier ones. It is kept at the end of each part; None: nothing.
        resumable: whether ``memory`` holds all of that.
    """

    turns: bool
    resumable: bool

    @property
    def memory(self) -> FrameMemory | None: ...

    def make(self, frame: VideoFrame) -> Made: ...


class EnhanceFrames:
    """Enhance each frame; those that the gate finds bright go on as they were decoded.

    Args:
        stage: an enhancement stage for RGB pictures. Gate, exposure and factor are smoothed over the frames.
    """

    turns = False
    resumable = True

    def __init__(self, stage: EnhancementStage) -> None:
        self.stage = stage
        self.memory = stage.video_memory()

    def make(self, frame: VideoFrame) -> Made:
        start = time.perf_counter()
        image = frame.stored()
        timing = {"convert": (time.perf_counter() - start) * 1000}
        result = self.stage.process(image, video=self.memory, seconds=frame.time)
        return Made(result.image if result.enhanced else None, result.enhanced, {**timing, **result.timing_ms})


@dataclass
class VideoSummary:
    """What came of a video.

    Attributes:
        info: of the video that was read.
        frames: written.
        enhanced: of these, not left untouched by the gate.
        seconds: wall time, over all runs that it took.
        begin: of the first frame on the video's clock, in seconds.
        end: of the last frame.
        timing_ms: milliseconds that each step took in all, without the first frame of each run that was enhanced and
            the first that was not: there, what later frames have is loaded.
        timed: frames that ``timing_ms`` counts.
        taken_over: frames that an earlier, interrupted run had finished.
        issues: what was wrong with the source.
        notes: what else there is to say.
    """

    info: VideoInfo
    frames: int = 0
    enhanced: int = 0
    seconds: float = 0.0
    begin: float | None = None
    end: float = 0.0
    timing_ms: dict[str, float] = field(default_factory=dict)
    timed: int = 0
    taken_over: int = 0
    issues: VideoIssues = field(default_factory=VideoIssues)
    notes: list[str] = field(default_factory=list)

    @property
    def fps(self) -> float:
        """Frames per second of the whole: read, worked on, and written."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def duration(self) -> float:
        """Seconds that the written video lasts."""
        return self.end - (self.begin or 0.0)

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a part."""
        self.begin = record["begin"] if self.begin is None else self.begin
        self.end = record["end"]
        self.frames += record["frames"]
        self.enhanced += record["enhanced"]
        self.seconds += record["seconds"]
        self.timed += record["timed"]
        for step, ms in record["timing_ms"].items():
            self.timing_ms[step] = self.timing_ms.get(step, 0.0) + ms


def process_video(
    source: FrameSource,
    out: Path,
    work: FrameWork,
    *,
    lines: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    part_frames: int = PART_FRAMES,
) -> VideoSummary:
    """Make a video of a video: as many frames, at the same times, with the same sound.

    Frames are read, worked on and written one at a time. Each ``part_frames`` of them become a file in a hidden folder
    beside ``out``; at the end the parts are joined without encoding them again. A run that was interrupted is resumed
    behind its last finished part, with the same result as if it had not been.

    Args:
        source: a :class:`VideoReader`, or other frames; of the latter nothing is resumed, and they have no sound.
        out: ``.mp4``, ``.mov``, ``.m4v`` or ``.mkv``; it appears whole or not at all.
        work: what is done with each frame.
        lines: a file for what ``work`` says of each frame, one line of JSON each.
        settings: all that ``work`` depends on, as JSON: a run with others starts anew. None: nothing is resumed.
        progress: called with (frames done, frames in all as far as they are known).
        part_frames: frames of a part.

    Raises:
        ScotopicError: no frame came, or a file cannot be written.
    """
    check_output(out)
    reader = source if isinstance(source, VideoReader) else None
    file = reader.path if reader else None
    if file and file.resolve() == out.resolve():
        raise ScotopicError(f"{out} would overwrite its own source: choose another name with --out")
    if reader:
        check_sound(reader.source, out)
    key = None
    if file and settings is not None and work.resumable:
        key = {**_identity(file), "settings": settings, "part_frames": part_frames}
    parts = PartsFolder(out, key)
    summary = VideoSummary(source.info, issues=source.issues)
    _take_over(parts, work, summary)
    shape = _turned(source.info) if work.turns else source.info
    frames = iter(source)
    for _ in islice(frames, summary.frames):  # decoding again is cheap, and exact whatever the file is like
        pass
    total = max(source.info.frames, summary.frames)
    warm: set[bool] = set()
    while True:
        record = _make_part(frames, parts, work, shape, summary.frames, part_frames, total, progress, warm)
        if record is None:
            break
        parts.finish(record, None if work.memory is None else work.memory.state())
        summary.add(record)
    if not parts.records:
        parts.remove()
        raise ScotopicError(f"no frame came for {out}: nothing was written")
    start = time.perf_counter()
    sound = reader.source if reader else None
    summary.notes += join_parts(parts.parts(), out, shape, keep_turned=not work.turns, sound_of=sound)
    if lines is not None:
        with whole_file(lines) as temporary, temporary.open("wb") as joined:
            for file in parts.line_files():
                joined.write(file.read_bytes())
    parts.remove()
    summary.seconds += time.perf_counter() - start
    return summary


def _take_over(parts: PartsFolder, work: FrameWork, summary: VideoSummary) -> None:
    if not parts.records:
        return
    if work.memory is not None:
        try:
            work.memory.restore(parts.memory())
        except ScotopicError as error:
            summary.notes.append(f"started anew, because {error}")
            parts.forget()
            return
    for record in parts.records:
        summary.add(record)
    summary.taken_over = summary.frames


def _make_part(
    frames: Any,
    parts: PartsFolder,
    work: FrameWork,
    info: VideoInfo,
    done: int,
    most: int,
    total: int,
    progress: Callable[[int, int], None],
    warm: set[bool],
) -> dict[str, Any] | None:
    """Up to ``most`` frames into the next part; its record, or None if no frame was left.

    ``warm`` says of which frames, enhanced ones or others, there was one in this run already.
    """
    began = time.perf_counter()
    timing: defaultdict[str, float] = defaultdict(float)
    count = enhanced = timed = 0
    encoder = None
    begin = end = 0.0
    with ExitStack() as open_files:
        lines = None
        while count < most:
            now = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                break
            steps = {"decode": _ms_since(now)}
            made = work.make(frame)
            steps |= made.timing_ms
            now = time.perf_counter()
            if encoder is None:
                encoder = PartEncoder(parts.next_path(".mp4"), info, keep_turned=not work.turns)
                open_files.callback(encoder.let_go)
                begin = frame.time
                lines = open_files.enter_context(parts.next_path(".jsonl").open("w", encoding="utf-8"))
            encoder.add(frame, made.image)
            if made.line is not None and lines is not None:
                lines.write(json.dumps({"frame": done + count, "time": round(frame.time, 6), **made.line}) + "\n")
            steps["encode"] = _ms_since(now)
            if made.enhanced in warm:
                timed += 1
                for step, ms in steps.items():
                    timing[step] += ms
            warm.add(made.enhanced)
            count += 1
            end = frame.time + float(frame.duration * info.time_base)
            enhanced += made.enhanced
            progress(done + count, max(total, done + count))
        if encoder is None:
            return None
        now = time.perf_counter()
        encoder.close()
        timing["encode"] += _ms_since(now)
    return {
        "start": encoder.start,
        "begin": begin,
        "end": end,
        "frames": count,
        "enhanced": enhanced,
        "seconds": time.perf_counter() - began,
        "timing_ms": timing,
        "timed": timed,
    }


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _turned(info: VideoInfo) -> VideoInfo:
    """The same video with its frames upright."""
    if not is_quarter_turned(info.display_matrix):
        return replace(info, display_matrix=None)
    aspect = 1 / info.pixel_aspect if info.pixel_aspect else None
    return replace(info, display_matrix=None, width=info.height, height=info.width, pixel_aspect=aspect)


def _identity(file: Path) -> dict[str, Any]:
    """What tells one file from another without reading it."""
    status = file.stat()
    source = {"source": str(file.resolve()), "bytes": status.st_size, "changed": status.st_mtime_ns}
    return {**source, "scotopic": __version__}
