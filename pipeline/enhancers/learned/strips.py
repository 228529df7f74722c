"""Large pictures through a convolutional net with bounded memory: strip by strip, with exactly the same result."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...contract import being_traced

STRIP_PIXELS = 1 << 19
"""Pixels that a net sees at a time: 32 channels of as many floats are 64 MiB."""


def in_strips(function: Callable[[Tensor], Tensor], x: Tensor, reach: int, pixels: int = STRIP_PIXELS) -> Tensor:
    """``function(x)``, computed in strips of rows wherever no gradient and no graph is wanted.

    Each strip is given ``reach`` more rows on both sides and loses them afterwards, so that every pixel that is kept
    has seen what it would have seen in the whole picture.

    Args:
        function: (N, C, H, W) -> (N, D, H, W); an output pixel depends on no input further than ``reach`` rows away.
        x: (N, C, H, W).
        reach: rows; for a chain of 3x3 convolutions their number.
        pixels: that a strip may hold, over the batch, before rows are added on both sides.

    >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
    >>> x = torch.rand(1, 3, 50, 8)
    >>> with torch.no_grad():
    ...     torch.equal(in_strips(blur, x, reach=1, pixels=80), blur(x))
    True
    """
    if being_traced() or torch.is_grad_enabled():
        return function(x)
    batch, _, height, width = x.shape
    # Strips much lower than their margins would compute everything several times.
    rows = max(pixels // (batch * width), 4 * reach)
    if rows >= height:
        return function(x)
    out = None
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        above, below = max(top - reach, 0), min(bottom + reach, height)
        strip = function(x[:, :, above:below])[:, :, top - above : bottom - above]
        if out is None:
            out = strip.new_empty(batch, strip.shape[1], height, width)
        out[:, :, top:bottom] = strip
    assert out is not None
    return out
