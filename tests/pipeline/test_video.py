"""Reading: every frame at its time, upright where asked, past whatever is damaged, in constant memory."""

from __future__ import annotations

import gc
import sys
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.pipeline.video import VideoReader

from ..clips import TICK, av, content, scene, spoil, uneven_times, write_clip

FRAMES = [scene(number) for number in range(30)]


def close(first: np.ndarray, second: np.ndarray, mean: float = 4.0) -> bool:
    return first.shape == second.shape and float(np.abs(first.astype(int) - second.astype(int)).mean()) < mean


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_all_frames_at_their_times(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"a{suffix}", FRAMES, options={"bf": "0"})
    with VideoReader(clip) as reader:
        frames = [(frame.time, frame.stored()) for frame in reader]
    assert [round(time, 3) for time, _ in frames] == [round(0.04 * n, 3) for n in range(30)]
    assert all(close(picture, FRAMES[n]) for n, (_, picture) in enumerate(frames))
    assert reader.issues.lines() == []
    assert (reader.info.width, reader.info.height, reader.info.rate) == (96, 64, 25)


def test_uneven_times_with_frames_stored_out_of_order(tmp_path: Path) -> None:
    times = uneven_times(60)
    clip = write_clip(tmp_path / "a.mp4", [scene(n) for n in range(60)], times, options={"bf": "3"})
    with VideoReader(clip) as reader:
        frames = list(reader)
    assert [frame.pts * reader.info.time_base for frame in frames] == [ticks * TICK for ticks in times]
    assert [frame.duration * reader.info.time_base for frame in frames[:-1]] == [
        int(gap) * TICK for gap in np.diff(times)
    ]
    whole = content(clip)
    assert whole.seconds == whole.times[-1] + frames[-1].duration * reader.info.time_base


