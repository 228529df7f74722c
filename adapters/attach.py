"""Put an enhancer in front of a model that somebody already has, and take it away again."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, Protocol, TypeVar, cast

from ..errors import ScotopicError, nearest
from ..pipeline.contract import Enhancer
from ..pipeline.stage import EnhancementStage
from .staging import as_stage

Where = Literal["graph", "source"]
WHERE = ("graph", "source")

Model = TypeVar("Model")

# Qualified names of classes begin with -> the module of this package that knows them, its door, and an example.
_ADAPTERS = {
    "ultralytics.": ("ultralytics.facade", "YOLO('yolo11n.pt') of ultralytics"),
}


class Adapter(Protocol):
    """What a module in the table offers."""

    attach: Callable[..., Any]
    detach: Callable[[Any], Any]


def attach(
    model: Model,
    enhancer: Enhancer | EnhancementStage | str,
    where: Where = "graph",
    *,
    keep_enhanced: bool = False,
    train_enhancer: bool = False,
    **stage_options: Any,
) -> Model:
    """Put an enhancer in front of ``model``, which goes on working as its users know it.

    A model that has an enhancer gets the new one in its place.

    Args:
        model: a YOLO or RTDETR object of ultralytics.
        enhancer: the name of an enhancer (``"sgz"``, ``"gamma[gamma=1.5]"``), an Enhancer, or a whole
            EnhancementStage.
        where: ``"graph"``: inside the network, so that it is trained, exported and saved with it; ``"source"``: on the
            pictures ahead of it, for enhancers that are no tensor operations (CLAHE, ``folder:DIR``) and for models
            that are already exported.
        keep_enhanced: hand out the enhanced picture as ``result.enhanced``.
        train_enhancer: train the enhancer together with the model; otherwise it stays as it is while the model trains.
        **stage_options: ``gate``, ``strength`` (see EnhancementStage), not together with a ready-made stage.

    Returns:
        ``model`` itself.

    Raises:
        ScotopicError: a model that is not supported, or an enhancer that cannot stand there.

    >>> attach("yolo11n.pt", "sgz")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: cannot attach to str: supported are YOLO('yolo11n.pt') of ultralytics
    """
    adapter = _adapter_for(model)
    if where not in WHERE:
        raise ScotopicError(f"where={where!r} is unknown: {nearest(str(where), WHERE)}")
    stage = as_stage(enhancer, stage_options)
    name = stage.enhancer.info.name
    if where == "graph" and not stage.enhancer.info.in_graph:
        raise ScotopicError(f'{name!r} works on pictures and cannot stand inside a network: use where="source"')
    if train_enhancer and where == "source":
        raise ScotopicError('an enhancer is trained with the model only inside its graph: use where="graph"')
    if train_enhancer and next(stage.parameters(), None) is None:
        raise ScotopicError(f"{name!r} has no parameters to train: leave train_enhancer out")
    return cast(Model, adapter.attach(model, stage, where, keep_enhanced=keep_enhanced, train_enhancer=train_enhancer))


def detach(model: Model) -> Model:
    """Take the enhancer away; the model is then as if there had never been one. Without one, nothing happens.

    Returns:
        ``model`` itself.

    Raises:
        ScotopicError: a model that is not supported.
    """
    return cast(Model, _adapter_for(model).detach(model))


def _adapter_for(model: object) -> Adapter:
    names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(model).__mro__]
    for prefix, (module, _) in _ADAPTERS.items():
        if any(name.startswith(prefix) for name in names):
            return cast(Adapter, import_module(f".{module}", __package__))
    supported = ", ".join(example for _, example in _ADAPTERS.values())
    raise ScotopicError(f"cannot attach to {type(model).__name__}: supported are {supported}")
