"""Videos on the command line: enhance and run, files and live streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from scotopic import attach
from scotopic.cli.run_model import _identity
from scotopic.cli.video import stage_settings
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.stage import EnhancementStage
from scotopic.pipeline.video import VideoReader

from ..clips import TICK, av, content, scene, write_clip
from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "street.mp4", [scene(n) for n in range(12)], sound=True)


def test_enhance_a_clip(scotopic: Command, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    outcome = scotopic("enhance", clip, "-o", out, "--enhancer", "gamma")
    assert outcome.status == 0, outcome.err
    assert "12 frames, 0.48 s, 96x64; written to" in outcome.out
    assert "frames per second; milliseconds a frame: decode" in outcome.out
    assert content(out).times == content(clip).times
    assert content(out).sound == content(clip).sound


def test_the_password_of_a_stream_is_not_printed(
    scotopic: Command, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scotopic.cli.video.open_source", lambda name, live: VideoReader(clip))
    words = ["enhance", "rtsp://me:secret@camera/street", "-o", tmp_path / "out.mp4", "--enhancer", "gamma"]
    outcome = scotopic(*words)
    assert outcome.status == 0, outcome.err
    assert "rtsp://camera/street: 12 frames" in outcome.out
    assert "secret" not in outcome.out + outcome.err


def test_a_folder_with_pictures_and_videos_keeps_its_structure(scotopic: Command, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    write_image(folder / "a.png", scene(0))
    (folder / "town").mkdir()
    write_clip(folder / "town" / "b.avi", [scene(n) for n in range(3)], range(3), codec="mpeg4")
    for _ in range(2):  # results of the first time are not enhanced again
        outcome = scotopic("enhance", folder, "-o", folder / "out", "--enhancer", "gamma")
        assert outcome.status == 0, outcome.err
        assert read_image(folder / "out" / "a.png").mean() > scene(0).mean()
        assert len(content(folder / "out" / "town" / "b.avi.mp4").frames) == 3
        assert sorted(path.name for path in (folder / "out").rglob("*.*")) == ["a.png", "b.avi.mp4"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.mp4", "-o", "out.mp4"], "no video at nowhere.mp4"),
        (["street.mp4", "-o", "out.webm"], "cannot write a video to out.webm"),
        (["street.mp4", "other.mp4", "-o", "out.mp4"], "several sources cannot all become out.mp4"),
        (["street.mp4", "a.png", "-o", "out.mp4"], "several sources cannot all become out.mp4"),
        (["street.mp4", "-o", "out.png"], "cannot write a video to out.png"),
        (["street.mp4", "-o", "out.mp4", "--live", "drop"], "--live is for cameras and streams, and there is none"),
        (["street.mp4", "-o", "street.mp4"], "would overwrite its own source"),
        (["street.mp4", "-o", "."], "would overwrite its own source|all videos lie in the output folder"),
        (["street.mp4"], "--out is missing"),
        (["77", "-o", "out.mp4"], "camera 77 gives no picture"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command, clip: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(clip.parent)
    outcome = scotopic("enhance", *arguments, "--enhancer", "gamma")
    assert outcome.status == 1
    assert any(part in outcome.err for part in sentence.split("|"))
    assert outcome.err.startswith("scotopic: ")
    assert outcome.err.count("\n") == 1
    assert not Path("out.mp4").exists()


def test_one_bad_video_does_not_stop_the_others(scotopic: Command, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"")
    outcome = scotopic("enhance", tmp_path / "bad.mp4", clip, "-o", tmp_path / "out", "--enhancer", "gamma")
    assert outcome.status == 1
    assert "bad.mp4 is empty" in outcome.err
    assert len(content(tmp_path / "out" / "street.mp4").frames) == 12


@pytest.fixture
def traffic(data_dir: Path, tmp_path: Path) -> Path:
    """A street with cars, darkened, moving sideways, stored on its side."""
    picture = read_image(sorted((data_dir / "camvid" / "images" / "val").iterdir())[0])
    picture = cv2.resize(picture, (480, 360)) // 4
    frames = [np.ascontiguousarray(np.rot90(np.roll(picture, 2 * n, axis=1), -1)) for n in range(6)]
    return write_clip(tmp_path / "traffic.mp4", frames, rotation=90)


@pytest.mark.parametrize("options", [[], ["--where", "graph"], ["--where", "beside"], ["--track"]])
def test_run_draws_boxes_and_lists_them(
    scotopic: Command, data_dir: Path, traffic: Path, tmp_path: Path, options: list[str]
) -> None:
    pytest.importorskip("ultralytics")
    model = data_dir / "weights" / "yolo11n_dequant.pt"
    out = tmp_path / "found.mp4"
    outcome = scotopic("run", traffic, "--model", model, "-o", out, "--enhancer", "gamma", "--imgsz", 320, *options)
    assert outcome.status == 0, outcome.err
    assert "6 frames, 0.24 s" in outcome.out
    assert "inference" in outcome.out
    after = content(out)
    assert after.times == content(traffic).times
    assert (after.frames[0].width, after.frames[0].height) == (480, 360)
    lines = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(6))
    assert [line["time"] for line in lines] == pytest.approx([0.04 * n for n in range(6)])
    assert all(line["enhanced"] for line in lines)
    found = [one for line in lines for one in line["detections"]]
    if "--track" in options:  # ultralytics' tracker begins at a score of 0.7 and shows a track from its third frame on
        assert found
    else:
        assert "car" in {one["class"] for one in found}
    assert all(0 <= one["box"][0] < one["box"][2] <= 480 and one["box"][3] <= 360 for one in found)
    if "--track" in options:
        numbers = [{one["track"] for one in line["detections"]} for line in lines]
        assert numbers[-1] & numbers[-2]
    else:
        assert all("track" not in one for one in found)


def test_only_ultralytics_tracks(scotopic: Command, clip: Path, tmp_path: Path) -> None:
    outcome = scotopic("run", clip, "--model", "mine.yaml", "-o", tmp_path / "out.mp4", "--track")
    assert outcome.status == 1
    assert "only those can track" in outcome.err


def test_a_detector_that_was_saved_with_an_enhancer_gets_no_second_one(
    scotopic: Command, clip: Path, tmp_path: Path
) -> None:
    ultralytics = pytest.importorskip("ultralytics")
    own = tmp_path / "own.pt"
    attach(ultralytics.YOLO("yolo11n.yaml"), "sgz").save(own)
    for option in ("--where=source", "--where=graph", "--track"):
        outcome = scotopic(
            "run", clip, "--model", own, "--enhancer", "gamma", "-o", tmp_path / "out.mp4", "--imgsz", 64, option
        )
        assert outcome.status == 1
        assert outcome.err.startswith("scotopic: own.pt holds the enhancer 'sgz' already")
        assert outcome.err.count("\n") == 1
        assert not (tmp_path / "out.mp4").exists()


def test_ctrl_c_finishes_the_file_of_a_live_stream(tmp_path: Path) -> None:
    """A real process, an endless stream from a server on this machine, a real signal."""

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                with av.open(self.wfile, "w", format="mpegts") as container:
                    stream = container.add_stream(
                        "libx264", rate=25, options={"bf": "0", "g": "5", "tune": "zerolatency"}
                    )
                    stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
                    for number in count():
                        frame = av.VideoFrame.from_ndarray(scene(number), format="rgb24")
                        frame.pts, frame.time_base = 40 * number, TICK
                        container.mux(stream.encode(frame))
            except (OSError, av.error.FFmpegError):
                pass  # the other side hung up

        def log_message(self, format: str, *args: object) -> None:
            pass

    out = tmp_path / "out.mp4"
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/street.ts"
        words = ["enhance", address, "-o", str(out), "--enhancer", "gamma", "--live", "queue"]
        process = subprocess.Popen(
            [sys.executable, "-m", "scotopic.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not list(tmp_path.glob(".out.mp4.parts/[0-9]*.json")):
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        said, err = process.communicate(timeout=120)
        server.shutdown()
    assert process.returncode == 0, err
    assert "live frames were dropped" in said
    frames = len(content(out).frames)
    assert frames >= 250
    assert f"{frames} frames" in said
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_ctrl_c_on_a_file_keeps_what_is_finished(scotopic: Command, tmp_path: Path) -> None:
    """A real process gets a real signal; the next one goes on where it stopped."""
    clip = write_clip(tmp_path / "long.mp4", [scene(n % 50) for n in range(1500)], options={"preset": "ultrafast"})
    out = tmp_path / "out.mp4"
    words = ["enhance", str(clip), "-o", str(out), "--enhancer", "gamma"]
    process = subprocess.Popen([sys.executable, "-m", "scotopic.cli", *words], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob(".out.mp4.parts/[0-9]*.json")):
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted; what is finished is kept" in err
    assert "Traceback" not in err
    assert not out.exists()
    outcome = scotopic(*words)
    assert outcome.status == 0, outcome.err
    assert "frames were taken over from an earlier run" in outcome.out
    assert len(content(out).frames) == 1500


PLUGIN = """
import torch
from scotopic import Enhancer, EnhancerInfo

