"""What decides the figures of `scotopic eval flicker`."""

from __future__ import annotations

from pydantic import Field

from .schema import StageSettings


class FlickerSettings(StageSettings):
    """How the flicker of enhanced video is measured.

    >>> FlickerSettings(jitter=0.1).gate
    'off'
    """

    gate: str = Field(default="off", description=StageSettings.model_fields["gate"].description)
    recipe: str | None = Field(
        default=None, description="darken the frames first: gamma, lightness, exposure or lowlight, or name[key=value]"
    )
    jitter: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="largest share by which the exposure of each frame is changed at random, before it is darkened",
    )
    seed: int = Field(default=0, ge=0, description="of the jitter and of the recipe")
    frames: int | None = Field(
        default=None,
        ge=2,
        description="how many to look at; a folder of fewer is played forwards and backwards; all unless given",
    )
    fps: float = Field(default=30.0, gt=0, le=1000, description="frames a second of a folder, for the time constant")
    time_constant: float = Field(default=0.5, ge=0, le=60, description="seconds of the smoothing; 0 is none")
