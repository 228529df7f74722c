"""Other settings for a training."""

from __future__ import annotations

from scotopic.configs.loss_schema import LossSettings
from scotopic.configs.train_schema import TrainSettings


def changed(settings: TrainSettings, **changes: object) -> TrainSettings:
    """The same settings but for some, checked."""
    return settings.model_validate(settings.model_dump() | changes)


def losses_of(settings: TrainSettings) -> LossSettings:
    """Those of a training that has losses."""
    assert settings.losses is not None
    return settings.losses
