"""`scotopic run`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..adapters.contract import Detections, Detector
from ..adapters.detectors import load_detector
from ..configs.schema import DetectorSettings, EvaluationSettings, RunPreset
from ..errors import ScotopicError
from ..eval.detection import CONFIDENCE
from ..eval.report.pictures import FOUND, draw_boxes, side_by_side
from ..files import output_folder
from ..pipeline.image import read_image, write_image
from ..pipeline.stage import EnhancementStage
from .console import err, progress_bars, say
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
from .pictures import plan_pictures


def run_model(
    context: typer.Context,
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Images and folders of images.")],
    model: ModelOption = None,
    out: OutOption = None,
    enhancer: EnhancerOption = "sgz",
    gate: GateOption = DEFAULTS.gate,
    strength: StrengthOption = DEFAULTS.strength,
    where: WhereOption = DEFAULTS.where,
    imgsz: ImgszOption = DEFAULTS.imgsz,
    conf: ConfOption = CONFIDENCE,
    iou: IouOption = DEFAULTS.iou,
    max_det: MaxDetOption = DEFAULTS.max_det,
    device: DeviceOption = DEFAULTS.device,
    config: Annotated[str | None, preset_option(RunPreset)] = None,
) -> None:
    """Draw a detector's boxes without and with an enhancer, side by side."""
    folder = output_folder(required(out, "--out", "FOLDER"))
    settings = checked_settings(context, EvaluationSettings)
    stage = EnhancementStage(enhancer, gate=settings.gate, strength=settings.strength)
    path = required(model, "--model", "yolo11n.pt")
    plan = plan_pictures(sources, folder, jpeg=True)
    load = partial(
        load_detector, path, download=True, **settings.model_dump(include=set(DetectorSettings.model_fields))
    )
    bare = load()
    inside = load(stage=stage) if settings.where == "graph" else None
    failures, passed = 0, 0
    with progress_bars() as progress:
        for number, (image, target) in enumerate(plan, start=1):
            try:
                picture = read_image(image)
                result = stage.process(picture, image.name)
                passed += not result.enhanced
                without, _ = bare.detect(picture, image.name)
                behind, _ = inside.detect(picture, image.name) if inside else bare.detect(result.image, image.name)
                name = enhancer if result.enhanced else f"{enhancer} (untouched by the gate)"
                pair = [_drawn("none", picture, bare, without), _drawn(name, result.image, bare, behind)]
                write_image(target, side_by_side(pair, width=1280))
                say(f"{image}: {len(without.boxes)} objects without, {len(behind.boxes)} with {name}")
            except ScotopicError as error:
                failures += 1
                err.print(f"scotopic: {error}", style="red", highlight=False, markup=False)
            progress(enhancer, number, len(plan))
    say(f"{len(plan) - failures} of {len(plan)} pictures written to {folder}, {passed} untouched by the gate")
    if failures:
        raise typer.Exit(1)


def _drawn(title: str, image: np.ndarray, detector: Detector, found: Detections) -> tuple[str, np.ndarray]:
    captions = [
        f"{detector.names[label]} {score:.2f}"
        for label, score in zip(found.labels.tolist(), found.scores.tolist(), strict=True)
    ]
    return f"{title}: {len(captions)} objects", draw_boxes(
        image, found.boxes.tolist(), captions, [FOUND] * len(captions)
    )
