"""What a net expects of its input, and the way from its frame back to the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from ..configs.checks import read_yaml
from ..errors import ScotopicError, nearest
from .geometry import Geometry

_CHOICES: dict[str, tuple[Any, ...]] = {
    "color": ("rgb", "bgr"),
    "range": (1.0, 255.0),
    "layout": ("nchw", "nhwc"),
    "pad": ("stretch", "center", "corner"),
}


@dataclass(frozen=True)
class InputSpec:
    """How a net wants its pictures. Nothing of it is guessed from the pixels.

    A net gets ``(image * range / 255 - mean) / std`` in its own channel order.

    Attributes:
        color: order of the three channels, ``"rgb"`` or ``"bgr"``.
        range: the value of white before mean and deviation are taken away: 1.0 or 255.0.
        layout: ``"nchw"``, channels first, or ``"nhwc"``.
        size: (height, width) in pixels of a net that takes one size only; None: any size.
        multiple: with no ``size``: height and width must be divisible by this; grey 114 is added on the right and
            below.
        pad: how a picture is brought to ``size``: ``"stretch"``, the aspect is not kept; ``"center"``, scaled to fit
            and centred, the rest grey 114 (as ultralytics does); ``"corner"``, the same at the top left (as YOLOX
            does).
        mean, std: of the three channels, in the net's order and in units of ``range``.

    Raises:
        ScotopicError: a value that cannot be.

    >>> imagenet = InputSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), multiple=32)
    >>> array, geometry = imagenet.prepare(np.zeros((30, 50, 3), np.uint8))
    >>> array.shape, array.dtype
    ((1, 3, 32, 64), dtype('float32'))
    >>> InputSpec(range=100)
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: InputSpec: range 100 is not a choice: use 1.0 or 255.0
    """

    color: Literal["rgb", "bgr"] = "rgb"
    range: float = 1.0
    layout: Literal["nchw", "nhwc"] = "nchw"
    size: tuple[int, int] | None = None
    multiple: int = 1
    pad: Literal["stretch", "center", "corner"] = "stretch"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                known = " or ".join(map(repr, choices))
                raise ScotopicError(f"InputSpec: {key} {getattr(self, key)!r} is not a choice: use {known}")
        object.__setattr__(self, "range", float(self.range))
        if self.size is not None:
            object.__setattr__(self, "size", _whole_numbers("size", self.size))
        if not _is_count(self.multiple):
            raise ScotopicError(f"InputSpec: multiple {self.multiple!r} is not a whole number of at least 1")
        if self.size is not None and self.multiple != 1:
            raise ScotopicError("InputSpec: a net of one size has no multiple: give size or multiple")
        for key in ("mean", "std"):
            object.__setattr__(self, key, _three_numbers(key, getattr(self, key)))
        if min(self.std) <= 0:
            raise ScotopicError(f"InputSpec: std {self.std} is not positive")

    @classmethod
    def from_dict(cls, mapping: object, source: str = "InputSpec") -> InputSpec:
        """Build it of keys and values, as read from YAML or JSON.

        Args:
            mapping: names of attributes and their values; what is left out has its default.
            source: what an error names as the place of the mistake.

        >>> InputSpec.from_dict({"size": [640, 640], "pad": "center"}).size
        (640, 640)
        >>> InputSpec.from_dict({"colour": "rgb"}, "net.yaml")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scotopic.errors.ScotopicError: net.yaml: unknown key 'colour': did you mean 'color' ...
        """
        if not isinstance(mapping, Mapping):
            raise ScotopicError(f"{source}: an input spec has keys and values, not {type(mapping).__name__}")
        known = [field.name for field in fields(cls)]
        for key in mapping:
            if key not in known:
                raise ScotopicError(f"{source}: unknown key {key!r}: {nearest(str(key), known)}")
        try:
            return cls(**cast("dict[str, Any]", mapping))
        except ScotopicError as error:
            raise ScotopicError(f"{source}: {str(error).removeprefix('InputSpec: ')}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML and JSON; :meth:`from_dict` reads them.

        >>> InputSpec.from_dict(InputSpec(size=(2, 3)).to_dict()) == InputSpec(size=(2, 3))
        True
        """
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def at_size(self, size: tuple[int, int] | None) -> InputSpec:
        """The same net on pictures scaled to ``size``, (height, width), their aspect kept; None changes nothing.

        Raises:
            ScotopicError: the net does not take that size.

        >>> InputSpec(multiple=32).at_size((64, 96)).geometry(30, 90).inner
        (32, 96)
        >>> InputSpec(multiple=32).at_size((64, 100))
        Traceback (most recent call last):
        scotopic.errors.ScotopicError: this net takes sides that are divisible by 32, not 64x100 (height x width)
        """
        if size is None or size == self.size:
            return self
        if self.size is not None:
            given = " x ".join(map(str, self.size))
            raise ScotopicError(f"this net takes pictures of {given} (height x width) only: leave the size out")
        if any(side % self.multiple for side in size):
            sides = "x".join(map(str, size))
            raise ScotopicError(
                f"this net takes sides that are divisible by {self.multiple}, not {sides} (height x width)"
            )
        return replace(self, size=size, multiple=1, pad="center")

    def geometry(self, height: int, width: int) -> Geometry:
        """Where a picture of this size comes to lie in the net's frame."""
        if self.size is None:
            frame = tuple(math.ceil(side / self.multiple) * self.multiple for side in (height, width))
            return Geometry((height, width), cast("tuple[int, int]", frame), (1.0, 1.0), (height, width))
        if self.pad == "stretch":
            gain = (self.size[0] / height, self.size[1] / width)
            return Geometry((height, width), self.size, gain, self.size)
        scale = min(self.size[0] / height, self.size[1] / width)
        if self.pad == "corner":  # YOLOX cuts the fraction of a pixel off
            inner = (max(int(height * scale + 1e-6), 1), max(int(width * scale + 1e-6), 1))
            return Geometry((height, width), self.size, (scale, scale), inner)
        inner = (max(round(height * scale), 1), max(round(width * scale), 1))
        # As ultralytics places it: half the padding, a half pixel rounded towards the top left.
        top, left = (round((whole - part) / 2 - 0.1) for whole, part in zip(self.size, inner, strict=True))
        return Geometry((height, width), self.size, (scale, scale), inner, (top, left))

    def values(self, frame: np.ndarray) -> np.ndarray:
        """The numbers that the net gets.

        Args:
            frame: uint8 RGB (H, W, 3), at the size that the net takes.

        Returns:
            float32 (1, 3, H, W), or (1, H, W, 3) with layout ``"nhwc"``.
        """
        ordered = frame if self.color == "rgb" else frame[..., ::-1]
        scale = np.float32(self.range / 255) / np.asarray(self.std, np.float32)
        shift = np.asarray(self.mean, np.float32) / np.asarray(self.std, np.float32)
        array = ordered.astype(np.float32) * scale - shift
        return np.ascontiguousarray(array[None] if self.layout == "nhwc" else array.transpose(2, 0, 1)[None])

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Geometry]:
        """A uint8 RGB picture (H, W, 3) as :meth:`values` of its frame, and where it lies in there."""
        geometry = self.geometry(*image.shape[:2])
        return self.values(geometry.fit(image)), geometry