@pytest.mark.parametrize(("rotation", "mirrored"), [(0, False), (90, False), (180, False), (270, False), (90, True)])
def test_upright(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    """A display matrix that turns the stored picture counter-clockwise, and may then mirror it."""
    clip = write_clip(tmp_path / "a.mp4", FRAMES[:3], rotation=rotation, mirrored=mirrored)
    expected = np.rot90(FRAMES[0], rotation // 90)
    with VideoReader(clip) as reader:
        first = next(iter(reader))
    assert close(first.stored(), FRAMES[0])
    assert close(first.upright(), expected[:, ::-1] if mirrored else expected)


@pytest.mark.parametrize("color", [(1, 1, 1, 1), (1, 1, 1, 2), (6, 6, 6, 1), (9, 14, 9, 1), (2, 2, 2, 0)])
def test_colours_are_those_of_the_matrix_and_range(tmp_path: Path, color: tuple[int, int, int, int]) -> None:
    red = np.full((32, 32, 3), (200, 40, 30), np.uint8)
    clip = write_clip(tmp_path / "a.mp4", [red] * 3, color=color if color[2] != 2 else None, options={"crf": "5"})
    with VideoReader(clip) as reader:
        picture = next(iter(reader)).stored()
    assert np.abs(picture.astype(int) - red).max() <= 5
    assert reader.info.color == color


def test_a_lost_frame_is_named_and_the_others_keep_their_times(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mp4", FRAMES, uneven_times(30), options={"bf": "0"})
    lost = spoil(clip, tmp_path / "spoilt.mp4", [11, 12, 29])
    with VideoReader(tmp_path / "spoilt.mp4") as reader:
        times = [frame.pts * reader.info.time_base for frame in reader]
    assert times == [time for n, time in enumerate(content(clip).times) if n not in (11, 12, 29)]
    assert reader.issues.lost == pytest.approx(lost)
    assert f"3 frames could not be decoded (the one before stays on screen): at {lost[0]:.2f} s" in str(
        reader.issues.lines()
    )


def test_a_lost_frame_is_named_where_frames_are_stored_out_of_order(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mp4", FRAMES, options={"bf": "2"})
    lost = spoil(clip, tmp_path / "spoilt.mp4", [13])
    with VideoReader(tmp_path / "spoilt.mp4") as reader:
        count = len(list(reader))
    assert count == 29
    assert reader.issues.lost == pytest.approx(lost)


def test_frames_decoded_with_errors_are_kept_and_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 128, 3)).astype(np.uint8)
    clip = write_clip(tmp_path / "whole.mp4", list(noise), options={"bf": "0", "crf": "10"})
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][5]
        middle = packet.pos + packet.size // 2
        data[middle : middle + 300] = bytes(300)
    (tmp_path / "spoilt.mp4").write_bytes(data)
    with VideoReader(tmp_path / "spoilt.mp4") as reader:
        count = len(list(reader))
    assert count == 10
    assert reader.issues.damaged == pytest.approx([0.2])
    assert reader.issues.lines() == ["1 frame decoded with errors: at 0.20 s"]


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    """Matroska and MP4 with its index in front can be read as far as they go."""
    noise = list(np.random.default_rng(0).integers(0, 255, (30, 64, 96, 3)).astype(np.uint8))
    matroska = write_clip(tmp_path / "a.mkv", noise)
    (tmp_path / "cut.mkv").write_bytes(matroska.read_bytes()[: matroska.stat().st_size // 2])
    with VideoReader(tmp_path / "cut.mkv") as reader:
        assert 5 < len(list(reader)) < 30

    plain = write_clip(tmp_path / "a.mp4", noise)
    index_first = {"movflags": "faststart"}
    with av.open(str(plain)) as source, av.open(str(tmp_path / "front.mp4"), "w", options=index_first) as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    front = (tmp_path / "front.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(front[: len(front) * 2 // 3])
    with VideoReader(tmp_path / "cut.mp4") as reader:
        frames = list(reader)
    assert 5 < len(frames) < 30
    missing = reader.issues.missing + len(reader.issues.lost)
    assert missing == 30 - len(frames)
    assert any("cut off" in line for line in reader.issues.lines())


def test_the_clock_of_a_transport_stream_begins_at_its_first_frame(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.ts", FRAMES, range(5000, 6200, 40))
    assert content(clip).times[0] >= 5
    with VideoReader(clip) as reader:
        times = [frame.time for frame in reader]
    assert times == pytest.approx([0.04 * n for n in range(30)], abs=1e-4)


def test_a_late_start_is_kept(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", FRAMES[:5], [500, 540, 580, 620, 660])
    with VideoReader(clip) as reader:
        frame = next(iter(reader))
    assert frame.pts * frame.info.time_base == Fraction(1, 2)


def test_ten_bits_and_no_chroma(tmp_path: Path) -> None:
    deep = write_clip(tmp_path / "deep.mkv", FRAMES[:3], codec="libx265", pixels="yuv420p10le")
    grey = write_clip(tmp_path / "grey.mkv", FRAMES[:3], pixels="gray")
    for clip in (deep, grey):
        with VideoReader(clip) as reader:
            picture = next(iter(reader)).stored()
        assert picture.dtype == np.uint8
        assert picture.shape == (64, 96, 3)
    assert (picture[..., 0] == picture[..., 2]).all()


def test_frames_do_not_pile_up(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", FRAMES * 6)
    living: weakref.WeakSet[object] = weakref.WeakSet()
    most = 0
    with VideoReader(clip) as reader:
        for frame in reader:
            living.add(frame)
            gc.collect(0)
            most = max(most, len(living))
    assert most <= 4


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.mp4", "no video at .*nowhere.mp4: check the path"),
        ("empty.mp4", r"empty.mp4 is empty \(0 bytes\)"),
        ("text.mp4", "text.mp4 is not a video that can be read"),
        ("cut.mp4", "an .mp4 that was cut off lacks its index"),
        ("sound.mp4", "sound.mp4 holds no picture track"),
        ("folder.mp4", "folder.mp4 is a folder"),
        ("nonsense.mp4", "no frame of .*nonsense.mp4 can be decoded"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    clip = write_clip(tmp_path / "a.mp4", FRAMES[:5])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("not a video" * 50)
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-900])
    (tmp_path / "folder.mp4").mkdir()
    spoil(clip, tmp_path / "nonsense.mp4", range(5))
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ScotopicError, match=sentence):
        VideoReader(tmp_path / name)


def test_without_the_library_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ScotopicError, match=r'Videos need the package .av.: pip install "scotopic\[video\]"'):
        VideoReader("a.mp4")
