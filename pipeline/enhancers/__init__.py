"""One file per enhancement method."""

from __future__ import annotations


def register_all() -> None:
    """Import every built-in method, which registers it."""
    from . import files, identity  # noqa: F401
    from .classical import bpdhe, clahe, gamma, he, lime, msrcr, wthe  # noqa: F401
    from .learned import iat, sci, sgz, zero_dce, zero_dce_pp  # noqa: F401
