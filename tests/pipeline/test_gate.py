"""The darkness gate: its formula, one decision by two ways, its files, and its calm in video."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import to_batch
from scotopic.pipeline.gate import Darkness, DarknessGate, VideoGate, gate_of, sample_of
from scotopic.pipeline.image import read_image
from scotopic.pipeline.stage import letterbox_pads

GATE = DarknessGate()
ALWAYS = DarknessGate(0, 0, 0, intercept=1, untouched_below=-1, full_above=0)


def judge(picture: np.ndarray, gate: DarknessGate = GATE) -> float:
    """The gate's opening, which must be the same for the picture and for the batch."""
    opening = gate.opening(gate.measure(picture))
    in_graph = gate.openings(to_batch(picture))
    assert in_graph.dtype == torch.float32
    assert float(in_graph) == pytest.approx(opening, abs=1e-3)
    assert opening not in (0, 1) or float(in_graph) == pytest.approx(opening, abs=1e-6)
    return opening


def darkness_of(score: float) -> Darkness:
    """A frame to which the gate gives this score."""
    return Darkness((score - GATE.intercept) / GATE.mean_luma_weight, 0, 0)


def test_pictures_are_judged_alike_in_both_ways(data_dir: Path) -> None:
    openings = [judge(read_image(path)) for path in sorted((data_dir / "darkbdd" / "images").glob("*.jpg"))[2::10]]
    assert {0.0, 1.0} < set(openings)


def test_measures_luma_and_shares() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 20:] = (200, 100, 50)
    picture[:8] = 240
    seen = GATE.measure(picture)
    half = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 2
    assert seen.mean_luma == pytest.approx(0.8 * half + 0.2 * 240, abs=1e-3)
    assert (seen.dark_share, seen.highlight_share) == pytest.approx((0.4, 0.2))
    swapped = np.ascontiguousarray(picture[..., ::-1])
    assert GATE.measure(swapped[..., ::-1]) == seen, "a view is as good as a copy"


@given(mean=st.floats(0, 255), dark=st.floats(0, 1), bright=st.floats(0, 1))
def test_the_score_is_linear_and_the_opening_a_ramp(mean: float, dark: float, bright: float) -> None:
    gate = DarknessGate(-0.1, 8, -20, intercept=3, untouched_below=-1, full_above=1)
    score = -0.1 * mean + 8 * dark - 20 * bright + 3
    seen = Darkness(mean, dark, bright)
    assert gate.score(seen) == pytest.approx(score)
    assert gate.opening(seen) == pytest.approx(min(max((score + 1) / 2, 0), 1), abs=1e-9)


def test_brighter_frames_open_the_gate_less() -> None:
    base = Darkness(55, 0.4, 0.1)
    assert 0 < GATE.opening(base) < 1
    for brighter in (Darkness(60, 0.4, 0.1), Darkness(55, 0.35, 0.1), Darkness(55, 0.4, 0.13)):
        assert GATE.opening(brighter) < GATE.opening(base)


def test_a_night_street_with_lamps_is_dark_and_a_black_car_by_day_is_not() -> None:
    street = np.full((90, 160, 3), 18, np.uint8)
    street[10:22, ::20] = 255
    assert judge(street) == 1
    day = np.full((90, 160, 3), 120, np.uint8)
    day[:40] = 220
    day[40:, 30:130] = 8
    assert judge(day) == 0


def test_fog_passes() -> None:
    assert judge(np.full((32, 32, 3), 60, np.uint8)) == 0


@pytest.mark.parametrize("level", [0, 1, 48, 49, 50, 51, 69, 70, 71, 127, 128, 255])
def test_a_grey_picture_is_judged_alike_in_every_float_format(level: int) -> None:
    picture = np.full((17, 23, 3), level, np.uint8)
    opening = judge(picture)
    assert opening == 1 if level < 50 else opening < 0.1
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        if dtype is torch.bfloat16 and level in (48, 49, 50, 51):
            continue  # it has eight bits of mantissa: a whole grey level is lost
        assert float(GATE.openings(to_batch(picture).to(dtype))) == pytest.approx(opening, abs=0.01)


