"""What a preset for training a segmentation net may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .checks import read_preset, validate

PRESETS = Path(__file__).parent / "segmenter"
STRIDE = 32


class SegmenterSettings(BaseModel):
    """How a segmentation net is trained.

    Attributes:
        name: the files of the net are ``<name>.safetensors`` and ``<name>.yaml``.
        architecture: ``FPN`` or ``Unet`` of segmentation-models-pytorch, on an EfficientNet-Lite0 encoder.
        decoder_width: channels of the decoder where it is widest.
        data: folder or preset of the labelled set.
        train_split: images that are trained on.
        leave_out: a split whose images are kept out of training, such as ``sequence=0001TP``.
        validation_split: images that the net is scored on while it trains.
        validate_every: epochs between two scores; the last epoch is always scored.
        crop: height and width of the training crops in pixels, multiples of 32.
        scale: the least and the most that a picture is resized before the crop is cut.
        brightness, contrast, saturation: the most that the crop's is changed by, as a share up or down.
        hue: the most that its hue is turned by, in turns of the colour circle.
        batch: crops per step; batch normalisation wants at least 4.
        epochs: passes over the pictures.
        learning_rate: of AdamW for the decoder, at its highest.
        encoder_rate: the encoder's learning rate as a share of it.
        weight_decay: of AdamW.
        balance: how much rare classes count more in the cross-entropy: a class's pixels weigh its share of all labelled
            pixels to the power of minus this; 0 weighs all alike, 1 gives every class the same sum.
        dice: weight of the Dice loss beside the cross-entropy, which counts 1.
        seed: of the decoder's initialisation, the order of the pictures, the crops and the dropout.
        device: ``auto`` takes CUDA where there is one, with bfloat16 where that is accurate enough.

    >>> SegmenterSettings(crop=(64, 96)).crop
    (64, 96)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # These may change between a run and its continuation without making it another run. The learning rate falls
    # towards the last epoch, so a run with more epochs is another one from the first step.
    may_change: ClassVar[frozenset[str]] = frozenset({"data", "name", "device"})

    name: str = Field(default="segmenter", pattern=r"^[\w.-]+$")
    architecture: Literal["FPN", "Unet"] = "FPN"
    decoder_width: int = Field(default=128, ge=64, multiple_of=64)
    data: str | None = None
    train_split: str | None = "train"
    leave_out: str | None = None
    validation_split: str | None = "val"
    validate_every: int = Field(default=5, ge=1)
    crop: tuple[int, int] = (256, 320)
    scale: tuple[float, float] = (0.5, 1.5)
    brightness: float = Field(default=0.3, ge=0, lt=1)
    contrast: float = Field(default=0.3, ge=0, lt=1)
    saturation: float = Field(default=0.3, ge=0, lt=1)
    hue: float = Field(default=0.03, ge=0, le=0.5)
    batch: int = Field(default=8, ge=2)
    epochs: int = Field(default=45, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_rate: float = Field(default=0.3, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    balance: float = Field(default=0.5, ge=0, le=1)
    dice: float = Field(default=1.0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _sizes_fit(self) -> SegmenterSettings:
        if min(self.crop) < STRIDE or any(side % STRIDE for side in self.crop):
            raise ValueError(f"crop {list(self.crop)} is not two multiples of {STRIDE}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale {list(self.scale)} is not the least and the most of a positive factor")
        return self


def list_segmenter_presets() -> list[str]:
    """The names of the shipped presets for training a segmentation net, sorted.

    >>> list_segmenter_presets()
    ['road']
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_segmenter_settings(preset: str | Path, data: str | None = None, **changes: Any) -> SegmenterSettings:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Args:
        preset: such as ``"road"`` or ``"mine.yaml"``.
        data: folder or preset of the labelled set; the preset's own, if it names one, when None.
        **changes: settings that take the place of the preset's.

    Raises:
        ScotopicError: there is no such preset, or it or a change does not fit the schema.

    >>> load_segmenter_settings("road", epochs=3).epochs
    3
    >>> load_segmenter_settings("raod")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no preset 'raod' for training a segmenter: did you mean 'road'? Known: road
    """
    own = read_preset(PRESETS, preset, "no preset '{}' for training a segmenter")
    if data is not None:
        changes["data"] = data
    return validate(SegmenterSettings, {**own, **changes}, str(preset))
