"""A segmentation net for the evaluation from a name or a file, by the kind of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..errors import ScotopicError, nearest
from ..pipeline.stage import EnhancementStage
from .attach import Where
from .contract import Segmenter
from .input_spec import read_input_spec
from .module import EnhancedModule
from .onnx_file import SPEC_SUFFIXES, OnnxSpec, locate_onnx
from .shipped import list_shipped, load_shipped
from .smp import WEIGHTS_FILE, EnhancedSegmentationModel
from .torchvision import pretrained_segmentation

TORCHVISION = "torchvision:"
_ULTRALYTICS = (".pt", ".onnx", ".torchscript", ".engine", "_openvino_model")


def load_segmenter(
    model: str | Path,
    *,
    device: str | None = None,
    stage: EnhancementStage | None = None,
    where: Where = "source",
    input_size: tuple[int, int] | None = None,
    download: bool = True,
    spec: OnnxSpec | str | Path | None = None,
) -> Segmenter:
    """Load a segmentation net, ready to run.

    Args:
        model: the name of a net that the package carries (``"road"``), or the YAML file of one that
            ``scotopic train segmenter`` made; a folder written by ``save_pretrained``; an ``.onnx`` file; a checkpoint
            of ultralytics for its task ``semantic`` (a pickle: load only files that you trust), or a file exported
            from one; ``"torchvision:NAME"``, a model of torchvision with its best weights.
        device: ``"cpu"``, ``"cuda:0"``, ...; None chooses.
        stage: an enhancement stage in front, in the place of one that was saved with the net; None for the net as it
            is.
        where: ``"source"``: on the whole picture; ``"graph"``: inside the network, after the resize.
        input_size: (height, width) in pixels to which pictures are scaled, their aspect kept; None: as the net wants
            it, for most the picture's own size.
        download: whether ultralytics and torchvision may fetch weights of their own that are not there.
        spec: of an ``.onnx`` file; see :func:`~scotopic.adapters.detectors.load_detector`.

    Raises:
        ScotopicError: no such net or file, a file of an unknown kind, damaged, or not for segmentation.

    >>> load_segmenter("nothing.png")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: cannot tell what kind of segmentation net nothing.png is: ...
    """
    path, name = Path(model).expanduser(), str(model)
    if path.suffix.lower() == ".onnx" or _describes_onnx(path):
        path, found = locate_onnx(path, spec)
        if found is not None:
            from .onnx import OnnxSegmenter

            fitted = replace(found, input=found.input.at_size(input_size))
            return OnnxSegmenter(path, fitted, device=device, stage=stage, where=where)
    elif spec is not None:
        raise ScotopicError(f"a spec belongs to an ONNX file, not to {model}: leave it out")
    if path.name.lower().endswith(_ULTRALYTICS):
        from .ultralytics.segmenter import UltralyticsSegmenter

        settings: dict[str, Any] = {"imgsz": input_size, "device": device, "download": download}
        return UltralyticsSegmenter(path, stage=stage, where=where, **settings)
    net = _module(name, path, download)
    net.resize_to(input_size)
    try:
        net.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except (RuntimeError, AssertionError) as error:
        raise ScotopicError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None
    if stage is not None:
        net.put(stage, where)
    return net.eval()


def _module(name: str, path: Path, download: bool) -> EnhancedModule:
    """The nets that run on torch itself, with what was saved with them."""
    if name.startswith(TORCHVISION):
        return pretrained_segmentation(name.removeprefix(TORCHVISION), download)
    if name in list_shipped() or path.suffix.lower() in SPEC_SUFFIXES:
        shipped = load_shipped(path if path.suffix else name)
        net = EnhancedSegmentationModel(shipped.module, shipped.input, shipped.names)
        net.file = shipped.file
        return net
    if path.is_dir():
        net = EnhancedSegmentationModel.from_pretrained(path)
        net.file = path / WEIGHTS_FILE
        return net
    if path.suffix:
        endings = ", ".join([*_ULTRALYTICS, *SPEC_SUFFIXES])
        raise ScotopicError(
            f"cannot tell what kind of segmentation net {name} is: give a file that ends in {endings}, "
            f"a folder written by save_pretrained, or {TORCHVISION}NAME"
        )
    raise ScotopicError(f"no segmentation net {name!r}, nor a folder of that name: {nearest(name, list_shipped())}")


def _describes_onnx(path: Path) -> bool:
    """Whether it is a YAML file about an ONNX file, and not about a net of ours."""
    return path.suffix.lower() in SPEC_SUFFIXES and "net" not in read_input_spec(path)[2]
