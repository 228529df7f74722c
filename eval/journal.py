"""A line on disk for every finished image, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic_core import to_json

from ..files import cannot_write


class Journal:
    """A JSON-lines file whose first line says which run it belongs to.

    Args:
        path: of the file; removed by :meth:`remove` when the run's result stands elsewhere.
        key: of the run: its settings, data, model and enhancer. Lines of another run are thrown away.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.jsonl"
    ...     with Journal(path, key="k") as journal:
    ...         journal.add({"image": 1})
    ...     [list(Journal(path, key="k")), list(Journal(path, key="other"))]
    [[{'image': 1}], []]
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._file = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The finished lines; a last line that was cut off in the middle does not count."""
        return iter(self._finished()[0])

    def _finished(self) -> tuple[list[dict[str, Any]], int]:
        """The finished lines of this run, and how many bytes they take with the first; none, and 0, of another run."""
        try:
            first, *rest = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], 0
        if not rest or _parse(first) != {"key": self.key}:
            return [], 0
        lines, end = [], len(first) + 1
        for line in rest[:-1]:  # behind the last end of a line there is nothing, or a line that was cut off
            value = _parse(line)
            if value is None:
                break
            lines.append(value)
            end += len(line) + 1
        return lines, end

    def __enter__(self) -> Journal:
        _, end = self._finished()
        try:
            # cut behind what is finished, not written anew: an interruption must not cost what is there
            self._file = self.path.open("ab")
            self._file.truncate(end)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if not end:
            self.add({"key": self.key})
        return self

    def add(self, line: dict[str, Any]) -> None:
        """Append one finished line; it survives whatever happens next."""
        if self._file is None:
            raise ValueError("open the journal in a with statement before adding lines")
        try:
            self._file.write(to_json(line) + b"\n")
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode())
    except ValueError:  # JSON that is cut off, or no text at all
        return None
    return value if isinstance(value, dict) else None
