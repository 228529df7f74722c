"""What the contract's tests share."""

from __future__ import annotations

import inspect

import torch

from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.registry import create_enhancer, enhancer_class, enhancer_info
from scotopic.pipeline.weights.manifest import find_weights


def enhancer_without_network(name: str) -> Enhancer:
    """With its default weights if they ship with the package, else untrained, the same every time."""
    if not enhancer_info(name).needs_weights:
        return create_enhancer(name)
    entry = find_weights(str(inspect.signature(enhancer_class(name)).parameters["weights"].default))
    if entry is not None and entry.file is not None:
        return create_enhancer(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_enhancer(name, weights="random")
