"""All losses of one training, chosen and weighed by its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ...configs.loss_schema import LossSettings
from ...errors import ScotopicError
from .paper import brightness_loss, rgb_loss, semantic_loss, spatial_consistency_loss, total_variation_loss
from .published import (
    colour_constancy_loss,
    published_spatial_consistency_loss,
    published_total_variation_loss,
    squared_exposure_loss,
)

LOSS_NAMES = ("spatial", "rgb", "brightness", "total_variation", "semantic")
"""In this order they stand in tables; the keys of :class:`~scotopic.configs.loss_schema.LossWeights`."""


class EnhancementLosses(nn.Module):
    """The losses of an enhanced batch by name, and their weighted sum.

    It has no parameters; it is a module so that it can stand in one.

    >>> from scotopic.configs.loss_schema import LossWeights
    >>> weights = LossWeights(spatial=0, rgb=0, brightness=10, total_variation=1)
    >>> losses = EnhancementLosses(LossSettings(weights=weights, exposure=0.5))
    >>> dark, bright = torch.full((1, 3, 16, 16), 0.125), torch.full((1, 3, 16, 16), 0.25)
    >>> found = losses(bright, dark, factor=torch.zeros(1, 3, 16, 16))
    >>> {name: value.item() for name, value in found.items()}
    {'brightness': 0.25, 'total_variation': 0.0}
    >>> losses.total(found).item()
    2.5
    """

    def __init__(self, settings: LossSettings) -> None:
        super().__init__()
        self.settings = settings
        self.weights: dict[str, float] = {name: getattr(settings.weights, name) for name in LOSS_NAMES}

    @property
    def names(self) -> list[str]:
        """Of the losses that count, in the order of :data:`LOSS_NAMES`."""
        return [name for name in LOSS_NAMES if self.weights[name] > 0]

    def forward(
        self,
        enhanced: Tensor,
        original: Tensor,
        factor: Tensor,
        semantics: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Each loss that counts, unweighted.

        Args:
            enhanced: Y, float RGB (N, 3, H, W) in [0, 1].
            original: I, of the same shape.
            factor: the enhancement factor, (N, C, h, w), any range; all the maps of a net that has several.
            semantics: a frozen net, (N, 3, H, W) in [0, 1] -> class probabilities (N, C, h, w), such as
                :func:`~scotopic.training.guidance.semantic_guide` gives; asked only if the semantic loss counts.

        Returns:
            Name -> a scalar, in the order of :attr:`names`.

        Raises:
            ScotopicError: the shapes differ, a patch is larger than the picture, or the semantic loss counts and
                there is no net for it.
        """
        chosen, published = self.settings, self.settings.form == "published-code"
        spatial = published_spatial_consistency_loss if published else spatial_consistency_loss
        rgb = colour_constancy_loss if published else rgb_loss
        brightness = squared_exposure_loss if published else brightness_loss
        total_variation = published_total_variation_loss if published else total_variation_loss
        smoothed = factor if chosen.total_variation_on == "factor" else enhanced
        computed: dict[str, Callable[[], Tensor]] = {
            "spatial": lambda: spatial(enhanced, original, chosen.spatial_patch, chosen.alpha),
            "rgb": lambda: rgb(enhanced),
            "brightness": lambda: brightness(enhanced, chosen.exposure, chosen.brightness_patch),
            "total_variation": lambda: total_variation(smoothed),
            "semantic": lambda: semantic_loss(_asked(semantics)(enhanced), chosen.beta, chosen.gamma),
        }
        return {name: computed[name]() for name in self.names}

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of what :meth:`forward` gave: the scalar to minimise; 0 where no loss counts."""
        weighted = [self.weights[name] * loss for name, loss in losses.items()]
        return torch.stack(weighted).sum() if weighted else torch.zeros(())


def _asked(semantics: Callable[[Tensor], Tensor] | None) -> Callable[[Tensor], Tensor]:
    if semantics is None:
        raise ScotopicError(
            "the semantic loss has a weight, but there is no net to judge by: name one, such as 'road', "
            "or set weights.semantic to 0"
        )
    return semantics
