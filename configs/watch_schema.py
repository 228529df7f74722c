"""The preset of the live view."""

from __future__ import annotations

from .schema import EvaluationSettings


class WatchPreset(EvaluationSettings):
    """`scotopic watch --config`.

    >>> WatchPreset(model="yolo11n.pt", serve="127.0.0.1:8000").gate
    'auto'
    """

    model: str | None = None
    enhancer: str | None = None
    serve: str | None = None
    loop: bool | None = None
