"""The one exception that carries a sentence for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScotopicError(ValueError):
    """Bad input, told in one sentence that names the input and the remedy.

    The command line prints it without a traceback and exits with status 1.

    >>> raise ScotopicError("no image at night.jpg: give a file that exists")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no image at night.jpg: give a file that exists
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """The part of a sentence that helps after a misspelt name.

    >>> nearest("gama", ["clahe", "gamma", "sgz"])
    "did you mean 'gamma'? Known: clahe, gamma, sgz"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(n) for n in close)}? " if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}"


def missing_extra(package: str, extra: str, purpose: str) -> ScotopicError:
    """The error for an optional dependency that is not installed.

    >>> print(missing_extra("ultralytics", "yolo", "YOLO models"))
    YOLO models need the package 'ultralytics': pip install "scotopic[yolo]"
    """
    return ScotopicError(f"{purpose} need the package '{package}': pip install \"scotopic[{extra}]\"")
