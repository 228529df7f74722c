"""Named weights: where they are, what they must hash to, under which licence, and how they were made."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

PACKAGE = __name__.rpartition(".")[0]


class WeightsEntry(BaseModel):
    """One entry of ``manifest.yaml``.

    Attributes:
        name: what users write.
        enhancer: the registered enhancer that the weights fit.
        file: a file that ships with the package, or None.
        url: where to download it, or None.
        sha256: of the file.
        licence: of the weights.
        commercial: whether they may be used commercially; None where nobody says.
        trained: how they were made, in a sentence or two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    enhancer: str
    file: str | None = None
    url: str | None = None
    sha256: str
    licence: str
    commercial: bool | None = None
    trained: str

    @model_validator(mode="after")
    def _one_source(self) -> WeightsEntry:
        if (self.file is None) == (self.url is None):
            raise ValueError(f"weights {self.name!r} need exactly one of file and url")
        return self

    def shipped_path(self) -> Path | None:
        """The file inside the package, or None if it has to be downloaded."""
        if self.file is None:
            return None
        with as_file(files(PACKAGE) / self.file) as path:
            return path


@cache
def manifest() -> dict[str, WeightsEntry]:
    """All named weights by name.

    >>> manifest()["sgz-official"].licence
    'MIT'
    """
    text = (files(PACKAGE) / "manifest.yaml").read_text(encoding="utf-8")
    return {entry["name"]: WeightsEntry(**entry) for entry in yaml.safe_load(text)}


def find_weights(name: str) -> WeightsEntry | None:
    """The entry of that name, or None."""
    return manifest().get(name)
