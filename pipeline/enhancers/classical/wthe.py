"""`wthe`: weighted thresholded histogram equalisation."""

from __future__ import annotations

import numpy as np

from ....errors import ScotopicError
from ...contract import EnhancerInfo
from ...registry import register_enhancer
from .luminance import LuminanceCurve
from .picture import check_number

LOWER_THRESHOLD = 1e-4  # P_l: levels rarer than this get no range of their own


@register_enhancer
class WeightedThresholdedHistogramEqualisation(LuminanceCurve):
    """WTHE (Wang & Ward 2007) on the BT.601 luminance; the channels are scaled alike, so that colours keep their hue.

    With P(k) the share of pixels at level k, P_u = ``threshold`` max P and P_l = 0.0001, each level weighs

        P_wt(k) = P_u                                               where P(k) > P_u
        P_wt(k) = ((P(k) - P_l) / (P_u - P_l)) ** ``power`` P_u     where P_l <= P(k) <= P_u
        P_wt(k) = 0                                                 where P(k) < P_l

    and goes to ``W_out C_wt(k) + M_adj``: C_wt is the cumulative sum of P_wt, divided by its total,
    W_out = min(255, ``max_gain`` W_in), W_in the range of levels in the picture, and M_adj the difference of mean
    luminance that the rest makes, taken back. So WTHE gives contrast, not brightness, and the shadows of a dark picture
    may fall to black; ``mean_adjustment=False`` sets M_adj to 0 and leaves the picture as bright as the curve makes
    it. A picture of one level stays as it is.

    The paper averages W_out over the frames of a video; here each picture stands alone. Checked against a public
    implementation, Mamdasn/imWeightedThresholdedheq: the same weights, P_l, defaults (r and v 0.5, G_max 1.5, "1.5 to
    2") and M_adj; its W_in is the number of levels that occur, here it is the distance from the lowest to the highest.

    Cost: one pass over the picture for the histogram, one for the colours; about 1.5 ms a megapixel with the extra
    ``[fast]``, 6 without.

    Args:
        power: r; below 1 the rare levels gain weight, at 1 (and ``threshold`` 1) it is plain equalisation.
        threshold: v, in (0, 1]: weights are cut off at this share of the highest.
        max_gain: G_max, by how much the range of levels may grow; the paper names 1.5 to 2.
        mean_adjustment: whether the mean luminance stays as it was (as far as nothing is clipped).

    Raises:
        ScotopicError: a parameter is out of its range.
    """

    info = EnhancerInfo(
        name="wthe",
        summary="Weighted thresholded histogram equalisation of the luminance: contrast at the same mean.",
        paper="Wang, Ward: Fast Image/Video Contrast Enhancement Based on Weighted Thresholded Histogram Equalization",
        year=2007,
        kind="histogram",
        code_licence="ours, re-implemented",
        commercial=True,
        in_graph=False,
    )

    def __init__(
        self, power: float = 0.5, threshold: float = 0.5, max_gain: float = 1.5, mean_adjustment: bool = True
    ) -> None:
        super().__init__()
        self.power = check_number("power", power, 0)
        self.threshold = check_number("threshold", threshold, 0, 1)
        self.max_gain = check_number("max_gain", max_gain, 0)
        if not isinstance(mean_adjustment, bool):
            raise ScotopicError(f"mean_adjustment={mean_adjustment!r} is not true or false")
        self.mean_adjustment = mean_adjustment

    def curve(self, histogram: np.ndarray) -> np.ndarray:
        share = histogram / histogram.sum()
        present = np.flatnonzero(histogram)
        range_in = present[-1] - present[0]
        if range_in == 0:
            return np.arange(256.0)
        upper = max(self.threshold * share.max(), 2 * LOWER_THRESHOLD)
        weight = upper * ((share - LOWER_THRESHOLD) / (upper - LOWER_THRESHOLD)).clip(0, 1) ** self.power
        curve = min(255, self.max_gain * range_in) * np.cumsum(weight) / weight.sum()
        if self.mean_adjustment:
            curve += share @ np.arange(256) - share @ curve
        return curve.clip(0, 255)
