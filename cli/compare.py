"""`scotopic compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..configs.schema import DetectPreset
from ..errors import ScotopicError
from ..pipeline.registry import split_specs
from .detect import detect
from .options import (
    DEFAULTS,
    ClassMapOption,
    ConfOption,
    DataOption,
    DeviceOption,
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

app = typer.Typer(help="Measure many enhancers ahead of the same model on the same images.", no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Keeps `detect` a command of its own while it is the only one."""


@app.command("detect")
def compare_detect(
    context: typer.Context,
    model: ModelOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    enhancers: Annotated[str, typer.Option(help="Comma-separated names; see scotopic list.")] = "none,gamma,clahe,sgz",
    out: OutOption = None,
    gate: GateOption = "off",
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
    """mAP of a frozen detector behind each enhancer; the gate is off, so that the enhancers themselves are measured."""
    specs = split_specs(enhancers)
    if not specs:
        raise ScotopicError("--enhancers names none: give names such as none,clahe,sgz")
    detect(context, specs)
