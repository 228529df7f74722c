"""What enhancers promise that stand inside a network: traced, exported, differentiated, saved and loaded."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.registry import create_enhancer, list_enhancers

from .conftest import enhancer_without_network

IN_GRAPH = list_enhancers(in_graph=True)
LEARNED = list_enhancers(learned=True)
PARITY = 1e-4

# torch announces that these are going to be replaced; they are what people's tools call today.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::torch.jit.TracerWarning"
)


def dark_batch(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height * width)) * 0.4


@pytest.fixture(scope="module", params=IN_GRAPH)
def enhancer(request: pytest.FixtureRequest) -> Enhancer:
    return enhancer_without_network(request.param)


@pytest.fixture(scope="module", params=LEARNED)
def learned(request: pytest.FixtureRequest) -> Enhancer:
    return enhancer_without_network(request.param)


def test_trace_serves_other_sizes(enhancer: Enhancer) -> None:
    with torch.no_grad():
        traced: Any = torch.jit.trace(enhancer, dark_batch(1, 40, 52))
        for other in (dark_batch(2, 31, 65), dark_batch(1, 1, 1), dark_batch(1, 64, 48)):
            torch.testing.assert_close(traced(other), enhancer(other), rtol=0, atol=1e-6)


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_onnx_serves_other_sizes(enhancer: Enhancer, exporter: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='pip install "scotopic[onnx]"')
    onnxruntime = pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    file = tmp_path / "enhancer.onnx"
    batch = dark_batch(2, 40, 52)
    if exporter == "dynamo":
        free = torch.export.Dim.DYNAMIC
        shapes = ({0: free, 2: free, 3: free},)
        torch.onnx.export(enhancer, (batch,), file, input_names=["dark"], dynamic_shapes=shapes, verbose=False)
    else:
        axes = {"dark": {0: "batch", 2: "height", 3: "width"}}
        torch.onnx.export(enhancer, (batch,), file, input_names=["dark"], dynamic_axes=axes, dynamo=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for other in (dark_batch(3, 65, 31), dark_batch(1, 13, 100)):
        (out,) = session.run(None, {"dark": other.numpy()})
        with torch.no_grad():
            assert np.abs(out - enhancer(other).numpy()).max() < PARITY


def test_gradient_reaches_the_input(enhancer: Enhancer) -> None:
    batch = (dark_batch(2, 20, 30) + 0.1).requires_grad_()
    enhancer(batch).mean().backward()
    assert batch.grad is not None
    assert bool(torch.isfinite(batch.grad).all())
    assert float(batch.grad.abs().min()) > 0


@pytest.mark.parametrize("name", LEARNED)
def test_gradient_reaches_every_parameter(name: str) -> None:
    # Trained nets may hold layers that training has silenced, fresh ones do not.
    torch.manual_seed(0)
    own = create_enhancer(name, weights="random").train()
    own(dark_batch(2, 48, 60)).mean().backward()
    for name, parameter in own.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert float(parameter.grad.abs().max()) > 0, name


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_saved_weights_give_the_same_picture(learned: Enhancer, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(learned.state_dict(), file)
    else:
        torch.save(learned.state_dict(), file)
    batch = dark_batch(1, 33, 47)
    with torch.no_grad():
        expected = learned(batch)
        assert torch.equal(create_enhancer(learned.info.name, weights=file)(batch), expected)
        empty = create_enhancer(learned.info.name, weights="random")
        assert not torch.equal(empty(batch), expected)
        empty.load_state_dict(learned.state_dict())
        assert torch.equal(empty(batch), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_a_net_of_another_precision_keeps_the_dtype_of_its_input(learned: Enhancer, dtype: torch.dtype) -> None:
    batch = dark_batch(1, 25, 37)
    other = copy.deepcopy(learned).to(dtype)
    with torch.no_grad():
        expected = learned(batch)
        for given in (batch, batch.to(dtype)):
            out = other(given)
            assert out.dtype == given.dtype
            torch.testing.assert_close(out.float(), expected, rtol=0, atol=0.03)


def test_autocast_keeps_the_dtype_of_its_input(learned: Enhancer) -> None:
    batch = dark_batch(1, 25, 37)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = learned(batch)
    assert out.dtype == batch.dtype


def test_foreign_weights_are_named(learned: Enhancer, tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3)}, file)
    with pytest.raises(ScotopicError, match=r"other\.pth does not fit .*are missing.*1 tensors are unknown"):
        create_enhancer(learned.info.name, weights=file)
