"""The numbers of a darkness gate, as they stand in a YAML file, and the preset of the command that fits them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator


class GateThresholds(BaseModel):
    """What `scotopic data gate-fit -o FILE.yaml` writes and `--gate FILE.yaml` reads; see DarknessGate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean_luma_weight: FiniteFloat
    dark_share_weight: FiniteFloat
    highlight_share_weight: FiniteFloat
    intercept: FiniteFloat
    untouched_below: FiniteFloat
    full_above: FiniteFloat

    @model_validator(mode="after")
    def _a_band(self) -> GateThresholds:
        if not self.untouched_below < self.full_above:
            raise ValueError(
                f"untouched_below ({self.untouched_below:g}) must be smaller than full_above ({self.full_above:g})"
            )
        return self


class GateFitPreset(BaseModel):
    """`scotopic data gate-fit --config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str | None = None
    split: str | None = None
    labels: str | None = None
    out: str | None = None
