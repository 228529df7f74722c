"""Files that are whole or absent, the sentences of errors, and the guard around the tests themselves."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from scotopic.errors import ScotopicError, missing_extra, nearest
from scotopic.files import output_folder, sha256_of, whole_file, write_json, write_text


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.txt") as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_text_comes_whole_with_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "deeper" / "a.txt", "Größe\n")
    (tmp_path / "plain").touch()
    written = tmp_path / "deeper" / "a.txt"
    assert written.read_text(encoding="utf-8") == "Größe\n"
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


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
