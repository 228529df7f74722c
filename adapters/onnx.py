"""Detectors and segmentation nets in ONNX files of any origin, on onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from ..errors import ScotopicError
from ..pipeline.stage import EnhancementStage
from .boxes import best_first, suppress
from .contract import Detections, Segmentation
from .geometry import Geometry
from .module_parts import Stopwatch
from .onnx_boxes import decode_ultralytics, decode_yolox
from .onnx_file import OnnxSpec
from .onnx_session import CPU, OnnxNet, put_in_front

Net = TypeVar("Net", bound=OnnxNet)


class OnnxDetector(OnnxNet):
    """A detector in an ONNX file.

    Args:
        model: the file, or a YAML file that names it (see :func:`~scotopic.adapters.onnx_file.read_onnx_spec`).
        spec: what input and output mean, or a YAML file that says it; None: it stands in the YAML file of the same name
            beside ``model``.
        conf: least score of a box, 0..1.
        iou: overlap above which non-maximum suppression drops the lower box of a class.
        max_det: most boxes in a picture.
        device: ``"cpu"``, ``"cuda:0"``; None: CUDA where this onnxruntime has it.
        stage: an enhancement stage in front; None for the bare detector.
        where: ``"source"``; the graph of such a file is fixed.

    Raises:
        ScotopicError: no such file, no spec, or the file does not fit it.

    Example::

        spec = OnnxSpec(InputSpec(color="bgr", range=255, size=(416, 416), pad="corner"), COCO_NAMES, "yolox")
        found, timing = OnnxDetector("yolox_nano.onnx", spec).detect(read_image("night.jpg"))
    """

    def __init__(
        self,
        model: str | Path,
        spec: OnnxSpec | str | Path | None = None,
        *,
        conf: float = 0.001,
        iou: float = 0.7,
        max_det: int = 300,
        device: str | None = None,
        stage: EnhancementStage | None = None,
        where: str = "source",
    ) -> None:
        settings = {"conf": conf, "iou": iou, "max_det": max_det}
        super().__init__(model, spec, task="detect", settings=settings, device=device)
        self._conf, self._iou, self._max_det = conf, iou, max_det
        if self.spec.outputs == "segmentation":
            raise ScotopicError(f"{self.path} is for segmentation, as its spec says, and gives no boxes")
        _refuse_unknown(self, np.arange(len(self.names)))
        passage = self.try_out()
        self._boxes(passage.output, passage.geometry)
        put_in_front(self, stage, where)

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        passage = self.run(image, name)
        watch = Stopwatch(CPU)
        found = self._boxes(passage.output, passage.geometry)
        detections = Detections(found.boxes, found.scores, found.labels, passage.gate_passed)
        return detections, {**passage.timing, "postprocess": watch.lap()}

    def _boxes(self, output: np.ndarray, geometry: Geometry) -> Detections:
        try:
            if self.spec.outputs == "yolox":
                found, overlapping = decode_yolox(output, len(self.names), geometry.frame)
            else:
                found, overlapping = decode_ultralytics(output, len(self.names))
        except ScotopicError as error:
            raise ScotopicError(f"{self.path}: {error}") from None
        found = best_first(found, self._conf, len(found))
        _refuse_unknown(self, found.labels)
        if overlapping:
            found = suppress(found, self._iou)
        found = best_first(found, self._conf, self._max_det)
        return Detections(geometry.boxes_to_picture(found.boxes), found.scores, found.labels)


class OnnxSegmenter(OnnxNet):
    """A net for semantic segmentation in an ONNX file.

    Its first output is logits or a map of class ids, see :class:`~scotopic.adapters.onnx_file.OnnxSpec`. Logits of one
    channel alone are those of the second of two classes: positive where it is.

    Args:
        model, spec, device, stage, where: as for :class:`OnnxDetector`.

    Raises:
        ScotopicError: no such file, no spec, or the file does not fit it.

    Example::

        spec = OnnxSpec(InputSpec(mean=MEAN, std=STD, multiple=32), ["road", "car"], "segmentation")
        seen, timing = OnnxSegmenter("unet.onnx", spec).segment(read_image("night.jpg"))
    """

    def __init__(
        self,
        model: str | Path,
        spec: OnnxSpec | str | Path | None = None,
        *,
        device: str | None = None,
        stage: EnhancementStage | None = None,
        where: str = "source",
    ) -> None:
        super().__init__(model, spec, task="semantic", settings={}, device=device)
        if self.spec.outputs != "segmentation":
            raise ScotopicError(f"{self.path} is a detector, as its spec says: outputs must be segmentation")
        passage = self.try_out()
        self._labels(passage.output, passage.geometry)
        put_in_front(self, stage, where)

    def segment(self, image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        passage = self.run(image, name)
        watch = Stopwatch(CPU)
        labels = self._labels(passage.output, passage.geometry)
        seen = Segmentation(labels, passage.gate_passed)
        return seen, {**passage.timing, "postprocess": watch.lap()}

    def _labels(self, output: np.ndarray, geometry: Geometry) -> np.ndarray:
        whole_numbers = np.issubdtype(output.dtype, np.integer)
        if output.ndim == 3 and whole_numbers and output.shape[0] == 1:
            output = output[0]
        if output.ndim == 2:
            ids = output if whole_numbers else np.rint(output)
            _refuse_unknown(self, ids)
            return geometry.labels_to_picture(ids.astype(np.int64))
        classes, last = len(self.names), self.spec.input.layout == "nhwc"
        logits = output.transpose(2, 0, 1) if last and output.ndim == 3 else output
        one_for_two = classes == 2 and len(logits) == 1
        if whole_numbers or logits.ndim != 3 or not (len(logits) == classes or one_for_two):
            expected = f"(1, h, w, {classes})" if last else f"(1, {classes}, h, w)"
            raise ScotopicError(
                f"{self.path}: an output of shape {(1, *output.shape)} is not that of {classes} classes: expected is "
                f"{expected}, or a map of class ids (1, h, w); check names"
            )
        _refuse_unknown(self, np.arange(classes))
        return geometry.labels_of(logits)


def attach(model: Net, stage: EnhancementStage, where: str) -> Net:
    """See :func:`scotopic.attach`."""
    put_in_front(model, stage, where)
    return model


def detach(model: Net) -> Net:
    """See :func:`scotopic.detach`."""
    model.stage = None
    return model


def _refuse_unknown(net: OnnxNet, ids: np.ndarray) -> None:
    unknown = sorted({int(i) for i in np.unique(ids)} - net.names.keys())
    if unknown:
        raise ScotopicError(f"{net.path} gives the class id {unknown[0]}, which its names lack: complete them")
