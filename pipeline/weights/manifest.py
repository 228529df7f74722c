"""Named weights: where they are, what they must hash to, under which licence, and how they were made."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

PACKAGE = __name__.rpartition(".")[0]


class WeightsFile(BaseModel):
    """A file to download: where it is, and what it must hash to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    sha256: str


class WeightsEntry(BaseModel):
    """One entry of ``manifest.yaml``.

    Attributes:
        name: what users write.
        enhancer: the registered enhancer that the weights fit.
        file: a file that ships with the package, or None.
        url: where to download it, or None.
        sha256: of the file.
        parts: in place of ``file`` or ``url``: the files of a net whose parts were saved one by one, by the name of
            the part.
        licence: of the weights.
        commercial: whether they may be used commercially; None where nobody says.
        trained: how they were made, in a sentence or two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    enhancer: str
    file: str | None = None
    url: str | None = None
    sha256: str | None = None
    parts: dict[str, WeightsFile] = {}
    licence: str
    commercial: bool | None = None
    trained: str

    @model_validator(mode="after")
    def _one_source(self) -> WeightsEntry:
        if [self.file is None, self.url is None, not self.parts].count(False) != 1:
            raise ValueError(f"weights {self.name!r} need exactly one of file, url and parts")
        if (self.sha256 is None) != bool(self.parts):
            raise ValueError(f"weights {self.name!r} need a sha256 for each file")
        return self

    def shipped_path(self) -> Path | None:
        """The file inside the package, or None if it has to be downloaded."""
        if self.file is None:
            return None
        with as_file(files(PACKAGE) / self.file) as path:
            return path

    def downloads(self) -> dict[str, WeightsFile]:
        """What has to be downloaded, by the name of the part; ``""`` is the whole."""
        if self.url is not None and self.sha256 is not None:
            return {"": WeightsFile(url=self.url, sha256=self.sha256)}
        return self.parts


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
