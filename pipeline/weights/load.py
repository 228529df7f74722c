"""From a path, a name or a URL to parameters in a net, without ever unpickling code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...errors import ScotopicError, nearest
from ...files import sha256_of
from .download import download
from .manifest import find_weights, manifest


def load_weights(net: nn.Module, weights: str | Path, rename: Callable[[str], str | None] | None = None) -> None:
    """Fill ``net`` with ``weights`` in place, every tensor of them.

    Args:
        weights: a path (.pth, .pt, .safetensors), a name in the manifest, or a URL (``#sha256=...`` checks it).
        rename: from the names of tensors in the authors' files to those in ``net``, None for what only training
            needs; it must leave the names in ``net`` as they are.

    Raises:
        ScotopicError: not found, damaged, not a state dict, or made for another net.
    """
    path = resolve_weights(weights)
    state = read_state(path)
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


def resolve_weights(weights: str | Path) -> Path:
    """The file behind a path, a name in the manifest, or a URL, downloaded if need be."""
    text = str(weights)
    entry = find_weights(text)
    if entry is not None:
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
        ScotopicError: damaged, holds more than tensors, or is no state dict.
    """
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
