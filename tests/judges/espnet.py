"""ESPNet, a segmentation net that this package neither trained nor ships: a judge with no stake in the result.

Built from the paper: S. Mehta, M. Rastegari, A. Caspi, L. Shapiro, H. Hajishirzi, "ESPNet: Efficient Spatial Pyramid of
Dilated Convolutions for Semantic Segmentation", ECCV 2018, arXiv 1803.06815. Names of attributes are those of the
authors' checkpoints, so that these load.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.module import EnhancedModule

_EPS = 1e-3
_DILATIONS = (2, 4, 8, 16)

_CAMVID = "Sky,Building,Pole,Road,Pavement,Tree,SignSymbol,Fence,Car,Pedestrian,Bicyclist,Unlabelled"
CAMVID_NAMES = dict(enumerate(_CAMVID.split(",")))
# The authors do not publish their mean and deviation; these were estimated from 31 frames that they trained on. Their
# program divides by 255 after the deviation.
CAMVID_INPUT = InputSpec(
    color="bgr",
    range=255,
    mean=(107.8, 106.2, 103.1),
    std=(71.0 * 255, 71.6 * 255, 68.9 * 255),
    multiple=8,
)


class Convolution(nn.Module):
    """A convolution without bias that keeps the size, but for its stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2 * dilation, dilation=dilation, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Activation(nn.Module):
    """Batch norm and PReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, _EPS)
        self.act = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))


class ActivatedConvolution(Convolution):
    """Convolution, batch norm, PReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride)
        self.bn = nn.BatchNorm2d(outputs, _EPS)
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Pyramid(nn.Module):
    """Reduce, split, transform, merge (section 3.1): five dilated convolutions share one narrow input.

    Their outputs are added up from small to large dilation before they are concatenated, against gridding.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        branch = outputs // 5
        self.c1 = Convolution(inputs, branch, kernel, stride)
        self.d1 = Convolution(branch, outputs - 4 * branch, 3)
        for dilation in _DILATIONS:
            self.add_module(f"d{dilation}", Convolution(branch, branch, 3, dilation=dilation))

    def merged(self, x: Tensor) -> Tensor:
        narrow = self.c1(x)
        branches = [self.d1(narrow)]
        total: Tensor | None = None
        for dilation in _DILATIONS:
            out = self.get_submodule(f"d{dilation}")(narrow)
            total = out if total is None else total + out
            branches.append(total)
        return torch.cat(branches, 1)


class DownsamplingPyramid(Pyramid):
    """The pyramid that halves the resolution: a 3x3 convolution of stride 2 reduces."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel=3, stride=2)
        self.bn = nn.BatchNorm2d(outputs, _EPS)
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.merged(x)))


class ESPModule(Pyramid):
    """The pyramid that keeps the resolution; with as many outputs as inputs, and ``residual``, it adds its input."""

    def __init__(self, inputs: int, outputs: int, residual: bool = True) -> None:
        super().__init__(inputs, outputs, kernel=1)
        self.residual = residual
        self.bn = Activation(outputs)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.merged(x)
        return self.bn(x + merged if self.residual else merged)


class Encoder(nn.Module):
    """ESPNet-C (figure 4): features at a half, a quarter and an eighth of the resolution, with input reinforcement."""

    def __init__(self, classes: int, p: int, q: int) -> None:
        super().__init__()
        self.level1 = ActivatedConvolution(3, 16, 3, 2)
        self.shrink = nn.AvgPool2d(3, 2, 1)
        self.b1 = Activation(16 + 3)
        self.level2_0 = DownsamplingPyramid(16 + 3, 64)
        self.level2 = nn.Sequential(*(ESPModule(64, 64) for _ in range(p)))
        self.b2 = Activation(2 * 64 + 3)
        self.level3_0 = DownsamplingPyramid(2 * 64 + 3, 128)
        self.level3 = nn.Sequential(*(ESPModule(128, 128) for _ in range(q)))
        self.b3 = Activation(2 * 128)
        self.classifier = Convolution(2 * 128, classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half, quarter = self.shrink(x), self.shrink(self.shrink(x))
        level1 = self.b1(torch.cat([self.level1(x), half], 1))
        first = self.level2_0(level1)
        level2 = self.b2(torch.cat([self.level2(first), first, quarter], 1))
        first = self.level3_0(level2)
        level3 = self.b3(torch.cat([first, self.level3(first)], 1))
        return level1, level2, self.classifier(level3)


class ESPNet(nn.Module):
    """ESPNet with its light decoder (figure 4d).

    Args:
        classes: number of outputs.
        p, q: how often the pyramid is repeated at a quarter and at an eighth of the resolution.

    ``forward``: (N, 3, H, W), H and W divisible by 8 -> logits (N, classes, H, W).
    """

    def __init__(self, classes: int = 12, p: int = 2, q: int = 8) -> None:
        super().__init__()
        self.encoder = Encoder(classes, p, q)
        self.br = nn.BatchNorm2d(classes, _EPS)
        self.up_l3 = nn.Sequential(_doubling(classes))
        self.level3_C = Convolution(2 * 64 + 3, classes, 1)
        self.combine_l2_l3 = nn.Sequential(Activation(2 * classes), ESPModule(2 * classes, classes, residual=False))
        self.up_l2 = nn.Sequential(_doubling(classes), Activation(classes))
        self.conv = ActivatedConvolution(16 + 3 + classes, classes, 3)
        self.classifier = _doubling(classes)

    def forward(self, x: Tensor) -> Tensor:
        level1, level2, level3 = self.encoder(x)
        quarter = torch.cat([self.level3_C(level2), self.up_l3(self.br(level3))], 1)
        half = self.up_l2(self.combine_l2_l3(quarter))
        return self.classifier(self.conv(torch.cat([half, level1], 1)))


def _doubling(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels, 2, 2, bias=False)


def load_espnet(weights: Path) -> EnhancedModule:
    """The authors' ESPNet for CamVid, in eval mode.

    Args:
        weights: ``dec_espnet_p_2_q_8_camvid.pth``.

    Returns:
        A :class:`~scotopic.adapters.contract.Segmenter`, and a module that takes RGB in [0, 1].
    """
    net = ESPNet(len(CAMVID_NAMES)).eval()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    judge = EnhancedModule(net, CAMVID_INPUT, CAMVID_NAMES)
    judge.file = weights
    return judge
