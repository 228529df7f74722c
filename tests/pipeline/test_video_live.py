"""Live sources: the newest frame or every frame, and a clean end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scotopic.errors import ScotopicError
from scotopic.pipeline.stage import EnhancementStage
from scotopic.pipeline.video import VideoReader
from scotopic.pipeline.video_frames import VideoFrame, VideoInfo, VideoIssues
from scotopic.pipeline.video_live import QUEUED_FRAMES, Camera, LiveFrames, open_source
from scotopic.pipeline.video_process import EnhanceFrames, process_video

from ..clips import TICK, av, content, scene, write_clip


class Source:
    """Frames that come as fast as they are taken; ``sent`` counts them, and the last one waits for ``go_on``."""

    def __init__(self, count: int, fails: bool = False, endless: bool = False) -> None:
        self.info = VideoInfo(96, 64, TICK)
        self.issues = VideoIssues()
        self.sent = 0
        self.closed = threading.Event()
        self.before_last = threading.Event()
        self.go_on = threading.Event()
        self._count, self._fails, self._endless = count, fails, endless

    def __iter__(self) -> Iterator[VideoFrame]:
        while self._endless or self.sent < self._count:
            if self.sent == self._count - 1 and not self._endless:
                self.before_last.set()
                self.go_on.wait()
            raw = av.VideoFrame.from_ndarray(scene(self.sent), format="rgb24")
            self.sent += 1
            raw.pts = self.sent
            yield VideoFrame(7000 + 40 * self.sent, 40, raw, self.info)
        if self._fails:
            raise ScotopicError("the stream broke off")

    def close(self) -> None:
        self.closed.set()


def test_drop_gives_the_newest_frame_and_keeps_no_other() -> None:
    source = Source(10)
    live = LiveFrames(source, "drop")
    frames = iter(live)
    first = next(frames)
    source.before_last.wait()  # nine frames were sent, while one was asked for
    source.go_on.set()
    rest = list(frames)
    assert first.pts == 0
    assert len(rest) <= 2
    assert rest[-1].raw.pts == 10
    assert rest[-1].pts == 40 * (10 - first.raw.pts)
    assert live.dropped == 10 - 1 - len(rest)
    assert source.closed.wait(10)


def test_queue_gives_every_frame_in_order_and_makes_the_source_wait() -> None:
    count = 3 * QUEUED_FRAMES
    source = Source(count)
    source.go_on.set()
    live = LiveFrames(source, "queue")
    seen = []
    for frame in live:
        seen.append(frame.pts)
        assert source.sent <= len(seen) + QUEUED_FRAMES + 1
    assert seen == [40 * n for n in range(count)]
    assert live.dropped == 0


@pytest.mark.parametrize("policy", ["drop", "queue"])
def test_stopped_in_the_middle_the_file_is_finished(tmp_path: Path, policy: str) -> None:
    source = Source(0, endless=True)
    live = LiveFrames(source, "drop" if policy == "drop" else "queue")
    out = tmp_path / "out.mp4"

    def progress(done: int, total: int) -> None:
        if done == 12:
            live.stop()

    summary = process_video(live, out, EnhanceFrames(EnhancementStage("gamma")), settings={}, progress=progress)
    assert summary.frames == len(content(out).frames) == 12
    assert content(out).times[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert source.closed.wait(10)


def test_closed_before_the_first_frame_the_source_is_closed() -> None:
    source = Source(3)
    live = LiveFrames(source)
    live.close()
    assert source.closed.is_set()
    assert list(live) == []
    assert source.sent == 0


def test_what_went_wrong_in_the_source_is_told() -> None:
    source = Source(3, fails=True)
    source.go_on.set()
    with pytest.raises(ScotopicError, match="the stream broke off"):
        list(LiveFrames(source, "queue"))


def test_an_address_without_an_end_is_live_and_one_with_an_end_is_a_file(tmp_path: Path) -> None:
    """From a server on this machine, which can send a part of a file, or only all of it in one stream."""
    clip = write_clip(tmp_path / "a.ts", [scene(n) for n in range(50)])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(clip.read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            live = open_source(f"http://127.0.0.1:{server.server_port}/street.ts", "queue")
            assert isinstance(live, LiveFrames)
            times = [frame.time for frame in live]
        finally:
            server.shutdown()
    assert times == pytest.approx([0.04 * n for n in range(50)], abs=1e-4)
    assert isinstance(open_source(str(clip)), VideoReader)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/street", "rtsp://127.0.0.1:9/street"])
def test_an_address_where_nobody_answers(address: str) -> None:
    with pytest.raises(ScotopicError, match=f"cannot open {address} .*: check the address"):
        open_source(address)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_the_password_of_an_address_is_not_told(scheme: str) -> None:
    with pytest.raises(ScotopicError, match=f"cannot open {scheme}://127.0.0.1:9/street ") as caught:
        open_source(f"{scheme}://me:secret@127.0.0.1:9/street")
    assert "secret" not in str(caught.value)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(ScotopicError, match="camera 73 gives no picture"):
        Camera(73)


def test_an_unknown_policy() -> None:
    with pytest.raises(ScotopicError, match="use 'drop' or 'queue'"):
        LiveFrames(Source(1), "newest")  # type: ignore[arg-type]
