"""``attach`` for segmentation and detection models of torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ScotopicError, missing_extra, nearest
from ..pipeline.contract import to_batch
from ..pipeline.stage import EnhancementStage
from . import module
from .input_spec import Geometry, InputSpec, class_names
from .module import EnhancedModule
from .torchvision_detector import EnhancedDetectionModel

# Of the preset that comes with every segmentation weights of torchvision.
SHORTER_SIDE = 520
PRESET = InputSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class EnhancedTorchvisionModel(EnhancedModule):
    """A segmentation model of torchvision with an enhancer ahead; see :class:`EnhancedModule`.

    What the preset of its weights does in one go is done in three steps: resize | enhance | normalise. The output is
    the model's own, ``{"out": logits, ...}``; :meth:`segment` labels pictures at their own size.

    Attributes:
        shorter_side: to which :meth:`segment` scales a picture, in pixels; None: not at all.
    """

    shorter_side: int | None = None

    @property
    def framework(self) -> str:
        return f"torchvision {import_torchvision().__version__}"

    @property
    def description(self) -> dict[str, Any]:
        held = super().description
        return {**held, "settings": {**held["settings"], "shorter_side": self.shorter_side}}

    def resize_to(self, size: tuple[int, int] | None) -> None:
        super().resize_to(size)
        self.shorter_side = self.shorter_side if size is None else None

    def prepare(self, image: np.ndarray) -> tuple[Tensor, Geometry]:
        if self.shorter_side is None:
            return super().prepare(image)
        resize = import_torchvision().transforms.functional.resize
        # As the preset does it: on bytes, with antialiasing.
        resized = resize(torch.tensor(image).permute(2, 0, 1), [self.shorter_side], antialias=True).permute(1, 2, 0)
        (height, width), frame = image.shape[:2], (resized.shape[0], resized.shape[1])
        geometry = Geometry((height, width), frame, (frame[0] / height, frame[1] / width), frame)
        return to_batch(resized.numpy(), self.device), geometry


def attach(
    model: Any,
    stage: EnhancementStage,
    where: str,
    *,
    train_enhancer: bool = False,
    spec: Any = None,
    names: object = None,
) -> nn.Module:
    """See :func:`scotopic.attach`."""
    if _is_detection_model(model):
        if spec is not None or names is not None:
            raise ScotopicError("a detection model of torchvision normalises by itself: leave spec and names out")
        wrapper = model if isinstance(model, EnhancedDetectionModel) else EnhancedDetectionModel(model)
        wrapper.put(stage, where, train_enhancer)
        return wrapper
    wrapper = model if isinstance(model, EnhancedTorchvisionModel) else wrap_segmentation(model)
    if spec is not None:
        wrapper.spec, wrapper.shorter_side = read_preset(spec)
    return module.attach(wrapper, stage, where, train_enhancer=train_enhancer, names=names)


detach = module.detach


def wrap_segmentation(model: nn.Module, preset: Any = None, names: object = None) -> EnhancedTorchvisionModel:
    """A segmentation model in its wrapper, without an enhancer.

    Args:
        model: of torchvision.
        preset: an InputSpec, or the preset of the model's weights; None: the one that all of torchvision's have.
        names: class id -> name, or a list.
    """
    spec, shorter_side = (PRESET, SHORTER_SIDE) if preset is None else read_preset(preset)
    wrapper = EnhancedTorchvisionModel(model, spec, None if names is None else class_names(names))
    wrapper.shorter_side = shorter_side
    return wrapper


def read_preset(preset: Any) -> tuple[InputSpec, int | None]:
    """Part an InputSpec, or what ``weights.transforms()`` gives, into how pixels are normalised, and the shorter side.

    >>> from torchvision.models.segmentation import LRASPP_MobileNet_V3_Large_Weights
    >>> spec, shorter_side = read_preset(LRASPP_MobileNet_V3_Large_Weights.DEFAULT.transforms())
    >>> spec.mean, shorter_side
    ((0.485, 0.456, 0.406), 520)
    """
    if isinstance(preset, InputSpec):
        return preset, None
    mean, std = getattr(preset, "mean", None), getattr(preset, "std", None)
    if mean is None or std is None:
        raise ScotopicError(f"spec is an InputSpec or weights.transforms(), not {type(preset).__name__}")
    size = getattr(preset, "resize_size", None)
    return InputSpec(mean=tuple(mean), std=tuple(std)), size[0] if size else None


def pretrained_segmentation(name: str, download: bool = True) -> EnhancedTorchvisionModel:
    """A segmentation model of torchvision with its best weights.

    Args:
        name: such as ``"lraspp_mobilenet_v3_large"``.
        download: whether torchvision may fetch the weights if they are not there.

    Raises:
        ScotopicError: no such model, or its weights are not there or damaged.
    """
    models = import_torchvision().models
    known = models.list_models(module=models.segmentation)
    if name not in known:
        raise ScotopicError(f"torchvision has no segmentation model {name!r}: {nearest(name, known)}")
    weights = models.get_model_weights(name).DEFAULT
    classes = list(weights.meta["categories"])
    file = _hub_folder() / Path(weights.url).name
    if not (download or file.is_file()):
        raise ScotopicError(f"no weights at {file}: put {weights.url} there, or allow the download")
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:  # of the network, or of a damaged file
        raise ScotopicError(
            f"cannot load {weights.url} ({error}): put the file where torch.hub looks for it"
        ) from error
    # Those weights have a second head if the architecture can have one.
    second = {"aux_loss": True} if any(key.startswith("aux_classifier") for key in state) else {}
    net = models.get_model(name, weights=None, weights_backbone=None, num_classes=len(classes), **second)
    net.load_state_dict(state)
    wrapper = wrap_segmentation(net.eval(), weights.transforms(), classes)
    wrapper.file = file
    return wrapper


def import_torchvision() -> Any:
    """Import torchvision.

    Raises:
        ScotopicError: it is not installed.
    """
    try:
        import torchvision
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
        raise missing_extra("torchvision", "seg", "Models of torchvision") from None
    return torchvision


def _hub_folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _is_detection_model(model: Any) -> bool:
    kinds = [cls.__module__ for cls in type(model).__mro__]
    return isinstance(model, EnhancedDetectionModel) or any(k.startswith("torchvision.models.detection") for k in kinds)
