"""The darkness gate: what it was fitted on, its formula, and one decision by two ways."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scotopic.pipeline.contract import to_batch
from scotopic.pipeline.gate import Darkness, DarknessGate
from scotopic.pipeline.image import read_image
from scotopic.pipeline.stage import letterbox_pads

GATE = DarknessGate()


def decide(picture: np.ndarray) -> bool:
    """The gate's decision, which must be the same for the picture and for the batch."""
    decision = GATE.is_dark(GATE.measure(picture))
    assert bool(GATE.dark_frames(to_batch(picture))) == decision
    return decision


def test_parts_the_pictures_it_was_fitted_on(data_dir: Path) -> None:
    folder = data_dir / "darkbdd"
    with (folder / "luma.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    decisions: dict[str, list[bool]] = {"dark": [], "day": []}
    for row in rows:
        decisions[row["split"]].append(decide(read_image(folder / "images" / f"{row['id']}.jpg")))
    assert decisions == {"dark": [True] * 77, "day": [False] * 123}


def test_measures_luma_and_share() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 20:] = (200, 100, 50)
    seen = GATE.measure(picture)
    assert seen.mean_luma == pytest.approx((0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 2, abs=1e-3)
    assert seen.dark_share == 0.5


@given(mean=st.floats(0, 255), share=st.floats(0, 1))
def test_needs_both_a_low_mean_and_a_dark_share(mean: float, share: float) -> None:
    assert GATE.is_dark(Darkness(mean, share)) == (mean < 70 and share > 0.33)


def test_fog_passes() -> None:
    assert not decide(np.full((32, 32, 3), 60, np.uint8))


@pytest.mark.parametrize("level", [0, 1, 48, 49, 50, 51, 69, 70, 71, 255])
def test_a_grey_picture_is_judged_alike_in_every_float_format(level: int) -> None:
    picture = np.full((17, 23, 3), level, np.uint8)
    assert decide(picture) == (level < 50)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        if dtype is torch.bfloat16 and level in (48, 49, 50, 51):
            continue  # it has eight bits of mantissa: a whole grey level is lost
        assert bool(GATE.dark_frames(to_batch(picture).to(dtype))) == (level < 50)


@given(seed=st.integers(0, 10_000), brightness=st.integers(60, 200))
def test_picture_and_batch_decide_alike(seed: int, brightness: int) -> None:
    source = np.random.default_rng(seed)
    decide(source.integers(0, brightness, (*source.integers(1, 40, 2), 3), np.uint8))


def test_a_batch_is_judged_frame_by_frame(rng: np.random.Generator) -> None:
    pictures = [rng.integers(0, top, (33, 45, 3), np.uint8) for top in (20, 250, 100, 180, 60)]
    batch = torch.cat([to_batch(picture) for picture in pictures])
    together = GATE.dark_frames(batch)
    assert together.shape == (5, 1, 1, 1)
    assert together.flatten().tolist() == [decide(picture) for picture in pictures] == [True, False, True, False, True]


@pytest.mark.parametrize("level", [10, 69, 120])
def test_pads_do_not_count(level: int, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 2 * level, (48, 64, 3), np.uint8)
    batch = torch.full((1, 3, 160, 64), 114 / 255)
    batch[:, :, 56:104] = to_batch(picture)
    content = ~letterbox_pads(batch)
    assert bool(GATE.dark_frames(batch, content)) == decide(picture)


def test_a_frame_of_pads_alone_is_not_dark() -> None:
    batch = torch.full((2, 3, 16, 16), 114 / 255)
    assert not GATE.dark_frames(batch, ~letterbox_pads(batch)).any()


def test_thresholds_of_ones_own() -> None:
    gate = DarknessGate(mean_luma_below=200, dark_share_above=-0.1)
    picture = np.full((8, 8, 3), 150, np.uint8)
    assert gate.is_dark(gate.measure(picture))
    assert bool(gate.dark_frames(to_batch(picture)))
