"""The entry point of the command: light, so that Ctrl-C and mistakes are answered from the first moment."""

from __future__ import annotations

import signal
import sys

from ..errors import ScotopicError
from .process import tune_process


class Interrupted(BaseException):
    """Ctrl-C; not KeyboardInterrupt, which the command-line library would answer in its own words."""


def _interrupt(signal_number: int, frame: object) -> None:
    raise Interrupted


def run() -> None:
    """Run the command line: a mistake is one sentence and status 1, Ctrl-C is status 130."""
    signal.signal(signal.SIGINT, _interrupt)
    tune_process()
    try:
        from .help_text import command_of
        from .main import app  # imports torch, which takes a while

        command_of(app)()
    except ScotopicError as error:
        _say(str(error))
        sys.exit(1)
    except Interrupted:
        _say("interrupted; what is finished is kept")
        sys.exit(130)


def _say(sentence: str) -> None:
    print(f"scotopic: {sentence}", file=sys.stderr)
