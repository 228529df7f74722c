"""`auto_gamma`: the power law with the exponent that brings the mean luminance to mid-grey."""

from __future__ import annotations

import math

import cv2
import numpy as np
from torch import Tensor

from ...contract import Enhancer, EnhancerInfo, check_image
from ...registry import register_enhancer
from .picture import check_number

DARKEST, BRIGHTEST = 1 / 255, 254 / 255  # of the means taken at their word: the logarithms stay away from 0


@register_enhancer
class AutomaticGamma(Enhancer):
    """Power law on each channel, ``y = x ** (log target / log mean)``, with the mean BT.601 luminance of the picture.

    So the mean goes to ``target``: darker pictures are brightened, brighter ones darkened. The rule of Babakhani &
    Zarei (2015), "a power which transports average of brightness to center of histogram", and of ImageMagick's
    ``-auto-gamma`` (there the mean over the channels). It is the level of the mean that goes to the target; the mean
    of the result is lower, because the power law flattens the bright end more than the dark one.

    Args:
        target: where the mean goes, between 0 and 1.

    Raises:
        ScotopicError: ``target`` is not a number above 0 and below 1.

    >>> AutomaticGamma().enhance(np.full((2, 2, 3), 20, np.uint8))[0, 0].tolist()
    [128, 128, 128]
    """

    info = EnhancerInfo(
        name="auto_gamma",
        summary="Power law on each channel with the exponent that brings the mean luminance to mid-grey.",
        paper="Babakhani and Zarei: Automatic Gamma Correction Based on Average of Brightness",
        year=2015,
        kind="point",
        code_licence="ours, re-implemented",
        commercial=True,
    )

    def __init__(self, target: float = 0.5) -> None:
        super().__init__()
        self.target = check_number("target", target, 0, BRIGHTEST)

    def transform(self, x: Tensor) -> Tensor:
        red, green, blue = x.clamp(0, 1).float().mean((2, 3), keepdim=True).split(1, 1)
        mean = (0.299 * red + 0.587 * green + 0.114 * blue).clamp(DARKEST, BRIGHTEST)
        exponent = math.log(self.target) / mean.log()
        return x.clamp(min=0) ** exponent.to(x.dtype)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        means = cv2.mean(check_image(image))
        mean = (0.299 * means[0] + 0.587 * means[1] + 0.114 * means[2]) / 255
        exponent = math.log(self.target) / math.log(min(max(mean, DARKEST), BRIGHTEST))
        table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
        return cv2.LUT(image, table)
