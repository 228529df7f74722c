"""What may stand in a preset for the commands that build dark sets."""

from __future__ import annotations

from pydantic import Field

from .schema import Settings


class DarkenPreset(Settings):
    """`scotopic data darken --config`."""

    recipe: str | None = None
    split: str | None = None
    seed: int | None = None
    manifest: str | None = None
    out: str | None = None


class DarkCityscapePreset(Settings):
    """`scotopic data darkcityscape --config`."""

    cityscapes: str | None = None
    recipe: str | None = None
    count: int | None = Field(default=None, ge=1)
    seed: int | None = None
    manifest: str | None = None
    out: str | None = None
