"""`kind`: kindling the darkness (Zhang, Zhang and Guo, ACM Multimedia 2019)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....errors import ScotopicError
from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parts, initialise_passing, make_logistic, no_weights
from .tiles import in_tiles, join_channels_last, pad_to_multiple

STEP = 16
"""Times that the restoration shrinks a picture."""
REACH = 128
"""Pixels seen on each side: 14 in the decomposition, 93 in the restoration, up to 15 by the coarsest pixels' size."""
TILE = 768
SLOPE = 0.01
"""Of the leaky ReLU, as in the port; the authors' TensorFlow program has 0.2."""


@register_enhancer
class KinD(Enhancer):
    """Three nets: a decomposition into reflectance and illumination, a restoration of the one, a lift of the other.

    The reflectance is freed of noise and colour faults by a U-Net that sees the illumination too, and the illumination
    is set by a net that is told the wanted ``ratio``; their product is the picture (sections 3.1 to 3.3 of the paper).
    The parameters are 1.8 % fewer than the 8.160 million which Table 2 of SGZ counts; the authors' program has 8.016
    million, and nobody says what else was counted.

    The layout is that of a public PyTorch port: the authors' own weights are TensorFlow checkpoints whose enlarging
    layers have neither bias nor ReLU, so that they cannot be converted exactly. There is no normalisation over the
    picture, so tiles change nothing.

    Args:
        weights: a path of one file for all three nets (state dicts saved as ``decom_net``, ``restore_net`` and
            ``illum_net``), a URL, or ``"random"`` for an untrained net. There are none to download.
        decom: a file for the decomposition alone (``decom_net.pth`` of the port); with the other two in place of
            ``weights``.
        restore: a file for the restoration alone (``restore_net.pth``).
        illum: a file for the illumination alone (``illum_net.pth`` or ``illum_adjust_net.pth``).
        ratio: how much brighter the illumination should be; the authors' program takes 5.
        tile: pixels along a side of the tiles in which a large picture goes through; 0 takes it whole.

    Raises:
        ScotopicError: ``ratio`` or ``tile`` is out of range; weights that are missing or damaged, or do not fit.

    >>> net = KinD(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    8017096
    """

    info = EnhancerInfo(
        name="kind",
        summary="Three nets: a decomposition, a restoration of the reflectance, and a brighter illumination.",
        paper="Zhang, Zhang and Guo: Kindling the Darkness: A Practical Low-light Image Enhancer (ACM MM)",
        year=2019,
        kind="supervised",
        learned=True,
        params=8_017_096,
        code_licence="none stated",
        weights_licence="none stated",
        commercial=None,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        decom: str | Path | None = None,
        restore: str | Path | None = None,
        illum: str | Path | None = None,
        ratio: float = 5.0,
        tile: int = TILE,
    ) -> None:
        super().__init__()
        parts = {"decom_net": decom, "restore_net": restore, "illum_net": illum}
        if weights is None and not any(parts.values()):
            raise no_weights(
                "kind",
                "its authors' are TensorFlow checkpoints (github.com/zhangyhuaee/KinD, licence: none stated), and "
                "ports to PyTorch hand theirs out by themselves",
                "decom=FILE,restore=FILE,illum=FILE",
            )
        check_count("tile", tile, 0)
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 < ratio <= 100:
            raise ScotopicError(f"ratio={ratio!r} is not a number above 0 and up to 100")
        self.tile = tile
        self.ratio = float(ratio)
        self.decom_net = Decomposition()
        self.restore_net = Restoration()
        self.illum_net = Illumination()
        fill_parts(self, weights, parts, initialise_passing, port_name)
        if weights == "random":
            for layer in (self.decom_net.conv_r5, self.decom_net.conv_i2, self.restore_net.conv10_1):
                make_logistic(layer)

    def transform(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, STEP)
        return in_tiles(self._recompose, padded, REACH, self.tile, STEP)[..., :height, :width]

    def _recompose(self, x: Tensor) -> Tensor:
        reflectance, illumination = self.decom_net(x)
        return self.restore_net(reflectance, illumination) * self.illum_net(illumination, self.ratio)


