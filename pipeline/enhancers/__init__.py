"""One file per enhancement method."""

from __future__ import annotations


def register_all() -> None:
    """Import every built-in method, which registers it."""
    from . import files, identity  # noqa: F401
    from .classical import clahe, gamma  # noqa: F401
    from .learned import sgz  # noqa: F401
