"""How videos are treated by `scotopic enhance` and `scotopic run`, and what may stand in their presets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .schema import EnhancePreset, RunPreset, Settings


class LiveSettings(Settings):
    """What becomes of the frames of a camera or stream that come too fast."""

    live: Literal["drop", "queue"] = Field(
        default="drop",
        description="camera or stream: drop leaves out frames that come too fast, queue makes the source wait",
    )


class TrackSettings(Settings):
    """Whether detections are followed from frame to frame."""

    track: bool = Field(default=False, description="videos: number each object, the same in all frames (ultralytics)")


class EnhanceSourcesPreset(EnhancePreset, LiveSettings):
    """`scotopic enhance --config`."""


class RunSourcesPreset(RunPreset, LiveSettings, TrackSettings):
    """`scotopic run --config`."""
