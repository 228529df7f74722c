"""`gamma`: the power law, the oldest enhancer of all."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from ....errors import ScotopicError
from ...contract import Enhancer, EnhancerInfo, check_image
from ...registry import register_enhancer


@register_enhancer
class Gamma(Enhancer):
    """Power-law brightening of each channel: ``y = x ** (1 / gamma)``.

    Args:
        gamma: above 1 brightens, below 1 darkens.

    Raises:
        ScotopicError: ``gamma`` is not a positive number.

    >>> Gamma(gamma=2.0).enhance(np.full((1, 1, 3), 16, np.uint8)).tolist()
    [[[64, 64, 64]]]
    """

    info = EnhancerInfo(
        name="gamma", summary="Power law on each channel.", kind="point", code_licence="ours", commercial=True
    )

    def __init__(self, gamma: float = 2.2) -> None:
        super().__init__()
        if isinstance(gamma, bool) or not isinstance(gamma, (int, float)) or not 0 < gamma < float("inf"):
            raise ScotopicError(f"gamma={gamma!r} is not a positive number")
        self.gamma = float(gamma)
        levels = np.arange(256) / 255.0
        self._table = np.rint(255 * levels ** (1 / self.gamma)).astype(np.uint8)

    def transform(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) ** (1 / self.gamma)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        return cv2.LUT(check_image(image), self._table)
