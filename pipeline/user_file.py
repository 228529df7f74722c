"""An enhancer from a file of the user's: ``./mine.py:Net``."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from torch import nn

from ..errors import ScotopicError, nearest
from .contract import Enhancer, check_class
from .sources import HELPERS, imported_beside

USER_MODULE = "scotopic_user_"
"""How the name of the module begins that is made of such a file; other programs cannot import it by that name."""

_VERSION, _IS_HELPER = "__scotopic_version__", "__scotopic_helper__"


def class_from_file(spec: str) -> type[Enhancer]:
    """``./mine.py:Net`` -> the class ``Net``; the file is the user's own code and is run.

    Raises:
        ScotopicError: no such file or class, a file that cannot be imported, or a class that is no enhancer.
    """
    location, _, class_name = spec.rpartition(":")
    path = Path(location).expanduser()
    if not path.is_file():
        raise ScotopicError(f"no file {location}: give an enhancer as ./file.py:Class")
    module = _module_from_file(path)
    cls = getattr(module, class_name, None)
    if cls is None:
        own = {n: v for n, v in vars(module).items() if isinstance(v, type) and v is not Enhancer}
        candidates = [n for n, v in own.items() if issubclass(v, Enhancer)]
        raise ScotopicError(f"{location} has no class {class_name!r}: {nearest(class_name, candidates)}")
    check_class(cls, f"{class_name} in {location}")
    return cls


def holds_user_class(module: nn.Module) -> bool:
    """Whether a part of ``module`` is of such a class, so that another process cannot unpickle it.

    >>> holds_user_class(nn.Identity())
    False
    """
    return any(type(part).__module__.startswith(USER_MODULE) for part in module.modules())


def _module_from_file(path: Path) -> ModuleType:
    """Run the file, each version of it once, as a module which pickle, dataclasses and inspect can find by its name.

    The helpers beside it belong to it: after a change of one of them all are run again, but for those that the program
    had loaded for itself.
    """
    name = f"{USER_MODULE}{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    known = sys.modules.get(name)
    if known is not None:
        helpers = vars(known).get(HELPERS, {})
        if vars(known).get(_VERSION) == _version(path, helpers):
            return known
        for helper in helpers.keys() & sys.modules.keys():
            if _IS_HELPER in vars(sys.modules[helper]):
                del sys.modules[helper]
    module_spec = importlib.util.spec_from_file_location(name, path)
    if module_spec is None or module_spec.loader is None:
        raise ScotopicError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module
    before = {*sys.modules}
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ScotopicError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        helpers = imported_beside(path)
        vars(module).update({HELPERS: helpers, _VERSION: _version(path, helpers)})
        for helper in helpers.keys() & sys.modules.keys() - before:
            vars(sys.modules[helper])[_IS_HELPER] = True
    return module


def _version(path: Path, helpers: Mapping[str, Path]) -> list[int | None]:
    """What tells whether one of the files has changed since."""
    return [file.stat().st_mtime_ns if file.is_file() else None for file in (path, *helpers.values())]
