"""How far the features of a frozen net are from those of the bright picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ScotopicError


def feature_distance(features: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """The mean over layers of MSE / variance of the reference, of each picture by itself.

    1 is what a layer of the reference's mean alone would have, so layers of any scale count alike.

    Args:
        features: (N, channels, h, w) each, of the enhanced pictures.
        reference: of the same pictures, bright; no gradient goes there.

    Returns:
        (N,), 0 where they are equal.

    Raises:
        ScotopicError: other layers or shapes.

    >>> bright = [torch.tensor([0.0, 2.0]).reshape(1, 1, 1, 2)]  # variance 1
    >>> feature_distance([torch.ones(1, 1, 1, 2)], bright).tolist()
    [1.0]
    """
    shapes = [[tuple(layer.shape) for layer in side] for side in (features, reference)]
    if shapes[0] != shapes[1] or not features:
        raise ScotopicError(f"features of shapes {shapes[0]} cannot be compared with {shapes[1]}: use one net and size")
    distances: list[Tensor] = []
    for found, wanted in zip(features, reference, strict=True):
        target = wanted.detach()
        spread = target.var((1, 2, 3), correction=0).clamp(min=torch.finfo(target.dtype).eps)
        distances.append((found - target).square().mean((1, 2, 3)) / spread)
    return torch.stack(distances).mean(0)
