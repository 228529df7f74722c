"""The measures of flicker against clips whose flicker is known."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.temporal import (
    GRID,
    Motion,
    brightness_change,
    estimate_motion,
    flicker,
    mean_change,
    warped_error,
)


def scene(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 120, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def changes(clip: list[np.ndarray], motion: Motion) -> np.ndarray:
    return np.stack([brightness_change(a, b, motion) for a, b in pairwise(clip)])


def test_a_static_clip_does_not_flicker() -> None:
    clip = [scene()] * 4
    motion = estimate_motion(clip[0], clip[1])
    assert motion.valid.all()
    found = changes(clip, motion)
    assert found.shape == (3, *GRID)
    assert mean_change(found) == 0
    assert flicker(found, found) == 0
    assert warped_error(clip[0], clip[1], motion) == 0


@pytest.mark.parametrize("amplitude", [1, 5, 12])
def test_an_oscillation_has_its_own_size(amplitude: int) -> None:
    """Up and down by a levels changes each block by 2 a from frame to frame."""
    clip = [scene() + np.uint8(step) for step in (0, 2 * amplitude, 0, 2 * amplitude)]
    still = Motion.none(120, 160)
    found = changes(clip, still)
    assert mean_change(found) == pytest.approx(2 * amplitude, abs=1e-4)
    assert flicker(found, np.zeros_like(found)) == pytest.approx(2 * amplitude, abs=1e-4)
    assert flicker(found, found) == 0
    assert flicker(found, found / 2) == pytest.approx(amplitude, abs=1e-4)
    assert warped_error(clip[0], clip[1], still) == pytest.approx(2 * amplitude, abs=1e-5)
    seen = changes(clip, estimate_motion(clip[0], clip[1]))
    assert mean_change(seen) == pytest.approx(2 * amplitude, rel=0.02)


def test_flicker_of_a_part_is_counted_by_its_area() -> None:
    """Parts that change against each other do not cancel out, as they do in the mean of the picture."""
    before, now = np.full((90, 120, 3), 50, np.uint8), np.full((90, 120, 3), 50, np.uint8)
    now[:, :60], now[:, 60:] = 54, 46
    found = brightness_change(before, now, Motion.none(90, 120))
    assert np.allclose(found[:, :6], 4, atol=1e-4)
    assert np.allclose(found[:, 6:], -4, atol=1e-4)
    assert mean_change(found) == pytest.approx(4, abs=1e-4)
    now[:, 60:] = 50
    assert mean_change(brightness_change(before, now, Motion.none(90, 120))) == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("shift", [1, 4, 9])
def test_motion_is_no_flicker(shift: int) -> None:
    wide = scene(120, 200)
    before, now = np.ascontiguousarray(wide[:, shift:160]), np.ascontiguousarray(wide[:, : 160 - shift])
    motion = estimate_motion(before, now)
    assert np.median(motion.flow[..., 0]) == pytest.approx(-shift, abs=0.2)
    still = Motion.none(*now.shape[:2])
    assert mean_change(brightness_change(before, now, motion)) < 0.25 * mean_change(
        brightness_change(before, now, still)
    )
    assert warped_error(before, now, motion) < 0.35 * warped_error(before, now, still)


def test_the_flow_minds_no_change_of_exposure() -> None:
    wide = scene(120, 200)
    before, now = wide[:, 4:160], wide[:, :156]
    dim = np.rint(now * 0.7).astype(np.uint8)
    motion = estimate_motion(np.ascontiguousarray(before), dim)
    assert np.median(motion.flow[..., 0]) == pytest.approx(-4, abs=0.3)
    found = brightness_change(np.ascontiguousarray(before), dim, motion)
    assert np.nanmean(found) == pytest.approx(-0.3 * np.nanmean(before), rel=0.15)


def test_what_comes_into_view_is_not_valid() -> None:
    wide = scene(120, 200)
    motion = estimate_motion(np.ascontiguousarray(wide[:, 12:160]), np.ascontiguousarray(wide[:, :148]))
    assert not motion.valid[:, :8].any()
    assert motion.valid[:, 24:].mean() > 0.9


def test_blocks_without_anything_valid_do_not_count() -> None:
    motion = Motion.none(90, 120)
    motion.valid[:, :60] = False
    before, now = np.full((90, 120, 3), 50, np.uint8), np.full((90, 120, 3), 50, np.uint8)
    now[:, :60] = 99
    found = brightness_change(before, now, motion)
    assert np.isnan(found[:, :6]).all()
    assert mean_change(found) == 0
    assert warped_error(before, now, motion) == 0
    motion.valid[:] = False
    assert math.isnan(warped_error(before, now, motion))
    assert math.isnan(mean_change(brightness_change(before, now, motion)))


def test_bad_frames() -> None:
    with pytest.raises(ScotopicError, match="16x40 are too small"):
        estimate_motion(np.zeros((40, 16, 3), np.uint8), np.zeros((40, 16, 3), np.uint8))
    with pytest.raises(ScotopicError, match="160x120 and 80x120"):
        warped_error(scene(), scene(120, 80), Motion.none(120, 80))
    with pytest.raises(ScotopicError, match="dtype"):
        brightness_change(scene().astype(np.float32), scene(), Motion.none(120, 160))
