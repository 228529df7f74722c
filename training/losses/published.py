"""The losses in the form of SGZ's published code, where that is not the paper's.

The same arguments, units and reductions as in ``paper.py``; the semantic loss is the same in both. What the differences
do to the weights stands in docs/losses.md.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from .patches import check_same_shape, patch_means


def published_spatial_consistency_loss(
    enhanced: Tensor, original: Tensor, patch: int = 4, alpha: float = 0.5
) -> Tensor:
    """Keep the signed differences between neighbouring patches.

    Two things are other than in eq. 2. The differences have their sign, so an edge must not be turned round either.
    And there is a frame of zeros around the picture: a patch at the border also keeps its *level*, because its change
    is compared with the zeros outside.

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1].
        original: I, of the same shape.
        patch: side of a patch in pixels; rows and columns left over at the right and bottom are not used.
        alpha: weight of the diagonal neighbours; the code has 0.5.

    Returns:
        A scalar, 0 for a picture that is unchanged.

    Raises:
        ScotopicError: the shapes differ, or the picture is smaller than a patch.

    >>> dark, bright = torch.full((1, 3, 4, 4), 0.25), torch.full((1, 3, 4, 4), 0.75)
    >>> published_spatial_consistency_loss(bright, dark).item()  # one patch, and eight neighbours outside
    1.5
    """
    check_same_shape(enhanced, original)
    change = patch_means(enhanced, patch) - patch_means(original, patch)
    rows, columns = change.shape[-2:]
    framed = F.pad(change, (1, 1, 1, 1))
    total = torch.zeros_like(change)
    for down, across in itertools.product((0, 1, 2), (0, 1, 2)):
        neighbour = framed[..., down : down + rows, across : across + columns]
        weight = alpha if down != 1 and across != 1 else 1.0
        total = total + weight * (change - neighbour).square()
    return total.mean()


def colour_constancy_loss(enhanced: Tensor) -> Tensor:
    """Keep the mean levels of red, green and blue together, as Zero-DCE's code does (Guo et al. 2020).

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1].

    Returns:
        A scalar: the root of the summed fourth powers of the three differences; 0 where all means agree.

    >>> levels = torch.tensor([0.7, 0.5, 0.5]).reshape(1, 3, 1, 1)
    >>> round(colour_constancy_loss(levels).item(), 6)  # 0.2^2 * sqrt(2)
    0.056569
    """
    red, green, blue = enhanced.mean(dim=(2, 3)).unbind(dim=1)
    squares = torch.stack((red - green, red - blue, green - blue)).square()
    # The norm has the gradient 0 at 0, where a square root has none: a grey picture would end the training.
    return torch.linalg.vector_norm(squares, dim=0).mean()


def squared_exposure_loss(enhanced: Tensor, exposure: float = 0.6, patch: int = 16) -> Tensor:
    """Bring every patch to the exposure level E, by squares where eq. 4 has absolute values.

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1].
        exposure: E, the level that a well-lit patch has.
        patch: side of a patch in pixels; rows and columns left over at the right and bottom are not used.

    Returns:
        A scalar in [0, 1].

    Raises:
        ScotopicError: the picture is smaller than a patch.

    >>> round(squared_exposure_loss(torch.full((2, 3, 32, 32), 0.5)).item(), 6)
    0.01
    """
    return (patch_means(enhanced, patch) - exposure).square().mean()


def published_total_variation_loss(x: Tensor) -> Tensor:
    """Keep a factor smooth, with the code's counts.

    Squared differences of vertical and of horizontal neighbours are each divided by how many there are in *one*
    channel, then doubled and summed over the channels: for three channels and many pixels six times eq. 5.

    Args:
        x: (N, C, H, W), any range.

    >>> published_total_variation_loss(torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 5)).item()
    0.5
    """
    height, width = x.shape[-2:]
    down = (x[..., 1:, :] - x[..., :-1, :]).square().sum() / max((height - 1) * width, 1)
    across = (x[..., 1:] - x[..., :-1]).square().sum() / max(height * (width - 1), 1)
    return 2 * (down + across) / len(x)
