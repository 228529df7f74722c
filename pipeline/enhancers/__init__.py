"""One file per enhancement method."""

from __future__ import annotations


def register_all() -> None:
    """Import every built-in method, which registers it."""
    from . import files, identity  # noqa: F401
    from .classical import (  # noqa: F401
        auto_gamma,
        bpdhe,
        clahe,
        gamma,
        he,
        lime,
        msrcr,
        npe,
        pie,
        srie,
        wthe,
    )
    from .learned import (  # noqa: F401
        deepupe,
        enlightengan,
        iat,
        kind,
        llnet,
        mbllen,
        retinexnet,
        ruas,
        sci,
        sgz,
        sgz_task,
        zero_dce,
        zero_dce_pp,
    )
