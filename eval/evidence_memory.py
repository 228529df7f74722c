"""What rows were judged by, kept for their statistics."""

from __future__ import annotations

from typing import Any

EVIDENCE_MEMORY = 2**28
"""Bytes: a hundred rows of 80 images, a row of some thousands."""


class EvidenceMemory:
    """Evidence by the checksum of its file, as much as fits; what is not here is read from the file.

    Args:
        most: bytes of memory.

    >>> memory = EvidenceMemory(most=100)
    >>> memory.keep("0af3", "a row", size=90)
    >>> memory.keep("97c1", "another", size=90)
    >>> memory.get("0af3"), memory.get("97c1")
    ('a row', None)
    """

    def __init__(self, most: int = EVIDENCE_MEMORY) -> None:
        self._left = most
        self._kept: dict[str, Any] = {}

    def keep(self, sha256: str, evidence: Any, size: int) -> None:
        """Keep what is in a file with this checksum, if there is room for so many bytes."""
        if size <= self._left:
            self._left -= size
            self._kept[sha256] = evidence

    def get(self, sha256: str | None) -> Any:
        """What was kept, or None."""
        return None if sha256 is None else self._kept.get(sha256)
