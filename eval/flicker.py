"""How much a video flickers behind each enhancer, frame by frame and smoothed, beside the input itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..configs.flicker_schema import FlickerSettings
from ..errors import ScotopicError
from ..files import output_folder, write_json
from ..pipeline.gate import gate_of
from ..pipeline.image import find_images, read_image
from ..pipeline.stage import EnhancementStage
from ..pipeline.temporal import FrameEnhancer, VideoMemory
from ..pipeline.video import VideoReader
from .datasets.recipes import Recipe, parse_recipe, seed_of
from .environment import environment
from .finished import refuse_other_task
from .temporal import Motion, brightness_change, estimate_motion, flicker, mean_change, warped_error

Progress = Callable[[str, int, int], None]
DEFAULTS = FlickerSettings()


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """One frame of what is looked at.

    Attributes:
        image: uint8 RGB (H, W, 3), with the jitter.
        scene: the same without it.
        seconds: its time in the video; None for pictures of a folder.
        source: the picture's file; None in a video.
    """

    image: np.ndarray
    scene: np.ndarray
    seconds: float | None
    source: Path | None


@dataclass
class _Run:
    """One enhancer in one way: its last frame, and what has been measured of it so far."""

    enhancer: str
    stage: EnhancementStage
    memory: VideoMemory | None = None
    last: np.ndarray | None = None
    changes: list[np.ndarray] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def add(self, image: np.ndarray, motion: Motion | None) -> None:
        if motion is not None and self.last is not None:
            self.changes.append(brightness_change(self.last, image, motion))
            self.errors.append(warped_error(self.last, image, motion))
        self.last = image


def measure_flicker(
    source: str | Path,
    enhancers: Sequence[str],
    out: str | Path | None = None,
    *,
    settings: FlickerSettings = DEFAULTS,
    progress: Progress = lambda name, done, total: None,
) -> dict[str, Any]:
    """Enhance a clip frame by frame and with smoothing, and measure the flicker of both.

    Args:
        source: a folder of pictures, in the order of their names, or a video.
        enhancers: names, or names with arguments.
        out: folder for ``results.json``; None writes nothing.
        settings: how.
        progress: called with ("frames", frames done, frames in all, 0 if that is not known).

    Returns:
        ``{"task", "source", "frames", "settings", "gate", "environment", "rows"}``. The first row is the input,
        ``none``; then each enhancer frame by frame, and those that can be smoothed once more. A row has ``enhancer``,
        ``smoothed``, and in grey levels ``change``, ``flicker`` (beyond the steady scene, which is the input without
        the jitter), ``flicker_beyond_input`` (beyond the input with it) and ``warped_error``; see :mod:`.temporal`. A
        smoothed row has the ``reduction`` of ``flicker`` and of ``flicker_beyond_input``, as fractions.

    Raises:
        ScotopicError: no such source, enhancer or recipe, frames that cannot be measured, or ``out`` holds results of
            another kind.
    """
    folder = None if out is None else output_folder(out)
    if folder is not None:
        refuse_other_task(folder, "flicker")
    source = Path(source).expanduser()
    runs = [_Run("none", EnhancementStage("none", gate="off"))]
    for spec in dict.fromkeys(spec for spec in enhancers if spec != "none"):
        stage = EnhancementStage(spec, gate=settings.gate, strength=settings.strength)
        runs.append(_Run(spec, stage))
        if stage.gate or isinstance(stage.enhancer, FrameEnhancer):
            memory = stage.video_memory(fps=settings.fps, time_constant=settings.time_constant)
            runs.append(_Run(spec, stage, memory))
    scene = _Run("scene", runs[0].stage)
    total, count = _length(source, settings), 0
    for count, frame in enumerate(clip_frames(source, settings), start=1):
        motion = None if scene.last is None else estimate_motion(scene.last, frame.scene)
        scene.add(frame.scene, motion)
        for run in runs:
            name = frame.source.name if frame.source else None
            result = run.stage.process(frame.image, name, video=run.memory, seconds=frame.seconds)
            run.add(result.image, motion)
        progress("frames", count, total)
    if count < 2:
        raise ScotopicError(f"{source} holds a single frame: flicker needs two or more")
    record = {
        "task": "flicker",
        "source": str(source),
        "frames": count,
        "settings": settings.model_dump(mode="json"),
        "gate": asdict(gate) if (gate := gate_of(settings.gate)) else None,
        "environment": environment(),
        "rows": _rows(runs, scene),
    }
    if folder is not None:
        write_json(folder / "results.json", record)
    return record


def clip_frames(source: str | Path, settings: FlickerSettings) -> Iterator[ClipFrame]:
    """The frames of a folder or a video, jittered and darkened as the settings say.

    A folder with fewer pictures than ``settings.frames`` is played forwards and backwards, so that it has no cuts. The
    exposure of a frame is multiplied with a number drawn evenly from 1 - jitter to 1 + jitter; what is above white
    is white. Behind ``gamma[gamma=3]`` a jitter of 0.033 is one of 0.1.

    Raises:
        ScotopicError: no such source or recipe, or a picture that cannot be read.
    """
    recipe = parse_recipe(settings.recipe) if settings.recipe else None
    rng = np.random.default_rng(settings.seed)
    for image, seconds, path in _pictures(Path(source).expanduser(), settings.frames):
        gain = rng.uniform(1 - settings.jitter, 1 + settings.jitter)
        seed = seed_of(settings.seed, path.name if path else str(seconds))
        scene = _darken(image, recipe, seed)
        jittered = scene
        if settings.jitter:
            jittered = _darken(np.rint(np.minimum(image * gain, 255)).astype(np.uint8), recipe, seed)
        yield ClipFrame(jittered, scene, seconds, path)


def _darken(image: np.ndarray, recipe: Recipe | None, seed: int) -> np.ndarray:
    return image if recipe is None else recipe.apply(image, seed)[0]


def _pictures(source: Path, frames: int | None) -> Iterator[tuple[np.ndarray, float | None, Path | None]]:
    if source.is_dir():
        paths = [path for path, _ in find_images([source])]
        for number in range(len(paths) if frames is None else frames):
            path = paths[_there_and_back(number, len(paths))]
            yield read_image(path), None, path
    else:
        with closing(VideoReader(source)) as video:
            for frame in islice(video, frames):
                yield frame.upright(), frame.time, None


def _there_and_back(number: int, count: int) -> int:
    """
    >>> [_there_and_back(number, 3) for number in range(7)]
    [0, 1, 2, 1, 0, 1, 2]
    """
    place = number % max(2 * count - 2, 1)
    return min(place, 2 * count - 2 - place)


def _length(source: Path, settings: FlickerSettings) -> int:
    if settings.frames is not None:
        return settings.frames
    return len(find_images([source])) if source.is_dir() else 0


def _rows(runs: Sequence[_Run], scene: _Run) -> list[dict[str, Any]]:
    steady, given = np.stack(scene.changes), np.stack(runs[0].changes)
    rows: list[dict[str, Any]] = []
    for run in runs:
        changes = np.stack(run.changes)
        row: dict[str, Any] = {
            "enhancer": run.enhancer,
            "smoothed": run.memory is not None,
            "change": mean_change(changes),
            "flicker": flicker(changes, steady),
            "flicker_beyond_input": flicker(changes, given),
            "warped_error": float(np.nanmean(run.errors)),
        }
        if run.memory is not None:  # the row before is the same enhancer's, frame by frame
            row["reduction"] = {
                key: 1 - row[key] / rows[-1][key] if rows[-1][key] else None
                for key in ("flicker", "flicker_beyond_input")
            }
        rows.append(row)
    return rows
