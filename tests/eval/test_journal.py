"""The journal: what is finished stays finished, whatever interrupts the run that goes on from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.journal import Journal

if TYPE_CHECKING:
    from _typeshed import TraceFunction

LINES = [{"id": str(number), "name": "Größe"} for number in range(20)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    with Journal(path, "k") as journal:
        for line in LINES:
            journal.add(line)
    return path


def test_an_interruption_while_it_is_opened_costs_nothing(path: Path) -> None:
    """Ctrl-C before each line in turn of what opening it takes."""
    step, interrupted = 0, True
    while interrupted:
        step += 1
        interrupted = _opened_interrupted_at(step, path)
        assert list(Journal(path, "k")) == LINES, step
    assert step > 10


def _opened_interrupted_at(step: int, path: Path) -> bool:
    """Open the journal and go on; True where that had as many lines of code and was interrupted."""
    left = step

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction:
        nonlocal left
        left -= event == "line"
        if left == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with Journal(path, "k"):
            pass
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("torn", [b'{"id": "20", "na', b"\0\0\0\n", b'\xff{"id": "20"}\n{"id": "21"}\n', b"7\n"])
def test_what_is_torn_is_cut_off_and_the_run_goes_on_behind_it(path: Path, torn: bytes) -> None:
    with path.open("ab") as file:
        file.write(torn)
    assert list(Journal(path, "k")) == LINES
    with Journal(path, "k") as journal:
        journal.add({"id": "next"})
    assert list(Journal(path, "k")) == [*LINES, {"id": "next"}]


def test_the_lines_of_another_run_are_thrown_away(path: Path) -> None:
    with Journal(path, "other") as journal:
        journal.add({"id": "0"})
    assert list(Journal(path, "other")) == [{"id": "0"}]
    assert list(Journal(path, "k")) == []
    path.write_bytes(b'{"key": "k"')  # not even the first line is whole
    with Journal(path, "k"):
        pass
    assert path.read_bytes().endswith(b"\n")
    assert json.loads(path.read_bytes()) == {"key": "k"}


def test_a_journal_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"cannot write .*absent"), Journal(tmp_path / "absent" / "a.jsonl", "k"):
        pass
    with pytest.raises(ValueError, match="open the journal in a with statement"):
        Journal(tmp_path / "a.jsonl", "k").add({})
