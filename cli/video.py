"""Videos on the command line: which there are, where they are written, and what is said of them."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from ..configs.video_schema import LiveSettings
from ..errors import ScotopicError
from ..files import output_folder
from ..pipeline.image import IMAGE_SUFFIXES
from ..pipeline.stage import EnhancementStage
from ..pipeline.video import VIDEO_SUFFIXES, without_password
from ..pipeline.video_live import LiveFrames, LivePolicy, is_live_name, open_source
from ..pipeline.video_process import FrameWork, VideoSummary, process_video
from ..pipeline.video_write import OUTPUT_SUFFIXES
from .console import err, progress_bars, say
from .options import given

LIVE = LiveSettings().live
LiveOption = Annotated[LivePolicy, typer.Option("--live", help=LiveSettings.model_fields["live"].description)]
SourcesArgument = Annotated[
    list[str], typer.Argument(metavar="SRC...", help="Images, videos, folders of them, rtsp://..., a camera's number.")
]


def split_sources(sources: Sequence[str]) -> tuple[list[Path], list[tuple[str, Path]]]:
    """What is given as pictures, and the videos, each with its path relative to the source that it came from.

    Folders may hold both. One without videos counts as pictures, whatever it holds.

    >>> split_sources(["a.jpg", "drive.mp4", "rtsp://camera/street", "0"])
    ([PosixPath('a.jpg')], [('drive.mp4', PosixPath('drive.mp4')), ('rtsp://camera/street', PosixPath('street')), \
('0', PosixPath('camera0'))])
    """
    pictures: list[Path] = []
    videos: list[tuple[str, Path]] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            inside = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES and not _is_part(file)]
            videos += [(str(file), file.relative_to(path)) for file in inside]
            if not inside or any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
                pictures.append(path)
        elif is_live_name(source) and not path.exists():
            address = urlsplit(source)
            name = Path(address.path).name or address.hostname or "stream"
            videos.append((source, Path(f"camera{source}" if source.isdigit() else name)))
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            videos.append((source, Path(path.name)))
        else:
            pictures.append(path)
    return pictures, videos


def refuse_idle(context: typer.Context, videos: Sequence[tuple[str, Path]]) -> None:
    """Raise a ScotopicError if an option for videos, or for live ones, was given and there is none."""
    if given(context, "track") and not videos:
        raise ScotopicError("--track follows objects through videos, and there is none: leave it out")
    if given(context, "live") and not any(is_live_name(source) for source, _ in videos):
        raise ScotopicError("--live is for cameras and streams, and there is none: leave it out")


def _is_part(file: Path) -> bool:
    return file.parent.name.endswith(".parts")


def plan_videos(videos: Sequence[tuple[str, Path]], out: Path, *, alone: bool) -> list[tuple[str, Path]]:
    """Pairs of (source, video to write): into ``out`` if that is a video's name, else into the folder ``out``.

    Args:
        videos: as :func:`split_sources` gives them.
        out: a file or a folder.
        alone: whether there is nothing else to write.

    Raises:
        ScotopicError: one file for several sources or of no video's name, two results would be one file, or one would
            overwrite its source.
    """
    if out.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES and not out.is_dir():
        if len(videos) > 1 or not alone:
            raise ScotopicError(f"several sources cannot all become {out}: give a folder with --out")
        if out.suffix.lower() not in OUTPUT_SUFFIXES:
            raise ScotopicError(f"cannot write a video to {out}: its name should end in {', '.join(OUTPUT_SUFFIXES)}")
        output_folder(out.parent)
        plan = [(videos[0][0], out)]
    else:
        folder = output_folder(out).resolve()
        others = [(source, name) for source, name in videos if folder not in Path(source).resolve().parents]
        if not others:
            raise ScotopicError(f"all videos lie in the output folder {out}: choose another one with --out")
        plan = [(source, out / _written_name(name)) for source, name in others]
    for target, times in Counter(target for _, target in plan).items():
        if times > 1:
            raise ScotopicError(f"{times} sources would become {target}: write them into different folders")
    for source, target in plan:
        if target.exists() and Path(source).resolve() == target.resolve():
            raise ScotopicError(f"{target} would overwrite its own source: choose another place with --out")
    return plan


def _written_name(name: Path) -> Path:
    return name if name.suffix.lower() in OUTPUT_SUFFIXES else name.with_name(name.name + ".mp4")


def process_videos(
    plan: Sequence[tuple[str, Path]],
    new_work: Callable[[], FrameWork],
    *,
    live: LivePolicy,
    settings: Mapping[str, Any],
    with_lines: bool = False,
) -> int:
    """Work on one video after the other, and say what came of each; how many failed.

    Args:
        plan: as :func:`plan_videos` gives it.
        new_work: makes what is done with the frames of one video.
        live: what becomes of live frames that come too fast.
        settings: all that the work depends on, for runs that are resumed.
        with_lines: whether a file of JSON lines is written beside each video.
    """
    failures = 0
    for name, target in plan:
        lines = target.with_suffix(".jsonl") if with_lines else None
        shown = without_password(name)
        try:
            source = open_source(name, live)
            try:
                with progress_bars() as progress, ended_by_ctrl_c(source):
                    summary = process_video(
                        source,
                        target,
                        new_work(),
                        lines=lines,
                        settings=settings,
                        progress=lambda done, total, shown=shown, show=progress: show(shown, done, total),
                    )
            finally:
                source.close()
        except ScotopicError as error:
            failures += 1
            err.print(f"scotopic: {error}", style="red", highlight=False, markup=False)
            continue
        written = f"{target} and {lines}" if lines else str(target)
        for line in summary_lines(shown, written, summary, source):
            say(line)
    return failures


@contextmanager
def ended_by_ctrl_c(source: object) -> Iterator[None]:
    """Of a live source: the first Ctrl-C ends it, so that the file is finished; the second one interrupts that."""
    if not isinstance(source, LiveFrames):
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        source.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def summary_lines(name: str, written: str, summary: VideoSummary, source: object) -> list[str]:
    """What is said of a video that is finished."""
    size = f"{summary.info.width}x{summary.info.height}"
    untouched = summary.frames - summary.enhanced
    gate = f", {untouched} of them untouched by the gate" if untouched else ""
    lines = [f"{name}: {summary.frames} frames, {summary.duration:.2f} s, {size}{gate}; written to {written}"]
    steps = ", ".join(f"{step} {ms / summary.timed:.1f}" for step, ms in summary.timing_ms.items() if summary.timed)
    lines.append(f"  {summary.fps:.1f} frames per second" + (f"; milliseconds a frame: {steps}" if steps else ""))
    if summary.taken_over:
        lines.append(f"  {summary.taken_over} frames were taken over from an earlier run that was interrupted")
    if isinstance(source, LiveFrames):
        lines.append(f"  {source.dropped} live frames were dropped; the sound of live sources is not kept")
    odd = [side for side in (summary.info.width, summary.info.height) if side % 2]
    if odd:
        lines.append("  an odd width or height is made even by repeating the last column or row, as H.264 asks")
    return lines + [f"  {line}" for line in [*summary.issues.lines(), *summary.notes]]


def stage_settings(stage: EnhancementStage, spec: str) -> dict[str, Any]:
    """What tells whether an interrupted run can be resumed with this stage: its options, its code and its weights."""
    options = {"gate": repr(stage.gate), "strength": stage.strength}
    return {"enhancer": [spec, stage.enhancer.fingerprint()], **options}


def elapsed_ms(start: float) -> float:
    """Milliseconds since ``start`` of :func:`time.perf_counter`."""
    return (time.perf_counter() - start) * 1000
