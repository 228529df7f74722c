"""Put an enhancer in front of a model that somebody already has, and take it away again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from ..errors import ScotopicError, nearest
from ..pipeline.contract import Enhancer
from ..pipeline.registry import DEFAULT
from ..pipeline.stage import EnhancementStage
from .staging import as_stage

Where = Literal["graph", "source"]
WHERE = ("graph", "source")

# Qualified names of classes begin with -> the module of this package that knows them. The first that fits is taken.
_ADAPTERS = {
    "ultralytics.": "ultralytics.facade",
    "scotopic.adapters.onnx.": "onnx",
    "scotopic.adapters.smp.": "smp",
    "segmentation_models_pytorch.": "smp",
    "scotopic.adapters.torchvision": "torchvision",
    "torchvision.models.segmentation.": "torchvision",
    "torchvision.models.detection.": "torchvision",
    "torch.nn.modules.module.Module": "module",
}
_SUPPORTED = (
    "YOLO('yolo11n.pt') of ultralytics",
    "a model of segmentation_models_pytorch",
    "a segmentation or detection model of torchvision",
    "an OnnxDetector or OnnxSegmenter",
    "any torch module or function with spec=InputSpec(...)",
)


class Adapter(Protocol):
    """What a module in the table offers. Options that ``attach`` does not name are not for its models."""

    attach: Callable[..., Any]
    detach: Callable[[Any], Any]


def attach(
    model: Any,
    enhancer: Enhancer | EnhancementStage | str = DEFAULT,
    where: Where = "graph",
    *,
    keep_enhanced: bool = False,
    train_enhancer: bool = False,
    spec: Any = None,
    names: Any = None,
    **stage_options: Any,
) -> Any:
    """Put an enhancer in front of ``model``, which goes on working as its users know it.

    A model that has an enhancer gets the new one in its place.

    Args:
        model: a YOLO or RTDETR object of ultralytics; a model of segmentation_models_pytorch; a segmentation or
            detection model of torchvision; an OnnxDetector or OnnxSegmenter; or any torch module or function that
            takes a batch of pictures, with ``spec``.
        enhancer: the name of an enhancer (``"sgz"``, ``"gamma[gamma=1.5]"``), an Enhancer, or a whole
            EnhancementStage; unless given, :data:`~scotopic.pipeline.registry.DEFAULT`.
        where: ``"graph"``: inside the network, so that it is trained, exported and saved with it; ``"source"``: on the
            pictures ahead of it, for enhancers that are no tensor operations (CLAHE, ``folder:DIR``) and for models
            that are already exported.
        keep_enhanced: hand out the enhanced picture as ``result.enhanced`` (ultralytics).
        train_enhancer: train the enhancer together with the model; otherwise it stays as it is while the model trains.
        spec: an :class:`~scotopic.adapters.input_spec.InputSpec`: how the net wants its pictures, which the wrapper
            then does after the enhancer. Torch modules need it; a segmentation model of torchvision takes the preset
            of its weights too (``weights.transforms()``).
        names: class id -> name, or a list; for what :meth:`segment` returns.
        **stage_options: ``gate``, ``strength`` (see EnhancementStage), not together with a ready-made stage.

    Returns:
        For ultralytics and ONNX ``model`` itself. For others a wrapper around it, a torch module that takes pictures
        as float RGB in [0, 1], *not* normalised, and gives what the model gives.

    Raises:
        ScotopicError: a model that is not supported, or an enhancer that cannot stand there.

    >>> attach("yolo11n.pt", "sgz")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: cannot attach to str: supported are YOLO('yolo11n.pt') of ultralytics, ...
    """
    adapter = _adapter_for(model)
    if where not in WHERE:
        raise ScotopicError(f"where={where!r} is unknown: {nearest(str(where), WHERE)}")
    stage = as_stage(enhancer, stage_options)
    name = stage.enhancer.info.name
    if where == "graph" and not stage.enhancer.info.in_graph:
        raise ScotopicError(
            f'{name!r} works on pictures and cannot stand inside a network: use where="source" (--where source)'
        )
    if train_enhancer and where == "source":
        raise ScotopicError('an enhancer is trained with the model only inside its graph: use where="graph"')
    if train_enhancer and next(stage.parameters(), None) is None:
        raise ScotopicError(f"{name!r} has no parameters to train: leave train_enhancer out")
    options = {
        "keep_enhanced": keep_enhanced or None,
        "train_enhancer": train_enhancer or None,
        "spec": spec,
        "names": names,
    }
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in inspect.signature(adapter.attach).parameters:
            raise ScotopicError(f"{option} means nothing to {type(model).__name__}: leave it out")
    return adapter.attach(model, stage, where, **given)


def detach(model: Any) -> Any:
    """Take the enhancer away; the model is then as if there had never been one. Without one, nothing happens.

    Returns:
        What was given to :func:`attach`.

    Raises:
        ScotopicError: a model that is not supported.
    """
    return _adapter_for(model).detach(model)


def _adapter_for(model: object) -> Adapter:
    classes = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(model).__mro__]
    for prefix, module in _ADAPTERS.items():
        if any(name.startswith(prefix) for name in classes):
            return cast(Adapter, import_module(f".{module}", __package__))
    if isinstance(model, type):
        raise ScotopicError(f"cannot attach to the class {model.__name__}: make a model of it first")
    if callable(model):
        return cast(Adapter, import_module(".module", __package__))
    raise ScotopicError(f"cannot attach to {type(model).__name__}: supported are {', '.join(_SUPPORTED)}")
