"""Detectors that the project has trained itself: built and loaded from two files, without any download or pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from ..configs.checks import read_yaml, validate
from ..errors import ScotopicError, nearest
from .input_spec import class_names
from .shipped_weights import WEIGHTS, load_weights, shipped_names
from .ultralytics.setup import import_ultralytics

if TYPE_CHECKING:
    from ultralytics import YOLO

KEY = "detector"
"""Of the YAML file: how the net is built."""


class DetectorDescription(BaseModel):
    """How a detector is built; the key ``detector`` of its YAML file.

    Attributes:
        backbone: always EfficientNet-Lite0, see :class:`~scotopic.adapters.ultralytics.lite_backbone.LiteBackbone`.
        neck: channels of the neck's maps at 1/8, 1/16 and 1/32 of the picture's size.
        size: of the network's input (the longer side) in pixels that suits it.
        classes: how many there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    neck: tuple[int, int, int]
    size: int = Field(ge=32, multiple_of=32)
    classes: int = Field(ge=1)


def list_shipped_detectors() -> list[str]:
    """The names of the shipped detectors, sorted."""
    return shipped_names(KEY)


def find_shipped_detector(model: str | Path) -> Path | None:
    """The YAML file of a detector of ours, by its name or its own path; None if it is something else.

    >>> find_shipped_detector("yolo11n.pt") is None
    True
    """
    path = Path(model).expanduser()
    if str(model) in list_shipped_detectors():
        return WEIGHTS / f"{model}.yaml"
    return path if path.suffix == ".yaml" and path.is_file() and KEY in read_yaml(path) else None


def input_size(model: str | Path) -> int:
    """The longer side of a detector's input in pixels, where nobody chooses one: 640, or what a net of ours says.

    >>> input_size("yolo11n.pt")
    640
    """
    path = find_shipped_detector(model)
    return 640 if path is None else _description(path, read_yaml(path)).size


def load_yolo(name: str | Path) -> YOLO:
    """A detector that the package carries, or that ``scotopic train detector`` made, as an object of ultralytics.

    Args:
        name: such as ``"street"``, or the YAML file of a net; its weights lie beside it in ``<same name>.safetensors``.

    Returns:
        What ``YOLO("file.pt")`` would give, for ``attach`` too. It predicts at the size that suits it unless told
        otherwise.

    Raises:
        ScotopicError: no such net, a damaged file, or ultralytics or timm is not installed.

    >>> load_yolo("stret")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no shipped detector 'stret': did you mean 'street'? Known: street
    """
    path = find_shipped_detector(name)
    if path is None and Path(name).suffix == ".yaml":
        raise ScotopicError(f"{name} is no YAML file of a detector: it has the key '{KEY}', beside it lie the weights")
    if path is None:
        raise ScotopicError(f"no shipped detector '{name}': {nearest(str(name), list_shipped_detectors())}")
    import_ultralytics()
    from .ultralytics.lite_network import build_yolo

    content = read_yaml(path)
    yolo = build_yolo(_description(path, content), class_names(content["names"], str(path)), path.stem)
    load_weights(cast(nn.Module, yolo.model), path.with_suffix(".safetensors"))
    return yolo


def _description(path: Path, content: dict[str, Any]) -> DetectorDescription:
    given, names = content[KEY], class_names(content.get("names", {}), str(path))
    whole = {**given, "classes": len(names)} if isinstance(given, dict) else given
    return validate(DetectorDescription, whole, f"{path}, {KEY}")
