"""`scotopic eval`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..configs.schema import DetectPreset, QualityPreset, SegmentPreset
from ..pipeline.registry import DEFAULT
from .detect import detect
from .flicker import flicker
from .options import (
    CLEAN_DEFAULTS,
    DEFAULTS,
    SEGMENTER_DEFAULTS,
    BrisqueOption,
    ClassGroupsOption,
    ClassMapOption,
    CleanOption,
    ColorOption,
    ConfOption,
    CropOption,
    DataOption,
    DeviceOption,
    EnhancerOption,
    GateOption,
    ImgszOption,
    InputSizeOption,
    IouOption,
    LookOption,
    LpipsOption,
    MasksOption,
    MatchMeanOption,
    MaxDetOption,
    ModelOption,
    NiqeOption,
    OutOption,
    PicturesOption,
    PyiqaOption,
    ReferenceOption,
    ReferenceScoreOption,
    SegmenterOption,
    SegmenterWhereOption,
    SheetOption,
    SplitOption,
    StrengthOption,
    WhereOption,
    preset_option,
)
from .quality import quality
from .segment import DEFAULT_MODEL, segment

app = typer.Typer(help="Measure one enhancer as it is deployed, without and with.", no_args_is_help=True)
app.command("flicker")(flicker)


@app.command("detect")
def eval_detect(
    context: typer.Context,
    model: ModelOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    reference: CleanOption = None,
    reference_score: ReferenceScoreOption = CLEAN_DEFAULTS.reference_score,
    enhancer: EnhancerOption = DEFAULT,
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


@app.command("segment")
def eval_segment(
    context: typer.Context,
    model: SegmenterOption = DEFAULT_MODEL,
    data: MasksOption = None,
    split: SplitOption = None,
    reference: CleanOption = None,
    enhancer: EnhancerOption = DEFAULT,
    out: OutOption = None,
    gate: GateOption = "auto",
    strength: StrengthOption = DEFAULTS.strength,
    where: SegmenterWhereOption = SEGMENTER_DEFAULTS.where,
    input_size: InputSizeOption = None,
    device: DeviceOption = DEFAULTS.device,
    class_map: ClassGroupsOption = None,
    pictures: PicturesOption = 4,
    config: Annotated[str | None, preset_option(SegmentPreset, "eval")] = None,
) -> None:
    """mIoU of a frozen segmentation net without an enhancer and with one, the gate on as it is deployed."""
    segment(context, [enhancer])


@app.command("quality")
def eval_quality(
    context: typer.Context,
    data: LookOption = None,
    split: SplitOption = None,
    reference: ReferenceOption = None,
    enhancer: EnhancerOption = DEFAULT,
    out: OutOption = None,
    gate: GateOption = "auto",
    strength: StrengthOption = DEFAULTS.strength,
    color: ColorOption = "rgb",
    match_mean: MatchMeanOption = False,
    crop: CropOption = 0,
    brisque: BrisqueOption = None,
    niqe: NiqeOption = None,
    lpips: LpipsOption = None,
    pyiqa: PyiqaOption = None,
    pictures: SheetOption = 4,
    config: Annotated[str | None, preset_option(QualityPreset, "eval")] = None,
) -> None:
    """How pictures look without an enhancer and with one: PSNR, SSIM, MSE against references, BRISQUE, NIQE alone."""
    quality(context, [enhancer])
