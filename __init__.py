"""Scotopic: night vision for the detector you already have.

An enhancer stands ahead of a detector or a segmentation net, and harnesses measure whether it helps.

Importing this package is light: every public name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters.attach import attach, detach
    from .adapters.shipped_detectors import load_yolo
    from .errors import ScotopicError
    from .eval.compare import compare_detection, compare_segmentation
    from .pipeline.contract import Enhancer, EnhancerInfo
    from .pipeline.registry import create_enhancer, enhancer_info, list_enhancers, register_enhancer
    from .pipeline.stage import EnhancementStage
    from .version import __version__

__all__ = [
    "EnhancementStage",
    "Enhancer",
    "EnhancerInfo",
    "ScotopicError",
    "__version__",
    "attach",
    "compare_detection",
    "compare_segmentation",
    "create_enhancer",
    "detach",
    "enhancer_info",
    "list_enhancers",
    "load_yolo",
    "register_enhancer",
]

_HOME = {
    "EnhancementStage": "pipeline.stage",
    "Enhancer": "pipeline.contract",
    "EnhancerInfo": "pipeline.contract",
    "ScotopicError": "errors",
    "__version__": "version",
    "attach": "adapters.attach",
    "compare_detection": "eval.compare",
    "compare_segmentation": "eval.compare",
    "create_enhancer": "pipeline.registry",
    "detach": "adapters.attach",
    "enhancer_info": "pipeline.registry",
    "list_enhancers": "pipeline.registry",
    "load_yolo": "adapters.shipped_detectors",
    "register_enhancer": "pipeline.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
