"""From video to video: as many frames, at the same times, with the same sound, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.pipeline.stage import EnhancementStage
from scotopic.pipeline.video import VideoReader
from scotopic.pipeline.video_frames import VideoFrame
from scotopic.pipeline.video_process import EnhanceFrames, Made, VideoSummary, process_video

from ..clips import av, content, scene, spoil, uneven_times, write_clip

DARK = [scene(number) for number in range(40)]


def enhanced(clip: Path, out: Path, spec: str = "gamma[gamma=2.0]", **options: Any) -> VideoSummary:
    with VideoReader(clip) as reader:
        return process_video(reader, out, EnhanceFrames(EnhancementStage(spec)), **options)


class Upright:
    """Writes frames upright, and a line for each."""

    turns = True
    memory = None
    resumable = True

    def make(self, frame: VideoFrame) -> Made:
        return Made(frame.upright(), True, {"turn": 1.0}, {"shape": list(frame.upright().shape)})


class SlowToLoad(Upright):
    """Dusk: every other frame is enhanced. What both kinds need is loaded for the first of them, in a second."""

    def __init__(self) -> None:
        self.made = 0

    def make(self, frame: VideoFrame) -> Made:
        self.made += 1
        return Made(None, self.made % 2 == 0, {"turn": 1000.0 if self.made <= 2 else 1.0})


def test_what_is_loaded_once_is_no_frames_time(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK[:8])
    with VideoReader(clip) as reader:
        summary = process_video(reader, tmp_path / "out.mp4", SlowToLoad(), part_frames=3)
    assert (summary.frames, summary.timed) == (8, 6)
    assert summary.timing_ms["turn"] == 6.0
    assert summary.timing_ms.keys() == {"decode", "turn", "encode"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_frames_times_duration_and_sound_are_those_of_the_source(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK, uneven_times(40), sound=True, options={"bf": "3"})
    out = tmp_path / f"out{suffix}"
    summary = enhanced(clip, out, part_frames=15)
    before, after = content(clip), content(out)
    assert summary.frames == summary.enhanced == len(after.frames) == 40
    assert after.times == before.times
    assert after.seconds == before.seconds
    assert after.sound == before.sound
    assert len(after.sound) > 10
    assert summary.duration == pytest.approx(float(before.seconds or 0))
    assert {"decode", "convert", "gate", "enhance", "encode"} == summary.timing_ms.keys()
    brighter = np.mean(after.pictures()) / np.mean(before.pictures())
    assert brighter > 1.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", out.name]


def test_matroska_rounds_to_milliseconds_and_takes_any_sound(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", DARK, uneven_times(40), sound=True)
    enhanced(clip, tmp_path / "out.mkv")
    before, after = content(clip), content(tmp_path / "out.mkv")
    assert after.times == before.times
    assert [heard[2] for heard in after.sound] == [heard[2] for heard in before.sound]


def test_the_display_matrix_is_kept(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK[:5], rotation=90, mirrored=True)
    enhanced(clip, tmp_path / "out.mp4")
    with VideoReader(clip) as before, VideoReader(tmp_path / "out.mp4") as after:
        assert after.info.display_matrix == before.info.display_matrix is not None
        assert (after.info.width, after.info.height) == (96, 64)


def test_frames_made_upright_carry_no_display_matrix(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK[:5], rotation=90)
    with VideoReader(clip) as reader:
        process_video(reader, tmp_path / "out.mp4", Upright(), lines=tmp_path / "out.jsonl", part_frames=2)
    with VideoReader(tmp_path / "out.mp4") as after:
        assert after.info.display_matrix is None
        assert (after.info.width, after.info.height) == (64, 96)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines == [{"frame": n, "time": round(0.04 * n, 6), "shape": [96, 64, 3]} for n in range(5)]


@pytest.mark.parametrize(("width", "height"), [(95, 63), (96, 63), (95, 64), (1, 1)])
def test_odd_sizes_are_made_even(tmp_path: Path, width: int, height: int) -> None:
    frames = [scene(n, 96, 64)[:height, :width] for n in range(4)]
    clip = write_clip(tmp_path / "a.mkv", frames, codec="ffv1", pixels="bgr0")
    enhanced(clip, tmp_path / "out.mp4")
    after = content(tmp_path / "out.mp4")
    assert after.frames[0].width == width + width % 2
    assert after.frames[0].height == height + height % 2
    assert after.frames[0].format.name == "yuv420p"


@pytest.mark.parametrize("color", [(1, 1, 1, 1), (1, 1, 1, 2), (6, 6, 6, 1), (9, 16, 9, 1)])
@pytest.mark.parametrize("spec", ["none", "none[gate=off]"])
def test_colours_and_their_tags_are_kept(tmp_path: Path, color: tuple[int, int, int, int], spec: str) -> None:
    """Whether frames go over RGB or straight to the encoder."""
    red = np.full((64, 64, 3), (220, 160, 130), np.uint8)
    clip = write_clip(tmp_path / "a.mp4", [red] * 3, color=color, options={"crf": "5"})
    enhanced(clip, tmp_path / "out.mp4", spec)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.info.color == color
        assert np.abs(next(iter(reader)).stored().astype(int) - red).max() <= 6


def test_frames_that_the_gate_leaves_go_on_as_they_were_decoded(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", [scene(n, level=127) + 100 for n in range(10)], options={"bf": "2"})
    summary = enhanced(clip, tmp_path / "out.mp4")
    assert summary.enhanced == 0
    for before, after in zip(content(clip).pictures(), content(tmp_path / "out.mp4").pictures(), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(DARK[0], format="rgb24")))
        container.mux(stream.encode(None))
    enhanced(clip, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.info.pixel_aspect == Fraction(4, 3)


def test_a_lost_frame_leaves_a_gap_and_nothing_else_moves(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mp4", DARK, uneven_times(40), sound=True, options={"bf": "0"})
    clip = tmp_path / "spoilt.mp4"
    spoil(whole, clip, [20, 39])
    summary = enhanced(clip, tmp_path / "out.mp4")
    before, after = content(whole), content(tmp_path / "out.mp4")
    assert summary.frames == 38
    assert len(summary.issues.lost) == 2
    assert after.times == [time for n, time in enumerate(before.times) if n not in (20, 39)]
    assert after.seconds == before.seconds
    assert after.sound == before.sound


class Stopped(BaseException):
    """Somebody pressed Ctrl-C."""


def stop_at(frame: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == frame:
            raise Stopped

    return progress


@pytest.mark.parametrize("spec", ["gamma", "sgz"])
def test_an_interrupted_run_is_resumed_with_the_same_result(
    tmp_path: Path, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate's state, the exposure and the factor go over the seam, with torch 2.4 too, which lacks two functions."""
    for name in ("get_unsafe_globals_in_checkpoint", "safe_globals"):
        monkeypatch.delattr(torch.serialization, name, raising=False)
    flicker = [scene(n, level=25 + 20 * (n % 3)) for n in range(40)]
    clip = write_clip(tmp_path / "a.mp4", flicker, uneven_times(40), sound=True)
    enhanced(clip, tmp_path / "at_once.mp4", spec, settings={"spec": spec}, part_frames=12)
    out = tmp_path / "out.mp4"
    with pytest.raises(Stopped):
        enhanced(clip, out, spec, settings={"spec": spec}, part_frames=12, progress=stop_at(30))
    assert not out.exists()
    summary = enhanced(clip, out, spec, settings={"spec": spec}, part_frames=12)
    assert summary.taken_over == 24
    assert summary.frames == 40
    assert out.read_bytes() == (tmp_path / "at_once.mp4").read_bytes()
    assert not (tmp_path / ".out.mp4.parts").exists()


