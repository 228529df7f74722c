"""How an enhancer learns to undo darkness that was made on the fly."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RestoreSettings(BaseModel):
    """What is darkened, how, and what the result is held against.

    The shares are of the training samples; what is left of them is underexposed with little noise.

    Attributes:
        least_luma: mean level, 0..255, from which a picture is bright enough to be darkened; others are left out.
        bright: share that stays as bright as it is, so that the enhancer learns to leave daylight alone.
        gamma: share darkened by a power of the levels, without noise.
        noisy: share of the underexposed that gets much noise.
        exposure: the least and the most light that is left to the underexposed, as a share of daylight; drawn so that
            each halving is as likely as the next.
        gamma_range: the least and the greatest power, drawn likewise.
        mosaic: share of the samples that are put together from 4 or 9 pictures, whose objects are then small.
        detail: weight of the error of each pixel, against that of 4x4 means, which counts 1.
        smoothness: weight of the total variation of the curve parameters.
        weight: of all of it, where a task or losses stand beside it.

    >>> RestoreSettings().bright
    0.15
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_luma: float = Field(default=80, ge=0, lt=255)
    bright: float = Field(default=0.15, ge=0, le=1)
    gamma: float = Field(default=0.35, ge=0, le=1)
    noisy: float = Field(default=0.35, ge=0, le=1)
    exposure: tuple[float, float] = (0.015, 0.6)
    gamma_range: tuple[float, float] = (1.3, 5)
    mosaic: float = Field(default=0, ge=0, le=1)
    detail: float = Field(default=0.5, ge=0)
    smoothness: float = Field(default=20, ge=0)
    weight: float = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> RestoreSettings:
        for name, least, most in (("exposure", 0.001, 1), ("gamma_range", 1, 10)):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name} [{low:g}, {high:g}] must be two numbers in order from {least:g} to {most:g}")
        return self