@given(seed=st.integers(0, 10_000), brightness=st.integers(60, 200))
def test_picture_and_batch_are_judged_alike(seed: int, brightness: int) -> None:
    source = np.random.default_rng(seed)
    judge(source.integers(0, brightness, (*source.integers(1, 40, 2), 3), np.uint8))


def test_a_batch_is_judged_frame_by_frame(rng: np.random.Generator) -> None:
    pictures = [rng.integers(0, top, (33, 45, 3), np.uint8) for top in (20, 250, 120, 180, 60)]
    together = GATE.openings(torch.cat([to_batch(picture) for picture in pictures]))
    assert together.shape == (5, 1, 1, 1)
    alone = [judge(picture) for picture in pictures]
    assert together.flatten().tolist() == pytest.approx(alone, abs=1e-3)
    assert (alone[0], alone[1], alone[3], alone[4]) == (1, 0, 0, 1)


@pytest.mark.parametrize("level", [10, 64, 69, 120])
def test_pads_do_not_count(level: int, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 2 * level, (48, 64, 3), np.uint8)
    batch = torch.full((1, 3, 160, 64), 114 / 255)
    batch[:, :, 56:104] = to_batch(picture)
    opening = float(GATE.openings(batch, ~letterbox_pads(batch)))
    assert opening == pytest.approx(judge(picture), abs=1e-3)
    assert opening == 1 or level > 10


def test_a_frame_of_pads_alone_is_not_dark() -> None:
    batch = torch.full((2, 3, 16, 16), 114 / 255)
    for gate in (GATE, ALWAYS):
        assert not gate.openings(batch, ~letterbox_pads(batch)).any()


def test_no_gradient_goes_through_the_decision() -> None:
    x = torch.full((1, 3, 8, 8), 51 / 255, requires_grad=True)
    opening = GATE.openings(x)
    assert 0 < float(opening) < 1
    assert not opening.requires_grad


def test_thresholds_of_ones_own() -> None:
    assert judge(np.full((8, 8, 3), 250, np.uint8), ALWAYS) == 1


def test_thresholds_in_a_file(tmp_path: Path) -> None:
    gate = DarknessGate(untouched_below=-3, full_above=0.5)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(asdict(gate)))
    assert DarknessGate.from_file(file) == gate_of(file) == gate_of(str(file)) == gate
    assert gate_of(gate) is gate


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"full_above": None}, r"mine\.yaml: full_above: input should be a valid number"),
        ({"full_abvoe": 2}, r"unknown key 'full_abvoe' \(did you mean 'full_above'"),
        ({"untouched_below": 2.5}, r"mine\.yaml: it: untouched_below \(2\.5\) must be smaller than full_above \(2"),
        ({"intercept": float("inf")}, "intercept: input should be a finite number"),
    ],
    ids=str,
)
def test_a_bad_file_is_named(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({**asdict(GATE), **change}))
    with pytest.raises(ScotopicError, match=sentence):
        DarknessGate.from_file(file)


def test_a_missing_file_or_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"cannot read .*none\.yaml: No such file"):
        gate_of(tmp_path / "none.yaml")
    (tmp_path / "part.yaml").write_text("intercept: 1\n")
    with pytest.raises(ScotopicError, match="the key 'mean_luma_weight' is missing"):
        gate_of(tmp_path / "part.yaml")


def test_bad_thresholds_are_refused() -> None:
    with pytest.raises(
        ScotopicError, match=r"the gate: it: untouched_below \(1\) must be smaller than full_above \(1\)"
    ):
        DarknessGate(untouched_below=1, full_above=1)
    with pytest.raises(ScotopicError, match="dark_share_weight"):
        DarknessGate(dark_share_weight=float("nan"))


# --- video


def openings(video: VideoGate, scores: np.ndarray) -> np.ndarray:
    return np.array([video.opening(darkness_of(score)) for score in scores])


def flips(openings: np.ndarray) -> np.ndarray:
    """The frames at which the gate begins or ceases to enhance."""
    return np.flatnonzero(np.diff(openings > 0)) + 1


