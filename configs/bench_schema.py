"""What decides the figures of `scotopic bench`, and what may stand in its preset."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from .schema import Settings

LARGEST_SIDE = 16_384


class BenchSettings(Settings):
    """How the cost of enhancers is measured.

    >>> BenchSettings.model_validate({"sizes": "640x480,1280x720", "budget": "33ms"}).budget_ms
    33.0
    """

    sizes: tuple[tuple[int, int], ...] = Field(
        default=((1280, 720),), description="WIDTHxHEIGHT,... of the pictures in pixels"
    )
    batch_sizes: tuple[int, ...] = Field(
        default=(1,),
        description="pictures in a call: 1 is enhance() on a uint8 picture, more is forward() on a batch",
    )
    rounds: int = Field(default=10, ge=3, description="measured calls of each enhancer, after one unmeasured call")
    threads: int | None = Field(default=None, ge=1, description="of the processor; PyTorch chooses unless given")
    device: str | None = Field(
        default=None, description="cpu, cuda, cuda:1 or mps; a graphics card where there is one unless given"
    )
    imgsz: int | None = Field(
        default=None,
        ge=32,
        description="longer side of a detector's letterboxed picture in pixels; 640, or what suits a net of ours, "
        "unless given",
    )
    budget: str | None = Field(
        default=None,
        description="time for one picture such as 33ms, for the whole pipeline where there is a model",
    )

    @field_validator("sizes", mode="before")
    @classmethod
    def _parted_sizes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = []
        for size in filter(None, (part.strip() for part in value.split(","))):
            found = re.fullmatch(r"(\d+)x(\d+)", size)
            if not found:
                raise ValueError("write WIDTHxHEIGHT,... such as 640x480,1280x720")
            pairs.append((int(found[1]), int(found[2])))
        return tuple(pairs)

    @field_validator("sizes")
    @classmethod
    def _sizes_of_pictures(cls, value: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        if not value or any(not 1 <= side <= LARGEST_SIDE for size in value for side in size):
            raise ValueError(f"a size has 1 to {LARGEST_SIDE} pixels each way, such as 640x480")
        return tuple(dict.fromkeys(value))

    @field_validator("batch_sizes", mode="before")
    @classmethod
    def _parted_counts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        counts = [part.strip() for part in value.split(",") if part.strip()]
        if not all(count.isdecimal() for count in counts):
            raise ValueError("write whole numbers such as 1,4")
        return tuple(map(int, counts))

    @field_validator("batch_sizes")
    @classmethod
    def _batches_of_pictures(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise ValueError("a batch has at least one picture, such as 1,4")
        return tuple(dict.fromkeys(value))

    @field_validator("budget")
    @classmethod
    def _with_a_unit(cls, value: str | None) -> str | None:
        if value is not None and not _milliseconds(value):
            raise ValueError("write a time above zero with its unit, such as 33ms or 0.5s")
        return value

    @property
    def budget_ms(self) -> float | None:
        """The budget in milliseconds."""
        return None if self.budget is None else _milliseconds(self.budget)


def _milliseconds(text: str) -> float | None:
    """``33ms`` or ``0.5s`` in milliseconds; None if it is no time with a unit."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", text)
    return float(found[1]) * {"ms": 1, "s": 1000}[found[2]] if found else None


class BenchPreset(Settings):
    """`scotopic bench --config`; what the settings check is text here, as on the command line."""

    enhancers: str | list[str] | None = None
    model: str | None = None
    data: str | None = None
    sizes: str | list[str] | None = None
    batch_sizes: str | int | None = None
    rounds: int | None = None
    threads: int | None = None
    device: str | None = None
    imgsz: int | None = None
    budget: str | None = None
    out: str | None = None
