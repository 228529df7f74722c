"""A stage as plain values, so that it can be built again before its parameters are loaded."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..errors import ScotopicError, nearest
from ..pipeline.contract import Enhancer
from ..pipeline.gate import DarknessGate
from ..pipeline.registry import create_enhancer, enhancer_class, list_enhancers, parameter_names
from ..pipeline.stage import EnhancementStage

METADATA_KEY = "scotopic_enhancer"
"""Under it the metadata of an exported file name the enhancer in its graph."""

_PLAIN = (str, int, float, bool, type(None))


def stage_record(stage: EnhancementStage) -> dict[str, Any]:
    """Name and arguments of the enhancer, and the options of the stage. Parameters (weights) are not in it.

    Raises:
        ScotopicError: an enhancer that no name can build again, or a gate of the user's own.

    >>> stage_record(EnhancementStage("gamma[gamma=1.5]", gate="off", strength=0.5))
    {'name': 'gamma', 'arguments': {'gamma': 1.5}, 'gate': 'off', 'strength': 0.5, 'color': 'rgb'}
    """
    enhancer = stage.enhancer
    if stage.gate is not None and type(stage.gate) is not DarknessGate:
        raise ScotopicError(
            f"the gate {type(stage.gate).__name__} cannot be saved: use 'auto', 'off' or a DarknessGate"
        )
    record = {
        "name": enhancer.info.name,
        "arguments": _arguments(enhancer),
        "gate": "off" if stage.gate is None else asdict(stage.gate),
        "strength": stage.strength,
        "color": stage.color,
    }
    again = _build(record["name"], record["arguments"])
    shapes = [{key: value.shape for key, value in part.state_dict().items()} for part in (again, enhancer)]
    if type(again) is not type(enhancer) or shapes[0] != shapes[1]:
        raise _unknown(enhancer)
    return record


def stage_from_record(record: Any, source: str) -> EnhancementStage:
    """The stage that :func:`stage_record` described; a learned enhancer is untrained until its parameters are loaded.

    Args:
        record: what :func:`stage_record` returned, or what came of it through JSON.
        source: what an error names as the place of the mistake.

    >>> stage = EnhancementStage("gamma[gamma=1.5]", strength=0.5)
    >>> stage_record(stage_from_record(stage_record(stage), "here")) == stage_record(stage)
    True
    """
    try:
        name, arguments, gate = record["name"], record["arguments"], record["gate"]
        if name not in list_enhancers():
            raise ScotopicError(f"no enhancer {name!r}: {nearest(str(name), list_enhancers())}")
        gate = DarknessGate(**gate) if isinstance(gate, Mapping) else gate
        enhancer = _build(name, arguments)
        return EnhancementStage(enhancer, gate=gate, strength=record["strength"], color=record["color"])
    except (KeyError, TypeError) as error:
        raise ScotopicError(f"{source}: the enhancer is not described as save_pretrained does it ({error})") from None
    except ScotopicError as error:
        raise ScotopicError(f"{source}: {error}") from None


def _build(name: str, arguments: Mapping[str, Any]) -> Enhancer:
    """Never with the weights that a file names: they come from the file's own tensors."""
    learned = "weights" in parameter_names(enhancer_class(name))
    kept = {key: value for key, value in arguments.items() if key != "weights"}
    return create_enhancer(name, weights="random" if learned else None, **kept)


def _arguments(enhancer: Enhancer) -> dict[str, Any]:
    """What the constructor was given, as far as the enhancer remembers it under the argument's name.

    An argument that it does not remember must show in the parameters' shapes, which the caller compares.
    """
    if enhancer.info.name not in list_enhancers():
        raise _unknown(enhancer)
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(enhancer).__init__).parameters.items():
        if name in ("self", "weights") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if hasattr(enhancer, name) and isinstance(getattr(enhancer, name), _PLAIN):
            found[name] = getattr(enhancer, name)
        elif parameter.default is parameter.empty or next(enhancer.parameters(), None) is None:
            raise _unknown(enhancer)
    return found


def _unknown(enhancer: Enhancer) -> ScotopicError:
    name = type(enhancer).__name__
    return ScotopicError(
        f"the enhancer {name} cannot be saved: no registered name builds it again; register its class "
        "(register_enhancer) and let it keep its arguments as attributes"
    )
