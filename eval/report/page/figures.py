"""Figures as people read them: points, signs, intervals, and the places of their marks on a scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


def number(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """A figure with a true minus sign; a dash where there is none.

    >>> number(-1.234), number(1.2, 1, signed=True), number(None), number(-0.001)
    ('−1.23', '+1.2', '–', '0.00')
    """
    if value is None:
        return DASH
    rounded = round(value, digits) or 0.0  # no "-0.00"
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", MINUS)


def points(fraction: float | None, digits: int = 2, signed: bool = False) -> str:
    """A fraction times 100.

    >>> points(0.0213, 1, signed=True)
    '+2.1'
    """
    return number(None if fraction is None else 100 * fraction, digits, signed)


def typeset(text: str) -> str:
    """A sentence with true minus signs before its figures.

    >>> typeset("harms: -8.9 mAP [-10.4, -7.2]")
    'harms: −8.9 mAP [−10.4, −7.2]'
    """
    return re.sub(r"(?<![\w.])-(?=\d)", MINUS, text)


def milliseconds(value: float | None) -> str:
    """Three digits that matter.

    >>> milliseconds(0.834), milliseconds(12.93), milliseconds(4766.6), milliseconds(None)
    ('0.83', '12.9', '4767', '–')
    """
    if value is None:
        return DASH
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


@dataclass(frozen=True)
class Span:
    """A figure and its interval, in points.

    Attributes:
        value, low, high: None where undefined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

    @property
    def tone(self) -> str:
        """``up`` or ``down`` where the interval, as shown, leaves out zero, else ``flat``; ``bare`` without one."""
        if self.low is None or self.high is None:
            return "bare"
        return "up" if round(self.low, 1) > 0 else "down" if round(self.high, 1) < 0 else "flat"

    @property
    def text(self) -> str:
        """The figure with its sign."""
        return number(self.value, 1, signed=True)

    @property
    def interval(self) -> str:
        """The interval in brackets; empty where there is none."""
        return f"[{number(self.low, 1)}, {number(self.high, 1)}]" if self.bounded else ""


def span(interval: Mapping[str, Any] | None, fallback: float | None = None) -> Span:
    """An interval of the statistics (BCa, else percentile), or a bare fraction where there is none.

    >>> span({"value": 0.02, "percentile": [0.0, 0.04], "bca": [0.01, 0.05]})
    Span(value=2.0, low=1.0, high=5.0)
    """
    interval = interval or {}
    value = interval.get("value", fallback)
    bounds = interval.get("bca") or interval.get("percentile") or (None, None)
    low, high = (None if bound is None else 100 * bound for bound in bounds)
    return Span(None if value is None else 100 * value, low, high)


@dataclass(frozen=True)
class Scale:
    """A straight scale from ``low`` to ``high``.

    >>> scale = Scale(-5.0, 15.0)
    >>> scale.at(0), [label for _, label in scale.ticks]
    (25.0, ['−5', '0', '5', '10', '15'])
    """

    low: float
    high: float

    def at(self, value: float) -> float:
        """Percent of the way along."""
        return round(100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """(percent, label) at :attr:`steps`."""
        digits = max(0, -math.floor(math.log10(self._step)))
        return [(self.at(step), number(step, digits)) for step in self.steps]

    @property
    def steps(self) -> list[float]:
        """Round numbers, five or so."""
        first = math.ceil(self.low / self._step - 1e-9)
        last = math.floor(self.high / self._step + 1e-9)
        return [n * self._step for n in range(first, last + 1)]

    @property
    def _step(self) -> float:
        return _round_step((self.high - self.low) / 5)


def scale_of(spans: Iterable[Span], zero: bool = True) -> Scale:
    """The scale on which all of them have room."""
    values = [v for s in spans for v in (s.value, s.low, s.high) if v is not None] + ([0.0] if zero else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.04 * (high - low) or 1.0
    return Scale(low - margin, high + margin)


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, ... above.

    >>> _round_step(0.3), _round_step(6)
    (0.5, 10)
    """
    power = 10 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))
