"""A line on disk for every finished image, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

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
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        except (FileNotFoundError, UnicodeDecodeError):
            return
        if lines and _parse(lines[0]) == {"key": self.key}:
            for line in lines[1:]:
                value = _parse(line)
                if value is None:
                    return
                yield value

    def __enter__(self) -> Journal:
        kept = list(self)
        self._file = self.path.open("w", encoding="utf-8")
        self.add({"key": self.key})
        for line in kept:
            self.add(line)
        return self

    def add(self, line: dict[str, Any]) -> None:
        """Append one finished line; it survives whatever happens next."""
        if self._file is None:
            raise ValueError("open the journal in a with statement before adding lines")
        try:
            self._file.write(json.dumps(line) + "\n")
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


def _parse(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
