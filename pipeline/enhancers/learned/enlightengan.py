"""`enlightengan`: deep light enhancement without paired supervision (Jiang et al., TIP 2021)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, initialise_normal, no_weights
from .tiles import in_tiles, join_channels_last, pad_to_multiple

STEP = 16
"""Times that the U-Net shrinks a picture."""
REACH = 160
"""Pixels seen on each side: 62 on the way down, 45 up, 30 by bilinear enlarging, up to 15 by the coarsest pixels."""
TILE = 768
WIDTHS = (32, 64, 128, 256, 512)


@register_enhancer
class EnlightenGAN(Enhancer):
    """The generator: a U-Net guided by an attention map, which is one minus the luma, and added to the picture.

    ``y = x + attention * U(x, attention)`` in [-1, 1]; the map, shrunk by maxima, weighs the features of every level
    too (section 3.3 of the paper; Figure 2). The map is that of each pixel, and batch normalisation has fixed
    statistics outside training, so nothing depends on the whole picture and tiles change nothing.

    Layers bear the names of the authors' ``200_net_G_A.pth``, which loads as it is. Pictures are padded to multiples
    of 16 and cropped again. Features are enlarged bilinearly with ``align_corners=False``, as the authors' program does
    in every torch since 0.4; they trained with 0.3.1, where it was True.

    Args:
        weights: a path, a URL, or ``"random"`` for an untrained net. There are none to download: the authors keep
            theirs on Google Drive.
        tile: pixels along a side of the tiles in which a large picture goes through; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that are missing, damaged, or made for another net.

    >>> net = EnlightenGAN(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    8636675
    """

    info = EnhancerInfo(
        name="enlightengan",
        summary="A U-Net with attention to the dark, trained against discriminators, is added to the picture.",
        paper="Jiang et al.: EnlightenGAN: Deep Light Enhancement without Paired Supervision (TIP)",
        year=2021,
        kind="unsupervised",
        learned=True,
        params=8_636_675,
        code_licence="none found",
        weights_licence="none stated",
        commercial=None,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(self, weights: str | Path | None = None, *, tile: int = TILE) -> None:
        super().__init__()
        if weights is None:
            raise no_weights(
                "enlightengan",
                "its authors keep 200_net_G_A.pth on Google Drive, see github.com/VITA-Group/EnlightenGAN "
                "(licence of the weights: none stated)",
            )
        check_count("tile", tile, 0)
        self.tile = tile
        for level, (before, width) in enumerate(zip((4, *WIDTHS), WIDTHS, strict=False), start=1):
            self._add_level(level, before, width)
        for level, width in enumerate(reversed(WIDTHS[:-1]), start=6):
            self.add_module(f"deconv{level - 1}", nn.Conv2d(2 * width, width, 3, padding=1))
            self._add_level(level, 2 * width, width)
        del self.bn9_2  # the last level is not normalised
        self.conv10 = nn.Conv2d(32, 3, 1)
        fill_parameters(self, weights, initialise_normal)

    def _add_level(self, level: int, before: int, width: int) -> None:
        for number, channels in ((1, before), (2, width)):
            self.add_module(f"conv{level}_{number}", nn.Conv2d(channels, width, 3, padding=1))
            self.add_module(f"bn{level}_{number}", nn.BatchNorm2d(width))

    def transform(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, STEP)
        return in_tiles(self._generate, padded, REACH, self.tile, STEP)[..., :height, :width]

    def _generate(self, x: Tensor) -> Tensor:
        attention = [1 - (0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:])]
        for _ in range(4):
            attention.append(F.max_pool2d(attention[-1], 2))
        symmetric = 2 * x - 1
        features = self._layer("1_2", self._layer("1_1", join_channels_last(symmetric, attention[0])))
        skips = []
        for level in range(2, 6):
            skips.append(features)
            features = self._layer(f"{level}_1", F.max_pool2d(features, 2))
            if level == 5:
                features = features * attention[4]
            features = self._layer(f"{level}_2", features)
        for level in range(6, 10):
            larger = F.interpolate(features, size=skips[-1].shape[-2:], mode="bilinear")
            larger = self.get_submodule(f"deconv{level - 1}")(larger)
            features = torch.cat((larger, skips.pop() * attention[9 - level]), 1)
            features = self._layer(f"{level}_2", self._layer(f"{level}_1", features))
        return (symmetric + attention[0] * self.conv10(features) + 1) / 2

    def _layer(self, name: str, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.get_submodule(f"conv{name}")(x), 0.2)
        return x if name == "9_2" else self.get_submodule(f"bn{name}")(x)
