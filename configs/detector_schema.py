"""What a preset for training a detector may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from .checks import read_preset, validate

PRESETS = Path(__file__).parent / "detector"


class DetectorTrainSettings(BaseModel):
    """How a detector is trained: a YOLO on an EfficientNet-Lite0 encoder.

    Attributes:
        name: the files of the net are ``<name>.safetensors`` and ``<name>.yaml``.
        neck: channels of the neck's maps at 1/8, 1/16 and 1/32 of the picture's size.
        data: folder or preset of the labelled set.
        split: which of its images.
        hold_back: each so-manieth image, by id, is kept out of training, and the net is scored on those.
        score_every: epochs between two scores; the last epoch is always scored.
        size: side of the square training pictures in pixels.
        input_size: longer side of the pictures that the net is scored with, and that it asks for when it is used.
        mosaic: share of the training pictures that are put together from four.
        plain_epochs: the last epochs, in which none is.
        scale, translate: the most that a picture is resized and moved, as a share of its size.
        hue, saturation, brightness: the most that each is changed by, as a share up or down.
        batch: pictures per step; batch normalisation wants at least 4.
        epochs: passes over the pictures.
        learning_rate: of AdamW for neck and head, at its highest.
        encoder_rate: the encoder's learning rate as a share of it.
        frozen_stages: stages of the encoder, after its stem, that stay as ImageNet left them; the stem does if any
            stage does.
        weight_decay: of AdamW.
        average: decay of the moving average of the parameters, which is the net that is scored and written.
        seed: of the initialisation, the order of the pictures and their augmentation.
        device: ``auto`` takes CUDA where there is one.

    >>> DetectorTrainSettings(size=64).size
    64
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # These may change between a run and its continuation without making it another run.
    may_change: ClassVar[frozenset[str]] = frozenset({"data", "name", "device"})

    name: str = Field(default="detector", pattern=r"^[\w.-]+$")
    neck: tuple[int, int, int] = (96, 128, 192)
    data: str | None = None
    split: str | None = None
    hold_back: int = Field(default=10, ge=2)
    score_every: int = Field(default=5, ge=1)
    size: int = Field(default=320, ge=64, multiple_of=32)
    input_size: int = Field(default=384, ge=64, multiple_of=32)
    mosaic: float = Field(default=1.0, ge=0, le=1)
    plain_epochs: int = Field(default=10, ge=0)
    scale: float = Field(default=0.5, ge=0, lt=1)
    translate: float = Field(default=0.1, ge=0, le=1)
    hue: float = Field(default=0.015, ge=0, le=0.5)
    saturation: float = Field(default=0.5, ge=0, lt=1)
    brightness: float = Field(default=0.3, ge=0, lt=1)
    batch: int = Field(default=16, ge=2)
    epochs: int = Field(default=40, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_rate: float = Field(default=0.3, ge=0)
    frozen_stages: int = Field(default=2, ge=0, le=6)
    weight_decay: float = Field(default=2e-2, ge=0)
    average: float = Field(default=0.995, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda"] = "auto"


def list_detector_presets() -> list[str]:
    """The names of the shipped presets for training a detector, sorted.

    >>> list_detector_presets()
    ['street']
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_detector_settings(preset: str | Path, data: str | None = None, **changes: Any) -> DetectorTrainSettings:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Args:
        preset: such as ``"street"`` or ``"mine.yaml"``.
        data: folder or preset of the labelled set; the preset's own, if it names one, when None.
        **changes: settings that take the place of the preset's.

    Raises:
        ScotopicError: there is no such preset, or it or a change does not fit the schema.

    >>> load_detector_settings("street", epochs=3).epochs
    3
    >>> load_detector_settings("stret")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no preset 'stret' for training a detector: did you mean 'street'? Known: street
    """
    own = read_preset(PRESETS, preset, "no preset '{}' for training a detector")
    if data is not None:
        changes["data"] = data
    return validate(DetectorTrainSettings, {**own, **changes}, str(preset))
