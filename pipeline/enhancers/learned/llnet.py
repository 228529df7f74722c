"""`llnet`: a deep autoencoder for low light (Lore, Akintayo and Sarkar, Pattern Recognition 2017)."""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, no_weights
from .tiles import in_tiles

PATCH = 17
STRIDE = 3
BORDER = 15
"""Pixels by which a picture is extended on the left and above, whole steps, so that its border is averaged too."""
REACH = 18
"""Pixels seen on each side: those of all patches that hold a pixel, at multiples of the stride."""
TILE = 192
HIDDEN = (2000, 1900, 1800, 1900, 2000)


@register_enhancer
class LLNet(Enhancer):
    """A stacked sparse denoising autoencoder that turns dark patches of 17x17 pixels into bright ones.

    Patches stand three pixels apart, and what they say about a pixel is averaged (section 3.4 of the paper). This is
    the authors' later program for colour: 867 values of a patch, five hidden layers of 2000, 1900, 1800, 1900 and 2000
    units, 867 values out, a sigmoid after each. Two million multiplications for every pixel make it the slowest method
    here.

    The border is repeated until patches cover the picture on all sides; the authors resize it until they fit.

    Args:
        weights: a path, a URL, or ``"random"`` for an untrained net. There are none to download: the authors' file
            is a pickle of Python 2 (``[W1..W5], [b1..b5], [W6, b6]``). To convert it, save a state dict of
            ``layers.0.weight`` = ``W1.T.reshape(2000, 3, 17, 17)``, ``layers.0.bias`` = ``b1``, ``layers.1.weight`` =
            ``W2.T[:, :, None, None]``, and so on to ``layers.5``.
        tile: pixels along a side of the tiles in which a picture goes through; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that are missing, damaged, or made for another net.

    >>> net = LLNet(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    17918467
    """

    info = EnhancerInfo(
        name="llnet",
        summary="An autoencoder turns dark patches into bright ones, which are averaged.",
        paper="Lore et al.: LLNet: A Deep Autoencoder Approach to Natural Low-light Image Enhancement",
        year=2017,
        kind="supervised",
        learned=True,
        params=17_918_467,
        code_licence="none, academic purposes only",
        weights_licence="none, academic purposes only",
        commercial=False,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(self, weights: str | Path | None = None, *, tile: int = TILE) -> None:
        super().__init__()
        if weights is None:
            raise no_weights(
                "llnet",
                "its authors' are a Python 2 pickle at bitbucket.org/kglore/llnet-color (no licence, academic purposes "
                "only), to be converted as the documentation of LLNet says",
            )
        check_count("tile", tile, 0)
        self.tile = tile
        values = 3 * PATCH**2
        # Layers between patches are the same as 1x1 convolutions over the grid of patches.
        self.layers = nn.ModuleList([nn.Conv2d(3, HIDDEN[0], PATCH, stride=STRIDE)])
        for before, after in zip(HIDDEN, (*HIDDEN[1:], values), strict=True):
            self.layers.append(nn.Conv2d(before, after, 1))
        fill_parameters(self, weights, _initialise)
        if weights == "random":
            self._start_near_the_picture()

    def _start_near_the_picture(self) -> None:
        """The first 867 units of each layer stand for the values of the patch."""
        values = 3 * PATCH**2
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("weight").flatten(1)[:values, :values] += 4 * torch.eye(values)

    def transform(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        below, behind = (whole_steps(length) - length for length in (height, width))
        covered = F.pad(x, (BORDER, behind, BORDER, below), mode="replicate")
        out = in_tiles(self._average_patches, covered, REACH, self.tile, STRIDE)
        return out[..., BORDER : BORDER + height, BORDER : BORDER + width]

    def _average_patches(self, x: Tensor) -> Tensor:
        patches = x
        for layer in self.layers:
            patches = layer(patches).sigmoid()
        # Each value is put where it belongs, and added up, by a transposed convolution with the identity.
        values = patches.shape[1]
        place = torch.eye(values, dtype=x.dtype, device=x.device).view(values, 3, PATCH, PATCH)
        total = F.conv_transpose2d(patches, place, stride=STRIDE)
        one = torch.ones_like(place[:1, :1])
        count = F.conv_transpose2d(torch.ones_like(patches[:, :1]), one, stride=STRIDE)
        return total / count


def whole_steps(length: int) -> int:
    """The place up to which steps of 3 from 0, and a patch after the last of them, reach, all of ``length`` in it.

    >>> [whole_steps(length) for length in (1, 2, 3, 100)]
    [17, 17, 20, 116]
    """
    return length // STRIDE * STRIDE + PATCH


def _initialise(module: nn.Module) -> None:
    """Weak noise, and biases in the middle of the sigmoids that follow."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.1 / math.sqrt(module.weight[0].numel()))
        if module.bias is not None:
            nn.init.constant_(module.bias, -2.0)
