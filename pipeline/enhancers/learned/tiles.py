"""Large pictures through a convolutional net with bounded memory: tile by tile, with the same result."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...contract import being_traced

TILE = 512
"""Pixels along a side of a tile, without its margins: 64 channels of as many floats are 64 MiB."""
CACHED_TILE = 256
"""The same for nets of many thin or wide layers at full size, which find what the last layer left in the processor's
cache: tiles of twice the side take a third longer (`retinexnet`) or twice as long (`iat`)."""


def in_tiles(function: Callable[[Tensor], Tensor], x: Tensor, reach: int, tile: int = TILE, step: int = 1) -> Tensor:
    """``function(x)``, computed tile by tile wherever no gradient and no graph is wanted.

    Each tile is given ``reach`` more pixels on every side that has neighbours, and loses them afterwards, so that
    every pixel that is kept has seen what it would have seen in the whole picture.

    Args:
        function: (N, C, H, W) -> (N, D, H, W); an output pixel depends on no input further than ``reach`` away.
        x: (N, C, H, W).
        reach: pixels; for a chain of 3x3 convolutions their number.
        tile: pixels along a side of a tile, before the margins; 0 takes the picture whole.
        step: tiles begin at multiples of it, so that a net which shrinks pictures ``step`` times sees the same grid.

    >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
    >>> x = torch.rand(1, 3, 50, 38)
    >>> with torch.no_grad():
    ...     torch.equal(in_tiles(blur, x, reach=1, tile=16), blur(x))
    True
    """
    if tile == 0 or being_traced() or torch.is_grad_enabled():
        return function(x)
    rows, columns = (spans(length, tile, step) for length in x.shape[-2:])
    if len(rows) == len(columns) == 1:
        return function(x)
    margin = -(-reach // step) * step
    out = None
    # One picture at a time: a batch would need as many times the memory.
    for number, one in enumerate(x.split(1)):
        for top, bottom in rows:
            for left, right in columns:
                above, before = max(top - margin, 0), max(left - margin, 0)
                piece = function(one[:, :, above : bottom + margin, before : right + margin])
                if out is None:
                    out = piece.new_empty(x.shape[0], piece.shape[1], *x.shape[-2:])
                kept = piece[0, :, top - above : bottom - above, left - before : right - before]
                out[number, :, top:bottom, left:right] = kept
    assert out is not None
    return out


def spans(length: int, tile: int, step: int = 1) -> list[tuple[int, int]]:
    """Part ``length`` pixels into spans of about equal size, none much longer than ``tile``, at multiples of ``step``.

    >>> spans(1000, 512), spans(1000, 512, step=16)
    ([(0, 500), (500, 1000)], [(0, 512), (512, 1000)])
    """
    count = -(-length // tile)
    size = -(-length // (count * step)) * step
    return [(start, min(start + size, length)) for start in range(0, length, size)]


def join_channels_last(*parts: Tensor) -> Tensor:
    """Concatenate along the channels, with those of a pixel side by side in memory.

    Convolutions on CPUs keep that order from layer to layer, and take half to two thirds of the time in it. Pictures
    come in it, but a part with one channel is in both orders, of which ``torch.cat`` then takes the other.

    >>> join_channels_last(torch.ones(1, 1, 8, 8), torch.ones(1, 3, 8, 8)).stride()
    (256, 1, 32, 4)
    """
    return torch.cat(parts, 1).contiguous(memory_format=torch.channels_last)


def pad_to_multiple(x: Tensor, step: int) -> Tensor:
    """Repeat the last row and column of (N, C, H, W) until height and width are multiples of ``step``.

    >>> pad_to_multiple(torch.ones(1, 3, 1, 17), 8).shape
    torch.Size([1, 3, 8, 24])
    """
    height, width = x.shape[-2:]
    # Rounded up by a division, in operations that an exported graph can repeat.
    below = (height + step - 1) // step * step - height
    behind = (width + step - 1) // step * step - width
    return F.pad(x, (0, behind, 0, below), mode="replicate")
