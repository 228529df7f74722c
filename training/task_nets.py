"""The nets that guide a training by their task, from their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..adapters.segmenters import TORCHVISION
from ..adapters.shipped import list_shipped
from ..adapters.shipped_detectors import find_shipped_detector, list_shipped_detectors, load_yolo
from ..configs.task_schema import TaskSettings
from ..errors import ScotopicError, nearest
from ..eval.datasets.classes import map_classes
from ..eval.datasets.segmentation_classes import map_segmentation_classes
from .guidance import RANDOM, SMP, SemanticGuide, semantic_guide
from .guidance_ultralytics import PREFIX, load_network
from .task_detector import DetectorGuide
from .task_guide import Guide
from .task_labels import Boxes, Labels, Masks
from .task_segmenter import SegmenterGuide


def load_guides(settings: TaskSettings, labels: Labels | None, device: torch.device | str) -> list[Guide]:
    """Load the nets that ``settings`` names, frozen; the caller's random numbers are left as they are.

    Args:
        settings: see :class:`~scotopic.configs.task_schema.TaskSettings`.
        labels: of the training pictures. Boxes teach detectors, and masks segmentation nets.
        device: where they run.

    Raises:
        ScotopicError: an unknown name, a file that is missing or damaged, a package that is not installed; labels that
            teach none of the nets, or whose classes a net has not.

    >>> load_guides(TaskSettings(nets=["rode"]), None, "cpu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no net 'rode' to learn from: did you mean 'road'? Known: ...
    """
    with torch.random.fork_rng(devices=[]):
        guides = [_load(name, settings, labels, device) for name in settings.nets]
    if labels is not None and not any("labels" in guide.terms for guide in guides):
        wanted = "a detector" if isinstance(labels, Boxes) else "a segmentation net"
        raise ScotopicError(
            f"the labels are {labels.kind}, and none of the nets ({', '.join(settings.nets)}) learns from those: "
            f"name {wanted}, or leave out supervised"
        )
    return guides


def is_detector(name: str) -> bool:
    """Whether a name may stand for a detector; of a file that is read only later, it may.

    >>> is_detector("yolo11n.pt"), is_detector("road")
    (True, False)
    """
    return name.endswith(".pt") or find_shipped_detector(name) is not None


def _load(name: str, settings: TaskSettings, labels: Labels | None, device: torch.device | str) -> Guide:
    if find_shipped_detector(name) is not None:
        return _detector(load_yolo(name).model, name, settings, labels, device)
    if name.endswith(".pt"):
        file = name.removeprefix(PREFIX)
        network: Any = load_network(file)
        if _finds_boxes(network):
            return _detector(network, file, settings, labels, device)
        return _segmenter(semantic_guide(PREFIX + file, device), network.names, settings, labels)
    known = [*list_shipped_detectors(), *list_shipped(), RANDOM]
    forms = ("FILE.pt", "FILE.yaml", f"{SMP}FOLDER_OR_HUB", f"{TORCHVISION}NAME")
    if name not in known and Path(name).suffix not in (".yaml", ".yml") and not name.startswith((SMP, TORCHVISION)):
        raise ScotopicError(f"no net {name!r} to learn from: {nearest(name, [*known, *forms])}")
    guide: Any = semantic_guide(name, device)
    return _segmenter(guide, getattr(getattr(guide.net, "wrapper", None), "names", {}), settings, labels)


def _finds_boxes(network: Any) -> bool:
    from ultralytics.nn.modules.head import Detect

    return isinstance(network.model[-1], Detect)


def _detector(
    network: Any, name: str, settings: TaskSettings, labels: Labels | None, device: torch.device | str
) -> DetectorGuide:
    class_map = None
    if isinstance(labels, Boxes):
        class_map = map_classes(labels.classes, network.names, labels.class_map)
    return DetectorGuide(network, name, device, settings.shrink, class_map)


def _segmenter(
    guide: SemanticGuide, names: Mapping[int, str], settings: TaskSettings, labels: Labels | None
) -> SegmenterGuide:
    class_map = None
    if isinstance(labels, Masks):
        if not names:
            raise ScotopicError(f"{guide.description['name']} does not name its classes: no labels can teach it")
        class_map = map_segmentation_classes(labels.classes, names, labels.class_map)
    return SegmenterGuide(guide, settings.weights.features > 0, settings.shrink, class_map)
