"""The files of nets that the project has trained itself: which there are, and their tensors."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import nn

from ..configs.checks import read_yaml
from ..errors import ScotopicError

WEIGHTS = Path(__file__).parent / "weights"


def shipped_names(key: str) -> list[str]:
    """The names of the shipped nets whose YAML file has this key, sorted.

    >>> shipped_names("net")
    ['road']
    """
    return sorted(path.stem for path in WEIGHTS.glob("*.yaml") if key in read_yaml(path))


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the tensors of a safetensors file into a net, which keeps its own precision.

    Args:
        module: built as the YAML file beside ``path`` says.
        path: half-precision tensors under the names of the module's state.

    Raises:
        ScotopicError: the file is missing or damaged, or belongs to another net.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ScotopicError(f"cannot read the weights {path} ({error}): copy the file again") from None
    # The file holds half precision to be small; the module stays float32, and counters stay whole numbers.
    own = cast("dict[str, torch.Tensor]", module.state_dict())
    try:
        module.load_state_dict({key: tensor.to(own[key].dtype) for key, tensor in tensors.items()})
    except (KeyError, RuntimeError):
        raise ScotopicError(
            f"{path} does not fit the net in {path.with_suffix('.yaml').name}: they are no pair"
        ) from None
