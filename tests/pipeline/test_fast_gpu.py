"""The curve's kernel for GPUs: on one where there is one, and in Triton's interpreter everywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.enhancers.learned.curve import recurrent_enhancement
from scotopic.pipeline.fast.gpu import load_steer
from scotopic.pipeline.registry import create_enhancer

IN_THE_INTERPRETER = """
import torch
from scotopic.pipeline.enhancers.learned.curve import recurrent_enhancement
from scotopic.pipeline.fast.triton_curve import steer

generator = torch.Generator().manual_seed(0)
for dtype, tolerance in ((torch.float32, 3e-5), (torch.float16, 5e-4), (torch.bfloat16, 4e-3)):
    for shape, maps in (((1,), (1,)), ((2, 3, 61, 127), (2, 3, 61, 127)), ((1, 3, 40, 30), (1, 3, 1, 1))):
        for iterations in (1, 8):
            x = torch.rand(shape, generator=generator).to(dtype)
            factor = (2 * torch.rand(maps, generator=generator) - 1).to(dtype)
            expected = recurrent_enhancement(x.double(), factor.double(), iterations=iterations)
            for view in (x, x.transpose(0, -1).contiguous().transpose(0, -1)):
                found = steer(view, factor, iterations)
                assert found.dtype == dtype
                torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)
print("agrees")
"""


def test_the_kernel_agrees_with_the_equation() -> None:
    pytest.importorskip("triton", reason="Triton has no package for this platform")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", IN_THE_INTERPRETER], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "agrees\n", done.stderr


@pytest.mark.parametrize("generation", [75, 80, 90, 120])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_the_kernel_becomes_machine_code_for_gpus(
    dtype: str, generation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Turing to Blackwell; no GPU is needed for that."""
    triton = pytest.importorskip("triton", reason="Triton has no package for this platform")
    from triton.backends.compiler import GPUTarget

    from scotopic.pipeline.fast import triton_curve

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    source = triton.compiler.ASTSource(
        triton_curve._steer,
        signature={
            **dict.fromkeys(("picture", "factor", "out"), f"*{dtype}"),
            **{"size": "i64", "ITERATIONS": "constexpr", "BLOCK": "constexpr"},
        },
        constexprs={"ITERATIONS": 8, "BLOCK": triton_curve.BLOCK},
    )
    made = triton.compile(source, target=GPUTarget("cuda", generation, 32)).asm
    assert made["cubin"]
    per_thread = triton_curve.BLOCK // (4 * 32)
    assert made["ptx"].count("ld.global") == 2 * per_thread  # nothing is read twice
    assert made["ptx"].count("st.global") == per_thread


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_there_is_no_kernel_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    load_steer.cache_clear()
    assert load_steer() is None
    assert load_steer() is None
    assert len(caplog.records) == 1
    assert "PyTorch does it" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
class TestOnAGpu:
    @pytest.mark.parametrize("name", ["sgz", "zero_dce_pp", "zero_dce", "sgz_task"])
    @pytest.mark.parametrize("size", [(1, 1), (61, 127), (900, 1200)], ids=str)
    def test_agrees_with_the_module_on_the_processor(self, name: str, size: tuple[int, int]) -> None:
        torch.manual_seed(0)
        net = create_enhancer(name, weights="random")
        for parameter in net.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        image = (np.random.default_rng(0).random((*size, 3)) ** 2 * 256).astype(np.uint8)
        expected = Enhancer.enhance(net, image).astype(int)
        assert load_steer() is not None
        assert np.abs(net.cuda().enhance(image) - expected).max() <= 1

    def test_gradients_still_flow(self) -> None:
        x = torch.rand(1, 3, 8, 8, device="cuda", requires_grad=True)
        recurrent_enhancement(x, torch.full_like(x, -0.5)).sum().backward()
        assert x.grad is not None
