"""Frozen segmentation nets that say which classes an enhanced picture shows, for the semantic loss (eq. 6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..adapters.geometry import Geometry
from ..adapters.input_spec import InputSpec
from ..adapters.module import EnhancedModule
from ..adapters.segmenters import TORCHVISION, load_segmenter
from ..adapters.shipped import list_shipped
from ..adapters.smp import CONFIG_FILE, EnhancedSegmentationModel, import_smp, preprocessing_of
from ..adapters.torchvision import EnhancedTorchvisionModel, import_torchvision
from ..errors import ScotopicError, nearest
from .guidance_frozen import FrozenNet, fit_batch
from .guidance_random import RandomFPN
from .guidance_ultralytics import PREFIX as ULTRALYTICS
from .guidance_ultralytics import ClassMaps, input_of, load_network

RANDOM = "random-fpn"
SMP = "smp:"

Fit = Callable[[Tensor], tuple[Tensor, Geometry]]


class SemanticGuide(FrozenNet):
    """A frozen net that gives class probabilities at each pixel, differentiable in the picture; see
    :func:`semantic_guide`.

    Attributes:
        net: frames, RGB in [0, 1] -> logits (N, C, h, w).
        description: ``name`` and ``sha256``; for ``random-fpn`` also ``encoder_weights``.
    """

    def __init__(self, net: nn.Module, fit: Fit, name: str, device: torch.device | str) -> None:
        super().__init__(net, name, device)
        self._fit = fit

    def forward(self, x: Tensor) -> Tensor:
        """float RGB (N, 3, H, W) in [0, 1] -> float (N, C, H, W), summing to 1 over C, C >= 2."""
        frame, geometry = self._fit(x)
        logits = self.net(frame)
        if logits.shape[1] == 1:  # one class against the rest: its probability is the sigmoid, the rest's what is left
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return torch.stack([geometry.logits_to_picture(one) for one in logits]).softmax(dim=1)


def semantic_guide(name: str, device: torch.device | str = "cpu") -> SemanticGuide:
    """Load a segmentation net that guides a training: frozen, in eval mode, with its own normalisation inside.

    Pictures go in at their own size, which is the size of the training pictures, padded on the right and below to what
    the net divides the sides by; torchvision's nets see them with the shorter side at 520 pixels, as the preset of
    their weights says, and a net of one size sees that size. What the net finds is brought back to the picture.

    Args:
        name:
            - ``"road"``, the street net that the package carries, or the YAML file of a net that
              ``scotopic train segmenter`` made;
            - ``"smp:FOLDER"``, a folder of ``save_pretrained`` (ours, or that of segmentation_models_pytorch), or
              ``"smp:OWNER/NAME"`` on its hub;
            - ``"torchvision:NAME"``, with its best weights;
            - ``"ultralytics:FILE.pt"``, a net for ``semantic``; of a detector the classes at the cells of its grid, see
              :class:`~scotopic.training.guidance_ultralytics.ClassMaps` (a pickle: load only files that you trust);
            - ``"random-fpn"``, the net of the published code, whose classes are noise.
        device: where it runs.

    Raises:
        ScotopicError: an unknown name, a file that is missing or damaged, or a package that is not installed.

    >>> guide = semantic_guide("road")
    >>> probabilities = guide(torch.rand(2, 3, 40, 64))
    >>> tuple(probabilities.shape), bool(torch.allclose(probabilities.sum(dim=1), torch.ones(2, 40, 64)))
    ((2, 11, 40, 64), True)
    >>> semantic_guide("rode")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no semantic guide 'rode': did you mean 'road'? Known: FILE.yaml, random-fpn, road, \
smp:FOLDER_OR_HUB, torchvision:NAME, ultralytics:FILE.pt
    """
    if name == RANDOM:
        net = RandomFPN()
        guide = SemanticGuide(net, lambda x: fit_batch(x, InputSpec()), name, device)
        guide.description["encoder_weights"] = net.encoder_weights
        return guide
    if name.startswith(ULTRALYTICS):
        network = load_network(name.removeprefix(ULTRALYTICS))
        spec = input_of(network)
        return SemanticGuide(ClassMaps(network, name), lambda x: fit_batch(x, spec), name, device)
    wrapper = load_wrapper(name)
    return SemanticGuide(_Logits(wrapper), fit_of(wrapper), name, device)


def load_wrapper(name: str) -> EnhancedModule:
    """The nets that run on torch itself, without the enhancer that may have been saved with one.

    Raises:
        ScotopicError: see :func:`semantic_guide`.
    """
    if name.startswith(SMP):
        wrapper = _smp(name.removeprefix(SMP))
    elif name.startswith(TORCHVISION) or name in list_shipped() or Path(name).suffix in (".yaml", ".yml"):
        loaded = load_segmenter(name, device="cpu")
        if not isinstance(loaded, EnhancedModule):
            raise ScotopicError(f"{name} describes an ONNX file, which passes no gradient: give a net of torch")
        wrapper = loaded
    else:
        forms = ["FILE.yaml", f"{SMP}FOLDER_OR_HUB", f"{TORCHVISION}NAME", f"{ULTRALYTICS}FILE.pt"]
        raise ScotopicError(f"no semantic guide {name!r}: {nearest(name, [*list_shipped(), RANDOM, *forms])}")
    wrapper.put(None)
    return wrapper


def fit_of(wrapper: EnhancedModule) -> Fit:
    """How a batch is brought to the size that a net wants, with gradients."""
    side = wrapper.shorter_side if isinstance(wrapper, EnhancedTorchvisionModel) else None
    if side is None:
        return lambda x: fit_batch(x, wrapper.spec)
    resize = import_torchvision().transforms.functional.resize

    def shorter_side(x: Tensor) -> tuple[Tensor, Geometry]:
        (height, width), resized = x.shape[-2:], resize(x, [side], antialias=True)
        frame = (resized.shape[-2], resized.shape[-1])
        return resized, Geometry((height, width), frame, (frame[0] / height, frame[1] / width), frame)

    return shorter_side


class _Logits(nn.Module):
    """A wrapped net from RGB in [0, 1] to its logits."""

    def __init__(self, wrapper: EnhancedModule) -> None:
        super().__init__()
        self.wrapper = wrapper

    def forward(self, x: Tensor) -> Tensor:
        return self.wrapper.logits_of(self.wrapper.net(self.wrapper.normalisation(x)))


def _smp(place: str) -> EnhancedModule:
    config = Path(place).expanduser() / CONFIG_FILE
    if config.is_file() and "architecture" in _keys(config):
        return EnhancedSegmentationModel.from_pretrained(config.parent)
    try:
        net: Any = import_smp().from_pretrained(str(config.parent) if config.is_file() else place)
    except ScotopicError:
        raise
    except Exception as error:  # of the hub, of the network, or of a damaged file
        problem = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ScotopicError(f"no net of segmentation_models_pytorch at {place}, folder or hub: {problem}") from error
    try:
        spec = preprocessing_of(net)
    except ScotopicError as error:
        raise ScotopicError(
            f"{place} does not say how its net was fed ({str(error).split(':')[0]}): save the net with "
            "scotopic.attach(net, ..., spec=InputSpec(...)).save_pretrained(folder), which does"
        ) from None
    return EnhancedSegmentationModel(net, replace(spec, multiple=int(getattr(net.encoder, "output_stride", 32))))


def _keys(config: Path) -> set[str]:
    try:
        return set(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {"architecture"}  # from_pretrained tells what is wrong with the file
