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


def check_share(name: str, value: object) -> None:
    """Raise a ScotopicError unless the parameter ``name`` is a number from 0 to 1.

    >>> check_share("restraint", 0.5)
    >>> check_share("restraint", 1.5)
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: restraint=1.5 is not a number from 0 to 1
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ScotopicError(f"{name}={value!r} is not a number from 0 to 1")
