"""Where the parameters of a learned enhancer come from: a checkpoint, or chance if one says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from ....errors import ScotopicError
from ...contract import Enhancer
from ...weights.load import load_weights, resolve_weights
from ...weights.manifest import find_weights


def fill_parameters(
    net: nn.Module,
    weights: str | Path,
    initialise: Callable[[nn.Module], None],
    rename: Callable[[str], str | None] | None = None,
) -> None:
    """Load ``weights`` into ``net`` in place, or, if they are ``"random"``, let ``initialise`` loose on its modules.

    Args:
        net: every one of its tensors must be in the checkpoint.
        weights: a path, a name in the manifest, a URL, or ``"random"``.
        initialise: is called with each module of an untrained net.
        rename: see :func:`~scotopic.pipeline.weights.load.load_weights`.

    Raises:
        ScotopicError: the weights are missing, damaged, or made for another net. For named weights that cannot be
            downloaded it says where they are, under which licence, and how to do without.

    >>> net = nn.Linear(2, 1)
    >>> fill_parameters(net, "random", lambda module: nn.init.ones_(module.weight))
    >>> net.weight.tolist()
    [[1.0, 1.0]]
    """
    if weights == "random":
        net.apply(initialise)
        state_licence(net, "", None)
        return
    load_weights(net, _find(weights), rename)
    entry = find_weights(str(weights))
    if entry is None:
        state_licence(net, "that of weights of your own", None)
    else:
        state_licence(net, entry.licence, entry.commercial)


def state_licence(net: nn.Module, licence: str, commercial: bool | None) -> None:
    """Let an enhancer's own ``info`` speak of the weights that it has, not of its class's default ones."""
    if isinstance(net, Enhancer):
        vars(net)["info"] = replace(type(net).info, weights_licence=licence, commercial=commercial)


def initialise_normal(module: nn.Module) -> None:
    """Convolutions: N(0, 0.02) without bias, as Zero-DCE, SGZ and SCI are initialised."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _find(weights: str | Path) -> Path:
    try:
        return resolve_weights(weights)
    except ScotopicError as error:
        entry = find_weights(str(weights))
        if entry is None or entry.url is None:
            raise
        raise ScotopicError(
            f"{error}, as in {entry.enhancer}[weights=FILE]; their licence: {entry.licence}; "
            "weights=random gives an untrained net"
        ) from None
