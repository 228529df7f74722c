"""The files of Python code behind an enhancer, so that a result can be known by the code that made it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from pathlib import Path

HELPERS = "__scotopic_helpers__"
"""Where the module of a user's file keeps what :func:`imported_beside` found: name -> file."""

_PACKAGE = __name__.partition(".")[0]
_KNOWN_BY_VERSION = frozenset({_PACKAGE, "torch", *sys.stdlib_module_names})


def source_files(cls: type) -> list[Path]:
    """The file of a class, then those of its bases and helpers that are neither ours nor torch's nor Python's.

    Those are known by their versions. Of a class without a file there is none.

    >>> from scotopic.pipeline.registry import enhancer_class
    >>> [path.name for path in source_files(enhancer_class("sgz"))]
    ['sgz.py']
    """
    files: list[Path] = []
    for base in cls.__mro__:
        if base is not cls and _is_known_by_version(base.__module__):
            continue
        try:
            files.append(Path(inspect.getfile(base)))
        except (TypeError, OSError):  # typed into a prompt, or compiled
            if base is cls:
                return []
            continue
        files += vars(sys.modules[base.__module__]).get(HELPERS, {}).values()
    return list(dict.fromkeys(files))


def imported_beside(file: Path) -> dict[str, Path]:
    """The modules in the folder of ``file``, or below it, that it imports, and those which these import in turn.

    They are found by reading: imports inside functions count, other modules that happen to be loaded do not.

    Returns:
        Name -> file, sorted by name.
    """
    folder = file.resolve().parent
    found: dict[str, Path] = {}
    waiting = [(file, "")]
    while waiting:
        source, package = waiting.pop()
        for name in _names_imported_in(source, package):
            spec = None if name in found or _is_known_by_version(name) else _find(name)
            origin = Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None
            if spec is None or origin is None or not _is_beside(origin, folder):
                continue
            found[name] = origin
            if origin.suffix == ".py":
                waiting.append((origin, spec.parent or ""))
    return dict(sorted(found.items()))


def _is_known_by_version(module: str) -> bool:
    return module.partition(".")[0] in _KNOWN_BY_VERSION


def _is_beside(origin: Path, folder: Path) -> bool:
    """Below ``folder``, but not in an environment that lies there."""
    inside = origin.is_relative_to(folder) and origin.is_file()
    return inside and not {"site-packages", "dist-packages"} & {*origin.relative_to(folder).parts}


def _names_imported_in(file: Path, package: str) -> Iterator[str]:
    """Whatever may be the name of a module, parents before children."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):  # for another Python: whoever imports it is told
        return
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level <= (package.count(".") + 1 if package else 0):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _find(name: str) -> ModuleSpec | None:
    """Where a module is, without importing it or its parents."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__spec__", None)
    parent = name.rpartition(".")[0]
    if not parent:
        return PathFinder.find_spec(name)
    spec = _find(parent)
    places = spec.submodule_search_locations if spec else None
    return None if places is None else PathFinder.find_spec(name, places)
