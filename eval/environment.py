"""Where and with what a result was made."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ..version import __version__

_PACKAGES = (
    "torch",
    "torchvision",
    "ultralytics",
    "segmentation-models-pytorch",
    "timm",
    "numpy",
    "scipy",
    "numba",
    "opencv-python",
    "pillow",
    "pycocotools",
    "lpips",
    "scikit-image",
    "onnxruntime",
    "openvino",
)


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


@cache
def code_fingerprint() -> str:
    """SHA-256 over the modules that decide a figure: a row made by other code is made again."""
    root = Path(__file__).parents[1]
    sources = (path for room in ("pipeline", "adapters", "eval") for path in sorted((root / room).rglob("*.py")))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
