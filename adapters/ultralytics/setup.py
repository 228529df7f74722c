"""The one door through which ultralytics comes in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import cv2
import torch

from ...errors import missing_extra

# Modules that copy the flag when they are imported.
_FLAG_HOLDERS = ("ultralytics.utils", "ultralytics.utils.checks", "ultralytics.utils.export.tensorflow")

MOST_THREADS = 8
"""Threads of PyTorch up to which a model works with those of the process; of more, ultralytics chooses how many."""


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


@contextmanager
def threads_kept() -> Iterator[None]:
    """Import ultralytics and load a model, and leave the process as many threads as it had.

    ultralytics takes OpenCV's away when it is imported, and sets PyTorch's to all cores but one, at most 8, when a
    model comes to stand on the processor. The idle core would be half of a machine of two, and whoever chose a number
    of threads wants that one. More than 8 help a detector little; there ultralytics' choice stands.
    """
    torchs, opencvs = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        cv2.setNumThreads(opencvs)
        if torchs <= max(torch.get_num_threads(), MOST_THREADS):
            torch.set_num_threads(torchs)
