"""Finished parts of a video in a hidden folder, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import ScotopicError
from ..files import output_folder, write_json
from .video_write import EncodedPart


class PartsFolder:
    """The parts of one video that is being made, in ``.NAME.parts`` beside it.

    A part counts as soon as its record is there, which is written last. Parts of another run, another source or other
    settings are thrown away.

    Args:
        out: the video.
        key: what the parts depend on: source and settings; None: nothing can be resumed, as with a live stream.
    """

    def __init__(self, out: Path, key: Mapping[str, Any] | None) -> None:
        self.folder = out.parent / f".{out.name}.parts"
        self._key = None if key is None else json.loads(json.dumps(key))
        self.records: list[dict[str, Any]] = []
        while (record := self._read(len(self.records))) is not None:
            self.records.append(record)
        if not self.records:
            self.remove()
        output_folder(self.folder)

    def _read(self, number: int) -> dict[str, Any] | None:
        try:
            record = json.loads(self._path(number, ".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = isinstance(record, dict) and self._path(number, ".mp4").is_file()
        return record if whole and self._key is not None and record.get("key") == self._key else None

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:06}{suffix}"

    def next_path(self, suffix: str) -> Path:
        """Of the part that is being made."""
        return self._path(len(self.records), suffix)

    def finish(self, record: Mapping[str, Any], memory: Any) -> None:
        """Count the part that lies at :meth:`next_path`.

        Args:
            record: what is to be known of it, as JSON.
            memory: what the next part's frames need of the earlier ones, as tensors and plain numbers.
        """
        try:
            torch.save(memory, self.next_path(".pt"))
        except (OSError, RuntimeError) as error:
            raise ScotopicError(f"cannot write to {self.folder} ({error}): free some space") from error
        write_json(self.next_path(".json"), {"key": self._key, **record}, indent=None)
        self.records.append(dict(record))

    def memory(self) -> Any:
        """What the last finished part left for the next one.

        Raises:
            ScotopicError: it cannot be read.
        """
        path = self._path(len(self.records) - 1, ".pt")
        try:
            return torch.load(path, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise ScotopicError(f"what earlier frames left behind was not kept in {path}") from error

    def forget(self) -> None:
        """Throw away what an earlier run finished."""
        self.remove()
        self.records = []
        output_folder(self.folder)

    def parts(self) -> list[EncodedPart]:
        """The finished parts."""
        return [EncodedPart(self._path(number, ".mp4"), record["start"]) for number, record in enumerate(self.records)]

    def line_files(self) -> Sequence[Path]:
        """The JSON lines of the finished parts."""
        return [self._path(number, ".jsonl") for number in range(len(self.records))]

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
