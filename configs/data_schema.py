"""The schema of a data-set preset, ``configs/data/NAME.yaml``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import ScotopicError, nearest
from .checks import read_yaml, validate

PRESETS = Path(__file__).parent / "data"
DEFAULT_DATA = "../shared/data"
"""Where ``${SCOTOPIC_DATA}`` points when the environment does not say, relative to the working folder."""


DetectionFormat = Literal["yolo", "coco", "bdd", "exdark", "voc"]
SegmentationFormat = Literal["cityscapes", "acdc", "bdd-semantic", "camvid", "masks"]
Grouping = Literal[19, 8, 7]
Task = Literal["detect", "segment", "quality"]


class _Data(BaseModel):
    """What every set on disk has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="how tables call the set")
    root: str = Field(min_length=1, description="its folder; ${SCOTOPIC_DATA} and other variables are expanded")
    description: str = ""
    licence: str = ""

    def path(self, beside: Path | None = None) -> Path:
        """What the reader opens.

        Args:
            beside: folder that a relative root starts from; the working folder unless given.

        Raises:
            ScotopicError: root names an environment variable that is not set.
        """
        return (beside or Path()) / Path(_expand(self.root)).expanduser()


class _LabelledData(_Data):
    """What every labelled set on disk has."""

    split: str | None = Field(default=None, description="the split that is meant when none is asked for")


class DetectionData(_LabelledData):
    """A labelled detection set on disk: where it is, and how its labels are written.

    >>> data = DetectionData(name="street", format="yolo", root="/data/street", split="night")
    >>> data.path().as_posix()
    '/data/street'
    """

    kind: ClassVar[str] = "boxes for detection"
    format: DetectionFormat
    annotations: str | None = Field(
        default=None, description="label file (or data.yaml) below root, where the folder has many"
    )
    class_map: dict[str, str | None] = Field(
        default_factory=dict, description="class of the set -> class of the model, or null to leave it out"
    )

    @field_validator("annotations")
    @classmethod
    def _below_root(cls, value: str | None) -> str | None:
        if value is not None and (Path(value).is_absolute() or ".." in Path(value).parts):
            raise ValueError("give the path of the label file below root")
        return value

    def path(self, beside: Path | None = None) -> Path:
        """Root, or the label file in it."""
        root = super().path(beside)
        return root / self.annotations if self.annotations else root


class SegmentationData(_LabelledData):
    """A labelled segmentation set on disk: where it is, and how its folders are laid out.

    >>> SegmentationData(name="city", format="cityscapes", root="/data/cityscapes", split="val").grouping
    19
    """

    kind: ClassVar[str] = "masks for segmentation"
    format: SegmentationFormat
    grouping: Grouping = Field(
        default=19,
        description="Cityscapes' labels as its 19 classes, as the 7 categories it evaluates, or as all 8 with void",
    )
    class_map: dict[str, str | list[str] | None] = Field(
        default_factory=dict, description="class of the set -> class or classes of the net, or null for none"
    )

    @model_validator(mode="after")
    def _grouping_fits(self) -> SegmentationData:
        if self.grouping != 19 and self.format in ("camvid", "masks"):
            raise ValueError("a grouping is of Cityscapes' classes: leave it out, or list your own in classes.yaml")
        if self.grouping == 8 and self.format == "bdd-semantic":
            raise ValueError("the masks of BDD100K do not tell void from what is not evaluated: use grouping 7 or 19")
        return self


class PictureData(_Data):
    """Pictures without labels: a folder of them, or two folders side by side with the same scenes dark and well lit.

    >>> PictureData(name="LOL", format="pictures", root="/data/lol/eval15").path().as_posix()
    '/data/lol/eval15'
    """

    kind: ClassVar[str] = "pictures to be judged by their quality"
    format: Literal["pictures"]
    reference: str | None = Field(
        default=None, min_length=1, description="folder of the well-lit pictures, where it does not lie in root"
    )

    def reference_path(self, beside: Path | None = None) -> Path | None:
        """The folder of the well-lit pictures, found as :meth:`path` finds root; None where root holds it, if any."""
        return None if self.reference is None else (beside or Path()) / Path(_expand(self.reference)).expanduser()


class ClassList(BaseModel):
    """``classes.yaml`` beside plain folders of pictures and masks: what each value of a mask means.

    >>> ClassList(names=["road", "sky"], ids={7: "road", 8: "road", 23: "sky"}, ignore=[0])
    ClassList(names=['road', 'sky'], ids={7: 'road', 8: 'road', 23: 'sky'}, ignore=[0])
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: list[str] = Field(
        min_length=1, description="the classes; a mask holds their positions, unless ids says else"
    )
    ids: dict[int, str] | None = Field(default=None, description="value in a mask -> class; several may share one")
    ignore: list[int | str] = Field(
        default_factory=list, description="values and class names that count nowhere; 255 does not either"
    )


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


_SCHEMAS: dict[str, type[DetectionData] | type[SegmentationData] | type[PictureData]] = {
    "detect": DetectionData,
    "segment": SegmentationData,
    "quality": PictureData,
}


def list_data_presets(task: Task | None = None) -> list[str]:
    """The names of the shipped data-set presets, sorted; of one task where it is given.

    >>> "darkbdd" in list_data_presets(), "darkbdd" in list_data_presets("segment")
    (True, False)
    """
    presets = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    return [name for name in presets if task is None or isinstance(load_data_preset(name), _SCHEMAS[task])]


def load_data_preset(name: str | Path) -> DetectionData | SegmentationData | PictureData:
    """Read a shipped preset by its name, or a preset file of the user's by its path; ``format`` tells the task.

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
    entries = read_yaml(path)
    schemas = {format_: schema for schema in _SCHEMAS.values() for format_ in _formats(schema)}
    stated = entries.get("format")
    if isinstance(stated, str) and stated not in schemas:
        raise ScotopicError(f"{path}: format: '{stated}' is not a choice ({nearest(stated, schemas)})")
    schema = schemas[stated] if isinstance(stated, str) else DetectionData
    return validate(schema, entries, str(path))


def _formats(schema: type[BaseModel]) -> tuple[str, ...]:
    return get_args(schema.model_fields["format"].annotation)
