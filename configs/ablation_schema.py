"""What a preset of an ablation may say: a training, its variants, and what they are judged by."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from .checks import read_preset, validate
from .schema import EvaluationSettings, QualitySettings, SegmentationSettings, Settings
from .train_schema import TrainSettings, read_train_preset

PRESETS = Path(__file__).parent / "ablation"
RESERVED = ("none", "detect", "segment", "quality", "dark_sets")
"""Names that no variant may have: the row without an enhancer, and what else lies in the folder of the results."""


class DetectFigures(EvaluationSettings):
    """A frozen detector, and the set on which it is measured behind each variant, as `scotopic compare detect` does.

    Attributes:
        model: a detector's file.
        data: a labelled set; a folder, or the name of a preset.
        split: which of its images.
        darken: recipe by which they are darkened first, such as ``gamma[gamma=3]``.
        class_map: class of the set -> class of the model (or None), on top of what names and aliases give.
    """

    model: str
    data: str
    split: str | None = None
    darken: str | None = None
    class_map: dict[str, str | None] | None = None
    gate: str = "off"


class SegmentFigures(SegmentationSettings):
    """The same for a segmentation net, as `scotopic compare segment` does."""

    model: str = "road"
    data: str
    split: str | None = None
    darken: str | None = None
    class_map: dict[str, str | list[str] | None] | None = None
    gate: str = "off"


class QualityFigures(QualitySettings):
    """Pictures, with references or without, as `scotopic compare quality` takes them."""

    data: str
    reference: str | None = None
    split: str | None = None
    gate: str = "off"


class AblationSettings(Settings):
    """`scotopic train ablation --config`.

    Attributes:
        base: a training preset, by its name or its file.
        data: folder of the training pictures.
        changes: what all variants have other than the base; mappings are merged key by key.
        variants: name -> what this one has other than that; the name, with ``_`` for spaces, is its folder.
        pictures: pictures, or folders of them, for the contact sheet; None takes dark ones of the training pictures.
        detect: measure detection, too.
        segment: measure segmentation, too.
        quality: measure how pictures look, too.

    >>> ablation = AblationSettings(base="sgz-quick", changes={"epochs": 4},
    ...                             variants={"complete": {}, "dim": {"losses": {"exposure": 0.5}}})
    >>> {name: (made.epochs, made.losses.exposure) for name, made in variant_settings(ablation).items()}
    {'complete': (4, 0.6), 'dim': (4, 0.5)}
    """

    base: str
    data: Path | None = None
    changes: dict[str, Any] = Field(default={})
    variants: dict[str, dict[str, Any]] = Field(min_length=1)
    pictures: list[Path] | None = Field(default=None, min_length=1)
    detect: DetectFigures | None = None
    segment: SegmentFigures | None = None
    quality: QualityFigures | None = None

    @field_validator("variants", mode="before")
    @classmethod
    def _nothing_changed(cls, value: object) -> object:
        return {k: {} if v is None else v for k, v in value.items()} if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _names_fit(self) -> AblationSettings:
        folders: dict[str, str] = {}
        for name in self.variants:
            folder = variant_folder(name)
            if not re.fullmatch(r"\w[\w .+-]*", name) or folder in RESERVED:
                raise ValueError(
                    f"no variant can be called '{name}': use letters, digits, spaces and . + -, "
                    f"and none of {', '.join(RESERVED)}"
                )
            if folder in folders:
                raise ValueError(f"the variants '{folders[folder]}' and '{name}' would share a folder: rename one")
            folders[folder] = name
        return self


def variant_folder(name: str) -> str:
    """The folder of a variant below that of the results.

    >>> variant_folder("without spatial")
    'without_spatial'
    """
    return name.replace(" ", "_")


def variant_settings(ablation: AblationSettings) -> dict[str, TrainSettings]:
    """The training that each variant is, in the order of the preset.

    Raises:
        ScotopicError: the base does not exist, or a variant does not fit the schema of a training.
    """
    base = read_train_preset(ablation.base)
    if ablation.data is not None:
        base["data"] = ablation.data
    common = merged(base, ablation.changes)
    return {
        name: validate(TrainSettings, merged(common, changes), f"the variant '{name}'")
        for name, changes in ablation.variants.items()
    }


def merged(mapping: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``mapping`` with ``changes``; where both hold a mapping, it is merged in turn.

    >>> merged({"size": 64, "losses": {"form": "slide", "alpha": 1}}, {"losses": {"alpha": 0}})
    {'size': 64, 'losses': {'form': 'slide', 'alpha': 0}}
    """
    result = copy.deepcopy(dict(mapping))
    for key, value in changes.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def changes_text(changes: Mapping[str, Any]) -> str:
    """Changes as one line.

    >>> changes_text({"losses": {"weights": {"spatial": 0, "semantic": 0}}, "epochs": 3})
    'losses.weights.spatial 0, losses.weights.semantic 0, epochs 3'
    """

    def parts(mapping: Mapping[str, Any], before: str) -> list[str]:
        found: list[str] = []
        for key, value in mapping.items():
            found += parts(value, f"{before}{key}.") if isinstance(value, Mapping) else [f"{before}{key} {value}"]
        return found

    return ", ".join(parts(changes, ""))


def list_ablation_presets() -> list[str]:
    """The names of the shipped presets of ablations, sorted.

    >>> list_ablation_presets()
    ['full', 'quick']
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_ablation_settings(preset: str | Path, data: Path | None = None) -> AblationSettings:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Args:
        preset: such as ``"quick"`` or ``"mine.yaml"``.
        data: folder of training pictures; the preset's own, if it names one, when None.

    Raises:
        ScotopicError: there is no such preset, or it does not fit the schema.

    >>> load_ablation_settings("quik")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no preset 'quik' of an ablation: did you mean 'quick'? Known: full, quick
    """
    shipped = read_preset(PRESETS, preset, "no preset '{}' of an ablation")
    own = {"data": data} if data is not None else {}
    return validate(AblationSettings, {**shipped, **own}, str(preset))