@pytest.mark.parametrize("start", [-0.2, 0.2, 1.0])
def test_jitter_at_the_threshold_does_not_flip(start: float, rng: np.random.Generator) -> None:
    scores = np.concatenate(([start], rng.uniform(-0.8, 0.8, 600)))
    alone = np.array([GATE.opening(darkness_of(score)) for score in scores])
    assert len(flips(alone)) > 200, "judged one by one, the frames flicker"
    calm = openings(VideoGate(GATE), scores)
    assert len(flips(calm)) <= 1
    assert np.ptp(calm[60:]) < 0.02


def test_an_exposure_that_jitters_does_not_flip(rng: np.random.Generator) -> None:
    scene = rng.integers(0, 143, (90, 160, 1)).repeat(3, 2).astype(float)
    frames = [np.clip(scene * gain, 0, 255).astype(np.uint8) for gain in rng.uniform(0.97, 1.03, 200)]
    seen = [GATE.measure(frame) for frame in frames]
    assert len(flips(np.array([GATE.opening(one) for one in seen]))) > 40
    video = VideoGate(GATE)
    assert len(flips(np.array([video.opening(one) for one in seen]))) <= 1


@given(seed=st.integers(0, 10_000), dwell=st.integers(1, 20), width=st.floats(0.1, 30))
def test_it_dwells_and_moves_in_small_steps(seed: int, dwell: int, width: float) -> None:
    scores = np.random.default_rng(seed).normal(0.5, width, 300)
    found = openings(VideoGate(GATE, dwell=dwell), scores)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(np.diff(found)).max() <= 1 / dwell + 1e-9
    assert np.diff(np.concatenate(([0], flips(found)))).min(initial=dwell) >= dwell


def test_dusk_opens_it_once_and_dawn_closes_it_once(rng: np.random.Generator) -> None:
    dusk = np.linspace(-5, 6, 900)
    scores = np.concatenate((dusk, dusk[::-1])) + rng.normal(0, 0.15, 1800)
    found = openings(VideoGate(GATE), scores)
    opened, closed = flips(found)
    assert scores[opened] > 0.7 > -0.7 > scores[closed], "it opens later than it closes"
    assert found[880:920].min() == 1


def test_a_tunnel_fades_in_and_out() -> None:
    scores = np.concatenate((np.full(30, -8.0), np.full(60, 8.0), np.full(60, -8.0)))
    found = openings(VideoGate(GATE, dwell=10), scores)
    assert found[29] == 0
    assert found[30:40] == pytest.approx(np.arange(1, 11) / 10)
    assert found[40:90].min() == 1
    assert found[99] == found[-1] == 0


def test_a_flash_does_not_switch_the_night_off() -> None:
    scores = np.full(100, 8.0)
    scores[50:53] = -8
    found = openings(VideoGate(GATE), scores)
    assert found.min() == pytest.approx(0.8)
    assert found[-1] == 1


def test_another_scene_is_judged_by_itself() -> None:
    video = VideoGate(GATE)
    assert openings(video, np.array([8.0, 8.0])).tolist() == [1, 1]
    video.reset()
    assert video.opening(darkness_of(-8)) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"play": -1}, "play -1"),
        ({"play": float("nan")}, "play nan"),
        ({"dwell": 0}, "dwell 0"),
        ({"dwell": 1.5}, "1.5"),
    ],
    ids=str,
)
def test_bad_video_options_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        VideoGate(GATE, **options)


@pytest.mark.parametrize("width", [4, 8, 41, 64, 77])
@pytest.mark.parametrize("height", [1, 3, 4, 29])
def test_the_sample_is_every_fourth_pixel_of_any_memory(height: int, width: int) -> None:
    base = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    views = [base, base[..., ::-1], base[:, ::-1], base[::-1], base[:, 1:], np.broadcast_to(base[:1], base.shape)]
    views += [base[..., [2, 1, 0]], np.asfortranarray(base), base.transpose(1, 0, 2)]
    for view in views:
        sample = sample_of(view)
        assert np.array_equal(sample, view[::4, ::4])
        assert sample.flags.c_contiguous
        sample[:] = 0  # a picture of its own
    assert base.any()