def read_input_spec(path: str | Path) -> tuple[InputSpec, dict[int, str], dict[str, Any]]:
    """Read the YAML file that tells what a model file does not: ``input:`` (an :class:`InputSpec`) and ``names:``.

    ``names`` are the classes, a list or ``id: name`` lines.

    Returns:
        The spec, class id -> name (empty where the file has none), and what else the file says.

    Raises:
        ScotopicError: no such file, or something wrong in it.
    """
    content = read_yaml(path)
    if "input" not in content:
        raise ScotopicError(f"{path}: the key 'input' is missing: it tells color, range, size, mean and std")
    spec = InputSpec.from_dict(content.pop("input"), f"{path}, input")
    return spec, class_names(content.pop("names", {}), str(path)), content


def class_names(names: object, source: str = "names") -> dict[int, str]:
    """Class id -> name, of a list of names or a mapping.

    >>> class_names(["road", "car"])
    {0: 'road', 1: 'car'}
    """
    if isinstance(names, Sequence) and not isinstance(names, str):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping):
        raise ScotopicError(f"{source}: names is a list of class names or 'id: name' lines, not {names!r}")
    for key, name in names.items():
        if isinstance(key, bool) or not str(key).isdecimal() or not isinstance(name, str):
            raise ScotopicError(f"{source}: the class {key!r}: {name!r} is not a whole number with a name in quotes")
    return {int(str(key)): str(name) for key, name in names.items()}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _whole_numbers(key: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(_is_count, value)):
        raise ScotopicError(f"InputSpec: {key} {value!r} is not (height, width) in pixels")
    return value[0], value[1]


def _three_numbers(key: str, value: Any) -> tuple[float, float, float]:
    numbers = list(value) if isinstance(value, (tuple, list)) else []
    real = all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
    if len(numbers) != 3 or not real:
        raise ScotopicError(f"InputSpec: {key} {value!r} is not three numbers, one for each channel")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
