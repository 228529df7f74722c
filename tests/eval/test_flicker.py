"""A clip through `measure_flicker`: what jitters, what is smoothed, what stands in the record."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from scotopic.configs.flicker_schema import FlickerSettings
from scotopic.errors import ScotopicError
from scotopic.eval.flicker import clip_frames, measure_flicker
from scotopic.pipeline.image import write_image


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Twelve frames of a camera that moves past a textured wall."""
    rng = np.random.default_rng(0)
    light = sum(
        cv2.resize(rng.random((cells, 2 * cells, 3), np.float32), (400, 120), interpolation=cv2.INTER_CUBIC)
        for cells in (2, 6, 15)
    )
    wall = np.rint((40 + 35 * np.asarray(light)).clip(0, 255)).astype(np.uint8)
    folder = tmp_path / "drive"
    folder.mkdir()
    for number in range(12):
        write_image(folder / f"{number:03}.png", np.ascontiguousarray(wall[:, 3 * number : 3 * number + 160]))
    return folder


def test_smoothing_halves_the_flicker_that_jitter_makes(drive: Path, tmp_path: Path) -> None:
    settings = FlickerSettings(recipe="gamma[gamma=3]", jitter=0.0333, frames=30, seed=1)
    seen: list[tuple[str, int, int]] = []
    record = measure_flicker(
        drive, ["sgz", "gamma"], tmp_path / "out", settings=settings, progress=lambda *step: seen.append(step)
    )
    assert seen[-1] == ("frames", 30, 30)
    rows = record["rows"]
    assert [(row["enhancer"], row["smoothed"]) for row in rows] == [
        ("none", False), ("sgz", False), ("sgz", True), ("gamma", False),
    ]  # fmt: skip
    given, plain, smoothed, gamma = rows
    assert given["flicker_beyond_input"] == 0
    assert plain["flicker"] > given["flicker"]
    assert smoothed["flicker"] < 0.5 * plain["flicker"]
    assert smoothed["reduction"]["flicker"] == pytest.approx(1 - smoothed["flicker"] / plain["flicker"])
    assert smoothed["warped_error"] < plain["warped_error"]
    assert gamma["flicker"] > given["flicker"]
    assert json.loads((tmp_path / "out" / "results.json").read_text())["rows"] == rows
    assert record["settings"]["recipe"] == "gamma[gamma=3]"


def test_results_of_another_kind_are_left_alone(drive: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text('{"task": "detect"}')
    with pytest.raises(ScotopicError, match=r"holds a comparison of detectors.*choose another output folder"):
        measure_flicker(drive, ["gamma"], tmp_path)
    assert results.read_text() == '{"task": "detect"}'


def test_without_jitter_the_scene_is_the_input(drive: Path) -> None:
    record = measure_flicker(drive, ["gamma"], settings=FlickerSettings(recipe="gamma"))
    assert record["frames"] == 12
    for row in record["rows"]:
        assert row["flicker"] == row["flicker_beyond_input"]


def test_frames_in_the_order_of_their_names_and_back(drive: Path) -> None:
    frames = list(clip_frames(drive, FlickerSettings(frames=25)))
    numbers = [int(frame.source.stem) for frame in frames if frame.source]
    assert numbers == [*range(12), *range(10, -1, -1), 1, 2]
    assert all(np.array_equal(frame.image, frame.scene) for frame in frames)


def test_jitter_is_seeded_and_of_its_size(drive: Path) -> None:
    settings = FlickerSettings(jitter=0.1, frames=40)
    frames = list(clip_frames(drive, settings))
    gains = np.array([frame.image.mean() / frame.scene.mean() for frame in frames])
    assert 0.895 < gains.min() < 0.92
    assert 1.08 < gains.max() < 1.105
    for frame, same in zip(frames, clip_frames(drive, settings), strict=True):
        assert np.array_equal(frame.image, same.image)
    other = next(iter(clip_frames(drive, settings.model_copy(update={"seed": 5}))))
    assert not np.array_equal(other.image, frames[0].image)


def test_a_clip_of_a_video_file(drive: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="videos need the extra [video]")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for frame in clip_frames(drive, FlickerSettings()):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
        container.mux(stream.encode())
    frames = list(clip_frames(path, FlickerSettings()))
    assert [round(10 * (frame.seconds or 0)) for frame in frames] == list(range(12))
    assert measure_flicker(path, ["sgz"], settings=FlickerSettings(frames=3))["frames"] == 3


def test_bad_input(drive: Path, tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no recipe 'gama'"):
        measure_flicker(drive, ["sgz"], settings=FlickerSettings(recipe="gama"))
    with pytest.raises(ScotopicError, match="no enhancer 'sgx'"):
        measure_flicker(drive, ["sgx"])
    single = tmp_path / "single"
    single.mkdir()
    write_image(single / "a.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(ScotopicError, match="a single frame"):
        measure_flicker(single, ["gamma"])
    write_image(single / "b.png", np.zeros((40, 50, 3), np.uint8))
    with pytest.raises(ScotopicError, match="40x40 and 50x40"):
        measure_flicker(single, ["gamma"])
