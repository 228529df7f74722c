"""The losses of SGZ that need no labels: spatial consistency, RGB, brightness and total variation (eq. 2 to 5).

Pure functions of pictures (N, 3, H, W) in [0, 1], differentiable, one number each (the mean over the batch), in the
form of the paper. The published code differs in places; docs/training.md says where and what that does to the weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ScotopicError


def spatial_consistency_loss(enhanced: Tensor, original: Tensor, patch: int = 4, alpha: float = 0.5) -> Tensor:
    """Keep the differences between neighbouring patches (eq. 2).

    Both pictures are averaged over the colours and over patches; for every patch i, the change of its contrast
    ``|Y_i - Y_j| - |I_i - I_j|`` is squared and summed over its four direct neighbours, and, ``alpha`` times, over
    its four diagonal ones. Patches at the border have only the neighbours that exist. The mean over the patches.

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1].
        original: I, of the same shape.
        patch: side of a patch in pixels; rows and columns left over at the right and bottom are not used.
        alpha: weight of the diagonal neighbours.

    Returns:
        A scalar, 0 for a picture that is unchanged.

    Raises:
        ScotopicError: the shapes differ, or the picture is smaller than a patch.

    >>> dark = torch.tensor([0.0, 0.2]).expand(1, 3, 1, 2)
    >>> bright = torch.tensor([0.0, 0.6]).expand(1, 3, 1, 2)  # a contrast of 0.2 became 0.6
    >>> round(spatial_consistency_loss(bright, dark, patch=1).item(), 6)
    0.16
    """
    if enhanced.shape != original.shape:
        raise ScotopicError(
            f"the enhanced picture {tuple(enhanced.shape)} and the original {tuple(original.shape)} differ in shape"
        )
    y, i = _patch_means(enhanced, patch), _patch_means(original, patch)

    def changed(first: tuple[slice, slice], second: tuple[slice, slice]) -> Tensor:
        """Squared change of contrast, summed over all pairs of patches that lie so to each other."""
        before = (i[..., first[0], first[1]] - i[..., second[0], second[1]]).abs()
        after = (y[..., first[0], first[1]] - y[..., second[0], second[1]]).abs()
        return (after - before).square().sum()

    everything, but_first, but_last = slice(None), slice(1, None), slice(None, -1)
    direct = changed((but_first, everything), (but_last, everything))
    direct = direct + changed((everything, but_first), (everything, but_last))
    diagonal = changed((but_first, but_first), (but_last, but_last))
    diagonal = diagonal + changed((but_first, but_last), (but_last, but_first))
    # Each pair was visited once, but counts for both of its patches.
    return 2 * (direct + alpha * diagonal) / y.numel()


def rgb_loss(enhanced: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Keep the mean levels of red, green and blue together (eq. 3, Charbonnier).

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1].
        epsilon: makes the square root smooth where two channels agree.

    Returns:
        A scalar, the sum over the pairs RG, RB and GB; least, 3 epsilon, where all three means agree.

    >>> round(rgb_loss(torch.full((1, 3, 8, 8), 0.4), epsilon=0.01).item(), 6)
    0.03
    """
    red, green, blue = enhanced.mean(dim=(2, 3)).unbind(dim=1)
    pairs = torch.stack((red - green, red - blue, green - blue))
    return (pairs.square() + epsilon**2).sqrt().sum(dim=0).mean()


def brightness_loss(enhanced: Tensor, exposure: float = 0.6, patch: int = 16) -> Tensor:
    """Bring every patch to the exposure level E (eq. 4, L1).

    Args:
        enhanced: Y, (N, 3, H, W) in [0, 1]; averaged over the colours and over patches.
        exposure: E, the level that a well-lit patch has.
        patch: side of a patch in pixels; rows and columns left over at the right and bottom are not used.

    Returns:
        A scalar in [0, 1], the mean distance of a patch from E.

    Raises:
        ScotopicError: the picture is smaller than a patch.

    >>> round(brightness_loss(torch.full((2, 3, 32, 32), 0.5)).item(), 6)
    0.1
    """
    return (_patch_means(enhanced, patch) - exposure).abs().mean()


def total_variation_loss(factor: Tensor) -> Tensor:
    """Keep the enhancement factor smooth (eq. 5).

    The equation is written for the picture Y; as in the published code, it is applied to the factor, because
    smoothing the picture itself would blur it.

    Args:
        factor: (N, C, H, W), any range.

    Returns:
        A scalar: squared differences of horizontal and of vertical neighbours, summed, over C H W.

    >>> total_variation_loss(torch.tensor([0.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 4)).item()
    0.25
    """
    across = (factor[..., 1:] - factor[..., :-1]).square().sum()
    down = (factor[..., 1:, :] - factor[..., :-1, :]).square().sum()
    return (across + down) / factor.numel()


def _patch_means(picture: Tensor, patch: int) -> Tensor:
    """Means over the colours and over patches: (N, 3, H, W) -> (N, 1, H // patch, W // patch)."""
    height, width = picture.shape[-2:]
    if min(height, width) < patch:
        raise ScotopicError(f"a picture of {width}x{height} is smaller than a patch of {patch}: use a smaller patch")
    return F.avg_pool2d(picture.mean(dim=1, keepdim=True), patch)
