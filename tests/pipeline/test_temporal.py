"""What a video's memory does to exposure and factor: exactly known jitter, motion, cuts, gaps, and no ghosts."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.gate import DarknessGate, VideoGate, sample_of
from scotopic.pipeline.stage import EnhancementStage
from scotopic.pipeline.temporal import Change, FrameEnhancer, VideoMemory, compare_thumbnails, thumbnail


def street(seed: int = 0, height: int = 192, width: int = 256) -> np.ndarray:
    """float32 (H, W, 3): a dark scene with shapes of all sizes and texture, nothing near white."""
    rng = np.random.default_rng(seed)
    light = sum(
        cv2.resize(rng.random((cells, cells, 3), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for cells in (3, 8, 48)
    )
    return 4 + 150 * (np.asarray(light) / 3).clip(0, 1) ** 3


def shot(scene: np.ndarray, exposure: float = 1.0) -> np.ndarray:
    return np.rint((scene * exposure).clip(0, 255)).astype(np.uint8)


def change_between(before: np.ndarray, now: np.ndarray) -> Change:
    return compare_thumbnails(thumbnail(sample_of(before)), thumbnail(sample_of(now)))


@pytest.mark.parametrize("exposure", [0.6, 0.9, 0.97, 1.0, 1.02, 1.1, 1.6])
def test_the_ratio_of_exposures_is_found(exposure: float) -> None:
    change = change_between(shot(street()), shot(street(), exposure))
    assert math.exp(change.exposure) == pytest.approx(exposure, rel=0.01)
    assert not change.cut
    assert change.moved.max() < 0.05


def test_a_moving_object_is_no_change_of_exposure() -> None:
    before, now = street(), street()
    before[60:140, 30:90], now[60:140, 100:160] = 200, 200
    change = change_between(shot(before), shot(now, 1.1))
    assert math.exp(change.exposure) == pytest.approx(1.1, rel=0.01)
    assert not change.cut
    assert change.moved[12:22, 8:14].min() == change.moved[12:22, 20:26].min() == 1  # where it was, and where it is
    assert change.moved[:, 30:].max() < 0.2


def test_saturated_lamps_do_not_move_and_do_not_count() -> None:
    scene = street()
    scene[20:60, 20:120] = 300
    change = change_between(shot(scene), shot(scene, 0.9))
    assert math.exp(change.exposure) == pytest.approx(0.9, rel=0.01)
    assert change.moved.max() < 0.1


@pytest.mark.parametrize("other", [shot(street(1)), shot(street(), 2.5), shot(street()[::-1])], ids=str)
def test_a_cut(other: np.ndarray) -> None:
    assert change_between(shot(street()), other).cut


@pytest.mark.parametrize("size", [(1, 1, 3), (3, 200, 3), (200, 5, 3), (37, 41, 3)], ids=str)
@pytest.mark.parametrize("level", [0, 3, 255])
def test_any_size_and_flat_frames(size: tuple[int, ...], level: int) -> None:
    memory, frame = VideoMemory(), sample_of(np.full(size, level, np.uint8))
    for _ in range(3):
        memory.follow(frame)
        assert memory.exposure == pytest.approx(1)
        assert memory.smooth(np.ones((3, 2, 2), np.float32)).tolist() == np.ones((3, 2, 2)).tolist()


def follow(memory: VideoMemory, *frames: np.ndarray) -> None:
    for frame in frames:
        memory.follow(sample_of(frame))


def test_a_step_of_exposure_comes_through_with_the_time_constant() -> None:
    memory = VideoMemory(fps=20, time_constant=0.5)
    follow(memory, shot(street()), shot(street()))
    seen = []
    for _ in range(40):
        follow(memory, shot(street(), 1.2))
        seen.append(1.2 * memory.exposure)  # the brightness that the enhancer is given
    expected = 1.2 ** (1 - np.exp(-np.arange(1, 41) / 10))
    assert np.allclose(seen, expected, rtol=0.01)
    assert seen[9] == pytest.approx(1.2**0.632, rel=0.01)


def test_jitter_is_taken_out() -> None:
    memory, rng = VideoMemory(fps=30), np.random.default_rng(3)
    gains = rng.uniform(0.9, 1.1, 60)
    seen = []
    for gain in gains:
        follow(memory, shot(street(), gain))
        seen.append(gain * memory.exposure)
    assert np.abs(np.diff(np.log(seen))).mean() < 0.15 * np.abs(np.diff(np.log(gains))).mean()


def test_the_factor_is_an_exponential_mean() -> None:
    memory = VideoMemory(fps=10, time_constant=0.5)
    rng, kept = np.random.default_rng(0), None
    share = -math.expm1(-0.1 / 0.5)
    for _ in range(5):
        follow(memory, shot(street()))
        factor = rng.random((3, 16, 22), np.float32)
        kept = factor if kept is None else kept + share * (factor - kept)
        found = memory.smooth(factor)
        assert found.dtype == np.float32
        assert np.allclose(found, kept, atol=1e-6)


def test_time_stamps_decide_where_there_are_some() -> None:
    memory = VideoMemory(fps=10, time_constant=0.5)
    zeros, ones = np.zeros((3, 8, 8), np.float32), np.ones((3, 8, 8), np.float32)
    memory.follow(sample_of(shot(street())), seconds=4.0)
    memory.smooth(zeros)
    memory.follow(sample_of(shot(street())), seconds=4.25)
    assert memory.smooth(ones).mean() == pytest.approx(1 - math.exp(-0.5), rel=1e-5)


@pytest.mark.parametrize("seconds", [3.9, 5.5], ids=["back", "gap"])
def test_a_jump_in_time_begins_afresh(seconds: float) -> None:
    memory = VideoMemory()
    memory.follow(sample_of(shot(street())), seconds=4.0)
    memory.smooth(np.zeros((3, 8, 8), np.float32))
    memory.follow(sample_of(shot(street(), 1.1)), seconds=seconds)
    assert memory.exposure == 1
    assert memory.smooth(np.ones((3, 8, 8), np.float32)).min() == 1


@pytest.mark.parametrize("other", [shot(street(1)), shot(street(0, 100, 150))], ids=["cut", "size"])
def test_another_scene_begins_afresh(other: np.ndarray) -> None:
    memory = VideoMemory(DarknessGate())
    follow(memory, shot(street()), shot(street(), 1.2))
    memory.smooth(np.zeros((3, 8, 8), np.float32))
    assert memory.exposure < 0.95
    follow(memory, other)
    assert memory.exposure == 1
    assert memory.smooth(np.ones((3, 8, 8), np.float32)).min() == 1


def test_a_cut_resets_the_gate_too() -> None:
    memory, gate = VideoMemory(DarknessGate()), DarknessGate()
    assert memory.gate is not None
    bright = sample_of(np.rint(np.minimum(street(7) * 3, 250)).astype(np.uint8))
    dark = sample_of(shot(street(), 0.3))
    for sample, opening in ((bright, 0), (dark, 1)):
        memory.follow(sample)
        assert memory.gate.opening(gate.measure_sample(sample)) == opening


def test_where_something_moved_the_factor_is_the_new_one() -> None:
    memory = VideoMemory(fps=30)
    before, now = street(), street()
    before[60:140, 30:90], now[60:140, 100:160] = 200, 200
    follow(memory, shot(before))
    memory.smooth(np.zeros((3, 16, 22), np.float32))
    follow(memory, shot(now))
    found = memory.smooth(np.ones((3, 16, 22), np.float32))
    assert found[:, 6:11, 3:7].min() > 0.95  # no trace of what was there
    assert found[:, 6:11, 9:13].min() > 0.95
    assert found[:, :, 16:].max() < 0.3


def test_a_time_constant_of_zero_changes_nothing() -> None:
    memory = VideoMemory(time_constant=0)
    for seed, gain in enumerate((1, 1.1, 0.9)):
        follow(memory, shot(street(), gain))
        factor = np.full((3, 4, 4), seed, np.float32)
        assert memory.exposure == pytest.approx(1)
        assert np.array_equal(memory.smooth(factor), factor)


def test_a_net_gone_wrong_for_one_frame_does_not_stay_wrong() -> None:
    memory = VideoMemory()
    for value in (0.5, math.nan, 0.5):
        follow(memory, shot(street()))
        found = memory.smooth(np.full((3, 4, 4), value, np.float32))
    assert found.tolist() == np.full((3, 4, 4), 0.5).tolist()


@pytest.mark.parametrize(
    "options", [{"fps": 0}, {"fps": math.inf}, {"time_constant": -1}, {"time_constant": math.nan}], ids=str
)
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ScotopicError, match=next(iter(options))):
        VideoMemory(**options)


def test_a_memory_can_be_kept_and_copied() -> None:
    memory = VideoMemory(VideoGate(DarknessGate(), dwell=3))
    follow(memory, shot(street()), shot(street(), 1.1))
    memory.smooth(np.zeros((3, 8, 8), np.float32))
    for twin in (copy.deepcopy(memory), pickle.loads(pickle.dumps(memory))):
        follow(twin, shot(street(), 0.9))
        assert twin.exposure > 1
        assert twin.smooth(np.ones((3, 8, 8), np.float32)).max() < 0.5
    assert memory.exposure < 1


NETS = [
    "sgz[weights=random]",
    "zero_dce_pp[weights=random]",
    "zero_dce[weights=random]",
    "sgz[weights=random,order=3]",
    "sgz_task[weights=random]",
    "sgz_task",
]


@pytest.mark.parametrize("spec", NETS)
def test_the_first_frame_is_enhanced_as_a_picture(spec: str) -> None:
    stage = EnhancementStage(spec, gate="off")
    frame = shot(street(0, 60, 84), 0.4)
    found = stage.process(frame, video=stage.video_memory()).image
    assert np.abs(found.astype(int) - stage.process(frame).image).max() <= 1


@pytest.mark.parametrize("spec", NETS)
def test_every_curve_net_takes_part_and_says_the_same_with_and_without_the_engine(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [shot(street(0, 60, 84), gain) for gain in (0.4, 0.46, 0.38)]
    stage = EnhancementStage(spec, gate="off")
    assert isinstance(stage.enhancer, FrameEnhancer)
    memory = stage.video_memory()
    fused = [stage.process(frame, video=memory).image for frame in frames]
    monkeypatch.setattr(type(stage.enhancer), "fused", lambda *_, **__: None)
    memory.reset()
    plain = [stage.process(frame, video=memory).image for frame in frames]
    for a, b in zip(fused, plain, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
    means = [float(image.mean()) for image in plain]
    single = [float(stage.process(frame).image.mean()) for frame in frames]
    assert np.ptp(means) < 0.4 * np.ptp(single)


def test_pixels_are_never_mixed() -> None:
    """Black stays black at once, however bright the frame before was there."""
    stage = EnhancementStage("sgz", gate="off")
    memory = stage.video_memory()
    before, now = street(), street()
    before[60:140, 30:90], now[60:140, 30:90] = 120, 0
    stage.process(shot(before), video=memory)
    found = stage.process(shot(now), video=memory).image
    assert found[60:140, 30:90].max() == 0


def test_a_subclass_enhances_each_frame_by_itself() -> None:
    from scotopic.pipeline.enhancers.learned.sgz import SGZ

    class Inverted(SGZ):
        def transform(self, x: Tensor) -> Tensor:
            return 1 - super().transform(x)

    stage = EnhancementStage(Inverted(weights="random"), gate="off")
    memory = stage.video_memory()
    for gain in (0.4, 0.5):
        frame = shot(street(0, 60, 84), gain)
        assert np.array_equal(stage.process(frame, video=memory).image, Enhancer.enhance(stage.enhancer, frame))


def test_bright_frames_pass_untouched_and_light_that_goes_begins_afresh() -> None:
    stage = EnhancementStage("sgz")
    memory = stage.video_memory()
    day = np.rint(np.minimum(street() * 3.5, 250)).astype(np.uint8)
    assert stage.process(day, video=memory).image is day
    night = shot(street(), 0.4)
    result = stage.process(night, video=memory)
    assert result.opening == 1  # a cut
    assert np.array_equal(result.image, stage.process(night).image)


def test_the_gate_alone_smooths_nothing() -> None:
    stage = EnhancementStage("sgz")
    assert stage.gate is not None
    video = VideoGate(stage.gate)
    for gain in (0.4, 0.45):
        frame = shot(street(), gain)
        assert np.array_equal(stage.process(frame, video=video).image, stage.process(frame).image)


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_other_enhancers_take_each_frame_by_itself(gate: str) -> None:
    stage = EnhancementStage("gamma", gate=gate)
    memory = stage.video_memory()
    for gain in (0.3, 0.33):
        frame = shot(street(), gain)
        assert np.array_equal(stage.process(frame, video=memory).image, stage.process(frame).image)


def test_a_memory_goes_on_from_a_file_that_holds_plain_data(tmp_path: Path) -> None:
    def look(memory: VideoMemory, exposures: list[float]) -> list[object]:
        seen: list[object] = []
        for exposure in exposures:
            sample = sample_of(shot(street(), exposure))
            memory.follow(sample)
            assert memory.gate is not None
            opening = memory.gate.opening(DarknessGate().measure_sample(sample))
            factor = memory.smooth(np.full((3, 8, 8), exposure, np.float32))
            seen.append((memory.exposure, opening, factor.tolist()))
        return seen

    exposures = [1.0, 1.2, 0.9, 1.3, 1.1, 0.8]
    first, second = VideoMemory(DarknessGate()), VideoMemory(DarknessGate())
    whole = look(VideoMemory(DarknessGate()), exposures)
    assert look(first, exposures[:3]) == whole[:3]
    torch.save(first.state(), tmp_path / "memory.pt")
    second.restore(torch.load(tmp_path / "memory.pt", weights_only=True))
    assert look(second, exposures[3:]) == whole[3:]
