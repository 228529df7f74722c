"""A frozen detector that guides a training: it should find in the enhanced picture what it finds in the bright one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..eval.datasets.classes import ClassMap
from .guidance_frozen import FrozenNet, fit_batch
from .guidance_ultralytics import deep_layers, input_of
from .task_detector_loss import DetectorLoss
from .task_features import feature_distance
from .task_guide import shrunk
from .task_objects import object_terms

OBJECT_TERMS: tuple[str, ...] = ("missed", "misplaced", "false_alarms")


class Seen(NamedTuple):
    """What a detector makes of N pictures.

    Attributes:
        features: (N, channels, h, w), one for each of its deep layers.
        boxes: (N, anchors, 4), x1, y1, x2, y2 in pixels of the frame.
        scores: confidences (N, anchors, C), 0..1.
        raw: its head's own form of them, for its loss.
        frame: (height, width) of what it saw.
    """

    features: list[Tensor]
    boxes: Tensor
    scores: Tensor
    raw: Any
    frame: tuple[int, int]


class DetectorGuide(FrozenNet):
    """A frozen detector of ultralytics as a :class:`~scotopic.training.task_guide.Guide`.

    Pictures go in shrunk, RGB in [0, 1], padded with grey to a multiple of the largest stride.

    Args:
        network: a YOLO with boxes.
        name: of it, for the record and for errors.
        device: where it runs.
        shrink: how many times the pictures are shrunk before.
        class_map: which class of the labels is which of the net; None where there are no labels.

    Attributes:
        layers: whose features are compared: the last that the neck takes from the backbone, and those that the head
            takes from the neck. For YOLO11n that is 10, 16, 19 and 22.

    Raises:
        ScotopicError: a net without upright boxes, or with labels one that learns more than boxes.

    Example::

        guide = DetectorGuide(load_network("yolo11n.pt"), "yolo11n.pt", "cpu", shrink=2)
        terms = guide(enhancer(darkened(photo)), photo, {})
        loss = terms["missed"] + 0.5 * terms["misplaced"]
    """

    def __init__(
        self, network: Any, name: str, device: torch.device | str, shrink: int = 1, class_map: ClassMap | None = None
    ) -> None:
        from ultralytics.nn.modules.head import OBB, Detect

        head = network.model[-1]
        if not isinstance(head, Detect) or isinstance(head, OBB):
            raise ScotopicError(f"{name} finds no upright boxes: give a net for 'detect', or one for segmentation")
        super().__init__(network, name, device)
        self.terms = (*OBJECT_TERMS, "features")
        self.shrink = shrink
        self.layers = deep_layers(network)
        self._spec = input_of(network)
        self._kept: dict[int, Tensor] = {}
        for layer in self.layers:
            self._keep(network.model[layer], layer)
        self._loss: DetectorLoss | None = None
        if class_map is not None:
            self._loss = DetectorLoss(network, class_map, name)
            self.terms = (*self.terms, "labels")

    def see(self, pictures: Tensor) -> Seen:
        """Features and detections of float RGB (N, 3, H, W) in [0, 1] in one pass; boxes are of the shrunk pictures."""
        from ultralytics.utils.tal import dist2bbox, make_anchors

        frame = fit_batch(shrunk(pictures, self.shrink), self._spec)[0]
        self._kept.clear()
        raw = self.net(frame)[1]
        features = [self._kept[layer] for layer in self.layers]
        self._kept.clear()
        head: Any = self.net.model[-1]  # pyright: ignore[reportIndexIssue]
        found = raw
        if "one2one" in raw:  # two heads, one of which works
            found = raw["one2one" if head.end2end else "one2many"]
        anchors, strides = (part.transpose(0, 1) for part in make_anchors(found["feats"], head.stride, 0.5))
        boxes = dist2bbox(head.dfl(found["boxes"]), anchors[None], xywh=False, dim=1) * strides
        scores = found["scores"].sigmoid()
        size = (frame.shape[-2], frame.shape[-1])
        return Seen(features, boxes.transpose(1, 2), scores.transpose(1, 2), raw, size)

    def forward(self, enhanced: Tensor, bright: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :class:`~scotopic.training.task_guide.Guide`."""
        with torch.no_grad():
            wanted = self.see(bright)
        seen = self.see(enhanced)
        pictures = zip(seen.boxes, seen.scores, wanted.boxes, wanted.scores, strict=True)
        of_objects = torch.stack([object_terms(*picture) for picture in pictures])
        terms = dict(zip(OBJECT_TERMS, of_objects.unbind(1), strict=True))
        terms["features"] = feature_distance(seen.features, wanted.features)
        if self._loss is not None:
            boxes = labels["boxes"] / labels["boxes"].new_tensor([1, *[self.shrink] * 4])
            terms["labels"] = self._loss(seen.raw, boxes, seen.frame)
        return terms

    def _keep(self, module: nn.Module, layer: int) -> None:
        def keep(_module: nn.Module, _given: Any, output: Tensor) -> None:
            self._kept[layer] = output

        module.register_forward_hook(keep)
