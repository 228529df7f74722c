"""What an ONNX file does not say of itself, and where that is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ScotopicError, missing_extra, nearest
from ..files import sha256_of
from .input_spec import InputSpec, class_names, read_input_spec

Outputs = Literal["ultralytics", "yolox", "segmentation"]
OUTPUTS = ("ultralytics", "yolox", "segmentation")
SPEC_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class OnnxSpec:
    """What the input and the first output of an ONNX file mean.

    Attributes:
        input: how the net wants its pictures.
        names: class id -> name; a list will do.
        outputs: how the first output is to be read: ``"ultralytics"`` or ``"yolox"`` (see
            :mod:`scotopic.adapters.onnx_boxes`), or ``"segmentation"``: logits (1, K, h, w), with the layout ``"nhwc"``
            (1, h, w, K), or a map of class ids (1, h, w) or (1, 1, h, w), at any resolution.

    Raises:
        ScotopicError: no names, or a value that cannot be.

    >>> OnnxSpec(InputSpec(size=(416, 416)), ["car"], "yolo")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: outputs 'yolo' is unknown: did you mean 'yolox'? \
Known: segmentation, ultralytics, yolox
    """

    input: InputSpec
    names: Mapping[int, str]
    outputs: Outputs

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", class_names(self.names))
        if not self.names:
            raise ScotopicError("names is empty: list the classes that the net was trained on, in its order")
        if self.outputs not in OUTPUTS:
            raise ScotopicError(f"outputs {self.outputs!r} is unknown: {nearest(str(self.outputs), OUTPUTS)}")


def read_onnx_spec(path: str | Path) -> tuple[OnnxSpec, Path | None]:
    """Read a spec from YAML.

    The file has the keys ``input:`` (see :class:`InputSpec`), ``names:``, ``outputs:`` and, if it does not lie beside
    the ONNX file under the same name, ``file:``, the path to it from the YAML file::

        file: weights/yolox_nano.onnx
        outputs: yolox
        input: {color: bgr, range: 255, size: [416, 416], pad: corner}
        names: [person, bicycle, car]

    Returns:
        The spec, and the ONNX file that it names, if any.

    Raises:
        ScotopicError: no such file, or something missing or wrong in it.
    """
    path = Path(path)
    spec, names, rest = read_input_spec(path)
    for key in rest:
        if key not in ("outputs", "file"):
            raise ScotopicError(f"{path}: unknown key {key!r}: {nearest(key, ['file', 'input', 'names', 'outputs'])}")
    if "outputs" not in rest:
        raise ScotopicError(f"{path}: the key 'outputs' is missing: write one of {', '.join(OUTPUTS)}")
    file = rest.get("file")
    if file is not None and not isinstance(file, str):
        raise ScotopicError(f"{path}: file: {file!r} is not the path of an ONNX file")
    try:
        found = OnnxSpec(spec, names, rest["outputs"])
    except ScotopicError as error:
        raise ScotopicError(f"{path}: {error}") from None
    return found, None if file is None else path.parent / Path(file).expanduser()


def locate_onnx(model: str | Path, spec: OnnxSpec | str | Path | None = None) -> tuple[Path, OnnxSpec | None]:
    """The ONNX file that is meant, and its spec.

    Args:
        model: the ONNX file, or a YAML file with ``file:`` in it.
        spec: its spec, or the YAML file that holds it. Without one, a file that ultralytics exported describes itself;
            of any other the spec stands in the YAML file of the same name beside it.

    Returns:
        The file, and the spec; None if ultralytics exported the file.

    Raises:
        ScotopicError: no such file, or nobody says what its input and output mean.
    """
    path = Path(model).expanduser()
    if path.suffix.lower() in SPEC_SUFFIXES:
        found, file = read_onnx_spec(path)
        if file is None:
            raise ScotopicError(f"{path}: the key 'file' is missing: it names the ONNX file, seen from {path.name}")
        if not file.is_file():
            raise ScotopicError(f"{path}: no ONNX file at {file}: correct the key 'file'")
        return file, found if spec is None else _as_spec(spec)
    if not path.is_file():
        raise ScotopicError(f"no ONNX file at {path}: check the path")
    if spec is not None:
        return path, _as_spec(spec)
    if _exported_by_ultralytics(path):
        return path, None
    for suffix in SPEC_SUFFIXES:
        if path.with_suffix(suffix).is_file():
            return path, read_onnx_spec(path.with_suffix(suffix))[0]
    raise ScotopicError(
        f"{path} does not say what its input and outputs mean: write {path.with_suffix('.yaml').name} beside it, with "
        "input: {color, range, size, pad, mean, std}, "
        f"names: [the classes] and outputs: {' or '.join(OUTPUTS)}"
    )


def checksum(path: Path) -> str:
    """SHA-256 of an ONNX file; of one whose weights lie in other files: of the checksums of them all."""
    first, *others = files = weight_files(path)
    if not others:
        return sha256_of(first)
    for file in files:
        if not file.is_file():
            raise ScotopicError(f"{path} keeps weights in {file}, which is not there: copy both")
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()


def weight_files(path: Path) -> list[Path]:
    """An ONNX file, and the others in which it says that its weights lie."""
    graph = _read(path).graph
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    tensors = [tensor for tensor in graph.initializer if uses_external_data(tensor)]
    return [path, *(path.parent / other for other in sorted({str(ExternalDataInfo(t).location) for t in tensors}))]


def _as_spec(spec: OnnxSpec | str | Path) -> OnnxSpec:
    return spec if isinstance(spec, OnnxSpec) else read_onnx_spec(spec)[0]


def _exported_by_ultralytics(path: Path) -> bool:
    keys = {entry.key for entry in _read(path).metadata_props}
    return not keys.isdisjoint(("task", "stride", "names"))


def _read(path: Path) -> Any:
    """The graph, without weights that lie in other files."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise missing_extra("onnx", "onnx", "ONNX files") from None
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # of protobuf, whose implementations have different ones
        raise ScotopicError(f"{path} is not an ONNX file that can be read: export or copy it again") from error
    if not model.graph.node:
        raise ScotopicError(f"{path} is not an ONNX file that can be read: its graph is empty")
    return model
