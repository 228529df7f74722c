"""What a training preset may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import ScotopicError, nearest
from .checks import read_yaml, validate

PRESETS = Path(__file__).parent / "train"


class LossWeights(BaseModel):
    """How much each loss counts in the sum that is minimised; 0 leaves one out.

    The weights belong to the losses in the paper's form and to the size of the training pictures (docs/training.md).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spatial: float = Field(ge=0)
    rgb: float = Field(ge=0)
    brightness: float = Field(ge=0)
    total_variation: float = Field(ge=0)


class TrainSettings(BaseModel):
    """How an enhancer is trained.

    Attributes:
        enhancer: the net, with its parameters as in ``sgz[scale_factor=1]``; it starts untrained.
        name: the file of the weights is ``<name>.safetensors``.
        data: folder of pictures, searched with its subfolders.
        size: side of the training pictures in pixels.
        least_crop: side of the smallest random square crop, as a share of the shorter side; 1 takes all of it.
        batch: pictures per step.
        epochs: passes over the folder.
        learning_rate: of Adam, constant.
        weight_decay: L2, as Adam adds it to the gradient.
        gradient_clip: largest norm of the gradient.
        weights: of the losses.
        exposure: level E of the brightness loss.
        spatial_patch: side of a patch of the spatial consistency loss in pixels.
        brightness_patch: side of a patch of the brightness loss in pixels.
        seed: of the initialisation, the order of the pictures and the crops.
        device: ``auto`` takes CUDA where there is one.

    >>> settings = TrainSettings(weights=LossWeights(spatial=1, rgb=1, brightness=5, total_variation=100))
    >>> settings.batch, settings.epochs, settings.learning_rate
    (6, 100, 0.0001)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # These may change between a run and its continuation without making it another run.
    may_change: ClassVar[frozenset[str]] = frozenset({"data", "name", "epochs", "device"})

    enhancer: str = "sgz[scale_factor=1]"
    name: str = Field(default="sgz", pattern=r"^[\w.-]+$")
    data: Path | None = None
    size: int = Field(default=512, ge=1)
    least_crop: float = Field(default=1.0, gt=0, le=1)
    batch: int = Field(default=6, ge=1)
    epochs: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    gradient_clip: float = Field(default=0.1, gt=0)
    weights: LossWeights
    exposure: float = Field(default=0.6, gt=0, lt=1)
    spatial_patch: int = Field(default=4, ge=1)
    brightness_patch: int = Field(default=16, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _patches_fit(self) -> TrainSettings:
        for name in ("spatial_patch", "brightness_patch"):
            if getattr(self, name) > self.size:
                raise ValueError(f"{name} {getattr(self, name)} is larger than the pictures (size {self.size})")
        return self


def list_train_presets() -> list[str]:
    """The names of the shipped training presets, sorted.

    >>> list_train_presets()
    ['sgz', 'sgz-quick']
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_train_settings(preset: str | Path, data: Path | None = None, **changes: Any) -> TrainSettings:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Args:
        preset: such as ``"sgz-quick"`` or ``"mine.yaml"``.
        data: folder of pictures; the preset's own, if it names one, when None.
        **changes: settings that take the place of the preset's.

    Raises:
        ScotopicError: there is no such preset, or it or a change does not fit the schema.

    >>> load_train_settings("sgz", epochs=3).epochs
    3
    >>> load_train_settings("sgz", epoch=3)
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: sgz: unknown key 'epoch' (did you mean 'epochs'? Known: batch, brightness_patch, \
data, device, enhancer, epochs, exposure, gradient_clip, learning_rate, least_crop, name, seed, size, spatial_patch, \
weight_decay, weights)
    """
    path = Path(preset)
    if not path.is_file():
        path = PRESETS / f"{preset}.yaml"
        if str(preset) not in list_train_presets():
            raise ScotopicError(f"no training preset '{preset}': {nearest(str(preset), list_train_presets())}")
    if data is not None:
        changes["data"] = data
    return validate(TrainSettings, {**read_yaml(path), **changes}, str(preset))
