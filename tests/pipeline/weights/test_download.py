"""Downloads from a real server on this machine: whole, checked, resumed, cached, or a sentence."""

from __future__ import annotations

import gzip
import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.files import sha256_of
from scotopic.pipeline.enhancers.learned.sgz import SGZ
from scotopic.pipeline.registry import create_enhancer
from scotopic.pipeline.weights.download import cache_folder, download
from scotopic.pipeline.weights.manifest import WeightsEntry, manifest

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What it serves, how it behaves, and what it was asked for."""

    url: str = ""
    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)
    """Break the connection off after so many bytes, once each."""
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with each answer: ETag, Last-Modified."""
    conditions: bool = True
    """Take notice of If-Range."""
    compresses: bool = False
    status: int = 200
    asked: list[str] = field(default_factory=list)
    """The Range header of each request."""
    only_if: list[str] = field(default_factory=list)
    """The If-Range header of each request."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        plan: Server = vars(self.server)["plan"]
        asked = self.headers.get("Range", "")
        plan.asked.append(asked)
        only_if = self.headers.get("If-Range", "")
        plan.only_if.append(only_if)
        if plan.conditions and only_if and only_if not in plan.headers.values():
            asked = ""
        if plan.status != 200:
            self.send_error(plan.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and plan.ranges else 0
        body = plan.content[start:]
        if start and not body:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(plan.content)}")
            self.send_version(plan)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_version(plan)
        if plan.compresses and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if plan.cuts:
            self.wfile.write(body[: plan.cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def send_version(self, plan: Server) -> None:
        for name, value in plan.headers.items():
            self.send_header(name, value)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def server(scotopic_cache: Path) -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        plan = Server(url=f"http://127.0.0.1:{http.server_port}/weights/net.pth")
        vars(http)["plan"] = plan
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield plan
        http.shutdown()
        thread.join()


def cached(name: str = "net.pth") -> list[Path]:
    """Files in the cache under their final name."""
    return [path for path in cache_folder().iterdir() if path.name.endswith(name)]


def kept() -> list[str]:
    """What lies in the cache besides lock files."""
    return sorted(file.name for file in cache_folder().iterdir() if file.suffix != ".lock")


def test_cache_folder_is_where_the_variable_says(scotopic_cache: Path) -> None:
    assert cache_folder() == scotopic_cache


def test_comes_whole_and_only_once(server: Server) -> None:
    path = download(server.url, SHA256)
    assert path.read_bytes() == CONTENT
    assert path.name.endswith("-net.pth")
    assert download(server.url, SHA256) == path
    assert server.asked == [""]
    assert kept() == [path.name]


def test_without_a_hash_it_takes_what_comes(server: Server) -> None:
    assert download(server.url).read_bytes() == CONTENT
    assert download(server.url).read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_two_files_of_one_name_stay_apart(server: Server) -> None:
    first = download(server.url)
    server.content = b"another"
    second = download(server.url.replace("weights", "others"))
    assert first.read_bytes() == CONTENT
    assert second.read_bytes() == b"another"


def test_wrong_hash_is_refused_and_leaves_nothing(server: Server) -> None:
    with pytest.raises(ScotopicError, match=f"{SHA256}, not {'0' * 64}: it was altered or replaced"):
        download(server.url, "0" * 64)
    assert kept() == []


def test_damaged_cache_is_fetched_again(server: Server) -> None:
    path = download(server.url, SHA256)
    path.write_bytes(b"damaged")
    assert download(server.url, SHA256).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_goes_on_where_the_connection_broke_off(server: Server) -> None:
    server.cuts = [100_000]
    with pytest.raises(ScotopicError, match="the connection broke off"):
        download(server.url, SHA256)
    assert cached() == []
    (partial,) = cached(".part")
    have = partial.stat().st_size
    assert 0 < have <= 100_000
    assert download(server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={have}-"]
    assert cached(".part") == []


def test_a_server_that_ignores_ranges_sends_it_all_again(server: Server) -> None:
    server.cuts, server.ranges = [100_000], False
    with pytest.raises(ScotopicError, match="broke off"):
        download(server.url)
    assert download(server.url).read_bytes() == CONTENT


def test_a_complete_part_needs_no_more_bytes(server: Server) -> None:
    download(server.url).rename(partial_of(server.url))
    assert download(server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["hash", "no hash"])
def test_a_part_longer_than_the_file_is_dropped(server: Server, sha256: str | None) -> None:
    cache_folder().mkdir()
    partial_of(server.url).write_bytes(b"x" * (len(CONTENT) + 5))
    assert download(server.url, sha256).read_bytes() == CONTENT


def test_a_part_of_an_older_version_is_dropped(server: Server) -> None:
    cache_folder().mkdir()
    partial_of(server.url).write_bytes(b"x" * 1000)
    assert download(server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-", ""]


def begin(server: Server, **headers: str) -> int:
    """Break a download off; how much of it there is."""
    server.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    server.cuts = [100_000]
    with pytest.raises(ScotopicError, match="broke off"):
        download(server.url)
    return partial_of(server.url).stat().st_size


NEW = bytes(255 - byte for byte in CONTENT)
YESTERDAY, TODAY = "Tue, 03 Mar 2026 10:00:00 GMT", "Wed, 04 Mar 2026 10:00:00 GMT"


@pytest.mark.parametrize("version", [{"ETag": '"a"', "Last_Modified": YESTERDAY}, {"Last_Modified": YESTERDAY}])
def test_without_a_hash_it_goes_on_with_the_same_version(server: Server, version: dict[str, str]) -> None:
    have = begin(server, **version)
    path = download(server.url)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={have}-"]
    assert server.only_if == ["", next(iter(version.values()))]
    assert kept() == [path.name]


@pytest.mark.parametrize("conditions", [True, False], ids=["looks at If-Range", "does not"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"ETag": '"a"'}, {"ETag": '"b"'}),
        ({"Last_Modified": YESTERDAY}, {"Last-Modified": TODAY}),
        ({"ETag": 'W/"a"', "Last_Modified": YESTERDAY}, {"ETag": 'W/"a"', "Last-Modified": TODAY}),
    ],
)
@pytest.mark.parametrize("content", [NEW, NEW[:100_000]], ids=["as long", "shorter"])
def test_two_versions_are_never_joined(
    server: Server, conditions: bool, old: dict[str, str], new: dict[str, str], content: bytes
) -> None:
    begin(server, **old)
    server.content, server.headers, server.conditions = content, new, conditions
    path = download(server.url)
    assert path.read_bytes() == content
    assert kept() == [path.name]


@pytest.mark.parametrize("version", [{}, {"ETag": 'W/"a"'}], ids=["nothing", "a weak ETag"])
def test_what_nothing_can_tell_apart_begins_anew(server: Server, version: dict[str, str]) -> None:
    begin(server, **version)
    server.content = NEW
    assert download(server.url).read_bytes() == NEW
    assert server.asked == ["", ""]


def test_a_new_version_that_breaks_off_too_is_resumed_as_itself(server: Server) -> None:
    begin(server, ETag='"a"')
    server.content = NEW
    have = begin(server, ETag='"b"')
    assert download(server.url).read_bytes() == NEW
    assert (server.asked[-1], server.only_if[-1]) == (f"bytes={have}-", '"b"')


def test_compression_on_the_way_does_not_confuse_the_length(server: Server) -> None:
    server.compresses = True
    server.content = random.Random(0).randbytes(100_000)  # which gzip makes longer
    assert download(server.url).read_bytes() == server.content


@pytest.mark.parametrize("status", [404, 403, 416, 500])
def test_http_errors_are_named(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(ScotopicError, match=rf"cannot download {server.url} \(HTTP {status}\): .* local file"):
        download(server.url, SHA256)
    assert kept() == []


def test_no_connection_is_named(scotopic_cache: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/net.pth"
        with pytest.raises(ScotopicError, match=rf"cannot download {url} \(no connection\)"):
            download(url)


def test_no_name_server_is_no_connection_too(scotopic_cache: Path) -> None:
    with pytest.raises(ScotopicError, match="no connection"):
        create_enhancer("sgz-official")


def test_a_cache_that_cannot_be_made_is_named(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SCOTOPIC_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ScotopicError, match="a file is in the way"):
        download(server.url)


@pytest.fixture
def served_net(server: Server, tmp_path: Path) -> SGZ:
    net = SGZ(weights="random")
    torch.save(net.state_dict(), tmp_path / "served.pth")
    server.content = (tmp_path / "served.pth").read_bytes()
    return net


def test_weights_by_url(server: Server, served_net: SGZ) -> None:
    sha256 = hashlib.sha256(server.content).hexdigest()
    for url in (server.url, f"{server.url}#sha256={sha256}", f"{server.url}#sha256={sha256.upper()}"):
        net = create_enhancer("sgz", weights=url)
        assert net.fingerprint() == served_net.fingerprint()
    assert len(server.asked) == 1


def test_weights_by_url_with_a_wrong_hash(server: Server, served_net: SGZ) -> None:
    with pytest.raises(ScotopicError, match="altered or replaced"):
        create_enhancer("sgz", weights=f"{server.url}#sha256={'ab' * 32}")


def test_weights_by_a_name_that_is_downloaded(
    server: Server, served_net: SGZ, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = WeightsEntry(
        name="sgz-served",
        enhancer="sgz",
        url=server.url,
        sha256=sha256_of(tmp_path / "served.pth"),
        licence="MIT",
        trained="Not at all.",
    )
    monkeypatch.setitem(manifest(), "sgz-served", entry)
    for net in (create_enhancer("sgz-served"), create_enhancer("sgz", weights="sgz-served")):
        assert net.fingerprint() == served_net.fingerprint()


def partial_of(url: str) -> Path:
    return cache_folder() / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-net.pth.part"


def test_many_at_once_fetch_it_once(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: download(server.url, SHA256), range(4)))
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == CONTENT
    assert len(server.asked) == 1
