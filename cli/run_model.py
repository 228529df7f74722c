"""`scotopic run`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..adapters.contract import Detections, Detector
from ..adapters.detectors import detector_files, load_detector
from ..configs.schema import DetectorSettings, EvaluationSettings
from ..configs.video_schema import RunSourcesPreset, TrackSettings
from ..errors import ScotopicError
from ..eval.detection import CONFIDENCE
from ..eval.report.pictures import FOUND, draw_boxes, side_by_side
from ..files import sha256_of
from ..pipeline.image import read_image, write_image
from ..pipeline.registry import DEFAULT
from ..pipeline.stage import EnhancementStage
from ..pipeline.video_frames import VideoFrame
from ..pipeline.video_process import Made
from .console import err, progress_bars, say
from .in_front import place_of, refuse_second
from .options import (
    DEFAULTS,
    ConfOption,
    DeviceOption,
    EnhancerOption,
    GateOption,
    ImgszOption,
    IouOption,
    MaxDetOption,
    ModelOption,
    OutOption,
    StrengthOption,
    WhereOption,
    checked_settings,
    preset_option,
    required,
)
from .pictures import picture_folder, plan_pictures
from .video import (
    LIVE,
    LiveOption,
    SourcesArgument,
    elapsed_ms,
    plan_videos,
    process_videos,
    refuse_idle,
    split_sources,
    stage_settings,
)

TrackOption = Annotated[bool, typer.Option("--track", help=TrackSettings.model_fields["track"].description)]


def run_model(
    context: typer.Context,
    sources: SourcesArgument,
    model: ModelOption = None,
    out: OutOption = None,
    enhancer: EnhancerOption = DEFAULT,
    gate: GateOption = DEFAULTS.gate,
    strength: StrengthOption = DEFAULTS.strength,
    where: WhereOption = DEFAULTS.where,
    imgsz: ImgszOption = DEFAULTS.imgsz,
    conf: ConfOption = CONFIDENCE,
    iou: IouOption = DEFAULTS.iou,
    max_det: MaxDetOption = DEFAULTS.max_det,
    device: DeviceOption = DEFAULTS.device,
    live: LiveOption = LIVE,
    track: TrackOption = False,
    config: Annotated[str | None, preset_option(RunSourcesPreset)] = None,
) -> None:
    """Draw a detector's boxes: on pictures without and with an enhancer, side by side, on videos with it.

    Beside each video stands a file of JSON lines with the detections of each frame. A single video, stream or camera
    may be written to a file: -o out.mp4.
    """
    target = Path(required(out, "--out", "FOLDER"))
    pictures, videos = split_sources(sources)
    refuse_idle(context, videos)
    plan = plan_videos(videos, target, alone=not pictures) if videos else []
    folder = picture_folder(target) if pictures else target
    settings = checked_settings(context, EvaluationSettings)
    stage = EnhancementStage(enhancer, gate=settings.gate, strength=settings.strength)
    settings = settings.model_copy(update={"where": place_of(stage, settings.where)})
    path = required(model, "--model", "yolo11n.pt")
    arguments = {"download": True, **settings.model_dump(include=set(DetectorSettings.model_fields))}
    failed = 0
    if pictures:
        load = partial(load_detector, path, **arguments)
        failed = _run_on_pictures(pictures, folder, load, stage, enhancer, settings.where)
    if plan:
        made = partial(DetectFrames, path, stage, track=track, **arguments)
        done = {"command": "run", "model": _identity(path), **settings.model_dump(), **stage_settings(stage, enhancer)}
        failed += process_videos(plan, made, live=live, settings=done, with_lines=True)
    if failed:
        raise typer.Exit(1)


class DetectFrames:
    """Enhance the frames of one video, detect in them, and draw what was found.

    Args:
        model: the detector's file.
        stage: ahead of it, or inside it, as ``arguments["where"]`` says. A stage inside judges each frame by itself,
            and boxes are drawn on frames as they came.
        track: whether objects are numbered, the same in all frames.
        arguments: of :func:`load_detector`.
    """

    turns = True

    def __init__(self, model: str, stage: EnhancementStage, *, track: bool, **arguments: Any) -> None:
        inside = arguments["where"] != "source"
        self.resumable = not track  # a tracker's memory cannot be kept
        self._stage = None if inside else stage
        self.memory = None if inside else stage.video_memory()
        arguments["stage"] = stage if inside else None
        self._tracker = None
        if track:
            from ..adapters.ultralytics.tracker import load_tracker

            self._detector = self._tracker = load_tracker(model, **arguments)
        else:
            self._detector = load_detector(model, **arguments)
        refuse_second(self._detector, stage)

    def make(self, frame: VideoFrame) -> Made:
        start = time.perf_counter()
        image = frame.upright()
        timing = {"convert": elapsed_ms(start)}
        enhanced = True
        if self._stage is not None:
            result = self._stage.process(image, video=self.memory, seconds=frame.time)
            image, enhanced = result.image, result.enhanced
            timing |= result.timing_ms
        tracks = None
        if self._tracker is not None:
            found, tracks, steps = self._tracker.track(image)
        else:
            found, steps = self._detector.detect(image)
        enhanced = enhanced and not found.gate_passed
        timing |= steps
        start = time.perf_counter()
        drawn = _boxes_on(image, self._detector, found, tracks)
        timing["draw"] = elapsed_ms(start)
        return Made(drawn, enhanced, timing, {"enhanced": enhanced, "detections": self._listed(found, tracks)})

    def _listed(self, found: Detections, tracks: np.ndarray | None) -> list[dict[str, Any]]:
        listed = []
        for i, (box, score, label) in enumerate(zip(found.boxes, found.scores, found.labels.tolist(), strict=True)):
            one = {"box": [round(float(side), 2) for side in box], "score": round(float(score), 4)}
            one |= {"class": self._detector.names[label], "class_id": label}
            listed.append(one if tracks is None else {**one, "track": int(tracks[i])})
        return listed


def _run_on_pictures(
    sources: list[Path], folder: Path, load: partial[Detector], stage: EnhancementStage, enhancer: str, where: str
) -> int:
    """How many failed."""
    plan = plan_pictures(sources, folder, jpeg=True)
    bare = load()
    refuse_second(bare, stage)
    inside = load(stage=stage) if where != "source" else None
    failures, passed = 0, 0
    with progress_bars() as progress:
        for number, (image, target) in enumerate(plan, start=1):
            try:
                picture = read_image(image)
                result = stage.process(picture, image.name)
                passed += not result.enhanced
                without, _ = bare.detect(picture, image.name)
                behind, _ = inside.detect(picture, image.name) if inside else bare.detect(result.image, image.name)
                name = f"none and {enhancer}" if where == "beside" else enhancer
                name = name if result.enhanced else f"{enhancer} (untouched by the gate)"
                pair = [_drawn("none", picture, bare, without), _drawn(name, result.image, bare, behind)]
                write_image(target, side_by_side(pair, width=1280))
                say(f"{image}: {len(without.boxes)} objects without, {len(behind.boxes)} with {name}")
            except ScotopicError as error:
                failures += 1
                err.print(f"scotopic: {error}", style="red", highlight=False, markup=False)
            progress(enhancer, number, len(plan))
    say(f"{len(plan) - failures} of {len(plan)} pictures written to {folder}, {passed} untouched by the gate")
    return failures


def _drawn(title: str, image: np.ndarray, detector: Detector, found: Detections) -> tuple[str, np.ndarray]:
    return f"{title}: {len(found)} objects", _boxes_on(image, detector, found)


def _boxes_on(image: np.ndarray, detector: Detector, found: Detections, tracks: np.ndarray | None = None) -> np.ndarray:
    captions = [
        f"{detector.names[label]} {score:.2f}"
        for label, score in zip(found.labels.tolist(), found.scores.tolist(), strict=True)
    ]
    if tracks is not None:
        captions = [f"{number} {caption}" for number, caption in zip(tracks.tolist(), captions, strict=True)]
    return draw_boxes(image, found.boxes.tolist(), captions, [FOUND] * len(captions))


def _identity(model: str) -> list[str]:
    """What tells one detector from another without loading it: its name and the contents of its files."""
    return [model, *(f"{file} {sha256_of(file)}" for file in detector_files(model))]
