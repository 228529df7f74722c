"""The segmentation net that SGZ's published code really trains with: a feature pyramid whose head is random."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..adapters.torchvision import import_torchvision

CLASSES = 21
"""Those of Pascal VOC, which the code's head is made for, and never learns."""

_SEED = 0


class RandomFPN(nn.Module):
    """An FPN (Lin et al. 2017) on a ResNet-50, its own convolutions drawn from N(0, 0.01), their biases 0.

    The published code loads ImageNet weights into the ResNet and nothing into the rest, so its classes mean nothing:
    the semantic loss then asks for certainty about noise. It is here to be compared with nets that see something.
    Pictures in [0, 1] go in as they are, because the code does not normalise them. Other than in the code, the batch
    norms use their stored statistics, so that what the net says of a picture does not depend on its batch.

    The ImageNet weights are taken from the folder of ``torch.hub`` if torchvision's file is there, and never
    downloaded; else the ResNet is random too, with statistics of its batch norms taken once from seeded noise, without
    which eval mode would let the values grow from layer to layer.

    Attributes:
        encoder_weights: the file of ImageNet weights, or ``"random"``.

    >>> tuple(RandomFPN().eval()(torch.rand(1, 3, 64, 96)).shape)
    (1, 21, 16, 24)
    """

    def __init__(self) -> None:
        super().__init__()
        models = import_torchvision().models
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(_SEED)
            self.encoder: Any = models.resnet50(weights=None)
            del self.encoder.fc
            self.top = nn.Conv2d(2048, 256, 1)
            self.lateral = nn.ModuleList(nn.Conv2d(width, 256, 1) for width in (1024, 512, 256))
            self.smooth = nn.ModuleList(
                nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.Conv2d(256, 128, 3, padding=1)) for _ in range(4)
            )
            self.classify = nn.Conv2d(4 * 128, CLASSES, 3, padding=1)
            for head in (self.top, self.lateral, self.smooth, self.classify):
                for part in head.modules():
                    if isinstance(part, nn.Conv2d):
                        nn.init.normal_(part.weight, std=0.01)
                        nn.init.zeros_(cast(Tensor, part.bias))
            self.encoder_weights = self._load_imagenet(models) or self._settle()

    def forward(self, x: Tensor) -> Tensor:
        """float RGB (N, 3, H, W) in [0, 1] -> logits (N, 21, H / 4, W / 4), rounded up."""
        finest, *_, coarsest = levels = self._levels(x)
        pyramid = [self.top(coarsest)]
        for lateral, level in zip(self.lateral, reversed(levels[:-1]), strict=True):
            pyramid.append(_resized(pyramid[-1], level) + lateral(level))
        smooth = [_resized(smooth(level), finest) for smooth, level in zip(self.smooth, pyramid, strict=True)]
        return self.classify(torch.cat(smooth, dim=1))

    def _levels(self, x: Tensor) -> list[Tensor]:
        """The ResNet's features at strides 4, 8, 16 and 32."""
        net = self.encoder
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        levels: list[Tensor] = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            levels.append(x)
        return levels

    def _load_imagenet(self, models: Any) -> str | None:
        weights = models.ResNet50_Weights.IMAGENET1K_V1
        file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        if not file.is_file():
            return None
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        self.encoder.load_state_dict({key: value for key, value in state.items() if not key.startswith("fc.")})
        return file.name

    def _settle(self) -> str:
        """Let the batch norms of a random encoder count once."""
        norms = [part for part in self.encoder.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None  # the plain mean of all that was seen
        self.encoder.train()
        with torch.no_grad():
            self._levels(torch.rand(2, 3, 256, 256))
        self.encoder.eval()
        return "random"


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
