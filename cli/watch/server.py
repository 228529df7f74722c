"""The view in a browser: one page, and frames that each viewer asks for one by one."""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import socket
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from ...errors import ScotopicError
from ...version import __version__
from .view import Feed, encode

DEFAULT_ADDRESS = "127.0.0.1:8000"
_PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("watch.html", "text/html; charset=utf-8"),
    "/watch.css": ("watch.css", "text/css; charset=utf-8"),
    "/watch.js": ("watch.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_BOUNDARY = secrets.token_hex(16)
_SECONDS_FOR_NEWS = 10.0
_CONNECTIONS = 100
_SEND_BUFFER = 1 << 18
"""Bytes that the system may hold back for one viewer: little, so that a slow one is not shown the past."""


class WatchServer(ThreadingHTTPServer):
    """Serves a feed; ``serve_forever()`` and ``server_close()`` as any server of the standard library.

    Args:
        host: address or name to listen at.
        port: 0 takes a free one.
        feed: what is shown.

    Raises:
        ScotopicError: the address cannot be listened at.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, host: str, port: int, feed: Feed) -> None:
        self.feed = feed
        self.host = host
        self._room = threading.BoundedSemaphore(_CONNECTIONS)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            self.address_family, _, _, _, address = found[0]
            super().__init__((str(address[0]), int(address[1])), _Handler)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ScotopicError(
                f"cannot serve at {host}:{port} ({reason}): choose another address with --serve HOST:PORT"
            ) from None

    @property
    def url(self) -> str:
        """Where the page is."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}/"

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can reach the page."""
        return not ipaddress.ip_address(str(self.server_address[0]).partition("%")[0]).is_loopback

    def answers_to(self, host: str | None) -> bool:
        """Whether a request's ``Host`` names this machine.

        A site on the internet may give its own name the address of this machine, and thus read from a visitor's
        browser what is served here (DNS rebinding); it cannot take an address or a name of this machine for its own.
        """
        name = (urlsplit(f"//{host}").hostname or "") if host else ""
        own = socket.gethostname().lower()
        if name in ("localhost", self.host.lower(), own, own.partition(".")[0], f"{own.partition('.')[0]}.local"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, as long as there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread's work."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Viewers who go are no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = f"scotopic/{__version__}"
    sys_version = ""
    timeout = 30  # seconds without a byte in or out after which a viewer is gone
    disable_nagle_algorithm = True

    @property
    def watch(self) -> WatchServer:
        """The server, by its own type."""
        return cast(WatchServer, self.server)

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        super().setup()

    def do_GET(self) -> None:
        """Answer a request."""
        if not self.watch.answers_to(self.headers.get("Host")):
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"this machine has another name\n")
            return
        url = urlsplit(self.path)
        if url.path in _FILES:
            name, kind = _FILES[url.path]
            self._send(HTTPStatus.OK, kind, (_PAGE / name).read_bytes())
        elif url.path == "/frame":
            self._send_frame(parse_qs(url.query))
        elif url.path == "/stream.mjpg":
            self._send_stream()
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"nothing here: the page is at /\n")

    def _send_frame(self, query: Mapping[str, list[str]]) -> None:
        """The view that follows the serial ``after``, with these ``pictures``, as soon as there is one."""
        after = query.get("after", [""])[0]
        view = self.watch.feed.newest(int(after) if re.fullmatch(r"[0-9]{1,15}", after) else None, _SECONDS_FOR_NEWS)
        if view is None:
            self._send(HTTPStatus.NO_CONTENT)
            return
        parts = [_part('name="status"', "application/json", json.dumps(view.as_json()).encode())]
        for name in dict.fromkeys(query.get("pictures", [""])[0].split(",")):
            if name in view.pictures:
                parts.append(_part(f'name="{name}"; filename="{name}.jpg"', "image/jpeg", view.pictures.jpeg(name)))
        body = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
        self._send(HTTPStatus.OK, f"multipart/form-data; boundary={_BOUNDARY}", body)

    def _send_stream(self) -> None:
        """All panels in one picture as Motion JPEG, for players other than the page, until the source ends."""
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self._send_headers({"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}", "Connection": "close"})
        self.wfile.write(f"--{_BOUNDARY}\r\n".encode())
        serial = None
        while not self.watch.feed.closed:
            view = self.watch.feed.newest(serial, _SECONDS_FOR_NEWS)
            if view is None:
                continue
            serial = view.serial
            picture = view.side_by_side(view.status.panels)
            if picture is not None:
                data = encode(picture)
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                # The boundary after the picture, for players that show one only when they see that it is complete.
                self.wfile.write(head + data + f"\r\n--{_BOUNDARY}\r\n".encode())
            if view.status.phase in ("ended", "failed"):
                return

    def _send(self, status: HTTPStatus, kind: str | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        content = {"Content-Type": kind, "Content-Length": str(len(body))} if kind else {}
        self._send_headers(content)
        self.wfile.write(body)

    def _send_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in {**headers, **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """The terminal is for what goes wrong."""


def _part(disposition: str, kind: str, body: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode() + body + b"\r\n"


def parse_address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, or ``PORT`` of this machine alone -> host and port.

    Raises:
        ScotopicError: it is none.

    >>> parse_address("0.0.0.0:8000"), parse_address("[::1]:0"), parse_address(":80"), parse_address("8124")
    (('0.0.0.0', 8000), ('::1', 0), ('127.0.0.1', 80), ('127.0.0.1', 8124))
    """
    found = re.fullmatch(r"(?:(?:\[([0-9a-fA-F:.%]+)\]|([^\s/\[\]:]*)):)?([0-9]{1,5})", text)
    if not found or int(found[3]) > 65535:
        raise ScotopicError(
            f"cannot read {text!r} as an address to serve at: write HOST:PORT such as {DEFAULT_ADDRESS}, or PORT"
        )
    return found[1] or found[2] or "127.0.0.1", int(found[3])
