"""`clahe`: contrast-limited adaptive histogram equalisation of the lightness."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ....errors import ScotopicError
from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .picture import PictureEnhancer


@register_enhancer
class Clahe(PictureEnhancer):
    """CLAHE (Zuiderveld 1994) on L of CIELAB, so that colours keep their hue; OpenCV's implementation on 8 bits.

    ``forward`` goes through 8 bits as well, so it is neither differentiable nor exportable.

    Args:
        clip_limit: how far a bin may exceed the mean of its tile's histogram before it is clipped.
        tiles: the picture is parted into ``tiles`` x ``tiles``.

    Raises:
        ScotopicError: a parameter is not positive.
    """

    info = EnhancerInfo(
        name="clahe",
        summary="Contrast-limited adaptive histogram equalisation of the lightness.",
        paper="Zuiderveld: Contrast Limited Adaptive Histogram Equalization (Graphics Gems IV)",
        year=1994,
        kind="histogram",
        code_licence="Apache-2.0 (OpenCV)",
        commercial=True,
        in_graph=False,
    )

    def __init__(self, clip_limit: float = 2.0, tiles: int = 8) -> None:
        super().__init__()
        if isinstance(clip_limit, bool) or not isinstance(clip_limit, (int, float)) or not 0 < clip_limit < math.inf:
            raise ScotopicError(f"clip_limit={clip_limit!r} is not a positive number")
        if isinstance(tiles, bool) or not isinstance(tiles, int) or tiles < 1:
            raise ScotopicError(f"tiles={tiles!r} is not a whole number of at least 1")
        self.clip_limit = float(clip_limit)
        self.tiles = tiles

    def enhance(self, image: np.ndarray) -> np.ndarray:
        lab = cv2.cvtColor(check_image(image), cv2.COLOR_RGB2LAB)
        # Made anew: an OpenCV object can neither be pickled nor shared by threads, and making one costs microseconds.
        clahe = cv2.createCLAHE(clipLimit=self.clip_limit, tileGridSize=(self.tiles, self.tiles))
        cv2.insertChannel(clahe.apply(cv2.extractChannel(lab, 0)), lab, 0)
        return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
