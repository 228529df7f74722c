"""How an enhancer learns to undo darkness that was made on the fly."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RestoreSettings(BaseModel):
    """What is darkened, how, and what the result is held against.

    The shares are of the training samples; what is left of them is underexposed with little noise.

    Attributes:
        least_luma: mean level, 0..255, from which a picture is bright enough to be darkened; others are left out.
        bright: share that stays as bright as it is, so that the enhancer learns to leave daylight alone.
        gamma: share darkened by a power of the levels, without noise.
        noisy: share of the underexposed that gets much noise.
        detail: weight of the error of each pixel, against that of 4x4 means, which counts 1.
        smoothness: weight of the total variation of the curve parameters.

    >>> RestoreSettings().bright
    0.15
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_luma: float = Field(default=80, ge=0, lt=255)
    bright: float = Field(default=0.15, ge=0, le=1)
    gamma: float = Field(default=0.35, ge=0, le=1)
    noisy: float = Field(default=0.35, ge=0, le=1)
    detail: float = Field(default=0.5, ge=0)
    smoothness: float = Field(default=20, ge=0)
