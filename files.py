"""Files that are either whole or absent, folders that one run at a time writes into, and checksums."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic_core import to_json

from .errors import ScotopicError

_log = logging.getLogger(__name__)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends well, remove it when not.

    Raises:
        ScotopicError: the folder cannot be made or written, or a folder stands where the file should.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     os.listdir(folder)
    ['a.txt']
    """
    path = Path(path)
    output_folder(path.parent)
    if path.is_dir():
        raise ScotopicError(f"cannot write {path}: a folder is in the way; choose another name")
    # named before it is made: wherever Ctrl-C strikes, the name is known and the file goes
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode  # that of any new file, where a library would write a private one
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def cannot_write(path: str | Path, error: OSError) -> ScotopicError:
    """The sentence for a full disk and its like."""
    return ScotopicError(f"cannot write {path} ({error.strerror or error}): free some space, or choose another folder")


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all, and the same bytes on every system: checksums are taken of it."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def copy_file(source: str | Path, path: str | Path) -> None:
    """Write the bytes of ``source``, whole or not at all."""
    with whole_file(path) as temporary:
        shutil.copyfile(source, temporary)


def write_json(path: str | Path, value: Any, indent: int | None = 1) -> None:
    """Write JSON, whole or not at all. NaN is written as null, because JSON has none.

    Without an indent it is for programs alone, and may be large: pydantic writes it, in a fifth of the time.
    """
    if indent is None:
        write_text(path, to_json(value, inf_nan_mode="null").decode() + "\n")
        return
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:  # there is one; looking for it first would take longer than writing
        text = json.dumps(json_ready(value), indent=indent, ensure_ascii=False)
    write_text(path, text + "\n")


def json_ready(value: Any) -> Any:
    """The value as JSON gives it back: NaN and infinity become None, tuples lists, keys strings.

    >>> json_ready({"AP": float("nan"), 1: (2, 3)})
    {'AP': None, '1': [2, 3]}
    """
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(k): json_ready(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(v) for v in value]
    return value


def output_folder(path: str | Path) -> Path:
    """Make ``path`` and its parents, and make sure that it can be written.

    Raises:
        ScotopicError: it is a file, or it cannot be made or written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ScotopicError(f"cannot write to {path}: a file is in the way; choose another output folder") from None
    except OSError as error:
        raise ScotopicError(f"cannot make the output folder {path}: {error.strerror}; choose another one") from None
    if not os.access(path, os.W_OK):
        raise ScotopicError(f"cannot write to {path}: permission denied; choose another output folder")
    return path


@contextmanager
def sole_writer(folder: str | Path) -> Iterator[None]:
    """Keep other runs out of an output folder, which is made if need be, until the block ends.

    The system takes the lock back when a process ends, however it ends; the empty file ``.lock`` that stays behind
    locks nothing.

    Raises:
        ScotopicError: another run writes into the folder, or nobody can.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, sole_writer(folder):
    ...     os.listdir(folder)
    ['.lock']
    """
    path = output_folder(folder) / ".lock"
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ScotopicError(
            f"another run writes into {folder}: wait until it has ended, or choose another output folder"
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from error
    except NotImplementedError:  # a file system without locks: better to run unguarded than not at all
        _log.warning("%s cannot be locked: see that no other run writes into it", folder)
    try:
        yield
    finally:
        lock.release()


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
