"""An ONNX file on onnxruntime: pictures in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import ScotopicError, missing_extra
from ..pipeline.contract import check_image
from ..pipeline.stage import EnhancementStage
from .enhancer_record import METADATA_KEY
from .geometry import Geometry
from .input_spec import InputSpec
from .module_parts import Stopwatch
from .onnx_file import OnnxSpec, checksum, locate_onnx
from .staging import process_as

_NUMBERS: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
CPU = torch.device("cpu")
# Dynamic nets are tried on a picture of this size when they are loaded.
_TRIAL = np.zeros((128, 128, 3), np.uint8)


@dataclass(frozen=True)
class Passage:
    """One picture after the net.

    Attributes:
        output: the first output, without the dimension of the batch.
        geometry: where the picture lay in the net's frame.
        gate_passed: whether the stage let the picture pass as it was; None without a stage.
        timing: milliseconds: ``enhance`` (with a stage), ``preprocess``, ``inference``.
    """

    output: np.ndarray
    geometry: Geometry
    gate_passed: bool | None
    timing: dict[str, float]


class OnnxNet:
    """What detectors and segmentation nets in ONNX files share.

    Attributes:
        path: the file.
        spec: what its input and output mean.
        stage: the enhancement stage in front of it, or None.
    """

    names: Mapping[int, str]
    description: dict[str, Any]

    def __init__(
        self,
        model: str | Path,
        spec: OnnxSpec | str | Path | None,
        *,
        task: str,
        settings: Mapping[str, Any],
        device: str | None,
    ) -> None:
        self.path, found = locate_onnx(model, spec)
        if found is None:
            raise ScotopicError(f"{self.path} was exported by ultralytics: load it by its path alone, or give a spec")
        self.spec = found
        self.names = found.names
        self.stage: EnhancementStage | None = None
        runtime = import_onnxruntime()
        sha256 = checksum(self.path)
        self._session = _open(runtime, self.path, device)
        self._input, self._dtype = _check_input(self.path, self._session.get_inputs(), found.input)
        held = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        on_gpu = "CUDAExecutionProvider" in self._session.get_providers()
        self.description = {
            "file": self.path.name,
            "sha256": sha256,
            "framework": f"onnxruntime {runtime.__version__}",
            "task": task,
            "device": str(torch.device(device or "cuda")) if on_gpu else "cpu",
            "settings": {**settings, "outputs": found.outputs, "input": found.input.to_dict()},
            **({"enhancer": held} if held else {}),
        }

    def run(self, image: np.ndarray, name: str | None) -> Passage:
        """A uint8 RGB picture (H, W, 3) through the stage and the net."""
        check_image(image)
        timing: dict[str, float] = {}
        gate_passed: bool | None = None
        if self.stage is not None:
            staged = process_as(self.stage, image, "rgb", name)
            image, gate_passed = staged.image, not staged.enhanced
            timing["enhance"] = sum(staged.timing_ms.values())
        watch = Stopwatch(CPU)
        array, geometry = self.spec.input.prepare(image)
        array = array.astype(self._dtype, copy=False)
        timing["preprocess"] = watch.lap()
        try:
            output = np.asarray(self._session.run(None, {self._input: array})[0])
        except Exception as error:
            height, width = geometry.frame
            raise ScotopicError(f"cannot run {self.path} on {width}x{height} pixels: {_first_line(error)}") from error
        timing["inference"] = watch.lap()
        if output.ndim < 2 or output.shape[0] != 1:
            raise ScotopicError(f"{self.path} gives an output of shape {output.shape}, not of one picture (1, ...)")
        return Passage(output[0], geometry, gate_passed, timing)

    def try_out(self) -> Passage:
        """The first run, which keeps what it costs out of the timing and shows whether the output fits the spec."""
        return self.run(_TRIAL, None)


def put_in_front(net: OnnxNet, stage: EnhancementStage | None, where: str) -> None:
    """Give ``net`` the stage; it runs on the picture ahead of the net.

    Raises:
        ScotopicError: it is to stand inside the graph, which is fixed, or there is an enhancer in the graph already.
    """
    if stage is not None and (held := net.description.get("enhancer")):
        raise ScotopicError(f"{net.path} was exported with the enhancer {held!r} in its graph: use it as it is")
    if stage is not None and where == "graph":
        raise ScotopicError(
            f'{net.path} is exported, so nothing can be put into its graph: use where="source" (--where source)'
        )
    net.stage = stage


def import_onnxruntime() -> Any:
    """Import onnxruntime.

    Raises:
        ScotopicError: it is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise missing_extra("onnxruntime", "onnx", "ONNX files") from None
    return onnxruntime


def _open(runtime: Any, path: Path, device: str | None) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors; warnings are about the export, and come for every file
    providers = _providers(runtime, device)
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        raise ScotopicError(f"cannot load the ONNX file {path}: {_first_line(error)}") from error
    if device is not None and torch.device(device).type == "cuda" and len(session.get_providers()) == 1:
        raise ScotopicError(f"onnxruntime cannot use {device!r} here: its CUDA libraries do not load; use device='cpu'")
    return session


def _providers(runtime: Any, device: str | None) -> list[Any]:
    cuda = "CUDAExecutionProvider" in runtime.get_available_providers()
    try:
        wanted = torch.device(device if device is not None else "cuda" if cuda else "cpu")
    except RuntimeError:
        raise ScotopicError(f"device {device!r} is unknown: use 'cpu' or 'cuda:0'") from None
    if wanted.type == "cuda" and cuda:
        return [("CUDAExecutionProvider", {"device_id": wanted.index or 0}), "CPUExecutionProvider"]
    if wanted.type != "cpu":
        raise ScotopicError(f"this onnxruntime cannot use {device!r}: use device='cpu', or install onnxruntime-gpu")
    return ["CPUExecutionProvider"]


def _check_input(path: Path, inputs: list[Any], spec: InputSpec) -> tuple[str, type[np.generic]]:
    """The name and the type of number of the one input; a ScotopicError if it does not fit the spec."""
    if len(inputs) != 1:
        raise ScotopicError(f"{path} takes {len(inputs)} inputs: only nets that take a picture alone can be run")
    (given,) = inputs
    shape = list(given.shape)
    if len(shape) != 4:
        raise ScotopicError(f"{path} takes an input of shape {shape}, not a batch of pictures")
    batch, *sides, channels = shape if spec.layout == "nhwc" else [shape[0], *shape[2:], shape[1]]
    if isinstance(channels, int) and channels != 3:
        raise ScotopicError(f"{path} takes an input of shape {shape}, which in {spec.layout} has no 3 colour channels")
    if isinstance(batch, int) and batch != 1:
        raise ScotopicError(f"{path} takes {batch} pictures at a time: export it for one")
    if all(isinstance(side, int) for side in sides) and spec.size != tuple(sides):
        raise ScotopicError(f"{path} takes pictures of one size only: write size: {sides} into its spec")
    if given.type not in _NUMBERS:
        raise ScotopicError(f"{path} takes {given.type}: only {', '.join(_NUMBERS)} can be fed")
    dtype = _NUMBERS[given.type]
    if dtype is np.uint8 and (spec.range != 255 or any(spec.mean) or spec.std != (1.0, 1.0, 1.0)):
        raise ScotopicError(f"{path} takes whole numbers: its spec must have range: 255, and no mean and std")
    return given.name, dtype


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