def test_other_settings_or_another_source_start_anew(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK)
    out = tmp_path / "out.mp4"
    with pytest.raises(Stopped):
        enhanced(clip, out, settings={"gamma": 2}, part_frames=10, progress=stop_at(30))
    with pytest.raises(Stopped):
        enhanced(clip, out, settings={"gamma": 3}, part_frames=10, progress=stop_at(15))
    write_clip(clip, DARK[:35])
    assert enhanced(clip, out, settings={"gamma": 3}, part_frames=10).taken_over == 0
    assert len(content(out).frames) == 35


def test_a_memory_that_was_not_kept_starts_anew_and_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK)
    out = tmp_path / "out.mp4"
    with pytest.raises(Stopped):
        enhanced(clip, out, settings={}, part_frames=10, progress=stop_at(25))
    (tmp_path / ".out.mp4.parts" / "000001.pt").write_bytes(b"nonsense")
    summary = enhanced(clip, out, settings={}, part_frames=10)
    assert summary.taken_over == 0
    assert summary.frames == 40
    assert "started anew" in summary.notes[0]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed on Linux only")
def test_a_frame_that_fails_leaves_no_file_open(tmp_path: Path) -> None:
    """A part that is open cannot be removed on every system."""
    clip = write_clip(tmp_path / "a.mp4", DARK)

    class Failing(Upright):
        left = 30  # of them some are written, others wait in the encoder

        def make(self, frame: VideoFrame) -> Made:
            self.left -= 1
            if self.left < 0:
                raise ScotopicError("this frame cannot be enhanced")
            return super().make(frame)

    with VideoReader(clip) as reader, pytest.raises(ScotopicError, match="this frame") as caught:
        process_video(reader, tmp_path / "out.mp4", Failing(), settings={})
    parts = list((tmp_path / ".out.mp4.parts").glob("*.mp4"))
    assert len(parts) == 1
    assert parts[0].resolve() not in {path.resolve() for path in Path("/proc/self/fd").iterdir()}
    assert caught.traceback  # which keeps all that was open alive


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("out.avi", r"cannot write a video to .*out.avi: its name should end in .mp4"),
        ("a.mp4", "would overwrite its own source"),
        ("file/out.mp4", "a file is in the way|cannot make the output folder"),
    ],
)
def test_bad_output_is_one_sentence(tmp_path: Path, out: str, sentence: str) -> None:
    clip = write_clip(tmp_path / "a.mp4", DARK[:3])
    (tmp_path / "file").write_text("")
    with pytest.raises(ScotopicError, match=sentence):
        enhanced(clip, tmp_path / out)


def test_sound_that_the_container_cannot_hold(tmp_path: Path) -> None:
    clip = tmp_path / "a.avi"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        audio = container.add_stream("wmav2", rate=44100)
        audio.bit_rate = 64_000
        container.mux(stream.encode(av.VideoFrame.from_ndarray(DARK[0], format="rgb24")))
        container.mux(stream.encode(None))
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        heard.sample_rate = 44100
        container.mux(audio.encode(heard))
        container.mux(audio.encode(None))
    with pytest.raises(ScotopicError, match=r"sound of kind wmav2 has no place in out.mp4 .* write an .mkv"):
        enhanced(clip, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]
