"""Does an exported file find the same boxes, or give the same logits, as the model that it was made from?"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import ScotopicError
from ..pipeline.image import contiguous, read_image
from .attach import attach
from .contract import Detections, match_boxes


@dataclass(frozen=True)
class ParityReport:
    """Boxes of a torch model against boxes of its exported file, on one picture.

    Attributes:
        boxes: how many the torch model found.
        exported_boxes: how many the exported file found.
        matched: pairs of the same class with an IoU of at least 0.5.
        coordinate_difference: the largest difference of a coordinate among the pairs, in pixels of the picture.
        score_difference: the largest difference of a score among the pairs.
    """

    boxes: int
    exported_boxes: int
    matched: int
    coordinate_difference: float
    score_difference: float

    def agrees(self, score: float = 1e-3, pixels: float = 0.5) -> bool:
        """Whether every box has its partner, within these differences.

        >>> ParityReport(3, 3, 3, 0.01, 2e-5).agrees()
        True
        >>> ParityReport(3, 4, 3, 0.01, 2e-5).agrees()
        False
        """
        paired = self.boxes == self.exported_boxes == self.matched
        return paired and self.score_difference < score and self.coordinate_difference < pixels


def check_export(model: Any, exported: str | Path, image: str | Path | np.ndarray, conf: float = 0.25) -> ParityReport:
    """Run a model and the file exported from it on a picture, and compare the boxes.

    Both get the picture in the same letterbox, the exported file's. An enhancer attached with ``where="graph"`` is in
    the file; one attached with ``where="source"`` is put in front of the file for the comparison.

    Args:
        model: the YOLO or RTDETR object of ultralytics.
        exported: what ``model.export()`` returned.
        image: a picture on which there is something to see: a path, or uint8 RGB (H, W, 3).
        conf: least score of a box, 0..1; for a file with its own NMS not below the one that it was exported with.

    Raises:
        ScotopicError: the file does not exist or is no export of ultralytics.
    """
    from .ultralytics.detector import detections_of
    from .ultralytics.setup import import_ultralytics

    framework = import_ultralytics()
    from ultralytics.nn.backends.base import BaseBackend

    if not Path(exported).exists():
        raise ScotopicError(f"no exported model at {exported}: check the path")
    size = BaseBackend.read_metadata(exported).get("imgsz")
    if size is None:
        raise ScotopicError(f"{exported} was not exported by ultralytics: give what model.export() returned")
    imgsz = ast.literal_eval(size) if isinstance(size, str) else size
    picture = image if isinstance(image, np.ndarray) else read_image(image)
    bgr = contiguous(picture[..., ::-1])
    other = framework.YOLO(str(exported), task=model.task)
    attachment = vars(model).get("attachment")
    if attachment is not None and attachment.where == "source":
        attach(other, attachment.stage, where="source")

    def boxes_of(candidate: Any) -> Detections:
        return detections_of(candidate.predict(bgr, imgsz=imgsz, rect=False, conf=conf, device="cpu", verbose=False)[0])

    return compare_boxes(boxes_of(model), boxes_of(other))


def compare_boxes(first: Detections, second: Detections) -> ParityReport:
    """The report on two sets of boxes from the same picture."""
    pairs = match_boxes(first, second)
    a, b = [i for i, _, _ in pairs], [j for _, j, _ in pairs]
    return ParityReport(
        boxes=len(first),
        exported_boxes=len(second),
        matched=len(pairs),
        coordinate_difference=float(np.abs(first.boxes[a] - second.boxes[b]).max(initial=0)),
        score_difference=float(np.abs(first.scores[a] - second.scores[b]).max(initial=0)),
    )


@dataclass(frozen=True)
class SegmentationParity:
    """Logits of a torch model against logits of its exported file.

    Attributes:
        logit_difference: (height, width) -> the largest difference of a logit.
        label_agreement: (height, width) -> share of the pixels that get the same class, 0..1.
    """

    logit_difference: dict[tuple[int, int], float]
    label_agreement: dict[tuple[int, int], float]

    def agrees(self, logits: float = 1e-3) -> bool:
        """Whether no logit differs by more, at any size.

        >>> SegmentationParity({(64, 96): 2e-4}, {(64, 96): 1.0}).agrees()
        True
        """
        return max(self.logit_difference.values()) < logits


def check_segmentation_export(
    model: Any, exported: str | Path, sizes: Sequence[tuple[int, int]] | None = None
) -> SegmentationParity:
    """Run a segmentation net and the ONNX file exported from it on noise, and compare the logits.

    At each size there are a dark picture, which the enhancer brightens, and a bright one, which the gate lets pass.

    Args:
        model: what was given to :func:`~scotopic.adapters.onnx_export.export_onnx`.
        exported: the file.
        sizes: (height, width) that the net takes; None: two that the file was not exported at, or the net's only one.

    Raises:
        ScotopicError: the file does not exist, or does not take such a size.
    """
    from .module_parts import evaluating
    from .onnx_export import example_size
    from .onnx_session import import_onnxruntime

    if not Path(exported).is_file():
        raise ScotopicError(f"no exported model at {exported}: check the path")
    session = import_onnxruntime().InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    sizes = sizes or [example_size(model.spec, 5, 7), example_size(model.spec, 8, 4)]
    differences: dict[tuple[int, int], float] = {}
    agreement: dict[tuple[int, int], float] = {}
    for height, width in sizes:
        generator = torch.Generator().manual_seed(height * width)
        light = torch.tensor([0.2, 1.0]).view(2, 1, 1, 1)
        pictures = torch.rand(2, 3, height, width, generator=generator) * light
        with evaluating(model), torch.inference_mode():
            expected = model.logits_of(model(pictures.to(model.device))).cpu().numpy()
        try:
            (given,) = session.run(None, {session.get_inputs()[0].name: pictures.numpy()})
        except Exception as error:
            raise ScotopicError(f"cannot run {exported} on {height}x{width} (height x width): {error}") from error
        differences[height, width] = float(np.abs(given - expected).max())
        agreement[height, width] = float((given.argmax(1) == expected.argmax(1)).mean())
    return SegmentationParity(differences, agreement)