def port_name(key: str) -> str | None:
    """The name here of a tensor in the port's files, whose layers are wrapped, and some of them stored twice.

    >>> port_name("restore_net.upv6.deconv_relu.0.weight"), port_name("KinD_noDecom.illum_net.conv_i4.bias")
    ('restore_net.upv6.weight', None)
    """
    if key.startswith("KinD_noDecom."):
        return None
    return key.replace(".conv_relu.0.", ".").replace(".deconv_relu.0.", ".")


def conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1)


def double(channels: int) -> nn.ConvTranspose2d:
    """Twice the height and width, half the channels."""
    return nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


class Decomposition(nn.Module):
    """(N, 3, H, W) -> reflectance (N, 3, H, W) and illumination (N, 1, H, W). H and W are multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_input = conv(3, 32)
        self.conv_r1 = conv(32, 64)
        self.conv_r2 = conv(64, 128)
        self.deconv_r1 = double(128)
        self.conv_r3 = conv(128, 64)
        self.deconv_r2 = double(64)
        self.conv_r4 = conv(64, 32)
        self.conv_r5 = conv(32, 3)
        self.conv_i1 = conv(32, 32)
        self.conv_i2 = conv(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        full = lrelu(self.conv_input(x))
        half = lrelu(self.conv_r1(F.max_pool2d(full, 2)))
        quarter = lrelu(self.conv_r2(F.max_pool2d(half, 2)))
        half = lrelu(self.conv_r3(torch.cat((half, lrelu(self.deconv_r1(quarter))), 1)))
        features = lrelu(self.conv_r4(torch.cat((full, lrelu(self.deconv_r2(half))), 1)))
        light = torch.cat((features, lrelu(self.conv_i1(full))), 1)
        return self.conv_r5(features).sigmoid(), self.conv_i2(light).sigmoid()


class Restoration(nn.Module):
    """Reflectance (N, 3, H, W) and illumination (N, 1, H, W) -> a clean reflectance. H and W are multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 64, 128, 256, 512)
        for level, (before, width) in enumerate(zip((4, *widths), widths, strict=False), start=1):
            self.add_module(f"conv{level}_1", conv(before, width))
            self.add_module(f"conv{level}_2", conv(width, width))
        for level, width in enumerate(reversed(widths[:-1]), start=6):
            self.add_module(f"upv{level}", double(2 * width))
            self.add_module(f"conv{level}_1", conv(2 * width, width))
            self.add_module(f"conv{level}_2", conv(width, width))
        self.conv10_1 = nn.Conv2d(32, 3, 1)

    def _twice(self, level: int, x: Tensor) -> Tensor:
        for name in (f"conv{level}_1", f"conv{level}_2"):
            x = lrelu(self.get_submodule(name)(x))
        return x

    def forward(self, reflectance: Tensor, illumination: Tensor) -> Tensor:
        x = self._twice(1, join_channels_last(reflectance, illumination))
        skips = []
        for level in range(2, 6):
            skips.append(x)
            x = self._twice(level, F.max_pool2d(x, 2))
        for level in range(6, 10):
            larger = lrelu(self.get_submodule(f"upv{level}")(x))
            x = self._twice(level, torch.cat((skips.pop(), larger), 1))
        return self.conv10_1(x).sigmoid()


class Illumination(nn.Module):
    """Illumination (N, 1, H, W) and the wanted ratio -> a brighter illumination (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_i1 = conv(2, 32)
        self.conv_i2 = conv(32, 32)
        self.conv_i3 = conv(32, 32)
        self.conv_i4 = conv(32, 1)

    def forward(self, illumination: Tensor, ratio: float) -> Tensor:
        x = join_channels_last(illumination, torch.full_like(illumination, ratio))
        for layer in (self.conv_i1, self.conv_i2, self.conv_i3):
            x = lrelu(layer(x))
        return self.conv_i4(x).sigmoid()
