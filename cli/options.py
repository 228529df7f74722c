"""Options that several commands share, and presets for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from pydantic import BaseModel

from .. import configs
from ..configs.checks import read_yaml, validate
from ..configs.schema import (
    CleanDetectionSettings,
    DetectorWhere,
    EvaluationSettings,
    QualitySettings,
    SegmentationSettings,
    Where,
)
from ..errors import ScotopicError, nearest
from ..pipeline.registry import expand_specs, split_specs

DEFAULTS = EvaluationSettings()
SEGMENTER_DEFAULTS = SegmentationSettings()
CLEAN_DEFAULTS = CleanDetectionSettings()
CONDITIONS = "conditions of the preset"
"""Where a preset's conditions stand in ``context.meta``."""
Schema = TypeVar("Schema", bound=BaseModel)


def help_of(name: str) -> str:
    """The help of an option is the description of its field in the schema."""
    schemas = (CleanDetectionSettings, QualitySettings, SegmentationSettings, EvaluationSettings)
    fields = {key: field for schema in schemas for key, field in schema.model_fields.items()}
    return fields[name].description or ""


ModelOption = Annotated[
    str | None, typer.Option("--model", help="Detector: street (our own), yolo11n.pt, an .onnx, ...")
]
SegmenterOption = Annotated[
    str, typer.Option("--model", help="Segmentation net: road (our own), a folder, an .onnx, torchvision:NAME, ...")
]
EnhancerOption = Annotated[str, typer.Option("--enhancer", help="Name, or name[key=value]; see scotopic list.")]
ENHANCERS_HELP = "Comma-separated names, or patterns such as '*dce*' and '*'; see scotopic list."
OutOption = Annotated[Path | None, typer.Option("-o", "--out", help="Folder for what is written.")]
GateOption = Annotated[str, typer.Option("--gate", metavar="auto|off|FILE", help=help_of("gate"))]
StrengthOption = Annotated[float, typer.Option("--strength", help=help_of("strength"))]
WhereOption = Annotated[DetectorWhere, typer.Option("--where", help=help_of("where"))]
SegmenterWhereOption = Annotated[
    Where, typer.Option("--where", help=SegmentationSettings.model_fields["where"].description)
]
ImgszOption = Annotated[int | None, typer.Option("--imgsz", help=help_of("imgsz"))]
ConfOption = Annotated[float, typer.Option("--conf", help=help_of("conf"))]
IouOption = Annotated[float, typer.Option("--iou", help=help_of("iou"))]
MaxDetOption = Annotated[int, typer.Option("--max-det", help=help_of("max_det"))]
InputSizeOption = Annotated[
    str | None, typer.Option("--input-size", metavar="HEIGHTxWIDTH", help=help_of("input_size"))
]
DeviceOption = Annotated[str | None, typer.Option("--device", help=help_of("device"))]
DataOption = Annotated[
    str | None, typer.Option("--data", help="Folder, data.yaml, annotation file, or a preset's name.")
]
MasksOption = Annotated[
    str | None, typer.Option("--data", help="Folder with images and masks, preset file, or a preset's name.")
]
SplitOption = Annotated[
    str | None, typer.Option("--split", help="Which images: a split's name, COLUMN=VALUE, or a list file.")
]
ClassMapOption = Annotated[
    str | None, typer.Option("--class-map", help="SET_CLASS=MODEL_CLASS,...; an empty right side leaves it out.")
]
ClassGroupsOption = Annotated[
    str | None,
    typer.Option("--class-map", help="SET_CLASS=NET_CLASS+NET_CLASS,...; an empty right side leaves it out."),
]
LookOption = Annotated[
    str | None,
    typer.Option(
        "--data", help="Folder of pictures, of low/ and high/ side by side, any data set, or a preset's name."
    ),
]
ReferenceOption = Annotated[
    str | None, typer.Option("--reference", help="Folder with the well-lit pictures, under the same names.")
]
CleanOption = Annotated[str | None, typer.Option("--reference", metavar="clean|FOLDER", help=help_of("reference"))]
ReferenceScoreOption = Annotated[float, typer.Option("--reference-score", help=help_of("reference_score"))]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="RESULTS.JSON",
        help="Correlate with the mAP or mIoU of the same enhancers in an earlier compare detect or compare segment.",
    ),
]
ColorOption = Annotated[Literal["rgb", "luma"], typer.Option("--color", help=help_of("color"))]
MatchMeanOption = Annotated[bool, typer.Option("--match-mean", help=help_of("match_mean"))]
CropOption = Annotated[int, typer.Option("--crop", help=help_of("crop"))]
BrisqueOption = Annotated[str | None, typer.Option("--brisque", metavar="FILE", help=help_of("brisque"))]
NiqeOption = Annotated[str | None, typer.Option("--niqe", metavar="FILE", help=help_of("niqe"))]
LpipsOption = Annotated[str | None, typer.Option("--lpips", metavar="FILE", help=help_of("lpips"))]
PyiqaOption = Annotated[str | None, typer.Option("--pyiqa", metavar="NAME,...", help=help_of("pyiqa"))]
SheetOption = Annotated[int, typer.Option("--pictures", min=0, help="Pictures on the contact sheet.")]
PicturesOption = Annotated[
    int, typer.Option("--pictures", min=0, help="Pictures drawn of the largest gains and losses each.")
]


