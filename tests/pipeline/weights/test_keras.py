"""Keras' HDF5 files: layers by name, laid out as torch has them; noise and a missing package are named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scotopic.errors import ScotopicError
from scotopic.pipeline.weights.keras import read_keras

h5py = pytest.importorskip("h5py", reason='pip install "scotopic[h5]"')


def write(path: Path, arrays: dict[str, np.ndarray], root: str = "") -> Path:
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[root + name] = value
    return path


@pytest.mark.parametrize("root", ["", "model_weights/"], ids=["weights", "whole model"])
def test_layers_by_name_as_torch_has_them(root: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kernel = rng.random((3, 5, 2, 4)).astype(np.float32)
    dense = rng.random((2, 4)).astype(np.float32)
    arrays = {"conv2d_1/conv2d_1/kernel:0": kernel, "conv2d_1/conv2d_1/bias:0": dense[0], "d/d/other:0": dense}
    state = read_keras(write(tmp_path / "net.h5", arrays, root))
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "conv2d_1.weight": (4, 2, 3, 5),
        "conv2d_1.bias": (4,),
        "d.other:0": (2, 4),
    }
    assert state["conv2d_1.weight"][3, 1, 2, 4] == kernel[2, 4, 1, 3]


def test_transposed_kernels_are_turned_alike(tmp_path: Path) -> None:
    """Keras adds ``kernel[i, j, out, in]`` times each input at i, j further, as torch does with [in, out, i, j]."""
    kernel = np.arange(2 * 2 * 3 * 1, dtype=np.float32).reshape(2, 2, 3, 1)
    weight = read_keras(write(tmp_path / "t.h5", {"t/t/kernel:0": kernel}))["t.weight"]
    out = F.conv_transpose2d(torch.ones(1, 1, 1, 1), weight)
    np.testing.assert_array_equal(out[0].permute(1, 2, 0).numpy(), kernel[..., 0])


@pytest.mark.parametrize("length", [0, 10, 500])
def test_damaged_files_are_named(length: int, tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.h5", {"a/a/bias:0": np.zeros(200, np.float32)})
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(ScotopicError, match=r"cut\.h5 is not a Keras file that can be read"):
        read_keras(cut)


def test_files_without_layers_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"empty\.h5 holds no layers"):
        read_keras(write(tmp_path / "empty.h5", {}))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ScotopicError, match=r'Keras weights \(\.h5\) need .*pip install "scotopic\[h5\]"'):
        read_keras(tmp_path / "net.h5")
