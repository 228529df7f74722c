"""Segmentation nets that the project has trained itself: built and loaded from two files, without any download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from torch import nn

from ..configs.checks import validate
from ..errors import ScotopicError, missing_extra, nearest
from .input_spec import InputSpec, read_input_spec
from .shipped_weights import WEIGHTS, load_weights, shipped_names

ENCODER = "tu-efficientnet_lite0"
STRIDE = 32


class NetDescription(BaseModel):
    """How a net is built; the key ``net`` of its YAML file.

    Attributes:
        architecture: of segmentation-models-pytorch.
        encoder: always EfficientNet-Lite0, which has no squeeze-and-excitation and so runs anywhere.
        decoder_width: channels of the decoder where it is widest.
        classes: number of output channels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: Literal["FPN", "Unet"]
    encoder: Literal["tu-efficientnet_lite0"] = ENCODER
    decoder_width: int
    classes: int


@dataclass(frozen=True)
class ShippedNet:
    """A trained net and what it expects.

    Attributes:
        module: in eval mode, float32: input as ``input`` says, (N, 3, H, W), logits out, (N, classes, H, W).
        names: class id -> name.
        input: order, range, mean and deviation of the channels, and the multiple of 32 that the sides must be.
        file: the weights.
    """

    module: nn.Module
    names: dict[int, str]
    input: InputSpec
    file: Path


def list_shipped() -> list[str]:
    """The names of the shipped segmentation nets, sorted."""
    return shipped_names("net")


def load_shipped(name: str | Path) -> ShippedNet:
    """Load a net that the package carries, or one that ``scotopic train segmenter`` has made.

    Args:
        name: such as ``"road"``, or the YAML file of a net; its weights lie beside it in ``<same name>.safetensors``.

    Raises:
        ScotopicError: no such net, a damaged file, or segmentation-models-pytorch is not installed.
    """
    path = Path(name)
    if path.suffix != ".yaml":
        path = WEIGHTS / f"{name}.yaml"
        if str(name) not in list_shipped():
            raise ScotopicError(f"no shipped segmentation net '{name}': {nearest(str(name), list_shipped())}")
    spec, names, rest = read_input_spec(path)
    if "net" not in rest:
        raise ScotopicError(f"{path}: the key 'net' is missing: it tells architecture and decoder_width")
    description = validate(NetDescription, {**rest["net"], "classes": len(names)}, f"{path}, net")
    weights = path.with_suffix(".safetensors")
    module = build_net(description)
    load_weights(module, weights)
    return ShippedNet(module.eval(), names, spec, weights)


def build_net(description: NetDescription) -> nn.Module:
    """The net with random parameters; nothing is downloaded.

    >>> import torch
    >>> net = build_net(NetDescription(architecture="FPN", decoder_width=64, classes=11)).eval()
    >>> tuple(net(torch.zeros(1, 3, 32, 64)).shape)
    (1, 11, 32, 64)
    """
    try:
        import segmentation_models_pytorch as smp
    except ModuleNotFoundError:
        raise missing_extra("segmentation-models-pytorch", "seg", "Segmentation nets") from None
    width, classes = description.decoder_width, description.classes
    shape: dict[str, Any] = {"encoder_name": description.encoder, "encoder_weights": None, "classes": classes}
    if description.architecture == "FPN":
        return smp.FPN(**shape, decoder_pyramid_channels=width, decoder_segmentation_channels=width // 2)
    return smp.Unet(**shape, decoder_channels=tuple(max(width // 2**level, 16) for level in range(5)))
