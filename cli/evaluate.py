"""`scotopic eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..configs.schema import DetectPreset, Gate, Where
from .detect import detect
from .options import DEFAULTS, help_of, parse_class_map, preset_option, required

app = typer.Typer(help="Measure one enhancer as it is deployed, without and with.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps `detect` a command of its own while it is the only one."""


@app.command("detect")
def eval_detect(
    model: Annotated[str | None, typer.Option(help="Detector: yolo11n.pt, an exported .onnx, ...")] = None,
    data: Annotated[str | None, typer.Option(help="Folder, data.yaml, annotation file, or a preset's name.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Which images: a split's name, COLUMN=VALUE, or a list file.")
    ] = None,
    enhancer: Annotated[str, typer.Option(help="Name, or name[key=value]; see scotopic list.")] = "sgz",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the results.")] = None,
    gate: Annotated[Gate, typer.Option(help=help_of("gate"))] = "auto",
    strength: Annotated[float, typer.Option(help=help_of("strength"))] = DEFAULTS.strength,
    where: Annotated[Where, typer.Option(help=help_of("where"))] = DEFAULTS.where,
    imgsz: Annotated[int, typer.Option(help=help_of("imgsz"))] = DEFAULTS.imgsz,
    conf: Annotated[float, typer.Option(help=help_of("conf"))] = DEFAULTS.conf,
    iou: Annotated[float, typer.Option(help=help_of("iou"))] = DEFAULTS.iou,
    max_det: Annotated[int, typer.Option(help=help_of("max_det"))] = DEFAULTS.max_det,
    device: Annotated[str | None, typer.Option(help=help_of("device"))] = DEFAULTS.device,
    class_map: Annotated[
        str | None, typer.Option(help="SET_CLASS=MODEL_CLASS,...; an empty right side leaves it out.")
    ] = None,
    pictures: Annotated[int, typer.Option(help="Pictures drawn of the largest gains and losses each.")] = 4,
    config: Annotated[str | None, preset_option("eval", DetectPreset)] = None,
) -> None:
    """mAP of a frozen detector without an enhancer and with one, the gate on as it is deployed."""
    options = {
        "gate": gate, "strength": strength, "where": where, "imgsz": imgsz,
        "conf": conf, "iou": iou, "max_det": max_det, "device": device,
    }  # fmt: skip
    detect(
        required(model, "--model", "yolo11n.pt"),
        required(data, "--data", "darkbdd"),
        split,
        [enhancer],
        required(out, "--out", "FOLDER"),
        parse_class_map(class_map),
        pictures,
        options,
    )
