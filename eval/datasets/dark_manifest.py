"""The manifest of a dark set: how every picture of it was made, so that anyone makes the same set again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from pydantic import BaseModel, ConfigDict, Field

from ...configs.checks import validate
from ...errors import ScotopicError
from ...version import __version__
from .recipes import Recipe, make_recipe
from .texts import read_json

MANIFEST = "manifest.json"
_SHA256 = "^[0-9a-f]{64}$"


class DarkImage(BaseModel):
    """One picture: which file it was made of, what was drawn for it, and what it became."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, description="path below the source's root")
    source_sha256: str = Field(pattern=_SHA256)
    image: str = Field(min_length=1, description="path below the dark set's root")
    sha256: str = Field(pattern=_SHA256)
    mean_luma: float = Field(ge=0, le=255, description="BT.601, before the JPEG")
    drawn: dict[str, Any] = Field(default_factory=dict, description="what the recipe drew for this picture")


class DarkManifest(BaseModel):
    """``manifest.json`` of a dark set."""

    model_config = ConfigDict(extra="forbid")

    source: str
    split: str | None = None
    recipe: str
    options: dict[str, Any]
    seed: int
    versions: dict[str, str] = Field(description="what the noise and the bytes of a PNG or JPEG depend on")
    rewritten: list[str] = Field(
        default=[], description="data.yaml without its 'path', which would lead back to the source"
    )
    unreadable: list[str] = Field(default=[], description="pictures of the source that cannot be read, left out")
    images: list[DarkImage]

    def made_by(self) -> Recipe:
        """The recipe with its options, checked."""
        return make_recipe(self.recipe, self.options)

    def identity(self) -> tuple[Any, ...]:
        """What makes it this set and no other, but for its pictures."""
        return self.source, self.split, self.recipe, self.options, self.seed

    def spec(self) -> str:
        """The recipe as it stands on the command line.

        >>> DarkManifest(source="a", recipe="gamma", options={"gamma": 2.0}, seed=0, versions={}, images=[]).spec()
        'gamma[gamma=2.0]'
        """
        options = ",".join(f"{key}={value}" for key, value in self.options.items() if value is not None)
        return f"{self.recipe}[{options}]"

    def other_versions(self) -> str:
        """A remark on the packages that are not those of the manifest."""
        other = [
            f"{name} {self.versions.get(name)}" for name, now in versions().items() if self.versions.get(name) != now
        ]
        if not other:
            return ", with the same versions: is it another kind of processor?"
        return f": it was made with {', '.join(other)}, install these"


def versions() -> dict[str, str]:
    """What decides the bytes of a result, beside recipe and seed."""
    return {"scotopic": __version__, "numpy": np.__version__, "opencv": cv2.__version__, "pillow": PIL.__version__}


def read_dark_manifest(path: str | Path) -> DarkManifest:
    """A manifest.json, or the one in a folder.

    Raises:
        ScotopicError: it is missing or is no manifest of a dark set, its recipe is unknown, or a path leads out.
    """
    path = Path(path)
    if path.is_dir():
        path = path / MANIFEST
    manifest = validate(DarkManifest, read_json(path), str(path))
    if not manifest.images:
        raise ScotopicError(f"{path} names no picture: is it the manifest of a dark set?")
    for name in (name for image in manifest.images for name in (image.source, image.image)):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ScotopicError(f"{path} names {name}, which leads out of the set: give paths below its root")
    manifest.made_by()
    return manifest