class Net(Enhancer):
    info = EnhancerInfo(name="mine", summary="Has a parameter that numpy does not know.")

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

    def transform(self, x):
        return x * self.factor * 2
"""


def test_code_and_weights_of_the_enhancer_are_settings_of_a_video(tmp_path: Path) -> None:
    """An interrupted video is resumed if they are the same."""
    file = tmp_path / "mine.py"
    spec = f"{file}:Net"

    def settings(factor: float = 1.0) -> str:
        stage = EnhancementStage(spec, gate="off")
        next(stage.enhancer.parameters()).data.fill_(factor)
        return json.dumps(stage_settings(stage, spec))

    file.write_text(PLUGIN)
    first = settings()
    assert settings() == first
    assert settings(2.0) != first
    file.write_text(PLUGIN.replace("* 2", "* 16"))
    assert settings() != first


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ("net.pt", "net.pt"),
        ("net_openvino_model", "net_openvino_model/net.bin"),
        ("own.yaml", "own.yaml"),
        ("own.yaml", "own.safetensors"),
    ],
)
def test_all_files_of_a_detector_are_settings_of_a_video(tmp_path: Path, model: str, changed: str) -> None:
    (tmp_path / "net_openvino_model").mkdir()
    for name in ("net.pt", "net_openvino_model/net.xml", "net_openvino_model/net.bin", "own.safetensors"):
        (tmp_path / name).write_bytes(b"weights")
    (tmp_path / "own.yaml").write_text("detector: {neck: [8, 8, 8], size: 64}\nnames: [car]\n")
    first = _identity(str(tmp_path / model))
    os.utime(tmp_path / changed, (2e9, 2e9))
    assert _identity(str(tmp_path / model)) == first
    with (tmp_path / changed).open("ab") as file:
        file.write(b"\n")
    assert _identity(str(tmp_path / model)) != first
