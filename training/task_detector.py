"""Guidance by the task, without labels: what a frozen net sees in the enhanced picture, pulled to the bright one's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..adapters.input_spec import InputSpec
from ..adapters.module_parts import Normalisation
from ..errors import ScotopicError
from .guidance import fit_of, load_wrapper
from .guidance_frozen import FrozenNet, fit_batch
from .guidance_ultralytics import PREFIX, class_logits, input_of, load_network
from .imagenet import INPUT, load_imagenet

IMAGENET = "efficientnet-lite0"


class Seen(NamedTuple):
    """What a detector makes of a batch: its features, one tensor for each layer, and its class scores before the
    sigmoid, (N, C, anchors)."""

    features: list[Tensor]
    class_logits: Tensor


class DetectorFeatures(FrozenNet):
    """A frozen detector of ultralytics as one that gives its features; see :func:`detector_features`.

    Attributes:
        layers: whose outputs it gives, in the order of the network.
        description: ``name``, ``sha256`` and ``layers``.
    """

    def __init__(self, network: Any, layers: Sequence[int] | None, name: str, device: torch.device | str) -> None:
        self.layers = _checked(network, layers, name)
        super().__init__(network, name, device)
        self.description["layers"] = self.layers
        self._spec = input_of(network)
        self._kept: dict[int, Tensor] = {}
        for layer in self.layers:
            self._keep(network.model[layer], layer)

    def forward(self, x: Tensor) -> list[Tensor]:
        """float RGB (N, 3, H, W) in [0, 1] -> features (N, channels, h, w), one for each layer."""
        return self._run(x)[0]

    def see(self, x: Tensor) -> Seen:
        """Features and class scores in one pass.

        Raises:
            ScotopicError: the net has no boxes.
        """
        from ultralytics.nn.modules.head import Detect

        network: Any = self.net
        if not isinstance(network.model[-1], Detect):
            raise ScotopicError(f"{self.description['name']} finds no boxes: its features can guide, its scores not")
        features, output = self._run(x)
        return Seen(features, class_logits(output))

    def _run(self, x: Tensor) -> tuple[list[Tensor], Any]:
        self._kept.clear()
        output = self.net(fit_batch(x, self._spec)[0])
        features = [self._kept[layer] for layer in self.layers]
        self._kept.clear()
        return features, output

    def _keep(self, module: nn.Module, layer: int) -> None:
        def keep(_module: nn.Module, _given: Any, output: Tensor) -> None:
            self._kept[layer] = output

        module.register_forward_hook(keep)


class EncoderFeatures(FrozenNet):
    """A frozen encoder as one that gives its features; see :func:`encoder_features`."""

    def __init__(self, net: nn.Module, fit: Any, name: str, device: torch.device | str) -> None:
        super().__init__(net, name, device)
        self._fit = fit

    def forward(self, x: Tensor) -> list[Tensor]:
        """float RGB (N, 3, H, W) in [0, 1] -> features (N, channels, h, w), the finest first."""
        return self.net(self._fit(x)[0])


def detector_features(
    file: str, layers: Sequence[int] | None = None, device: torch.device | str = "cpu"
) -> DetectorFeatures:
    """Load a detector whose features, and class scores, guide a training: frozen, in eval mode.

    Pictures go in at their own size, RGB in [0, 1], padded with grey to a multiple of the largest stride: the size of
    the training pictures is the size at which the detector learns to see.

    Args:
        file: a checkpoint of ultralytics, any YOLO, with or without the prefix ``ultralytics:`` (a pickle: load only
            files that you trust).
        layers: numbers of the layers to give; None: those that the head or the neck takes from the backbone, and those
            that the head takes from the neck. For YOLO11n that is 4, 6, 10, 16, 19, 22.
        device: where it runs.

    Raises:
        ScotopicError: no such file or layer, or not a YOLO.

    Example::

        guide = detector_features("yolo11n.pt")
        with torch.no_grad():
            bright = guide.see(photo)
        seen = guide.see(enhancer(darkened(photo)))
        loss = feature_distance(seen.features, bright.features)
        loss = loss + prediction_distance(seen.class_logits, bright.class_logits)

    >>> detector_features("yolo.onnx")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: cannot learn from yolo.onnx: only a checkpoint (.pt) of ultralytics passes a gradient
    """
    return DetectorFeatures(load_network(file.removeprefix(PREFIX)), layers, file, device)


def encoder_features(name: str, device: torch.device | str = "cpu") -> EncoderFeatures:
    """Load the encoder of a segmentation net or of a classifier, with the same use as :func:`detector_features`.

    Args:
        name: ``"road"``, ``FILE.yaml``, ``"smp:..."`` or ``"torchvision:..."``, as in
            :func:`~scotopic.training.guidance.semantic_guide`; or ``"efficientnet-lite0"``, which classifies ImageNet
            (from a package on PyPI, nothing is downloaded).
        device: where it runs.

    Returns:
        (N, 3, H, W) in [0, 1] -> a list of features: of an smp encoder all its stages, of torchvision's nets what the
        backbone gives to the heads.

    Raises:
        ScotopicError: an unknown name, a file that is missing or damaged, or a package that is not installed.

    >>> [tuple(features.shape[1:]) for features in encoder_features("road")(torch.rand(1, 3, 64, 64))]
    [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    """
    if name == IMAGENET:
        from ..adapters.shipped import NetDescription, build_net

        net: Any = build_net(NetDescription(architecture="Unet", decoder_width=16, classes=2))
        load_imagenet(net)
        return EncoderFeatures(_Stages(net.encoder, INPUT), lambda x: fit_batch(x, INPUT), name, device)
    wrapper = load_wrapper(name)
    held: Any = wrapper.net
    backbone = getattr(held, "encoder", None) or getattr(held, "backbone", None)
    if backbone is None:
        raise ScotopicError(f"{name}: {type(held).__name__} has no encoder of its own: use another net")
    return EncoderFeatures(_Stages(backbone, wrapper.spec), fit_of(wrapper), name, device)


def feature_distance(features: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """How far features are from those of the bright picture: the mean over layers of MSE / variance of the reference.

    1 is what a layer of the reference's mean alone would have, so layers of any scale count alike.

    Args:
        features: (N, channels, h, w) each, of the enhanced pictures.
        reference: of the same pictures, bright; no gradient goes there.

    Returns:
        A scalar, 0 where they are equal.

    Raises:
        ScotopicError: other layers or shapes.

    >>> bright = [torch.tensor([0.0, 2.0]).reshape(1, 1, 1, 2)]  # variance 1
    >>> feature_distance([torch.ones(1, 1, 1, 2)], bright).item()
    1.0
    """
    shapes = [[tuple(layer.shape) for layer in side] for side in (features, reference)]
    if shapes[0] != shapes[1] or not features:
        raise ScotopicError(f"features of shapes {shapes[0]} cannot be compared with {shapes[1]}: use one net and size")
    distances: list[Tensor] = []
    for found, wanted in zip(features, reference, strict=True):
        target = wanted.detach()
        spread = target.var(correction=0).clamp(min=torch.finfo(target.dtype).eps)
        distances.append(F.mse_loss(found, target) / spread)
    return torch.stack(distances).mean()


def prediction_distance(class_logits: Tensor, reference: Tensor) -> Tensor:
    """How far a detector's class confidences are from those on the bright picture, where it is confident there.

    The Kullback-Leibler divergence of each class's confidence from the bright one's, summed over the classes; the mean
    over the anchors, each counting by its highest confidence on the bright picture, so that the background, which is
    nearly all of them, does not drown the objects.

    Args:
        class_logits: scores before the sigmoid, (N, C, anchors), on the enhanced pictures.
        reference: the same on the bright pictures; no gradient goes there.

    Returns:
        A scalar in nats, 0 where they are equal.

    Raises:
        ScotopicError: other shapes.

    >>> sure, unsure = torch.full((1, 1, 1), 4.0), torch.zeros(1, 1, 1)
    >>> prediction_distance(sure, sure).item(), round(prediction_distance(unsure, sure).item(), 4)
    (0.0, 0.6031)
    """
    if class_logits.shape != reference.shape:
        raise ScotopicError(
            f"scores of shape {tuple(class_logits.shape)} cannot be compared with {tuple(reference.shape)}: "
            "use one net and size"
        )
    target = reference.detach()
    confidence = target.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(class_logits, confidence, reduction="none")
    entropy = F.binary_cross_entropy_with_logits(target, confidence, reduction="none")
    weight = confidence.amax(dim=1)
    return (weight * (cross_entropy - entropy).sum(dim=1)).sum() / weight.sum().clamp(min=1e-12)


class _Stages(nn.Module):
    """An encoder from frames, RGB in [0, 1], to a list of its features."""

    def __init__(self, backbone: nn.Module, spec: InputSpec) -> None:
        super().__init__()
        self.normalisation = Normalisation(spec)
        self.backbone = backbone

    def forward(self, x: Tensor) -> list[Tensor]:
        found = self.backbone(self.normalisation(x))
        if isinstance(found, dict):
            return list(found.values())
        return list(found[1:])  # the first of smp's is the picture itself


def _checked(network: Any, layers: Sequence[int] | None, name: str) -> list[int]:
    """The layers asked for, or those between backbone, neck and head."""
    modules = list(network.model)
    head = len(modules) - 1
    if layers is None:
        neck = next((i for i, module in enumerate(modules) if isinstance(module, nn.Upsample)), head)
        ends = modules[head].f
        return sorted({i for i in network.save if i < neck} | set([ends] if isinstance(ends, int) else ends))
    if not layers or any(not 0 <= layer < head for layer in layers):
        raise ScotopicError(f"{name} has layers 0 to {head - 1} with features, not {list(layers)}: choose among them")
    return sorted(set(layers))
