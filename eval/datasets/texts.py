"""Label files as text and JSON; whoever cannot be read is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ...errors import ScotopicError


def read_text(path: Path) -> str:
    """A UTF-8 text file, with or without byte order mark.

    Raises:
        ScotopicError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScotopicError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScotopicError(f"{path} is not UTF-8 text: save it as UTF-8") from None


def read_lines(path: Path) -> list[tuple[int, str]]:
    """(line number from 1, stripped line) of every line that is not blank."""
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_class_names(path: Path) -> tuple[str, ...]:
    """One class name per line; the line's number from 0 is the class's index."""
    names = tuple(line.strip() for line in read_text(path).rstrip().splitlines())
    if not names or "" in names:
        raise ScotopicError(f"{path} must hold one class name per line, without blank lines between them")
    return names


def read_json(path: Path) -> Any:
    """The value that a JSON file holds.

    Raises:
        ScotopicError: it cannot be read, is cut off or no JSON (the line is named), or is nested too deep.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScotopicError(f"{path} line {error.lineno} is not valid JSON ({error.msg}): is the file whole?") from None
    except (RecursionError, ValueError) as error:  # nested without end, or a number of thousands of digits
        raise ScotopicError(f"{path} cannot be read as JSON ({error}): is it the right file?") from None


_FIRST_KEY = re.compile(r'\s*(\[?)\s*\{\s*"(\w+)"')


def first_key(path: Path) -> tuple[bool, str] | None:
    """(whether a JSON file is a list, the first key of its first object), from the head of the file.

    Annotation files have hundreds of megabytes: what they are is told without reading all of it.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            match = _FIRST_KEY.match(file.read(4096))
    except OSError as error:
        raise ScotopicError(f"cannot read {path}: {error.strerror}") from None
    return (match[1] == "[", match[2]) if match else None
