"""A frozen segmentation net that guides a training: the enhanced picture should look to it as the bright one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..eval.datasets.segmentation_classes import SegmentationClassMap
from ..eval.datasets.segmentation_sample import IGNORED
from .guidance import SemanticGuide
from .guidance_ultralytics import ClassMaps, deep_layers
from .task_features import feature_distance
from .task_guide import shrunk

LEAST_PROBABILITY = 1e-6
"""What is less likely counts as if it were this likely, so that logarithms stay finite."""


class SegmenterGuide(nn.Module):
    """A frozen segmentation net as a :class:`~scotopic.training.task_guide.Guide`.

    - *classes*: the Kullback-Leibler divergence of its class probabilities from those on the bright picture, the mean
      over the pixels;
    - *features*: the distance of its encoder's features (of an ultralytics net those of its deep layers);
    - *labels*: the cross-entropy of the labelled pixels whose class is one of the net's.

    Args:
        net: what gives the probabilities.
        features: whether the features are wanted.
        shrink: how many times the pictures are shrunk before.
        class_map: which class of the labels is which of the net; None where there are no labels.

    Raises:
        ScotopicError: features are wanted of a net that has no encoder.

    >>> from scotopic.training.guidance import semantic_guide
    >>> pictures = torch.rand(2, 3, 64, 64)
    >>> terms = SegmenterGuide(semantic_guide("road"))(pictures, pictures, {})
    >>> {name: [round(abs(value), 4) for value in term.tolist()] for name, term in terms.items()}
    {'classes': [0.0, 0.0], 'features': [0.0, 0.0]}
    """

    def __init__(
        self,
        net: SemanticGuide,
        features: bool = True,
        shrink: int = 1,
        class_map: SegmentationClassMap | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.description = net.description
        self.terms = ("classes", *(("features",) if features else ()), *(() if class_map is None else ("labels",)))
        self.shrink = shrink
        self._kept: list[Any] = []
        for module in _encoder(net) if features else ():
            module.register_forward_hook(lambda _module, _given, output: self._kept.append(output))
        self._class_map = class_map

    def forward(self, enhanced: Tensor, bright: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :class:`~scotopic.training.task_guide.Guide`."""
        with torch.no_grad():
            wanted, bright_features = self._see(bright)
        found, features = self._see(enhanced)
        terms = {"classes": divergence(found, wanted)}
        if "features" in self.terms:
            terms["features"] = feature_distance(features, bright_features)
        if self._class_map is not None:
            first = (self.shrink - 1) // 2
            masks = labels["masks"][:, first :: self.shrink, first :: self.shrink]
            terms["labels"] = cross_entropy(found, masks[:, : found.shape[2], : found.shape[3]], self._class_map)
        return terms

    def _see(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Class probabilities (N, C, h, w) and features."""
        self._kept.clear()
        probabilities = self.net(shrunk(pictures, self.shrink))
        features = [layer for output in self._kept for layer in _layers(output)]
        self._kept.clear()
        return probabilities, features


def divergence(probabilities: Tensor, reference: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of the reference from the probabilities, the mean over the pixels.

    Args:
        probabilities: (N, C, h, w), summing to 1 over C.
        reference: the same of the bright pictures; no gradient goes there.

    Returns:
        (N,) in nats, 0 where they are equal.

    >>> sure, unsure = torch.tensor([0.9, 0.1]).view(1, 2, 1, 1), torch.tensor([0.5, 0.5]).view(1, 2, 1, 1)
    >>> round(divergence(unsure, sure).item(), 4)  # 0.9 log(0.9 / 0.5) + 0.1 log(0.1 / 0.5)
    0.3681
    """
    target = reference.detach().clamp(min=LEAST_PROBABILITY)
    return (target * (target.log() - probabilities.clamp(min=LEAST_PROBABILITY).log())).sum(1).mean((1, 2))


def cross_entropy(probabilities: Tensor, masks: Tensor, class_map: SegmentationClassMap) -> Tensor:
    """The cross-entropy with labels, the mean over the pixels that have one which the net knows; 0 where none has.

    Several of the net's classes may be one class of the labels; their probabilities add up.

    Args:
        probabilities: (N, C, h, w), summing to 1 over C.
        masks: int64 (N, h, w), classes of the labels; 255 counts nowhere.
        class_map: which is which.

    Returns:
        (N,).

    >>> from scotopic.eval.datasets.segmentation_classes import map_segmentation_classes
    >>> class_map = map_segmentation_classes(["Road", "Car", "Zebra"], {0: "road", 1: "car", 2: "truck"})
    >>> probabilities = torch.tensor([0.5, 0.2, 0.3]).view(1, 3, 1, 1).expand(1, 3, 1, 3)
    >>> round(cross_entropy(probabilities, torch.tensor([[[1, 2, 255]]]), class_map).item(), 4)  # -log(0.2 + 0.3)
    0.6931
    """
    count = len(class_map.categories)
    category = torch.as_tensor(class_map.prediction_lookup.copy(), device=probabilities.device)
    joined = probabilities.new_zeros(len(probabilities), count + 1, *probabilities.shape[2:])
    joined = joined.index_add(1, category[: probabilities.shape[1]], probabilities[:, : len(category)])
    truth = torch.as_tensor(class_map.truth_lookup.copy(), device=masks.device)[masks]
    counted = (truth != IGNORED) & (truth < count)
    likely = joined.gather(1, truth.where(counted, 0)[:, None])[:, 0].clamp(min=LEAST_PROBABILITY)
    return -(likely.log() * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)


def _encoder(guide: SemanticGuide) -> list[nn.Module]:
    """The modules whose outputs are the features."""
    held: Any = guide.net
    if isinstance(held, ClassMaps):
        network: Any = held.network
        return [network.model[layer] for layer in deep_layers(network)]
    wrapped = getattr(getattr(held, "wrapper", None), "net", None)
    encoder = getattr(wrapped, "encoder", None) or getattr(wrapped, "backbone", None)
    if encoder is None:
        name = guide.description["name"]
        raise ScotopicError(f"{name} has no encoder of its own to compare features of: set task.weights.features to 0")
    return [encoder]


def _layers(output: Any) -> list[Tensor]:
    """The features in what an encoder gives: a tensor, torchvision's dict, or smp's list."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, dict):
        return list(output.values())
    return [layer for layer in output[1:] if layer.numel()]  # the first is the picture itself
