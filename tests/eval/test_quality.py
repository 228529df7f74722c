"""Full-reference metrics against their definitions, and against scikit-image's own PSNR."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from scotopic import ScotopicError
from scotopic.eval.quality import QualityProtocol, full_reference_scores, luma, match_mean


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, (24, 31, 3), np.uint8)
    noisy = np.clip(reference * 0.5 + rng.normal(0, 9, reference.shape), 0, 255).astype(np.uint8)
    return noisy, reference


def ssim_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Eq. 13 of Wang et al. 2004 at every position of the 11x11 window, in loops."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2, values = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for channel in range(a.shape[2]):
        for y in range(a.shape[0] - 10):
            for x in range(a.shape[1] - 10):
                p, q = a[y : y + 11, x : x + 11, channel], b[y : y + 11, x : x + 11, channel]
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                cov = (window * (p - mp) * (q - mq)).sum()
                values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


def test_ssim_is_the_papers(pair):
    noisy, reference = pair
    by_hand = ssim_by_hand(noisy.astype(float), reference.astype(float))
    assert full_reference_scores(noisy, reference)["SSIM"] == pytest.approx(by_hand, abs=1e-9)


def test_psnr_and_mse(pair):
    noisy, reference = pair
    scores = full_reference_scores(noisy, reference)
    assert scores["PSNR"] == pytest.approx(peak_signal_noise_ratio(reference, noisy, data_range=255))
    assert scores["MSE"] == pytest.approx(np.mean((noisy.astype(float) - reference) ** 2))


def test_equal_pictures(pair):
    _, reference = pair
    assert full_reference_scores(reference, reference) == {"PSNR": np.inf, "SSIM": pytest.approx(1.0), "MSE": 0.0}


def test_matching_the_mean_forgives_brightness_alone(pair):
    _, reference = pair
    half = reference // 4 * 2
    plain = full_reference_scores(half, reference)["PSNR"]
    matched = full_reference_scores(half, reference, QualityProtocol(match_mean=True))["PSNR"]
    assert matched > plain + 10
    scaled = match_mean(half.astype(float), reference.astype(float))
    assert luma(scaled).mean() == pytest.approx(luma(reference).mean(), rel=0.01)


def test_luma_and_crop(pair):
    noisy, reference = pair
    on_luma = full_reference_scores(noisy, reference, QualityProtocol(color="luma", crop=3))
    a, b = luma(noisy)[3:-3, 3:-3], luma(reference)[3:-3, 3:-3]
    assert on_luma["MSE"] == pytest.approx(np.mean((a - b) ** 2))


def test_bad_input(pair):
    noisy, reference = pair
    with pytest.raises(ScotopicError, match="31x24, its reference 31x20"):
        full_reference_scores(noisy, reference[:20])
    with pytest.raises(ScotopicError, match="at least 11x11"):
        full_reference_scores(noisy, reference, QualityProtocol(crop=8))
