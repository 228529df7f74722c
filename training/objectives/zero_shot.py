"""Learning from dark pictures alone: the five losses of SGZ (Zheng and Gupta 2022, eq. 2 to 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ...configs.loss_schema import LossSettings
from ..losses import EnhancementLosses
from .contract import Outcome, guides_record


class ZeroShot:
    """Asks that the enhanced picture be well lit, smooth, balanced, true to the original and easy to tell apart.

    Its net takes float RGB (N, 3, H, W) in [0, 1] and gives the same, enhanced, and its curve parameters.

    Args:
        settings: which losses, in which form, and how much each counts.
        semantics: a frozen net, pictures (N, 3, H, W) in [0, 1] -> class probabilities, for the semantic loss.

    >>> import torch
    >>> from scotopic import create_enhancer
    >>> from scotopic.training.curve_net import CurveNet
    >>> objective = ZeroShot(LossSettings.model_validate({"weights": dict(spatial=1, rgb=0, brightness=2,
    ...                                                                   total_variation=0)}))
    >>> outcome = objective(CurveNet(create_enhancer("sgz", weights="random")), torch.full((1, 3, 32, 32), 0.1))
    >>> {name: round(figure.item(), 1) for name, figure in zip(objective.figures[:2], outcome.figures)}
    {'spatial': 0.0, 'brightness': 0.5}
    >>> round(outcome.total.item(), 1)
    1.0
    """

    def __init__(self, settings: LossSettings, semantics: Callable[[Tensor], Tensor] | None = None) -> None:
        self.losses = EnhancementLosses(settings)
        self.semantics = semantics

    @property
    def figures(self) -> tuple[str, ...]:
        """The losses that count, unweighted, and the mean of the curve parameters; towards -1 they saturate."""
        return (*self.losses.names, "mean_factor")

    def describe(self) -> dict[str, Any]:
        """The net of the semantic loss, if it is one that says what it is."""
        description = getattr(self.semantics, "description", None)
        return guides_record([] if description is None else [description])

    def __call__(self, net: nn.Module, batch: Any) -> Outcome:
        """Judge what ``net`` makes of float RGB pictures (N, 3, H, W) in [0, 1]."""
        enhanced, factor = net(batch)
        losses = self.losses(enhanced, batch, factor, self.semantics)
        return Outcome(self.losses.total(losses), (*losses.values(), factor.detach().mean()))
