"""The losses of SGZ that need no labels: in the form of the paper, in that of its published code, and weighed."""

from __future__ import annotations

from .paper import brightness_loss, rgb_loss, semantic_loss, spatial_consistency_loss, total_variation_loss
from .published import (
    colour_constancy_loss,
    published_spatial_consistency_loss,
    published_total_variation_loss,
    squared_exposure_loss,
)
from .weighted import LOSS_NAMES, EnhancementLosses

__all__ = [
    "LOSS_NAMES",
    "EnhancementLosses",
    "brightness_loss",
    "colour_constancy_loss",
    "published_spatial_consistency_loss",
    "published_total_variation_loss",
    "rgb_loss",
    "semantic_loss",
    "spatial_consistency_loss",
    "squared_exposure_loss",
    "total_variation_loss",
]
