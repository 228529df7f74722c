"""What may stand in a preset for a command, with the defaults and the allowed ranges."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Where = Literal["source", "graph"]
DetectorWhere = Literal["source", "graph", "beside"]


class Settings(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageSettings(Settings):
    """How the enhancement stage is deployed."""

    gate: str = Field(
        default="auto",
        description="auto leaves daylight frames untouched, off enhances every frame; or a YAML file of data gate-fit",
    )

    @field_validator("gate", mode="before")
    @classmethod
    def _yaml_off(cls, value: object) -> object:
        return "off" if value is False else value  # YAML reads the word off as a truth value

    @field_validator("gate")
    @classmethod
    def _word_or_file(cls, value: str) -> str:
        if value not in ("auto", "off") and not value.endswith((".yaml", ".yml")):
            raise ValueError("write auto or off, or the YAML file that `scotopic data gate-fit` wrote")
        return value

    strength: float = Field(default=1.0, ge=0, le=1, description="0 keeps the picture, 1 is the full enhancement")


class ModelSettings(Settings):
    """How any model is run."""

    device: str | None = Field(default=None, description="cpu, cuda, cuda:1 or mps; the framework chooses unless given")


class DetectorSettings(ModelSettings):
    """How a detector is run; the defaults are those with which detectors are validated."""

    where: DetectorWhere = Field(
        default="source",
        description="enhance the picture before the model's own resizing (source), or inside (graph); or look twice, "
        "at the picture as it is and at the enhanced one, and keep the boxes of both (beside)",
    )
    imgsz: int | None = Field(
        default=None,
        ge=32,
        description="longer side of the letterboxed picture in pixels; 640, or what suits a net of ours, unless given",
    )
    conf: float = Field(default=0.001, ge=0, le=1, description="detections below this score are left out")
    iou: float = Field(default=0.7, ge=0, le=1, description="IoU of non-maximum suppression")
    max_det: int = Field(default=300, ge=1, description="most detections an image")


class SegmenterOptions(ModelSettings):
    """How a segmentation net is run."""

    where: Where = Field(
        default="source", description="enhance the picture before the model's own resizing (source), or inside (graph)"
    )
    input_size: tuple[int, int] | None = Field(
        default=None,
        description="HEIGHTxWIDTH of what the net sees, in pixels; the net's own or the picture's unless given",
    )

    @field_validator("input_size", mode="before")
    @classmethod
    def _height_x_width(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        height, _, width = value.partition("x")
        if not (height.isdecimal() and width.isdecimal()):
            raise ValueError("write HEIGHTxWIDTH such as 512x1024")
        return int(height), int(width)

    @field_validator("input_size")
    @classmethod
    def _large_enough(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and min(value) < 32:
            raise ValueError("a net needs at least 32 pixels each way")
        return value


class EvaluationSettings(StageSettings, DetectorSettings):
    """All that decides a detection score besides the model, the data and the enhancer."""


class SegmentationSettings(StageSettings, SegmenterOptions):
    """All that decides a segmentation score besides the net, the data and the enhancer."""


class QualityProtocol(Settings):
    """What is compared with what, where a picture has a well-lit reference.

    >>> QualityProtocol().color
    'rgb'
    """

    color: Literal["rgb", "luma"] = Field(
        default="rgb", description="over the three channels, or on BT.601 luma (0.299 R + 0.587 G + 0.114 B)"
    )
    match_mean: bool = Field(
        default=False,
        description="scale the enhanced picture to the reference's mean luma first, which forgives wrong brightness",
    )
    crop: int = Field(default=0, ge=0, description="pixels cut off at each border before anything is measured")


class CleanSettings(Settings):
    """Where the truth comes from, if not from labels."""

    reference: str | None = Field(
        default=None,
        description="clean: what the model itself sees in the well-lit originals is the truth, no labels are needed; "
        "or the FOLDER of the originals",
    )


class CleanDetectionSettings(CleanSettings):
    """The same for boxes, which need a score from which on they count."""

    reference_score: float = Field(
        default=0.25, ge=0, le=1, description="what the detector finds in an original from this score on is the truth"
    )


class QualitySettings(StageSettings, QualityProtocol):
    """All that decides how good a picture looks besides the pictures and the enhancer."""

    brisque: str | None = Field(
        default=None, description="BRISQUE's model, a .yml of OpenCV or LIBSVM's text, with its range beside it"
    )
    niqe: str | None = Field(default=None, description="NIQE's parameters, an .npz with mu_pris_param, cov_pris_param")
    lpips: str | None = Field(
        default=None,
        description="LPIPS's backbone, torchvision's own state dict of its AlexNet, VGG16 or SqueezeNet 1.1, a .pth",
    )
    pyiqa: list[str] = Field(
        default=[], description="more metrics, by their names in the package pyiqa: unique,musiq,..."
    )

    @field_validator("pyiqa", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if value is None:
            return []
        if not isinstance(value, str):
            return value
        return list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


class EnhancePreset(StageSettings):
    """`scotopic enhance --config`."""

    enhancer: str | None = None
    out: str | None = None


class ListPreset(Settings):
    """`scotopic list --config`."""

    pattern: str | None = None


class PlotPreset(Settings):
    """`scotopic plot factor --config`."""

    enhancer: str | None = None
    out: str | None = None


class RunPreset(EvaluationSettings):
    """`scotopic run --config`."""

    model: str | None = None
    enhancer: str | None = None
    out: str | None = None


class ComparisonPreset(Settings):
    """What is compared on what, whatever the task."""

    model: str | None = None
    data: str | None = None
    split: str | None = None
    enhancer: str | None = None
    enhancers: str | list[str] | None = None
    pictures: int | None = Field(default=None, ge=0)
    out: str | None = None


class Condition(Settings):
    """One of several kinds of light under which the same model and enhancers are compared."""

    data: str | None = None
    split: str | None = None
    darken: str | None = Field(default=None, description="recipe by which the set is darkened first")
    gate: str | None = None

    @field_validator("gate", mode="before")
    @classmethod
    def _yaml_off(cls, value: object) -> object:
        return "off" if value is False else value


class DetectPreset(EvaluationSettings, CleanDetectionSettings, ComparisonPreset):
    """`scotopic eval detect --config` and `scotopic compare detect --config`."""

    class_map: dict[str, str | None] | None = None
    conditions: dict[str, Condition] | None = None


class SegmentPreset(SegmentationSettings, CleanSettings, ComparisonPreset):
    """`scotopic eval segment --config` and `scotopic compare segment --config`."""

    class_map: dict[str, str | list[str] | None] | None = None
    conditions: dict[str, Condition] | None = None


class QualityPreset(QualitySettings):
    """`scotopic eval quality --config` and `scotopic compare quality --config`."""

    data: str | None = None
    split: str | None = None
    reference: str | None = None
    enhancer: str | None = None
    enhancers: str | list[str] | None = None
    against: str | None = None
    pictures: int | None = Field(default=None, ge=0)
    out: str | None = None


class DarkBDDPreset(Settings):
    """`scotopic data darkbdd --config`."""

    bdd: str | None = None
    count: int | None = Field(default=None, ge=1)
    manifest: str | None = None
    out: str | None = None


class DemoPreset(Settings):
    """`scotopic demo --config`."""

    model: str | None = None
    enhancers: str | list[str] | None = None
    seed: int | None = None
    out: str | None = None
