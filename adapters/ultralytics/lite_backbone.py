"""EfficientNet-Lite0 as the first layer of an ultralytics network."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, cast

from torch import Tensor, nn
from ultralytics.nn import tasks

from ...errors import missing_extra
from .setup import import_ultralytics

import_ultralytics()  # a saved model brings this module in by itself

CHANNELS = (40, 112, 192)
"""Of the three maps that :class:`LiteBackbone` gives, at 1/8, 1/16 and 1/32 of the picture's size."""

_STAGES = 6  # of seven: the last brings 320 channels for a fifth of the parameters
_TAPS = (2, 4, 5)


class LiteBackbone(nn.Module):
    """EfficientNet-Lite0 without its last stage, which has no squeeze-and-excitation and so runs anywhere.

    RGB (N, 3, H, W) in [0, 1], with sides that are multiples of 32, becomes a list of three maps with ``CHANNELS``.
    The normalisation that its ImageNet weights want is inside, so that the network takes what every YOLO takes.

    >>> import torch
    >>> [tuple(features.shape) for features in LiteBackbone().eval()(torch.zeros(1, 3, 64, 96))]
    [(1, 40, 8, 12), (1, 112, 4, 6), (1, 192, 2, 3)]
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import timm
        except ModuleNotFoundError:
            raise missing_extra("timm", "yolo", "Detectors of our own") from None
        net: Any = timm.create_model("efficientnet_lite0", pretrained=False)
        parts = OrderedDict[str, nn.Module](conv_stem=net.conv_stem, bn1=net.bn1, blocks=net.blocks[:_STAGES])
        self.encoder = nn.Sequential(parts)
        for module in self.encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-3  # as its weights were trained by Google

    def forward(self, x: Tensor) -> list[Tensor]:
        encoder = cast(Any, self.encoder)
        x = encoder.bn1(encoder.conv_stem((255 * x - 127) / 128))
        maps = []
        for index, stage in enumerate(encoder.blocks):
            x = stage(x)
            if index in _TAPS:
                maps.append(x)
        return maps


# ultralytics looks up the classes that a network's description names among the globals of this module of its own.
tasks.__dict__["LiteBackbone"] = LiteBackbone
