"""MSRCR against its formula with SciPy's blur."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.classical.msrcr import SCALES, MultiScaleRetinex, gaussian_blurs


@pytest.mark.parametrize("sigma", SCALES)
def test_blur_is_a_gaussian(sigma: float, rng: np.random.Generator) -> None:
    channel = (rng.random((64, 91)) * 255).astype(np.float32)
    channel[20:30, 40:70] += 100
    expected = gaussian_filter(channel.astype(np.float64), sigma, mode="reflect", truncate=6)
    np.testing.assert_allclose(gaussian_blurs(channel, (sigma,))[0], expected, atol=2e-3)


def test_msrcr_is_its_formula(room: np.ndarray) -> None:
    values = room.astype(float) + 1
    restored = np.zeros_like(values)
    for i in range(3):
        for sigma in (15, 80, 250):
            surround = gaussian_filter(values[..., i], sigma, mode="reflect", truncate=6)
            restored[..., i] += (np.log(values[..., i]) - np.log(surround)) / 3
        restored[..., i] *= 46 * (np.log(125 * values[..., i]) - np.log(values.sum(2)))
    low, high = np.quantile(restored, [0.01, 0.99])
    expected = ((restored - low) / (high - low) * 255).clip(0, 255)
    assert np.abs(MultiScaleRetinex().enhance(room) - expected).max() < 1


def test_msrcr_leaves_one_colour_alone() -> None:
    picture = np.full((9, 4, 3), (3, 80, 2), np.uint8)
    assert np.array_equal(MultiScaleRetinex().enhance(picture), picture)


@pytest.mark.parametrize("clip", [-0.1, 0.5, "0.01", False])
def test_bad_parameters_are_named(clip: Any) -> None:
    with pytest.raises(ScotopicError, match=f"clip={clip!r} is not"):
        MultiScaleRetinex(clip)
