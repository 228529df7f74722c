"""Means over patches, which three of the losses are made of."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...errors import ScotopicError


def patch_means(picture: Tensor, patch: int) -> Tensor:
    """Means over the colours and over patches: (N, 3, H, W) -> (N, 1, H // patch, W // patch).

    Raises:
        ScotopicError: the picture is smaller than a patch.
    """
    height, width = picture.shape[-2:]
    if min(height, width) < patch:
        raise ScotopicError(f"a picture of {width}x{height} is smaller than a patch of {patch}: use a smaller patch")
    return F.avg_pool2d(picture.mean(dim=1, keepdim=True), patch)


def check_same_shape(enhanced: Tensor, original: Tensor) -> None:
    """Raise a ScotopicError where two pictures cannot be compared pixel by pixel."""
    if enhanced.shape != original.shape:
        raise ScotopicError(
            f"the enhanced picture {tuple(enhanced.shape)} and the original {tuple(original.shape)} differ in shape"
        )
