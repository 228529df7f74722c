"""Detection models of torchvision: an enhancer ahead, and a detector for the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..pipeline.contract import check_image, to_batch
from ..pipeline.stage import EnhancementStage
from .contract import Detections
from .input_spec import class_names
from .module_parts import Stopwatch, Wrapper, evaluating, parameters_sha256
from .staging import process_as


class EnhancedDetectionModel(Wrapper):
    """A detection model of torchvision with an enhancer ahead.

    It is called as the model is: a list of float RGB pictures (3, H, W) in [0, 1] of any sizes, in training with
    targets. Each picture is enhanced by itself, before the model's own normalisation and resize. Boxes stay where they
    are, so targets do too.

    >>> from torchvision.models.detection import ssdlite320_mobilenet_v3_large
    >>> from scotopic import attach
    >>> model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    >>> found = attach(model, "sgz")([torch.zeros(3, 40, 60), torch.zeros(3, 50, 30)])
    >>> len(found), sorted(found[0])
    (2, ['boxes', 'labels', 'scores'])
    """

    def forward(self, images: Sequence[Tensor], targets: Any = None) -> Any:
        """A list of pictures -> what the model returns: boxes, labels, scores of each; in training, losses.

        Raises:
            ScotopicError: a picture of another range, shape or dtype; or the enhancer works on pictures.
        """
        self.refuse_at_source("TorchvisionDetector(model, names).detect(image)")
        return self.net(self.enhance(images), targets)

    def enhance(self, images: Sequence[Tensor]) -> list[Tensor]:
        """What the model is going to see, before it normalises."""
        if self.in_graph is None:
            return list(images)
        for image in images:
            if image.ndim != 3:
                raise ScotopicError(f"a detection model takes a list of (3, H, W), not of shape {tuple(image.shape)}")
        return [self.in_graph(image.unsqueeze(0)).squeeze(0) for image in images]


class TorchvisionDetector:
    """A detection model of torchvision as a :class:`~scotopic.adapters.contract.Detector`.

    Args:
        model: Faster R-CNN, RetinaNet, FCOS, SSD and their kin, bare or with an enhancer attached.
        names: class id -> name, or a list; ``weights.meta["categories"]``. Class 0 is the background.
        conf: least score of a box; None: as the model has it (mostly 0.05; COCO's mAP asks for less).
        iou: overlap above which non-maximum suppression drops the lower box; None: as the model has it.
        max_det: most boxes in a picture; None: as the model has it.
        device: ``"cpu"``, ``"cuda:0"``, ...; None: where the model is.
        stage: an enhancement stage to put ahead of it, in the place of the one that it has.
        where: ``"source"``: on the whole picture as bytes; ``"graph"``: on floats, with gradients.

    Example::

        def load(stage):
            return TorchvisionDetector(model, weights.meta["categories"], conf=0.001, stage=stage)

        compare_detection(load, "darkbdd", ["clahe", "sgz"], "out", split="dark")
    """

    names: Mapping[int, str]
    description: dict[str, Any]

    def __init__(
        self,
        model: nn.Module,
        names: object,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        device: str | None = None,
        stage: EnhancementStage | None = None,
        where: str = "source",
    ) -> None:
        import torchvision

        wrapped = model if isinstance(model, EnhancedDetectionModel) else EnhancedDetectionModel(model)
        if device is not None:
            wrapped.to(device)
        if stage is not None:  # a wrapper of its own: others may look through the one that was given
            wrapped = EnhancedDetectionModel(wrapped.net)
            wrapped.put(stage, where)
        self.model = wrapped
        self.names = class_names(names)
        given = {"score_thresh": conf, "nms_thresh": iou, "detections_per_img": max_det}
        self._settings = {
            key: getattr(_box_head(self.model.net), key) if value is None else value for key, value in given.items()
        }
        self.description = {
            "file": type(self.model.net).__name__,
            "sha256": parameters_sha256(self.model.net),
            "framework": f"torchvision {torchvision.__version__}",
            "task": "detect",
            "device": str(self.model.device),
            "settings": dict(self._settings),
            **self.model.held(),
        }

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        check_image(image)
        model, timing = self.model, {}
        watch = Stopwatch(model.device)
        gate_passed: bool | None = None
        if model.at_source is not None:
            staged = process_as(model.at_source, image, "rgb", name)
            image, gate_passed = staged.image, not staged.enhanced
            timing["enhance"] = watch.lap()
        with evaluating(model), _settings(model.net, self._settings), torch.inference_mode():
            x = to_batch(image, model.device)
            timing["preprocess"] = watch.lap()
            if model.in_graph is not None:
                gate_passed = model.in_graph.passed(x)[0]
                x = model.in_graph(x)
                timing["enhance"] = watch.lap()
            found = {key: value.cpu().numpy() for key, value in model.net([x[0]])[0].items()}
            timing["inference"] = watch.lap()
        best = np.argsort(-found["scores"], kind="stable")
        detections = Detections(
            found["boxes"][best].astype(np.float64).reshape(-1, 4),
            found["scores"][best].astype(np.float64),
            found["labels"][best].astype(np.int64),
            gate_passed,
        )
        timing["postprocess"] = watch.lap()
        return detections, timing


def _box_head(net: nn.Module) -> Any:
    """The part of a model that holds the settings of its last step."""
    return getattr(net, "roi_heads", net)


@contextmanager
def _settings(net: nn.Module, settings: Mapping[str, Any]) -> Iterator[None]:
    """The model is the user's: its settings are ours only while a picture is looked at."""
    head = _box_head(net)
    before = {key: getattr(head, key) for key in settings}
    head.__dict__.update(settings)
    try:
        yield
    finally:
        head.__dict__.update(before)
