"""Other settings for a training."""

from __future__ import annotations

from scotopic.configs.train_schema import TrainSettings


def changed(settings: TrainSettings, **changes: object) -> TrainSettings:
    """The same settings but for some, checked."""
    return settings.model_validate(settings.model_dump() | changes)
