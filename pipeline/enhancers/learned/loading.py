"""Where the parameters of a learned enhancer come from: a checkpoint, or chance if one says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ....errors import ScotopicError
from ...contract import Enhancer
from ...weights.load import Rename, Weights, load_weights, resolve_parts
from ...weights.manifest import find_weights


def fill_parameters(
    net: nn.Module, weights: Weights, initialise: Callable[[nn.Module], None], rename: Rename | None = None
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


def fill_parts(
    net: nn.Module,
    weights: Weights | None,
    parts: Mapping[str, Weights | None],
    initialise: Callable[[nn.Module], None],
    rename: Rename | None = None,
) -> None:
    """:func:`fill_parameters` for a net that may also be given file by file, one for each of its ``parts``.

    Args:
        net: as above.
        weights: as above; None where no part is missing.
        parts: by the name of a submodule the file that holds it, or None.
        initialise: as above.
        rename: as above.

    Raises:
        ScotopicError: as above; or some parts are given and others not, or weights as well.
    """
    given = {part: file for part, file in parts.items() if file is not None}
    if not given:
        assert weights is not None, "an enhancer without default weights has refused already"
        fill_parameters(net, weights, initialise, rename)
        return
    absent = [part for part in parts if part not in given]
    if absent:
        raise ScotopicError(
            f"{', '.join(given)} without {', '.join(absent)}: give all of "
            f"{','.join(f'{part}=FILE' for part in parts)}, or weights=FILE for the whole net"
        )
    load_weights(net, given, rename)
    state_licence(net, "that of weights of your own", None)


def no_weights(name: str, where: str, arguments: str = "weights=FILE") -> ScotopicError:
    """The refusal of an enhancer that has no weights to download.

    >>> print(no_weights("llnet", "its authors keep them at example.org (licence: none stated)"))
    llnet has no weights that can be fetched: its authors keep them at example.org (licence: none stated); give a \
file, as in llnet[weights=FILE]; weights=random gives an untrained net
    """
    return ScotopicError(
        f"{name} has no weights that can be fetched: {where}; give a file, as in {name}[{arguments}]; "
        "weights=random gives an untrained net"
    )


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


def initialise_passing(module: nn.Module) -> None:
    """Convolutions: each passes its first channels on, with weak noise on top and without bias.

    A net without a path around its layers would otherwise begin with a picture of noise; so it begins near the
    picture that it is given.
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.dirac_(module.weight)
        with torch.no_grad():
            module.weight += torch.randn_like(module.weight) * (0.03 / math.sqrt(module.weight[0].numel()))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def make_logistic(module: nn.Conv2d | nn.ConvTranspose2d, gain: float = 4.0) -> None:
    """Let a layer before a sigmoid, initialised as passing, spread what it is given over the sigmoid's slope."""
    with torch.no_grad():
        module.weight *= gain
        if module.bias is not None:
            module.bias.fill_(-gain / 2)


def _find(weights: Weights) -> dict[str, Path]:
    try:
        return resolve_parts(weights)
    except ScotopicError as error:
        entry = find_weights(str(weights))
        if entry is None or not entry.downloads():
            raise
        arguments = ",".join(f"{part or 'weights'}=FILE" for part in entry.downloads())
        raise ScotopicError(
            f"{error}, as in {entry.enhancer}[{arguments}]; their licence: {entry.licence}; "
            "weights=random gives an untrained net"
        ) from None
