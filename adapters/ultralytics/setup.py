"""The one door through which ultralytics comes in."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from ...errors import missing_extra

# Modules that copy the flag when they are imported.
_FLAG_HOLDERS = ("ultralytics.utils", "ultralytics.utils.checks", "ultralytics.utils.export.tensorflow")


def import_ultralytics() -> ModuleType:
    """Import ultralytics, and keep it from installing packages while a program runs.

    It reads ``YOLO_AUTOINSTALL`` once, when it is imported; if the user imported it earlier, the flag is set where it
    was copied to. What tracking and export need are extras of this package.

    Raises:
        ScotopicError: ultralytics is not installed.

    >>> import_ultralytics().utils.checks.AUTOINSTALL
    False
    """
    os.environ["YOLO_AUTOINSTALL"] = "false"
    try:
        import ultralytics
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        raise missing_extra("ultralytics", "yolo", "YOLO models") from None
    for name in _FLAG_HOLDERS:
        if name in sys.modules:
            sys.modules[name].__dict__["AUTOINSTALL"] = False
    return ultralytics
