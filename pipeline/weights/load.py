"""From a path, a name or a URL to parameters in a net, without ever unpickling code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...errors import ScotopicError, nearest
from ...files import sha256_of
from .download import download
from .keras import SUFFIXES as KERAS_SUFFIXES
from .keras import read_keras
from .manifest import find_weights, manifest

Weights: TypeAlias = "str | Path"
Rename: TypeAlias = "Callable[[str], str | None]"
TENSORFLOW = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")
"""Names of the files that make up a TensorFlow checkpoint."""


def load_weights(net: nn.Module, weights: Weights | Mapping[str, Weights], rename: Rename | None = None) -> None:
    """Fill ``net`` with ``weights`` in place, every tensor of them.

    Args:
        weights: a path (.pth, .pt, .tar, .safetensors, .h5), a name in the manifest, or a URL (``#sha256=...`` checks
            it); or several of them, for the parts of the net by name: tensors of part ``decom`` belong to
            ``net.decom``.
        rename: from the names of tensors in the authors' files to those in ``net``, None for what only training
            needs; it must leave the names in ``net`` as they are.

    Raises:
        ScotopicError: not found, damaged, not a state dict, or made for another net.
    """
    paths = resolve_parts(weights)
    path = " with ".join(str(path) for path in paths.values())
    state = {
        f"{part}.{key}" if part else key: value
        for part, file in paths.items()
        for key, value in read_state(file).items()
    }
    if rename:
        state = {name: value for key, value in state.items() if (name := rename(key)) is not None}
    own = net.state_dict()
    wrong = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(own[key].shape)}"
        for key in own.keys() & state.keys()
        if state[key].shape != own[key].shape
    ]
    missing, surplus = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or surplus or wrong:
        reasons = [
            f"{len(keys)} tensors {what} (such as {keys[0]})"
            for keys, what in ((missing, "are missing"), (surplus, "are unknown"))
            if keys
        ] + sorted(wrong)[:1]
        raise ScotopicError(f"{path} does not fit {type(net).__name__}: {'; '.join(reasons)}")
    if any(not torch.isfinite(value).all() for value in state.values() if value.is_floating_point()):
        raise ScotopicError(f"{path} holds NaN or inf: take another checkpoint")
    net.load_state_dict({key: value.to(own[key].dtype) for key, value in state.items()})


def resolve_parts(weights: Weights | Mapping[str, Weights]) -> dict[str, Path]:
    """The files behind ``weights`` by the name of the part that they hold; ``""`` is the whole net."""
    if isinstance(weights, Mapping):
        return {part: resolve_weights(file) for part, file in weights.items()}
    entry = find_weights(str(weights))
    if entry is not None and entry.parts:
        return {part: download(file.url, file.sha256) for part, file in entry.parts.items()}
    return {"": resolve_weights(weights)}


def resolve_weights(weights: Weights) -> Path:
    """The one file behind a path, a name in the manifest, or a URL, downloaded if need be."""
    text = str(weights)
    entry = find_weights(text)
    if entry is not None:
        if entry.parts:
            raise ScotopicError(
                f"the weights {text!r} are {len(entry.parts)} files ({', '.join(entry.parts)}), not one"
            )
        shipped = entry.shipped_path()
        if shipped is None:
            return download(entry.url or "", entry.sha256)
        if sha256_of(shipped) != entry.sha256:
            raise ScotopicError(f"the shipped weights {text!r} are damaged ({shipped}): install scotopic again")
        return shipped
    if urlparse(text).scheme in ("http", "https"):
        url, _, fragment = text.partition("#")
        return download(url, fragment.removeprefix("sha256=").lower() or None)
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.suffix or path.parent != Path():
        raise ScotopicError(f"no weights file at {text}: check the path, or give a name such as 'sgz-official'")
    raise ScotopicError(f"no weights {text!r}, neither a file nor a name: {nearest(text, manifest())}")


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name.

    Raises:
        ScotopicError: damaged, holds more than tensors, is no state dict, or was written by TensorFlow.
    """
    if path.suffix in KERAS_SUFFIXES:
        return read_keras(path)
    if TENSORFLOW.search(path.name):
        raise ScotopicError(
            f"{path} is a TensorFlow checkpoint, which is not read here: convert it where TensorFlow is installed, "
            "with tf.train.load_checkpoint and torch.save of a dict of tensors by the names of state_dict()"
        )
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception:  # noise makes the unpickler stumble in every way there is: IndexError, struct.error ...
        raise ScotopicError(
            f"{path} is not a checkpoint that loads safely (damaged, or it holds more than tensors): "
            "give a state dict as .pth, .pt or .safetensors"
        ) from None
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items())
    ):
        raise ScotopicError(f"{path} is not a state dict (names of tensors to tensors): save net.state_dict()")
    return {key.removeprefix("module."): value for key, value in state.items()}
