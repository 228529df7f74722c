"""A detector for the evaluation from a file, by the kind of the file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import ScotopicError, nearest
from ..pipeline.stage import EnhancementStage
from .contract import Detector
from .onnx_file import SPEC_SUFFIXES, OnnxSpec, locate_onnx, read_onnx_spec, weight_files
from .shipped_detectors import find_shipped_detector, input_size, list_shipped_detectors
from .two_looks import TwoLooks

DetectorWhere = Literal["graph", "source", "beside"]

# How the name of a file (or folder) ends -> module and class that load it.
_LOADERS = {
    (".pt", ".onnx", ".torchscript", ".engine", "_openvino_model"): ("ultralytics.detector", "UltralyticsDetector"),
}
_ONNX = (".onnx", *SPEC_SUFFIXES)


def load_detector(
    model: str | Path,
    *,
    imgsz: int | None = None,
    conf: float = 0.001,
    iou: float = 0.7,
    max_det: int = 300,
    device: str | None = None,
    stage: EnhancementStage | None = None,
    where: DetectorWhere = "source",
    download: bool = False,
    spec: OnnxSpec | str | Path | None = None,
) -> Detector:
    """Load a detector, ready to run.

    Args:
        model: the name of a detector that the package carries (``"street"``), or the YAML file of one that
            ``scotopic train detector`` made; a checkpoint of ultralytics (``.pt``) or a file that it exported
            (``.onnx``, ``.torchscript``, ``.engine``, a folder ``*_openvino_model``). A ``.pt`` is a pickle: load only
            files that you trust. Or any other ``.onnx``, whose ``spec`` says what its input and output mean, or a
            ``.yaml`` file with that spec which names it.
        imgsz: size of the network's input (the longer side), in pixels; an exported file may fix it, and a spec does.
            None: 640, or what suits a net of ours.
        conf: least score of a box.
        iou: overlap above which non-maximum suppression drops the lower box.
        max_det: most boxes in a picture.
        device: ``"cpu"``, ``"cuda:0"``, ...; None chooses.
        stage: an enhancement stage in front; None for the bare detector.
        where: ``"source"``: on the whole picture; ``"graph"``: inside the network, after the resize; ``"beside"``: the
            detector looks twice, see :class:`~scotopic.adapters.two_looks.TwoLooks`.
        download: whether ultralytics may fetch a file of its own (``yolo11n.pt``) that is not there.
        spec: of an ``.onnx`` file, or the YAML file that holds it; None: ultralytics exported the file, or the spec
            stands beside it under the same name (see :func:`~scotopic.adapters.onnx_file.read_onnx_spec`).

    Raises:
        ScotopicError: no such file or name, a file of an unknown kind, damaged, or not a detector.

    >>> load_detector("nothing.pt")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no detector at nothing.pt: check the path
    """
    if where == "beside":
        bare = load_detector(
            model, imgsz=imgsz, conf=conf, iou=iou, max_det=max_det, device=device, download=download, spec=spec
        )
        return bare if stage is None else TwoLooks(bare, stage, iou=iou, max_det=max_det)
    path = Path(model).expanduser()
    own = find_shipped_detector(model)
    if own is None and path.suffix.lower() in _ONNX:
        file, found = locate_onnx(path, spec)
        if found is not None:
            from .onnx import OnnxDetector

            return OnnxDetector(
                file, found, conf=conf, iou=iou, max_det=max_det, device=device, stage=stage, where=where
            )
    elif spec is not None:
        raise ScotopicError(f"a spec belongs to an ONNX file, not to {model}: leave it out")
    for endings, (module, name) in _LOADERS.items():
        if own is not None or path.name.lower().endswith(endings):
            loader = cast(Any, getattr(import_module(f".{module}", __package__), name))
            settings = {"imgsz": imgsz or input_size(model), "conf": conf, "iou": iou, "max_det": max_det}
            return loader(own or path, **settings, device=device, stage=stage, where=where, download=download)
    if not path.suffix and not path.exists():
        known = nearest(str(model), list_shipped_detectors())
        raise ScotopicError(f"no detector '{model}', nor a file of that name: {known}")
    known = ", ".join([ending for endings in _LOADERS for ending in endings] + list(SPEC_SUFFIXES))
    raise ScotopicError(f"cannot tell what kind of detector {model} is: its name should end in {known}")


def detector_files(model: str | Path) -> list[Path]:
    """The files of which :func:`load_detector` would make a detector, found without loading it; those that are there.

    Raises:
        ScotopicError: a YAML or ONNX file that cannot be read.

    >>> [path.name for path in detector_files("street")]
    ['street.yaml', 'street.safetensors']
    >>> detector_files("nothing.pt")
    []
    """
    path = Path(model).expanduser()
    own = find_shipped_detector(model)
    files = [path]
    if own is not None:
        files = [own, own.with_suffix(".safetensors")]
    elif path.is_dir():
        files = sorted(path.rglob("*"))
    elif path.is_file() and path.suffix.lower() in _ONNX:
        specs = [path] if path.suffix.lower() in SPEC_SUFFIXES else [path.with_suffix(end) for end in SPEC_SUFFIXES]
        file = read_onnx_spec(path)[1] if path in specs else path
        files = [*specs, *(weight_files(file) if file is not None and file.is_file() else [])]
    return [file for file in files if file.is_file()]
