"""Files that are whole or absent, the sentences of errors, and the guard around the tests themselves."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from scotopic.errors import ScotopicError, missing_extra, nearest
from scotopic.files import output_folder, sha256_of, sole_writer, whole_file, write_json, write_text

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.txt") as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_ctrl_c_at_any_step_leaves_no_half_file(tmp_path: Path) -> None:
    """It is raised before every bytecode in turn: in whole_file, in its caller and in the libraries below."""
    step, interrupted, names = 0, True, []
    while interrupted:
        step += 1
        interrupted = _write_interrupted_at(step, tmp_path / "a.txt")
        names = [path.name for path in tmp_path.iterdir()]
        assert names in ([], ["a.txt"]), step
        if names:
            assert (tmp_path / "a.txt").read_text() == "new"
            (tmp_path / "a.txt").unlink()
    assert names
    assert step > 100


def _write_interrupted_at(step: int, path: Path) -> bool:
    """Write a file; True where the writing had as many steps and was interrupted."""
    left = step

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction:
        nonlocal left
        frame.f_trace_opcodes = True
        left -= event == "opcode"
        if left == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    def write() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("new")

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        write()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_text_comes_whole_with_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "deeper" / "a.txt", "Größe\n")
    (tmp_path / "plain").touch()
    written = tmp_path / "deeper" / "a.txt"
    assert written.read_text(encoding="utf-8") == "Größe\n"
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_text_is_the_same_bytes_where_lines_end_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "linesep", "\r\n")  # pure Python's text layer asks for it, as on Windows
    monkeypatch.setattr(io, "open", import_module("_pyio").open)
    write_text(tmp_path / "a.txt", "1\n2\n")
    assert (tmp_path / "a.txt").read_bytes() == b"1\n2\n"


def test_json_has_null_for_what_is_no_number(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1.5, float("nan"), (float("inf"), "ü")], 2: None})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"x": [1.5, None, [None, "ü"]], "2": None}


def test_output_folders_that_cannot_be(tmp_path: Path) -> None:
    assert output_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ScotopicError, match="a file is in the way; choose another output folder"):
            output_folder(path)
    with pytest.raises(ScotopicError, match="cannot make the output folder"):
        output_folder(tmp_path / ("too long" * 100))


def test_a_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "deeper" / "out"
    with (
        sole_writer(out),
        pytest.raises(ScotopicError, match=f"another run writes into {out}: wait until"),
        sole_writer(out),
    ):
        pass
    with pytest.raises(KeyboardInterrupt), sole_writer(out):
        raise KeyboardInterrupt
    with sole_writer(out), sole_writer(tmp_path):
        pass


HOLD = "import sys; from scotopic.files import sole_writer\nwith sole_writer(sys.argv[1]): print(flush=True); input()"


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout
        run.stdout.readline()
        with pytest.raises(ScotopicError, match="another run"), sole_writer(tmp_path):
            pass
        run.kill()
        run.wait()
        with sole_writer(tmp_path):
            pass


def test_where_nothing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(ScotopicError, match=r"cannot write .*\.lock"), sole_writer(tmp_path):
        pass

    def refuse(lock: FileLock) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", refuse)  # what it says of a file system without locks
    with sole_writer(tmp_path / "out"):
        assert "out cannot be locked: see that no other run writes into it" in caplog.text


def test_sha256(tmp_path: Path) -> None:
    data = bytes(3_000_000)
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_sentences() -> None:
    assert nearest("x", []) == "Known: none"
    assert nearest("gama", ["sgz", "gamma"]) == "did you mean 'gamma'? Known: gamma, sgz"
    assert 'pip install "scotopic[yolo]"' in str(missing_extra("ultralytics", "yolo", "YOLO models"))
    assert issubclass(ScotopicError, ValueError)


def test_no_test_reaches_the_network() -> None:
    with socket.socket() as far, pytest.raises(ConnectionRefusedError, match="must not reach the network"):
        far.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror, match="must not look up"):
        socket.create_connection(("scotopic.example", 443))
    with socket.create_server(("127.0.0.1", 0)) as near:
        socket.create_connection(near.getsockname()).close()
