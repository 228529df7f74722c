"""`scotopic compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..configs.schema import DetectPreset, QualityPreset, SegmentPreset
from ..pipeline.registry import DEFAULT
from .detect import detect
from .options import (
    CLEAN_DEFAULTS,
    DEFAULTS,
    ENHANCERS_HELP,
    SEGMENTER_DEFAULTS,
    AgainstOption,
    BrisqueOption,
    ClassGroupsOption,
    ClassMapOption,
    CleanOption,
    ColorOption,
    ConfOption,
    CropOption,
    DataOption,
    DeviceOption,
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
    enhancer_specs,
    preset_option,
)
from .quality import quality
from .segment import DEFAULT_MODEL, segment

app = typer.Typer(help="Measure many enhancers ahead of the same model on the same images.", no_args_is_help=True)
EnhancersOption = Annotated[str, typer.Option(help=ENHANCERS_HELP)]
USUAL = f"none,gamma,clahe,sgz,{DEFAULT}"


@app.command("detect")
def compare_detect(
    context: typer.Context,
    model: ModelOption = None,
    data: DataOption = None,
    split: SplitOption = None,
    reference: CleanOption = None,
    reference_score: ReferenceScoreOption = CLEAN_DEFAULTS.reference_score,
    enhancers: EnhancersOption = USUAL,
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
    detect(context, enhancer_specs(enhancers))


@app.command("segment")
def compare_segment(
    context: typer.Context,
    model: SegmenterOption = DEFAULT_MODEL,
    data: MasksOption = None,
    split: SplitOption = None,
    reference: CleanOption = None,
    enhancers: EnhancersOption = USUAL,
    out: OutOption = None,
    gate: GateOption = "off",
    strength: StrengthOption = DEFAULTS.strength,
    where: SegmenterWhereOption = SEGMENTER_DEFAULTS.where,
    input_size: InputSizeOption = None,
    device: DeviceOption = DEFAULTS.device,
    class_map: ClassGroupsOption = None,
    pictures: PicturesOption = 4,
    config: Annotated[str | None, preset_option(SegmentPreset, "eval")] = None,
) -> None:
    """mIoU of a frozen net behind each enhancer; the gate is off, so that the enhancers themselves are measured."""
    segment(context, enhancer_specs(enhancers))


@app.command("quality")
def compare_quality(
    context: typer.Context,
    data: LookOption = None,
    split: SplitOption = None,
    reference: ReferenceOption = None,
    enhancers: EnhancersOption = USUAL,
    out: OutOption = None,
    gate: GateOption = "off",
    strength: StrengthOption = DEFAULTS.strength,
    color: ColorOption = "rgb",
    match_mean: MatchMeanOption = False,
    crop: CropOption = 0,
    brisque: BrisqueOption = None,
    niqe: NiqeOption = None,
    lpips: LpipsOption = None,
    pyiqa: PyiqaOption = None,
    against: AgainstOption = None,
    pictures: SheetOption = 4,
    config: Annotated[str | None, preset_option(QualityPreset, "eval")] = None,
) -> None:
    """How the pictures of each enhancer look: PSNR, SSIM and MSE against references, BRISQUE and NIQE without."""
    quality(context, enhancer_specs(enhancers))
