"""The demonstration's data: two photographs that come with the ultralytics package, darkened, with boxes of our own."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from .. import configs
from ..configs.checks import read_yaml, validate
from ..errors import missing_extra
from ..files import write_text
from ..pipeline.image import read_image, write_image
from .datasets.darken import underexpose
from .datasets.load import load_detection_dataset
from .datasets.sample import DetectionDataset


class Photograph(BaseModel):
    """Its size (width, height) and its boxes (class, x1, y1, x2, y2), in pixels."""

    model_config = ConfigDict(extra="forbid")
    size: tuple[int, int]
    boxes: list[tuple[str, int, int, int, int]]


class Photographs(BaseModel):
    """``configs/demo/photographs.yaml``."""

    model_config = ConfigDict(extra="forbid")
    classes: list[str]
    photographs: dict[str, Photograph]


def demo_photographs() -> tuple[Photographs, dict[str, np.ndarray]]:
    """The annotations, and the photographs by file name (uint8 RGB).

    Raises:
        ScotopicError: ultralytics, which brings the photographs, is not installed.
    """
    path = Path(configs.__file__).parent / "demo" / "photographs.yaml"
    annotations = validate(Photographs, read_yaml(path), str(path))
    if find_spec("ultralytics") is None:
        raise missing_extra("ultralytics", "yolo", "The demonstration's photographs")
    with as_file(files("ultralytics") / "assets") as folder:
        return annotations, {name: read_image(folder / name) for name in annotations.photographs}


def write_demo_set(out: Path, seed: int = 0) -> DetectionDataset:
    """Darken the photographs (see :func:`~.datasets.darken.underexpose`) and write them as a YOLO set into ``out``."""
    annotations, photographs = demo_photographs()
    for name, image in photographs.items():
        stem = Path(name).stem
        width, height = annotations.photographs[name].size
        lines = [
            f"{annotations.classes.index(label)} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
            f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n"
            for label, x1, y1, x2, y2 in annotations.photographs[name].boxes
        ]
        write_image(out / "images" / f"{stem}.png", underexpose(image, seed=seed))
        write_text(out / "labels" / f"{stem}.txt", "".join(lines))
    write_text(out / "classes.txt", "\n".join(annotations.classes) + "\n")
    return replace(load_detection_dataset(out), name="two darkened photographs")
