"""Read YAML and hold it against a schema; what is wrong becomes one sentence for people."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ..errors import ScotopicError, nearest

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        ScotopicError: the file is missing, is no YAML, holds an impossible value (a date such as 2020-13-45), or
            something other than ``key: value`` lines.
    """
    path = Path(path)
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScotopicError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScotopicError(f"{path} is not UTF-8 text: save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ScotopicError(f"{path}{where} is not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise ScotopicError(f"{path} is nested too deep to be read: is it the right file?") from None
    except (AttributeError, LookupError, ValueError) as error:  # PyYAML lets these through from converting a value
        raise ScotopicError(f"{path} holds an impossible date or number ({error}): put text in quotes") from None
    if not isinstance(value, dict):
        raise ScotopicError(f"{path} must hold 'key: value' lines, not {type(value).__name__}")
    return {str(key): item for key, item in value.items()}


def read_preset(folder: Path, preset: str | Path, none: str) -> dict[str, Any]:
    """What stands in a preset file of the user's, by its path, or in a shipped one, by its name; unchecked.

    Args:
        folder: of the shipped presets, ``NAME.yaml`` each.
        preset: path or name.
        none: how the error begins where there is neither, with ``{}`` for what was asked for.

    Raises:
        ScotopicError: there is no such preset, or it is no YAML.
    """
    path = Path(preset)
    if not path.is_file():
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        if str(preset) not in names:
            raise ScotopicError(f"{none.format(preset)}: {nearest(str(preset), names)}")
        path = folder / f"{preset}.yaml"
    return read_yaml(path)


def validate(model_class: type[Model], mapping: Any, source: str) -> Model:
    """Make a ``model_class`` of ``mapping``.

    Args:
        model_class: a pydantic model; with ``extra="forbid"`` a misspelt key is answered with the nearest right one.
        mapping: keys and values, as read from YAML or JSON.
        source: what the sentence names as the place of the mistake, such as the file.

    Raises:
        ScotopicError: one sentence which tells everything that is wrong.

    >>> class Camera(BaseModel, extra="forbid"):
    ...     exposure: float
    >>> validate(Camera, {"exposure": 2}, "camera.yaml")
    Camera(exposure=2.0)
    >>> validate(Camera, {"exposure": 2, "exposre": 1}, "camera.yaml")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: camera.yaml: unknown key 'exposre' (did you mean 'exposure'? Known: exposure)
    """
    if not isinstance(mapping, Mapping):
        raise ScotopicError(f"{source} must hold keys and values, not {type(mapping).__name__}")
    try:
        return model_class.model_validate(dict(mapping))
    except ValidationError as error:
        faults = [_sentence(model_class, fault) for fault in error.errors(include_url=False)]
        raise ScotopicError(f"{source}: {'; '.join(dict.fromkeys(faults))}") from None


def _sentence(model_class: type[BaseModel], fault: Any) -> str:
    *parents, last = fault["loc"] or ("",)
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}' ({nearest(str(last), _keys_below(model_class, parents))})"
    if fault["type"] == "missing":
        return f"the key '{key}' is missing"
    given = fault["input"]
    if fault["type"] == "literal_error" and isinstance(given, str):
        allowed = [word.strip("' ") for word in fault["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{key}: '{given}' is not a choice ({nearest(given, allowed)})"
    message = fault["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{key}: {message}, not {given!r}" if key and not isinstance(given, dict) else f"{key or 'it'}: {message}"


def _keys_below(model_class: type[BaseModel], parents: list[Any]) -> list[str]:
    """The keys that the (nested) model at ``parents`` knows; empty where there is no one model to ask."""
    models = [model_class]
    for part in parents:
        # Parts that name no field are list positions, dictionary keys or the tags of a union: the model stays.
        deeper = [
            inner
            for model in models
            for name, field in model.model_fields.items()
            if part in (name, field.alias)
            for inner in _models_in(field.annotation)
        ]
        models = deeper or models
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models inside an annotation such as ``dict[str, Gate] | None``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]
