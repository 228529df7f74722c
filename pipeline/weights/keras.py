"""Weights that Keras saved as HDF5 (.h5), without Keras."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ...errors import ScotopicError, missing_extra

SUFFIXES = (".h5", ".hdf5")


def read_keras(path: Path) -> dict[str, Tensor]:
    """The tensors of a Keras file by ``layer.weight`` and ``layer.bias``, laid out as torch has them.

    Keras stores kernels as (height, width, in, out), those of transposed convolutions as (height, width, out, in);
    turning both by (3, 2, 0, 1) gives what ``Conv2d`` and ``ConvTranspose2d`` want.

    Raises:
        ScotopicError: h5py is not installed; the file is damaged or holds no layers.
    """
    try:
        import h5py
    except ImportError:
        raise missing_extra("h5py", "h5", "Keras weights (.h5)") from None
    state: dict[str, Tensor] = {}

    def take(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            layer, _, array = name.rpartition("/")
            value = torch.from_numpy(node[()])
            kind = {"kernel:0": "weight", "bias:0": "bias"}.get(array, array)
            # A layer's group holds a group of the same name; the file of a whole model wraps all of them once more.
            state[f"{layer.rpartition('/')[2]}.{kind}"] = value.permute(3, 2, 0, 1) if value.ndim == 4 else value

    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    except Exception:  # noise makes HDF5 stumble in many ways: OSError, KeyError, RuntimeError, TypeError ...
        raise ScotopicError(f"{path} is not a Keras file that can be read (damaged?): fetch it again") from None
    if not state:
        raise ScotopicError(f"{path} holds no layers: give the .h5 that Keras' save_weights() wrote")
    return state
