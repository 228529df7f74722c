"""`none`: the baseline of every comparison."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..contract import Enhancer, EnhancerInfo, check_image
from ..registry import register_enhancer


@register_enhancer
class Identity(Enhancer):
    """The picture as it is.

    >>> import torch
    >>> x = torch.rand(1, 3, 4, 4)
    >>> torch.equal(Identity()(x), x)
    True
    """

    info = EnhancerInfo(
        name="none", summary="The picture as it is.", kind="identity", code_licence="ours", commercial=True
    )

    def transform(self, x: Tensor) -> Tensor:
        return x.clone()

    def enhance(self, image: np.ndarray) -> np.ndarray:
        return check_image(image).copy()
