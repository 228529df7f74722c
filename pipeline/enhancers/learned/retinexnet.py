"""`retinexnet`: deep Retinex decomposition (Wei et al., BMVC 2018)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parts, initialise_passing, make_logistic
from .tiles import CACHED_TILE, in_tiles, join_channels_last, pad_to_multiple

WIDTH = 64
STEP = 8
"""Times that the relighting net shrinks the illumination."""
REACH = 40
"""Pixels seen on each side: 10 in the decomposition, 22 in the relighting, 8 by the coarsest pixels' own size."""


@register_enhancer
class RetinexNet(Enhancer):
    """The picture parted into reflectance and illumination, and put together again under a brighter illumination.

    ``S = R * I`` (eq. 1 of the paper): one net of seven layers finds R (3 channels) and I (1 channel), another, with
    three scales, a brighter I. The paper's third step, BM3D on R where it is dark, is left out, as in the authors'
    program and in Table 2 of SGZ, whose 0.555 million parameters these are.

    The layout is that of a public PyTorch port (replicated borders), whose weights are the default: the authors' own
    (MIT) are TensorFlow checkpoints. Pictures are padded to multiples of 8 and cropped again, so that all sizes are
    shrunk and enlarged alike.

    Args:
        weights: a name in the manifest, a path of one file for both nets, a URL, or ``"random"`` for an untrained net.
            The default are the port's (licence none stated), downloaded when first used.
        decom: a file for the decomposition alone; with ``relight`` in place of ``weights``.
        relight: a file for the relighting alone.
        tile: pixels along a side of the tiles in which a large picture goes through; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that cannot be had, are damaged, or made for another net.

    >>> net = RetinexNet(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    555205
    """

    info = EnhancerInfo(
        name="retinexnet",
        summary="One net parts the picture into reflectance and illumination, another brightens the illumination.",
        paper="Wei et al.: Deep Retinex Decomposition for Low-Light Enhancement (BMVC)",
        year=2018,
        kind="supervised",
        learned=True,
        params=555_205,
        code_licence="MIT",
        weights_licence="none stated",
        commercial=None,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(
        self,
        weights: str | Path = "retinexnet-port",
        *,
        decom: str | Path | None = None,
        relight: str | Path | None = None,
        tile: int = CACHED_TILE,
    ) -> None:
        super().__init__()
        check_count("tile", tile, 0)
        self.tile = tile
        self.decom = Decomposition()
        self.relight = Relighting()
        fill_parts(self, weights, {"decom": decom, "relight": relight}, initialise_passing)
        if weights == "random" and decom is None:
            self.decom.start_near_the_picture()
            self.relight.start_near_the_picture()

    def decompose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) in [0, 1] -> reflectance (N, 3, H, W) and illumination (N, 1, H, W), both in (0, 1)."""
        return self.decom(x)

    def transform(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, STEP)
        return in_tiles(self._recompose, padded, REACH, self.tile, STEP)[..., :height, :width]

    def _recompose(self, x: Tensor) -> Tensor:
        reflectance, illumination = self.decom(x)
        return reflectance * self.relight(reflectance, illumination)


def convolution(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that repeats the border."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, padding_mode="replicate")


class Decomposition(nn.Module):
    """(N, 3, H, W) -> reflectance (N, 3, H, W) and illumination (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.net1_conv0 = convolution(4, WIDTH, 9)
        self.net1_convs = nn.Sequential(*(layer for _ in range(5) for layer in (convolution(WIDTH, WIDTH), nn.ReLU())))
        self.net1_recon = convolution(WIDTH, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        brightest = x.amax(1, keepdim=True)
        out = self.net1_recon(self.net1_convs(self.net1_conv0(join_channels_last(brightest, x)))).sigmoid()
        return out[:, :3], out[:, 3:]

    def start_near_the_picture(self) -> None:
        """The brightest channel comes in first and its counterpart, the illumination, goes out last."""
        with torch.no_grad():
            self.net1_recon.weight.copy_(self.net1_recon.weight.roll(-1, 0))
        make_logistic(self.net1_recon)


class Relighting(nn.Module):
    """Reflectance (N, 3, H, W) and illumination (N, 1, H, W) -> a brighter illumination (N, 1, H, W).

    H and W are multiples of 8.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net2_conv0_1 = convolution(4, WIDTH)
        self.net2_conv1_1 = convolution(WIDTH, WIDTH, stride=2)
        self.net2_conv1_2 = convolution(WIDTH, WIDTH, stride=2)
        self.net2_conv1_3 = convolution(WIDTH, WIDTH, stride=2)
        self.net2_deconv1_1 = convolution(2 * WIDTH, WIDTH)
        self.net2_deconv1_2 = convolution(2 * WIDTH, WIDTH)
        self.net2_deconv1_3 = convolution(2 * WIDTH, WIDTH)
        self.net2_fusion = nn.Conv2d(3 * WIDTH, WIDTH, 1, padding=1, padding_mode="replicate")
        self.net2_output = nn.Conv2d(WIDTH, 1, 3)

    def forward(self, reflectance: Tensor, illumination: Tensor) -> Tensor:
        full = self.net2_conv0_1(join_channels_last(reflectance, illumination))
        half = F.relu(self.net2_conv1_1(full))
        quarter = F.relu(self.net2_conv1_2(half))
        eighth = F.relu(self.net2_conv1_3(quarter))
        up1 = F.relu(self.net2_deconv1_1(torch.cat((enlarge(eighth, quarter), quarter), 1)))
        up2 = F.relu(self.net2_deconv1_2(torch.cat((enlarge(up1, half), half), 1)))
        up3 = F.relu(self.net2_deconv1_3(torch.cat((enlarge(up2, full), full), 1)))
        scales = torch.cat((enlarge(up1, full), enlarge(up2, full), up3), 1)
        return self.net2_output(self.net2_fusion(scales))

    def start_near_the_picture(self) -> None:
        """The illumination, which comes in last, goes straight through the layers of full size."""
        with torch.no_grad():
            for layer, places in (
                (self.net2_deconv1_3, WIDTH),
                (self.net2_fusion, 2 * WIDTH),
                (self.net2_output, 3),
            ):
                layer.weight.copy_(layer.weight.roll(places, 1))


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Nearest neighbours, to the height and width of ``like``."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")
