"""Enhancers by name: built in, from plug-ins, from a file of the user's, or from a folder of ready-made pictures."""

from __future__ import annotations

import fnmatch
import inspect
import re
import threading
import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ScotopicError, nearest
from .contract import Enhancer, EnhancerInfo, check_class
from .user_file import class_from_file

ENTRY_POINT_GROUP = "scotopic.enhancers"
DEFAULT = "sgz_task"
"""Where none is named: shown to harm none of three detectors, by day, at night or in noise (`docs/results.md`)."""
NOT_ALONE = "folder"
"""The one registered enhancer that is nothing without an argument."""
STAGE_OPTIONS = {"gate": "auto", "strength": 1.0, "color": "rgb"}
"""What may stand among the arguments of a name but belongs to the stage around the enhancer, with the defaults."""

_REGISTRY: dict[str, type[Enhancer]] = {}
_loaded = False
_loading = threading.RLock()

EnhancerClass = TypeVar("EnhancerClass", bound=type[Enhancer])


def register_enhancer(cls: EnhancerClass) -> EnhancerClass:
    """Class decorator: make an enhancer available under ``cls.info.name``.

    The same class defined again, as when a notebook's cell runs twice, takes the place of the old one.

    Raises:
        ScotopicError: it has no ``info``, or another class has that name.
    """
    check_class(cls, cls.__qualname__)
    known = _REGISTRY.get(cls.info.name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ScotopicError(f"two enhancers are named {cls.info.name!r}: {known.__module__} and {cls.__module__}")
    _REGISTRY[cls.info.name] = cls
    return cls


def list_enhancers(pattern: str = "*", **filters: object) -> list[str]:
    """Sorted names of the enhancers whose name fits ``pattern`` and whose info has all the given values.

    >>> list_enhancers("*a*", learned=False)
    ['auto_gamma', 'clahe', 'gamma']
    """
    classes = _classes()
    for key in filters:
        if key not in EnhancerInfo.__dataclass_fields__:
            raise ScotopicError(f"cannot filter by {key!r}: {nearest(key, EnhancerInfo.__dataclass_fields__)}")
    return sorted(
        name
        for name, cls in classes.items()
        if fnmatch.fnmatch(name, pattern) and all(getattr(cls.info, k) == v for k, v in filters.items())
    )


def enhancer_info(name: str) -> EnhancerInfo:
    """What is known about the enhancer ``name``, without building it.

    >>> enhancer_info("sgz").params
    10561
    """
    return enhancer_class(name).info


def create_enhancer(name: str = DEFAULT, weights: str | Path | None = None, **params: Any) -> Enhancer:
    """Build an enhancer, ready to use (in eval mode).

    Args:
        name: a registered name (``"sgz"``), one with arguments (``"gamma[gamma=2.2]"``), the name of weights in the
            manifest (``"sgz-official"``), ``"folder:DIR"`` or ``"./mine.py:Net"``.
            :data:`DEFAULT` unless given.
        weights: for learned ones: a path, a name in the manifest, a URL, or ``"random"`` for an untrained net;
            None takes the default weights.
        **params: the method's own parameters.

    Raises:
        ScotopicError: unknown name or parameter, or weights that are missing or do not fit.

    >>> create_enhancer("gamma[gamma=1.5]").gamma
    1.5
    >>> create_enhancer("gama")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no enhancer 'gama': did you mean 'gamma' or 'auto_gamma'? Known: ...
    """
    base, arguments = parse_spec(name)
    arguments.update(params)
    if weights is not None:
        arguments["weights"] = weights
    if base.startswith("folder:"):
        base, arguments["directory"] = "folder", base.removeprefix("folder:")
        if not arguments["directory"]:
            raise ScotopicError("folder: names no folder: write folder:DIR with the folder of enhanced pictures")
    if base not in _classes() and ".py:" not in base:
        from .weights.manifest import manifest

        entry = manifest().get(base)
        if entry is None:
            raise ScotopicError(f"no enhancer {base!r}: {nearest(base, {*_classes(), *manifest()})}")
        base, arguments["weights"] = entry.enhancer, arguments.get("weights", base)
    cls = enhancer_class(base)
    _check_arguments(cls, base, arguments)
    try:
        return cls(**arguments).eval()
    except TypeError as error:
        raise ScotopicError(f"cannot build {base!r} with {arguments}: {error}") from error


def enhancer_class(name: str) -> type[Enhancer]:
    """The class behind a registered name or a ``FILE.py:CLASS``.

    Raises:
        ScotopicError: there is none; names the nearest.
    """
    if ".py:" in name:
        return class_from_file(name)
    try:
        return _classes()[name]
    except KeyError:
        raise ScotopicError(f"no enhancer {name!r}: {nearest(name, _classes())}") from None


def parse_spec(spec: str) -> tuple[str, dict[str, Any]]:
    """Part ``name[key=value,...]`` into the name and its arguments: numbers, true, false, or else words.

    >>> parse_spec("sgz[weights=F.pth,scale_factor=8]")
    ('sgz', {'weights': 'F.pth', 'scale_factor': 8})
    """
    if spec.startswith("folder:") and Path(spec.removeprefix("folder:")).expanduser().is_dir():
        return spec, {}  # brackets are part of the folder's name
    match = re.fullmatch(r"\s*(?P<name>[^\[\]\s][^\[\]]*?)\s*(?:\[(?P<arguments>.*)\])?\s*", spec)
    if not match:
        raise ScotopicError(f"cannot read the enhancer {spec!r}: write name or name[key=value,key=value]")
    arguments: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in (match["arguments"] or "").split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise ScotopicError(f"cannot read {part!r} in {spec!r}: write name[key=value,key=value]")
        if key.strip() in arguments:
            raise ScotopicError(f"{spec!r} gives {key.strip()!r} twice: keep one of them")
        arguments[key.strip()] = _scalar(value.strip())
    return match["name"], arguments


def _scalar(text: str) -> int | float | bool | str:
    """Not YAML, for which ``gate=off`` would be a bool."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def split_specs(text: str) -> list[str]:
    """Part a comma-separated list of specs, leaving commas inside brackets alone.

    >>> split_specs("none, gamma[gamma=2.2],sgz[order=2,iterations=8]")
    ['none', 'gamma[gamma=2.2]', 'sgz[order=2,iterations=8]']
    """
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text) if part.strip()]


def expand_specs(specs: Iterable[str]) -> list[str]:
    """Patterns become the names that fit; a name that comes twice stays where it came first.

    Raises:
        ScotopicError: a pattern fits nothing.

    >>> expand_specs(["*dce*", "gamma[gamma=2.2]", "zero_dce"])
    ['zero_dce', 'zero_dce_pp', 'gamma[gamma=2.2]']
    """
    names: list[str] = []
    for spec in specs:
        if set("*?") & set(spec.split("[")[0]) and ":" not in spec:
            fitting = [name for name in list_enhancers(spec) if name != NOT_ALONE]
            if not fitting:
                raise ScotopicError(f"no enhancer fits {spec!r}: see scotopic list")
            names += fitting
        else:
            names.append(spec)
    return list(dict.fromkeys(names))


def parameter_names(cls: type[Enhancer]) -> list[str]:
    """The names of the arguments that an enhancer's constructor takes.

    >>> parameter_names(enhancer_class("gamma"))
    ['gamma']
    """
    return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]


def _check_arguments(cls: type[Enhancer], name: str, arguments: dict[str, Any]) -> None:
    signature = inspect.signature(cls.__init__)
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return
    for key in arguments:
        if key in STAGE_OPTIONS and key not in signature.parameters:
            raise ScotopicError(f"{key!r} is an option of the stage, not of {name!r}: build an EnhancementStage")
        if key not in signature.parameters:
            raise ScotopicError(f"enhancer {name!r} has no parameter {key!r}: {nearest(key, parameter_names(cls))}")


def _classes() -> dict[str, type[Enhancer]]:
    global _loaded
    with _loading:
        if not _loaded:
            from . import enhancers

            enhancers.register_all()
            _loaded = True  # a plug-in may ask for the others while it is loaded
            for point in entry_points(group=ENTRY_POINT_GROUP):
                _register_plugin(point)
    return _REGISTRY


def _register_plugin(point: EntryPoint) -> None:
    """A broken plug-in must not take the others down, but must not vanish in silence either."""
    try:
        cls = point.load()
        check_class(cls, point.value)
        if _REGISTRY.setdefault(point.name, cls) is not cls:
            raise ScotopicError("another enhancer has that name")
    except Exception as error:
        warnings.warn(f"the enhancer plug-in {point.name!r} ({point.value}) is left out: {error}", stacklevel=2)
