"""Weights from the network: once, checked, resumable."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote, urlparse

import requests
from filelock import FileLock
from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ...errors import ScotopicError
from ...files import cannot_write, output_folder, sha256_of, write_text

TIMEOUT_S = (10, 60)  # to connect, and between two pieces
BLOCK = 1 << 16


def cache_folder() -> Path:
    """Where downloads are kept: ``SCOTOPIC_CACHE``, or the system's cache folder for users."""
    override = os.environ.get("SCOTOPIC_CACHE")
    return Path(override).expanduser() if override else user_cache_path("scotopic", appauthor=False)


def cached_path(url: str) -> Path:
    """Where the download of ``url`` is kept, whether it is there or not."""
    # The URL's own hash keeps two files of one name apart.
    key = hashlib.sha256(url.encode()).hexdigest()[:12]
    name = Path(unquote(urlparse(url).path)).name or "download"
    return cache_folder() / f"{key}-{name}"


def download(url: str, sha256: str | None = None) -> Path:
    """Fetch ``url`` into the cache folder, unless it is there; an interrupted download goes on where it stopped.

    It goes on only with the version of the file that it began with: the server is asked to (If-Range), and its answer
    is looked at. Where neither that nor a hash can tell two versions apart, it begins anew.

    Args:
        url: http(s).
        sha256: what the file must hash to; None takes what comes.

    Raises:
        ScotopicError: no connection, an HTTP error, or another hash than expected.
    """
    path = cached_path(url)
    output_folder(path.parent)
    # Processes that start together (workers, ranks) want the same file: one fetches it, the others find it.
    with FileLock(path.with_name(path.name + ".lock")):
        if not (path.is_file() and (sha256 is None or sha256_of(path) == sha256)):
            _fetch_checked(url, path, sha256)
    return path


def _fetch_checked(url: str, path: Path, sha256: str | None) -> None:
    partial = path.with_name(path.name + ".part")
    if sha256 is None and not _version_file(partial).exists():
        partial.unlink(missing_ok=True)  # of which version it is the beginning, nothing could tell
    resumed = partial.exists()
    try:
        _fetch(url, partial)
        if resumed and sha256 is not None and sha256_of(partial) != sha256:
            partial.unlink()  # what lay there may have been the beginning of an older version
            _fetch(url, partial)
    except requests.RequestException as error:
        raise ScotopicError(
            f"cannot download {url} ({_reason(error)}): connect, or give the path of a local file"
        ) from None
    except OSError as error:
        raise cannot_write(partial, error) from error
    _version_file(partial).unlink(missing_ok=True)
    if sha256 is not None and (found := sha256_of(partial)) != sha256:
        partial.unlink()
        raise ScotopicError(f"{url} has the SHA-256 {found}, not {sha256}: it was altered or replaced; not used")
    partial.replace(path)


def _fetch(url: str, partial: Path) -> None:
    """Complete ``partial``, which may not exist yet or hold the beginning."""
    have = partial.stat().st_size if partial.exists() else 0
    begun = _version_file(partial)
    version = begun.read_text(encoding="utf-8") if have and begun.exists() else ""
    # Compressed on the way, neither the length nor the place to go on from would be the file's own.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    headers |= {"If-Range": version} if version else {}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if version and _is_of_another(response, version):
            partial.unlink()  # the server took no notice of If-Range, and the file is another one by now
            _fetch(url, partial)
            return
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range", "").rpartition("/")[2] != str(have):
                partial.unlink()  # longer than the file: of another version
                _fetch(url, partial)
            return  # all of it is there
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0  # the server sends the whole file, for it is another one by now, or whatever was asked for
            begun.unlink(missing_ok=True)
            partial.write_bytes(b"")  # before the new version is noted: a note never lies beside an older beginning
            if found := _version(response):
                write_text(begun, found)
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with partial.open("ab" if have else "wb") as file, _progress(Path(partial).stem) as progress:
            task = progress.add_task("", total=total, completed=have)
            for block in response.iter_content(BLOCK):
                file.write(block)
                progress.advance(task, len(block))
    if total is not None and partial.stat().st_size < total:
        raise requests.exceptions.ChunkedEncodingError("shorter than announced")


def _version_file(partial: Path) -> Path:
    """Beside the beginning of a file, what the server calls the version that it is of."""
    return partial.with_name(partial.name + ".version")


def _version(response: requests.Response) -> str:
    """What tells this version of the file from others: its ETag, else its date; empty where the server gives neither.

    A weak ETag (``W/"..."``) may stand for two versions that are not the same byte for byte, and If-Range takes none.
    """
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _is_of_another(response: requests.Response, version: str) -> bool:
    """Whether the answer to a request for the rest is of another version than the beginning."""
    found = _version(response)
    if response.status_code == requests.codes.partial_content:
        return found not in ("", version)  # with the rest a server need not say again what it was asked with
    return response.status_code == requests.codes.requested_range_not_satisfiable and found != version


def _progress(name: str) -> Progress:
    columns = (TextColumn(f"downloading {name}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off, the next try goes on from there if it can"
    return "no connection" if isinstance(error, (requests.ConnectionError, requests.Timeout)) else str(error)
