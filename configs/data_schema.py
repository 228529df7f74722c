"""The schema of a data-set preset, ``configs/data/NAME.yaml``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import ScotopicError, nearest
from .checks import read_yaml, validate

PRESETS = Path(__file__).parent / "data"
DEFAULT_DATA = "../shared/data"
"""Where ``${SCOTOPIC_DATA}`` points when the environment does not say, relative to the working folder."""


class DetectionData(BaseModel):
    """A labelled detection set on disk: where it is, and how its labels are written.

    >>> data = DetectionData(name="street", format="yolo", root="/data/street", split="night")
    >>> data.path().as_posix()
    '/data/street'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="how tables call the set")
    format: Literal["yolo", "coco", "bdd", "exdark", "voc"]
    root: str = Field(min_length=1, description="its folder; ${SCOTOPIC_DATA} and other variables are expanded")
    annotations: str | None = Field(
        default=None, description="label file (or data.yaml) below root, where the folder has many"
    )
    split: str | None = Field(default=None, description="the split that is meant when none is asked for")
    class_map: dict[str, str | None] = Field(
        default_factory=dict, description="class of the set -> class of the model, or null to leave it out"
    )
    description: str = ""
    licence: str = ""

    @field_validator("annotations")
    @classmethod
    def _below_root(cls, value: str | None) -> str | None:
        if value is not None and (Path(value).is_absolute() or ".." in Path(value).parts):
            raise ValueError("give the path of the label file below root")
        return value

    def path(self, beside: Path | None = None) -> Path:
        """What the reader opens: root, or the label file in it.

        Args:
            beside: folder that a relative root starts from; the working folder unless given.

        Raises:
            ScotopicError: root names an environment variable that is not set.
        """
        root = (beside or Path()) / Path(_expand(self.root)).expanduser()
        return root / self.annotations if self.annotations else root


def _expand(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "SCOTOPIC_DATA":
            # Absolute, because it counts from the working folder wherever the preset file lies.
            return str(Path(os.environ.get(name) or DEFAULT_DATA).expanduser().absolute())
        if name not in os.environ:
            raise ScotopicError(f"the preset's root {text} needs the environment variable {name}: set it")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)


def list_data_presets() -> list[str]:
    """The names of the shipped data-set presets, sorted.

    >>> "darkbdd" in list_data_presets()
    True
    """
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_data_preset(name: str | Path) -> DetectionData:
    """Read a shipped preset by its name, or a preset file of the user's by its path.

    Raises:
        ScotopicError: there is no such preset, or the file does not fit the schema.

    >>> load_data_preset("darkbdd").format
    'yolo'
    """
    path = Path(name)
    if not path.is_file():
        path = PRESETS / f"{name}.yaml"
        if str(name) not in list_data_presets():
            raise ScotopicError(f"no data-set preset '{name}': {nearest(str(name), list_data_presets())}")
    return validate(DetectionData, read_yaml(path), str(path))
