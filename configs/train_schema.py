"""What a training preset may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .checks import read_preset, validate
from .loss_schema import LossSettings
from .restore_schema import RestoreSettings
from .task_schema import TaskSettings

PRESETS = Path(__file__).parent / "train"


class TrainSettings(BaseModel):
    """How an enhancer is trained.

    Attributes:
        enhancer: a curve enhancer, with its parameters as in ``sgz[scale_factor=1]``.
        start: weights to start from, a file or a name such as ``sgz``; ``random`` starts untrained.
        name: the file of the weights is ``<name>.safetensors``; that of the enhancer unless given.
        data: folder of pictures, searched with its subfolders; with ``task.supervised`` a labelled set, or its preset.
        size: side of the training pictures in pixels.
        least_crop: side of the smallest random square crop, as a share of the shorter side; 1 takes all of it.
        batch: pictures per step, in all processes together.
        accumulation: parts in which a process works through its pictures of a step, one after the other, so that it
            needs less memory; the step is the same.
        epochs: passes over the folder.
        learning_rate: of Adam, at its highest.
        schedule: of the learning rate: ``constant``, or ``one-cycle``: a tenth of the run up, then half a cosine down.
        weight_decay: L2, as Adam adds it to the gradient.
        gradient_clip: largest norm of the gradient.
        losses: which, in which form, and how much each counts, where it learns from dark pictures alone.
        restore: how bright pictures are darkened and won back, where it learns from those. With ``losses`` beside it,
            those look at the dark pictures of the folder.
        task: which nets guide it beside ``restore``; None: none does.
        semantic_guide: the frozen segmentation net, such as ``road``, whose classes the semantic loss looks at; asked
            only if that loss counts.
        seed: of the initialisation, the order of the pictures and the crops.
        device: ``auto`` takes CUDA where there is one.
        mixed_precision: ``bf16`` and ``fp16`` let the net compute in half precision, which a GPU does faster.
        checkpoint_every: steps between two checkpoints; None writes one after each epoch only.
        sheet: pictures, or folders of them, for the contact sheet; None takes the first few that are trained on.
        sheet_every: epochs between two contact sheets; the last epoch always has one, and 0 draws none at all.

    >>> weights = {"spatial": 1, "rgb": 1, "brightness": 5, "total_variation": 100}
    >>> settings = TrainSettings.model_validate({"losses": {"weights": weights}})
    >>> settings.batch, settings.epochs, settings.learning_rate, settings.name
    (6, 100, 0.0001, 'sgz')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enhancer: str = "sgz[scale_factor=1]"
    start: str = "random"
    name: str = Field(default="", pattern=r"^[\w.-]+$")
    data: Path | None = None
    size: int = Field(default=512, ge=1)
    least_crop: float = Field(default=1.0, gt=0, le=1)
    batch: int = Field(default=6, ge=1)
    accumulation: int = Field(default=1, ge=1)
    epochs: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    schedule: Literal["constant", "one-cycle"] = "constant"
    weight_decay: float = Field(default=1e-4, ge=0)
    gradient_clip: float = Field(default=0.1, gt=0)
    losses: LossSettings | None = None
    restore: RestoreSettings | None = None
    task: TaskSettings | None = None
    semantic_guide: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    checkpoint_every: int | None = Field(default=None, ge=1)
    sheet: list[Path] | None = Field(default=None, min_length=1)
    sheet_every: int = Field(default=10, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_enhancer(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "name" in given:
            return given
        spec = str(given.get("enhancer", cls.model_fields["enhancer"].default))
        own = spec.partition("[")[0].rpartition(":")[2]  # of ./mine.py:Net it is Net
        return {**given, "name": re.sub(r"[^\w.-]+", "_", own.strip()) or "enhancer"}

    @property
    def may_change(self) -> frozenset[str]:
        """What may differ between a run and its continuation without making it another run."""
        free = frozenset({"data", "name", "device", "checkpoint_every", "sheet", "sheet_every"})
        # A learning rate that falls towards the last epoch makes a run with more epochs another from the first step.
        return free | {"epochs"} if self.schedule == "constant" else free

    @property
    def recipe(self) -> dict[str, Any]:
        """What makes the weights what they are, as JSON takes it: without the user's own paths and machine."""
        beside = dict.fromkeys(("data", "name", "device", "checkpoint_every", "sheet", "sheet_every"), True)
        return self.model_dump(mode="json", exclude={**beside, "task": {"nets", "split"}})

    @model_validator(mode="after")
    def _values_fit(self) -> TrainSettings:
        if self.losses is None and self.restore is None:
            raise ValueError(
                "give losses (to learn from dark pictures) or restore (from darkened bright ones), or both"
            )
        if self.task is not None and self.restore is None:
            raise ValueError("a task guides by bright pictures that are darkened: give restore, too")
        if self.task is not None and self.task.shrink > self.size:
            raise ValueError(f"task.shrink {self.task.shrink} leaves nothing of the pictures (size {self.size})")
        if self.losses is None:
            return self
        for name in ("spatial_patch", "brightness_patch"):
            patch = getattr(self.losses, name)
            if patch > self.size:
                raise ValueError(f"losses.{name} {patch} is larger than the pictures (size {self.size})")
        if self.losses.weights.semantic and self.semantic_guide is None:
            raise ValueError("losses.weights.semantic counts, but there is no semantic_guide: name one, such as road")
        return self


def list_train_presets() -> list[str]:
    """The names of the shipped training presets, sorted.

    >>> list_train_presets()
    ['sgz', 'sgz-detect', 'sgz-gpu', 'sgz-published-code', 'sgz-quick', 'sgz-task']
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_train_settings(preset: str | Path, data: Path | None = None, **changes: Any) -> TrainSettings:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Args:
        preset: such as ``"sgz-quick"`` or ``"mine.yaml"``.
        data: folder of pictures; the preset's own, if it names one, when None.
        **changes: settings that take the place of the preset's; of ``task`` those that are named.

    Raises:
        ScotopicError: there is no such preset, or it or a change does not fit the schema.

    >>> load_train_settings("sgz", epochs=3).epochs
    3
    >>> load_train_settings("sgz-detect", task={"nets": ["yolo11n.pt"]}).task.shrink
    2
    >>> load_train_settings("sgz", epoch=3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: sgz: unknown key 'epoch' (did you mean 'epochs'? Known: accumulation, batch, ...)
    """
    if data is not None:
        changes["data"] = data
    own = read_train_preset(preset)
    if isinstance(own.get("task"), Mapping) and isinstance(changes.get("task"), Mapping):
        changes["task"] = {**own["task"], **changes["task"]}
    return validate(TrainSettings, {**own, **changes}, str(preset))


def read_train_preset(preset: str | Path) -> dict[str, Any]:
    """What stands in a shipped preset or in a preset file of the user's, unchecked.

    Raises:
        ScotopicError: there is no such preset, or it is no YAML.

    >>> read_train_preset("sgz")["batch"]
    6
    """
    return read_preset(PRESETS, preset, "no training preset '{}'")
