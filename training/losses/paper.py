"""The five losses of SGZ as the paper writes them (Zheng and Gupta 2022, eq. 2 to 6); none needs a label.

Pure functions of pictures (N, 3, H, W) in [0, 1], differentiable, one number each: the mean over the batch. In which
the published code differs stands in ``published.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ScotopicError
from .patches import check_same_shape, patch_means

LARGEST_PROBABILITY = 1 - 1e-7
"""Where a net is surer than this, the semantic loss has no gradient left; the published code cuts there, too."""


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
    check_same_shape(enhanced, original)
    y, i = patch_means(enhanced, patch), patch_means(original, patch)

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
    return (patch_means(enhanced, patch) - exposure).abs().mean()


def total_variation_loss(x: Tensor) -> Tensor:
    """Keep a factor, or a picture, smooth (eq. 5).

    The equation is written for the picture Y; the published code takes the factor, because smoothing the picture
    itself would blur it. The caller chooses by what he gives.

    Args:
        x: (N, C, H, W), any range.

    Returns:
        A scalar: squared differences of horizontal and of vertical neighbours, summed, over C H W.

    >>> total_variation_loss(torch.tensor([0.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 4)).item()
    0.25
    """
    across = (x[..., 1:] - x[..., :-1]).square().sum()
    down = (x[..., 1:, :] - x[..., :-1, :]).square().sum()
    return (across + down) / x.numel()


def semantic_loss(probabilities: Tensor, beta: float = 1.0, gamma: float = 2.0) -> Tensor:
    """Let a frozen net be sure of what it sees in the enhanced picture (eq. 6, focal).

    p is the probability of the class that the net finds most likely at a pixel: no label is needed, and with the
    published code's argmax as the target it is the same. The loss rewards a sure net, not a right one, so it needs the
    other losses, or real guidance, beside it. ``gamma`` 2 and ``beta`` 1 are the published code's.

    Args:
        probabilities: of the classes, (N, C, H, W) in [0, 1], summing to 1 over C, C >= 2; at any resolution.
        beta: a factor.
        gamma: at 0 the cross-entropy with the net's own choice; the larger, the less clear pixels count.

    Returns:
        A scalar: 0 where the net is certain; largest, ``beta (1 - 1/C)^gamma log C``, where it knows nothing.

    Raises:
        ScotopicError: there are not two classes.

    >>> unsure = torch.tensor([0.5, 0.5]).reshape(1, 2, 1, 1)
    >>> round(semantic_loss(unsure, beta=4.0, gamma=2.0).item(), 6)  # 4 * 0.5^2 * log 2
    0.693147
    """
    if probabilities.ndim != 4 or probabilities.shape[1] < 2:
        raise ScotopicError(
            f"the semantic loss takes probabilities (N, at least 2 classes, H, W), not {tuple(probabilities.shape)}: "
            "give a net of one class a second one, the background"
        )
    best = probabilities.float() if probabilities.dtype in (torch.float16, torch.bfloat16) else probabilities
    best = best.amax(dim=1).clamp(max=LARGEST_PROBABILITY)
    return -beta * ((1 - best).pow(gamma) * best.log()).mean()
