"""`scotopic run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..adapters.contract import Detections, Detector
from ..adapters.detectors import load_detector
from ..configs.checks import validate
from ..configs.schema import EvaluationSettings, Gate, RunPreset, Where
from ..errors import ScotopicError
from ..eval.detection import CONFIDENCE
from ..eval.report.pictures import FOUND, draw_boxes, side_by_side
from ..files import output_folder
from ..pipeline.image import find_images, read_image, write_image
from ..pipeline.stage import EnhancementStage
from .console import err, progress_bars, say
from .options import DEFAULTS, help_of, preset_option, required


def run_model(
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Images and folders of images.")],
    model: Annotated[str | None, typer.Option(help="Detector: yolo11n.pt, an exported .onnx, ...")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the drawn pictures.")] = None,
    enhancer: Annotated[str, typer.Option(help="Name, or name[key=value]; see scotopic list.")] = "sgz",
    gate: Annotated[Gate, typer.Option(help=help_of("gate"))] = "auto",
    strength: Annotated[float, typer.Option(help=help_of("strength"))] = DEFAULTS.strength,
    where: Annotated[Where, typer.Option(help=help_of("where"))] = DEFAULTS.where,
    imgsz: Annotated[int, typer.Option(help=help_of("imgsz"))] = DEFAULTS.imgsz,
    conf: Annotated[float, typer.Option(help=help_of("conf"))] = CONFIDENCE,
    iou: Annotated[float, typer.Option(help=help_of("iou"))] = DEFAULTS.iou,
    max_det: Annotated[int, typer.Option(help=help_of("max_det"))] = DEFAULTS.max_det,
    device: Annotated[str | None, typer.Option(help=help_of("device"))] = DEFAULTS.device,
    config: Annotated[str | None, preset_option("eval", RunPreset)] = None,
) -> None:
    """Draw a detector's boxes without and with an enhancer, side by side."""
    folder = output_folder(required(out, "--out", "FOLDER"))
    options = {
        "gate": gate, "strength": strength, "where": where, "imgsz": imgsz,
        "conf": conf, "iou": iou, "max_det": max_det, "device": device,
    }  # fmt: skip
    settings = validate(EvaluationSettings, options, "the command line")
    stage = EnhancementStage(enhancer, gate=settings.gate, strength=settings.strength)
    path = required(model, "--model", "yolo11n.pt")
    arguments = settings.model_dump(exclude={"gate", "strength", "where"})
    bare = load_detector(path, download=True, **arguments)
    inside = load_detector(path, download=True, stage=stage, where="graph", **arguments) if where == "graph" else None
    images = find_images(sources)
    failures, passed = 0, 0
    with progress_bars() as progress:
        for number, (image, relative) in enumerate(images, start=1):
            try:
                picture = read_image(image)
                result = stage.process(picture, image.name)
                passed += not result.enhanced
                without, _ = bare.detect(picture, image.name)
                behind, _ = inside.detect(picture, image.name) if inside else bare.detect(result.image, image.name)
                name = enhancer if result.enhanced else f"{enhancer} (untouched by the gate)"
                pair = [_drawn("none", picture, bare, without), _drawn(name, result.image, bare, behind)]
                write_image((folder / relative).with_suffix(".jpg"), side_by_side(pair, width=1280))
                say(f"{relative}: {len(without.boxes)} objects without, {len(behind.boxes)} with {name}")
            except ScotopicError as error:
                failures += 1
                err.print(f"scotopic: {error}", style="red", highlight=False, markup=False)
            progress(enhancer, number, len(images))
    say(f"{len(images) - failures} of {len(images)} pictures written to {folder}, {passed} untouched by the gate")
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
