"""Where and with what a result was made."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

from ..version import __version__

_PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python", "pycocotools", "onnxruntime")


def environment() -> dict[str, object]:
    """Versions, machine and threads, for the record.

    >>> environment()["scotopic"] == __version__
    True
    """
    return {
        "scotopic": __version__,
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],  # noqa: PTH119
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
