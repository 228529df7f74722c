"""The pipeline, the feed and the server of the live view, and the command's mistakes."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pytest
import typer

from scotopic.cli.watch.command import ServeCommand
from scotopic.cli.watch.server import DEFAULT_ADDRESS, parse_address
from scotopic.cli.watch.source import LoopedSource, source_of
from scotopic.cli.watch.view import LONGER_SIDE, Pictures
from scotopic.errors import ScotopicError

from .conftest import Outcome
from .watching import HEIGHT, WIDTH, LampDetector, MadeSource, Serving, scene, serving, write_scenes

Command = Callable[..., Outcome]


def ask(serving: Serving, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", serving.server.server_address[1], timeout=60)
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply, body


def parts_of(reply: HTTPResponse, body: bytes) -> dict[str, bytes]:
    message = message_from_bytes(b"Content-Type: " + reply.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    found = {}
    for part in parts:
        assert isinstance(part, Message)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[str(part.get_param("name", header="content-disposition"))] = content
    return found


def picture(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]


# The pipeline


def test_a_folder_from_the_first_picture_to_the_last(tmp_path: Path) -> None:
    with serving(source_of(str(write_scenes(tmp_path / "night", 4))), detector=LampDetector(), model="lamp.pt") as run:
        status = run.wait_for(lambda status: status.phase == "ended")
        reply, body = ask(run, "/frame?pictures=original,enhanced,detections")
    assert (status.frame, status.skipped, status.message, status.source) == (4, 0, "", "night")
    assert (status.width, status.height, status.model) == (WIDTH, HEIGHT, "lamp.pt")
    assert status.gate is not None
    assert status.gate.text == "night: strength 1.00"
    assert set(status.milliseconds) == {"gate", "enhance", "inference", "frame"}
    assert status.milliseconds["inference"] == 2.0
    assert status.fps is not None
    parts = parts_of(reply, body)
    told = json.loads(parts["status"])
    assert told["phase"] == "ended"
    assert told["boxes"] == [{"corners": [44, 40, 64, 60], "caption": "lamp 0.75"}]
    original, enhanced, detections = (picture(parts[name]) for name in ("original", "enhanced", "detections"))
    assert abs(original[5, 5].mean() - 10) < 4
    assert abs(enhanced[5, 5].mean() - 50) < 4  # 255 (10 / 255) ** (1 / 2)
    assert abs(detections[40, 54] - np.array([0, 158, 115])).max() < 60


def test_daylight_is_untouched(tmp_path: Path) -> None:
    with serving(source_of(str(write_scenes(tmp_path / "day", 2, level=150)))) as run:
        status = run.wait_for(lambda status: status.phase == "ended")
        reply, body = ask(run, "/frame?pictures=original,enhanced,detections")
    assert status.gate is not None
    assert (status.gate.text, status.gate.strength) == ("daylight: untouched", 0)
    assert "enhance" not in status.milliseconds
    parts = parts_of(reply, body)
    assert set(parts) == {"status", "original", "enhanced"}
    assert parts["original"] == parts["enhanced"]


def test_a_damaged_picture_is_told_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_scenes(tmp_path / "night", 3)
    (folder / "01.png").write_bytes(b"no picture")
    with serving(source_of(str(folder))) as run:
        status = run.wait_for(lambda status: status.phase == "ended")
    assert status.frame == 2
    assert "01.png" in status.message
    assert capsys.readouterr().err.count("01.png") == 1


def test_nothing_that_can_be_read_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with serving(source_of(str(tmp_path))) as run:
        status = run.wait_for(lambda status: status.phase == "failed")
    assert "a.png is not an image" in status.message
    assert capsys.readouterr().err.count("a.png") == 1


def test_a_fault_of_the_pipeline_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield scene(0)
        raise RuntimeError("the lens fell off")

    with serving(MadeSource(frames)) as run:
        status = run.wait_for(lambda status: status.phase == "failed")
    assert (status.frame, status.message) == (1, "RuntimeError: the lens fell off")
    assert "Traceback" in capsys.readouterr().err


def test_pictures_are_drawn_once_and_only_if_asked_for() -> None:
    drawn = []

    def draw() -> np.ndarray:
        drawn.append(1)
        return np.zeros((1500, 3000, 3), np.uint8)

    pictures = Pictures({"original": draw})
    assert drawn == []
    viewers = [threading.Thread(target=pictures.jpeg, args=("original",)) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert drawn == [1]
    assert picture(pictures.jpeg("original")).shape == (LONGER_SIDE // 2, LONGER_SIDE, 3)


# Sources


def test_a_looped_folder_begins_anew_and_its_time_runs_on(tmp_path: Path) -> None:
    source = source_of(str(write_scenes(tmp_path / "night", 3)), loop=True)
    assert isinstance(source, LoopedSource)
    frames = [frame for frame, _ in zip(source.frames(), range(7), strict=False)]
    assert [frame.name for frame in frames] == ["00.png", "01.png", "02.png"] * 2 + ["00.png"]
    assert [frame.time for frame in frames] == pytest.approx([number / 10 for number in range(7)])


def test_a_video_and_its_loop(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="videos are read with PyAV")
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, (WIDTH, HEIGHT))
    for number in range(5):
        writer.write(scene(number))
    writer.release()
    source = source_of(str(path), loop=True)
    assert (source.kind, source.title) == ("video", "clip.mp4")
    frames = [(frame, frame.read()) for frame, _ in zip(source.frames(), range(8), strict=False)]
    assert [frame.time for frame, _ in frames] == pytest.approx([number / 20 for number in range(8)], abs=0.002)
    assert [int(image[50].mean(axis=1).argmax()) // 12 for _, image in frames] == [0, 1, 2, 3, 4, 0, 1, 2]


@pytest.mark.parametrize("text", ["nothing.mp4", "no/folder"])
def test_a_source_that_is_not_there(text: str) -> None:
    with pytest.raises(ScotopicError, match=f"nothing to watch at {text}: give a video file"):
        source_of(text)


# The server


def test_the_page_and_its_headers() -> None:
    with serving(MadeSource(lambda: [scene(0)])) as run:
        for path, kind in (("/", "text/html"), ("/watch.css", "text/css"), ("/watch.js", "text/javascript"),
                           ("/icon.svg", "image/svg+xml")):  # fmt: skip
            reply, body = ask(run, path)
            assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, kind)
            assert len(body) > 100
            assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert reply.headers["Cache-Control"] == "no-store"
        for path in ("/watch.html", "/../server.py", "/page/watch.js", "/%2e%2e/view.py"):
            assert ask(run, path)[0].status == 404
        assert ask(run, "/", "POST")[0].status == 501


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:9", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example:8000", 421), ("", 421)],
)
def test_only_requests_that_name_this_machine_are_answered(host: str, status: int) -> None:
    with serving(MadeSource(lambda: [scene(0)])) as run:
        assert ask(run, "/", Host=host)[0].status == status


def test_a_serial_that_makes_no_sense_gets_the_newest() -> None:
    with serving(MadeSource(lambda: [scene(0)])) as run:
        run.wait_for(lambda status: status.phase == "ended")
        for after in ("-1", "x", "99999", "9" * 40):
            reply, body = ask(run, f"/frame?after={after}&pictures=original,nothing")
            assert reply.status == 200
            assert set(parts_of(reply, body)) == {"status", "original"}


def test_a_slow_viewer_skips_frames_and_holds_nobody_up() -> None:
    count, looked = 120, threading.Event()
    noise = np.random.default_rng(0)

    def frames() -> Iterator[np.ndarray]:
        yield scene(0)
        assert looked.wait(60)
        for _ in range(count):
            yield noise.integers(0, 60, (480, 640, 3), np.uint8)

    with serving(MadeSource(frames)) as run, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(60)
        slow.connect(("127.0.0.1", run.server.server_address[1]))
        slow.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = slow.recv(4096)  # the first frame is on its way, then nothing is read for a while
        looked.set()
        status = run.wait_for(lambda status: status.phase == "ended")
        assert status.frame == count + 1
        while block := slow.recv(1 << 16):
            received += block
    shown = received.count(b"Content-Type: image/jpeg")
    assert 2 <= shown < count // 2
    assert received.startswith(b"HTTP/1.1 200")
    assert received.rstrip().endswith(received.split(b"\r\n\r\n")[1].split(b"\r\n")[0])  # a whole frame is the last


def test_a_motion_jpeg_player(tmp_path: Path) -> None:
    with serving(source_of(str(write_scenes(tmp_path / "night", 3))), detector=LampDetector()) as run:
        url = f"{run.server.url}stream.mjpg"
        capture = cv2.VideoCapture(url)
        read, image = capture.read()
        capture.release()
    assert read
    assert image.shape[1] == 3 * WIDTH


@pytest.mark.parametrize("text", ["80000", "localhost", "127.0.0.1:99999", "a:b", "http://localhost:80", "::1:80"])
def test_no_address(text: str) -> None:
    with pytest.raises(ScotopicError, match="as an address to serve at: write HOST:PORT"):
        parse_address(text)


# The command


@pytest.mark.parametrize(
    ("arguments", "source", "address"),
    [
        (["a.mp4"], "a.mp4", None),
        (["a.mp4", "--serve"], "a.mp4", DEFAULT_ADDRESS),
        (["--serve", "a.mp4"], "a.mp4", DEFAULT_ADDRESS),
        (["--serve", "0"], "0", DEFAULT_ADDRESS),
        (["--serve", "rtsp://camera:554/a"], "rtsp://camera:554/a", DEFAULT_ADDRESS),
        (["--serve", "0.0.0.0:80", "0"], "0", "0.0.0.0:80"),
        (["a.mp4", "--serve", "[::1]:0"], "a.mp4", "[::1]:0"),
        (["a.mp4", "--serve=:0"], "a.mp4", ":0"),
        (["a.mp4", "--serve", "8124"], "a.mp4", "8124"),
        (["--serve", "8124", "0"], "0", "8124"),
        (["a.mp4", "--serve=80"], "a.mp4", "80"),
    ],
)
def test_serve_may_stand_without_an_address(arguments: list[str], source: str, address: str | None) -> None:
    app, seen = typer.Typer(), []

    @app.command(cls=ServeCommand)
    def command(source: str, serve: Annotated[str | None, typer.Option("--serve")] = None) -> None:
        seen.append((source, serve))

    app(arguments, standalone_mode=False)
    assert seen == [(source, address)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display(scotopic: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    folder = write_scenes(tmp_path / "night", 1)
    outcome = scotopic("watch", folder)
    assert (outcome.status, outcome.err) == (
        1,
        "scotopic: no window can be opened here: add --serve, and watch in a browser\n",
    )
    monkeypatch.setenv("DISPLAY", ":4711")  # nobody answers there
    assert "add --serve" in scotopic("watch", folder).err


def test_mistakes(scotopic: Command, tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "night", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, sentence in (
            ((tmp_path / "no.mp4", "--serve"), "nothing to watch at"),
            ((folder, "--serve", f"127.0.0.1:{port}"), f"cannot serve at 127.0.0.1:{port} (Address already in use)"),
            ((folder, "--serve", "127.0.0.1:70000"), "write HOST:PORT"),
            ((folder, "--serve", "--enhancer", "gama"), "did you mean 'gamma'"),
            ((folder, "--serve", "--strength", "2"), "strength"),
            ((folder, "--serve", "--model", tmp_path / "no.onnx"), "no.onnx"),
        ):
            outcome = scotopic("watch", *arguments)
            assert outcome.status == 1
            assert sentence in outcome.err
            assert outcome.err.count("\n") == 1
