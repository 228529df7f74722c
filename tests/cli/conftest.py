"""Run the real entry point in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str


@pytest.fixture
def scotopic(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call `scotopic ARGUMENTS...` and give its exit status and what it printed."""
    from scotopic.cli.entry import run

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["scotopic", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            run()
        except SystemExit as done:
            status = int(done.code or 0)
        printed = capsys.readouterr()
        return Outcome(status, printed.out, printed.err)

    return call
