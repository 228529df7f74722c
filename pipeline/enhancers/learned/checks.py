"""Checks of the options that learned enhancers share."""

from __future__ import annotations

from ....errors import ScotopicError


def check_count(name: str, value: object, least: int) -> None:
    """Raise a ScotopicError unless the parameter ``name`` is a whole number of at least ``least``.

    >>> check_count("tile", 0, 0)
    >>> check_count("tile", 1.5, 0)
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: tile=1.5 is not a whole number of at least 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ScotopicError(f"{name}={value!r} is not a whole number of at least {least}")
