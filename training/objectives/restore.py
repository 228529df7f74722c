"""Learning to undo darkness: bright pictures are darkened, and the enhancer is to bring them back."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ...configs.restore_schema import RestoreSettings
from ..losses import total_variation_loss
from .contract import Outcome

_FLOOR = 0.1
"""Added to a picture's mean before its errors are weighed by it, so that dark scenes count as much as bright ones."""


class Restore:
    """Asks that the enhanced picture be the bright one: as light, and as free of noise.

    - *light*: the mean absolute error of 4x4 means, over the bright picture's mean;
    - *detail*: the same of single pixels, where noise that was brightened costs, and detail that was smoothed away;
    - *noise*: the squared error of single pixels, likewise over the mean;
    - *smoothness*: the total variation of the curve parameters.

    >>> from scotopic import create_enhancer
    >>> from scotopic.training.curve_net import CurveNet
    >>> import torch
    >>> dark, bright = torch.full((1, 3, 32, 32), 0.1), torch.full((1, 3, 32, 32), 0.4)
    >>> objective = Restore(RestoreSettings())
    >>> outcome = objective(CurveNet(create_enhancer("sgz", weights="random")), (dark, bright))
    >>> {name: round(figure.item(), 1) for name, figure in zip(objective.figures[:2], outcome.figures)}
    {'light': 0.6, 'detail': 0.6}
    """

    figures = ("light", "detail", "noise", "smoothness", "mean_factor")

    def __init__(self, settings: RestoreSettings) -> None:
        self.settings = settings

    def __call__(self, net: nn.Module, batch: Any) -> Outcome:
        """Judge what ``net`` makes of ``(dark, bright)``, float RGB (N, 3, H, W) in [0, 1] each."""
        dark, bright = batch
        enhanced, factor = net(dark)
        total, figures = restoration(enhanced, bright, factor, self.settings)
        return Outcome(total, (*figures, factor.detach().mean()))

    def describe(self) -> dict[str, Any]:
        """Nothing: no net judges."""
        return {}


def restoration(
    enhanced: Tensor, bright: Tensor, factor: Tensor, settings: RestoreSettings
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """How far enhanced pictures are from the bright ones.

    Args:
        enhanced: float RGB (N, 3, H, W) in [0, 1].
        bright: the same as they should be.
        factor: the curve parameters that did it, (N, C, H, W).
        settings: how much each error counts.

    Returns:
        The weighted sum, and the errors by themselves: light, detail, noise, smoothness; see :class:`Restore`.
    """
    weight = 1 / (bright.mean((1, 2, 3), keepdim=True) + _FLOOR)
    error = enhanced - bright
    light = (F.avg_pool2d(error, 4).abs() * weight).mean()
    detail, noise = (error.abs() * weight).mean(), (error.square() * weight).mean()
    smoothness = total_variation_loss(factor)
    total = light + settings.detail * detail + noise + settings.smoothness * smoothness
    return settings.weight * total, (light, detail, noise, smoothness)
