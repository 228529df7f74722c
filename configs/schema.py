"""What may stand in a preset for a command, with the defaults and the allowed ranges."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Gate = Literal["auto", "off"]
Where = Literal["source", "graph"]


class Settings(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageSettings(Settings):
    """How the enhancement stage is deployed."""

    gate: Gate = Field(default="auto", description="auto leaves daylight frames untouched; off enhances every frame")

    @field_validator("gate", mode="before")
    @classmethod
    def _yaml_off(cls, value: object) -> object:
        return "off" if value is False else value  # YAML reads the word off as a truth value

    strength: float = Field(default=1.0, ge=0, le=1, description="0 keeps the picture, 1 is the full enhancement")


class DetectorSettings(Settings):
    """How a detector is run; the defaults are those with which detectors are validated."""

    imgsz: int = Field(default=640, ge=32, description="longer side of the letterboxed picture in pixels")
    conf: float = Field(default=0.001, ge=0, le=1, description="detections below this score are left out")
    iou: float = Field(default=0.7, ge=0, le=1, description="IoU of non-maximum suppression")
    max_det: int = Field(default=300, ge=1, description="most detections an image")
    device: str | None = Field(default=None, description="cpu, cuda, cuda:1 or mps; the framework chooses unless given")
    where: Where = Field(
        default="source", description="enhance the picture before the letterbox (source), or inside (graph)"
    )


class EvaluationSettings(StageSettings, DetectorSettings):
    """All that decides a detection score besides the model, the data and the enhancer."""


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


class DetectPreset(EvaluationSettings):
    """`scotopic eval detect --config` and `scotopic compare detect --config`."""

    model: str | None = None
    data: str | None = None
    split: str | None = None
    enhancer: str | None = None
    enhancers: str | list[str] | None = None
    class_map: dict[str, str | None] | None = None
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
    seed: int | None = None
    out: str | None = None
