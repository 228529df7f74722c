"""`scotopic eval`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..configs.schema import DetectPreset
from .detect import detect
from .options import (
    DEFAULTS,
    ClassMapOption,
    ConfOption,
    DataOption,
    DeviceOption,
    EnhancerOption,
    GateOption,
    ImgszOption,
    IouOption,
    MaxDetOption,
    ModelOption,
    OutOption,
    PicturesOption,
    SplitOption,
    StrengthOption,
    WhereOption,
    preset_option,
)

app = typer.Typer(help="Measure one enhancer as it is deployed, without and with.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps `detect` a command of its own while it is the only one."""


@app.command("detect")
def eval_detect(
    context: typer.Context,
    model: ModelOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    enhancer: EnhancerOption = "sgz",
    out: OutOption = None,
    gate: GateOption = "auto",
    strength: StrengthOption = DEFAULTS.strength,
    where: WhereOption = DEFAULTS.where,
    imgsz: ImgszOption = DEFAULTS.imgsz,
    conf: ConfOption = DEFAULTS.conf,
    iou: IouOption = DEFAULTS.iou,
    max_det: MaxDetOption = DEFAULTS.max_det,
    device: DeviceOption = DEFAULTS.device,
    class_map: ClassMapOption = None,
    pictures: PicturesOption = 4,
    config: Annotated[str | None, preset_option(DetectPreset, "eval")] = None,
) -> None:
    """mAP of a frozen detector without an enhancer and with one, the gate on as it is deployed."""
    detect(context, [enhancer])
