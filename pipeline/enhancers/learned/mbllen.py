"""`mbllen`: multi-branch low-light enhancement (Lv et al., BMVC 2018)."""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, initialise_passing
from .tiles import TILE, in_tiles

BRANCHES = 10
WIDTH = 32
BORDER = 12
"""Pixels by which a picture is extended: three unpadded 5x5 convolutions need 13 in all."""
REACH = 24
"""Pixels seen on each side: 11 by 3x3 convolutions up to the last branch, 12 by its six of 5x5, one to spare."""


@register_enhancer
class MBLLEN(Enhancer):
    """Ten features of growing depth, each turned into a picture by a branch of its own, and the pictures fused.

    A feature layer of 32 channels (3x3) feeds the next one and a branch: 3x3, three 5x5 that shrink and three
    transposed 5x5 that restore the size; a 1x1 layer fuses the ten pictures of three channels (Figure 2 of the paper).
    ReLU throughout. The border is repeated before and cut off after, so that any size works.

    The authors' program does more than the net: it scales a picture so that the 95th percentile of its luma is 0.8
    (unless more than 5 % are there already), takes the 5th percentile as black, and raises the saturation to the power
    0.8. That is ``stretch``, on by default since the published results are made with it.

    Args:
        weights: a path (.h5 needs the package h5py), a name in the manifest, a URL, or ``"random"`` for an untrained
            net. The default are the authors' (Apache-2.0), downloaded when first used.
        stretch: whether contrast and saturation are raised afterwards, as in the authors' program. A picture of one
            grey level then becomes black.
        tile: pixels along a side of the tiles in which the net sees a large picture; 0 takes it whole. Percentiles are
            always those of the whole picture.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that cannot be had, are damaged, or made for another net.

    >>> net = MBLLEN(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    450171
    """

    info = EnhancerInfo(
        name="mbllen",
        summary="Ten branches of a deepening net make a picture each, which are fused; then contrast is stretched.",
        paper="Lv et al.: MBLLEN: Low-Light Image/Video Enhancement Using CNNs (BMVC)",
        year=2018,
        kind="supervised",
        learned=True,
        params=450_171,
        code_licence="Apache-2.0",
        weights_licence="Apache-2.0",
        commercial=True,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(self, weights: str | Path = "mbllen-withnoise", *, stretch: bool = True, tile: int = TILE) -> None:
        super().__init__()
        check_count("tile", tile, 0)
        self.tile = tile
        self.stretch = stretch
        self.features = nn.ModuleList(
            nn.Conv2d(3 if number == 0 else WIDTH, WIDTH, 3, padding=1) for number in range(BRANCHES)
        )
        self.branches = nn.ModuleList(branch() for _ in range(BRANCHES))
        self.fusion = nn.Conv2d(3 * BRANCHES, 3, 1)
        fill_parameters(self, weights, initialise_passing, keras_name)
        if weights == "random":
            with torch.no_grad():  # the mean of the branches, which start as the picture
                self.fusion.weight.copy_(torch.eye(3).repeat(1, BRANCHES)[:, :, None, None] / BRANCHES)

    def transform(self, x: Tensor) -> Tensor:
        extended = F.pad(x, (BORDER,) * 4, mode="replicate")
        out = in_tiles(self._fuse, extended, REACH, self.tile)[..., BORDER:-BORDER, BORDER:-BORDER]
        return saturate(stretch_contrast(out)) if self.stretch else out

    def _fuse(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)  # in which convolutions take two thirds of the time
        pictures = []
        for feature, picture in zip(self.features, self.branches, strict=True):
            x = F.relu(feature(x))
            pictures.append(picture(x))
        return F.relu(self.fusion(torch.cat(pictures, 1)))


def branch() -> nn.Sequential:
    """A feature (N, 32, H, W) -> a picture (N, 3, H, W)."""
    return nn.Sequential(
        *(nn.Conv2d(WIDTH, 8, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(8, 8, 5), nn.ReLU()),
        *(nn.Conv2d(8, 16, 5), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 16, 5), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 8, 5), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 3, 5), nn.ReLU()),
    )


def keras_name(key: str) -> str | None:
    """The name here of a tensor in the authors' files, where layers are numbered in the order of their creation.

    >>> keras_name("conv2d_6.weight"), keras_name("conv2d_7.bias"), keras_name("conv2d_transpose_4.weight")
    ('features.1.weight', 'branches.1.0.bias', 'branches.1.8.weight')
    >>> keras_name("conv2d_51.bias"), keras_name("fusion.bias")
    ('fusion.bias', 'fusion.bias')
    """
    match = re.fullmatch(r"conv2d_(transpose_)?(\d+)\.(weight|bias)", key)
    if match is None:
        return key
    number, kind = int(match[2]) - 1, match[3]
    if match[1]:
        place, layer = divmod(number, 3)
        return f"branches.{place}.{8 + 2 * layer}.{kind}"
    place, layer = divmod(number, 5)
    if place == BRANCHES:
        return f"fusion.{kind}"
    return f"branches.{place}.{2 * (layer - 1)}.{kind}" if layer else f"features.{place}.{kind}"


def stretch_contrast(x: Tensor) -> Tensor:
    """Brighten (N, 3, H, W) until 5 % are bright, then subtract the darkest 5 %, each picture by itself.

    >>> x = torch.linspace(0, 0.4, 101).expand(1, 3, 1, 101)
    >>> out = stretch_contrast(x)
    >>> [round(float(out[0, 0, 0, i]), 3) for i in (0, 5, 95, 100)]
    [0.0, 0.0, 0.791, 0.835]
    """
    bright = percentile(luma(x), 95)
    few = (luma(x) >= 0.8).to(x.dtype).mean((1, 2, 3), keepdim=True) < 0.05
    # A picture without any light stays as it is.
    x = torch.where(few, (x * (0.8 / bright.clamp(min=1e-3))).clamp(max=1), x)
    black = percentile(luma(x), 5)
    return ((x - black) / (1 - black).clamp(min=1e-3)).clamp(0, 1)


def luma(x: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H, W), with the weights of the authors' program, which gives green also blue's share."""
    return 0.299 * x[:, :1] + 0.701 * x[:, 1:2]


def percentile(x: Tensor, percent: int) -> Tensor:
    """Of each of (N, 1, H, W), interpolated linearly: (N, 1, 1, 1).

    >>> percentile(torch.tensor([4.0, 1.0, 3.0, 2.0]).view(1, 1, 2, 2), 50).item()
    2.5
    """
    # By sorting, since torch.quantile takes 16 million numbers at most and has no ONNX form.
    ordered = x.flatten(1).sort(1).values
    place = percent * (ordered.shape[1] - 1)
    below, above = ordered[:, place // 100], ordered[:, (place + 99) // 100]
    return (below + (above - below) * (place % 100 / 100))[:, None, None, None]


def saturate(x: Tensor, power: float = 0.8) -> Tensor:
    """Raise the saturation of HSV, (N, 3, H, W) in [0, 1], to ``power``; hue and value stay.

    >>> out = saturate(torch.tensor([0.8, 0.4, 0.4]).view(1, 3, 1, 1))
    >>> [round(value, 4) for value in out.flatten().tolist()]  # 0.8 * (1 - 0.5 ** 0.8) for the two
    [0.8, 0.3405, 0.3405]
    """
    value = x.amax(1, keepdim=True)
    chroma = value - x
    saturation = chroma.amax(1, keepdim=True) / value.clamp(min=1e-3)
    return value - chroma * saturation.clamp(min=1e-3) ** (power - 1)