def preset_option(schema: type[BaseModel], room: str | None = None) -> Any:
    """`--config NAME`: the values of a preset take the place of the defaults; options on the command line win.

    Args:
        schema: what may stand in the preset.
        room: folder of configs/ in which a name is looked up; None where no presets are shipped.
    """

    def load(context: typer.Context, value: str | None) -> str | None:
        if value is not None:
            preset = validate(schema, read_yaml(find_preset(value, room)), value)
            given = preset.model_dump(exclude_unset=True, exclude_none=True)
            if given.pop("conditions", None):  # no option could say them
                context.meta[CONDITIONS] = preset.conditions  # type: ignore[attr-defined]
            known = {parameter.name for parameter in context.command.params}
            for key in given.keys() - known:
                raise ScotopicError(
                    f"{value}: {context.info_name} has no option '{key}': {nearest(key, known - {'config'})}"
                )
            context.default_map = {key: _as_text(item) for key, item in given.items()}
        return value

    help = f"YAML preset: a file, or one of configs/{room}." if room else "YAML preset, a file."
    metavar = "NAME|FILE" if room else "FILE"
    return typer.Option("--config", callback=load, is_eager=True, metavar=metavar, help=help)


def find_preset(name: str, room: str | None = None) -> Path:
    """A preset file of the user's, or the shipped one of that name.

    Raises:
        ScotopicError: there is neither.
    """
    if Path(name).is_file():
        return Path(name)
    if room is None:
        raise ScotopicError(f"no preset file at {name}: check the path")
    shipped = {path.stem: path for path in (Path(configs.__file__).parent / room).glob("*.yaml")}
    if name not in shipped:
        raise ScotopicError(f"no preset '{name}', neither a file nor a name: {nearest(name, shipped)}")
    return shipped[name]


def _as_text(value: Any) -> Any:
    """Lists and mappings as they would stand on the command line."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, tuple):  # a size
        return "x".join(map(str, value))
    return ",".join(value) if isinstance(value, list) else value


def checked_settings(context: typer.Context, schema: type[Schema]) -> Schema:
    """Those of a command's options that decide a score, checked.

    Raises:
        ScotopicError: a value is out of its range.
    """
    given = {name: context.params[name] for name in schema.model_fields}
    return validate(schema, given, "the command line")


def given(context: typer.Context, name: str) -> bool:
    """Whether an option stood on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def enhancer_specs(text: str, example: str = "none,clahe,sgz") -> list[str]:
    """What ``--enhancers`` means: names, with arguments or without, and patterns.

    Raises:
        ScotopicError: it names none, or a pattern fits nothing.
    """
    specs = expand_specs(split_specs(text))
    if not specs:
        raise ScotopicError(f"--enhancers names none: give names such as {example}")
    return specs


def parse_class_map(text: str | None) -> dict[str, str | None]:
    """``bike=bicycle,sign=`` -> class of the set to class of the model; nothing behind the sign leaves it out.

    >>> parse_class_map("bike=bicycle,traffic sign=")
    {'bike': 'bicycle', 'traffic sign': None}
    """
    if text and text.startswith("{"):  # from a preset, where names may hold commas
        return json.loads(text)
    pairs: dict[str, str | None] = {}
    for part in filter(None, (p.strip() for p in (text or "").split(","))):
        name, equals, partner = part.partition("=")
        if not equals or not name.strip():
            raise ScotopicError(f"cannot read {part!r} in the class map: write SET_CLASS=MODEL_CLASS,...")
        if name.strip() in pairs:
            raise ScotopicError(f"the class map says {name.strip()!r} twice: keep one of them")
        pairs[name.strip()] = partner.strip() or None
    return pairs


def parse_class_groups(text: str | None) -> dict[str, list[str] | None]:
    """As :func:`parse_class_map`, with several classes of the net for one of the set.

    >>> parse_class_groups("Car=car+truck,Fence=")
    {'Car': ['car', 'truck'], 'Fence': None}
    """
    pairs: dict[str, Any] = parse_class_map(text)
    return {
        name: [part.strip() for part in partner.split("+")] if isinstance(partner, str) else partner
        for name, partner in pairs.items()
    }


def required(value: Any, option: str, example: str) -> Any:
    """For options that may come from a preset or from the command line, but must come.

    Raises:
        ScotopicError: it came from neither.
    """
    if value is None:
        raise ScotopicError(f"{option} is missing: give {option} {example}")
    return value
