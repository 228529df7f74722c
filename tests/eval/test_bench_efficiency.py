"""Times in turn, operations, memory: the measures themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scotopic import create_enhancer
from scotopic.errors import ScotopicError
from scotopic.eval import efficiency
from scotopic.eval.efficiency import count_flops, count_parameters, milliseconds, peak_memory, spread, take_turns

CPU = torch.device("cpu")


def orders(seed: int) -> list[str]:
    """Who was called, round by round."""
    heard: list[str] = []
    names = "abcde"
    take_turns({name: lambda number, name=name: heard.append(name) for name in names}, 6, seed=seed)
    return ["".join(heard[start : start + 5]) for start in range(0, len(heard), 5)]


def test_all_take_their_turn_in_an_order_that_changes() -> None:
    warm_up, *rounds = orders(seed=0)
    assert warm_up == "abcde"
    assert all(sorted(turn) == list("abcde") for turn in rounds)
    assert len(set(rounds)) > 3


def test_the_order_is_seeded() -> None:
    assert orders(seed=0) == orders(seed=0)
    assert orders(seed=0) != orders(seed=1)


def test_rounds_are_numbered_and_counted() -> None:
    done: list[int] = []
    samples = take_turns({"n": lambda number: number}, 3, progress=done.append)
    assert samples == {"n": [0, 1, 2]}
    assert done == [1, 2, 3]


def test_time_is_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.25])
    monkeypatch.setattr(efficiency.time, "perf_counter", lambda: next(clock))
    assert milliseconds(lambda: None, CPU) == pytest.approx(250)


def test_spread_stays_within_what_was_measured() -> None:
    found = spread([1.0, 2.0, 100.0])
    assert found == {"median": 2.0, "lower_quartile": 1.5, "upper_quartile": 51.0}


def test_parameters_are_those_of_table_2() -> None:
    for name in ("sgz", "zero_dce", "zero_dce_pp"):
        enhancer = create_enhancer(name, weights="random")
        assert count_parameters(enhancer) == enhancer.info.params
    assert count_parameters(create_enhancer("gamma")) == 0


def test_operations_are_those_of_the_layers() -> None:
    """Zero-DCE at full resolution: two for each weight and pixel, biases left out."""
    net = create_enhancer("zero_dce", weights="random")
    weights = sum(parameter.numel() for parameter in net.parameters() if parameter.ndim > 1)
    assert count_flops(net, torch.rand(1, 3, 24, 40)) == 2 * weights * 24 * 40


def test_a_shrunken_picture_costs_less() -> None:
    x = torch.rand(1, 3, 48, 48)
    whole, shrunken = (create_enhancer("sgz", weights="random", scale_factor=scale) for scale in (1, 12))
    assert count_flops(whole, x) == 144 * count_flops(shrunken, x)


def test_operations_of_two_layers() -> None:
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    assert count_flops(net, torch.zeros(3, 5)) == 2 * 3 * (5 * 7 + 7)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux's /proc")
def test_memory_grows_by_what_is_touched() -> None:
    """Far beyond what the allocator keeps for itself; what is freed before the end counts too."""
    megabytes = 200

    def call() -> int:
        return int(np.ones(megabytes * 1_000_000, np.uint8)[-1])

    assert peak_memory(call, CPU) == pytest.approx(megabytes, rel=0.1)
    assert peak_memory(lambda: None, CPU) < 10


def test_without_proc_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(efficiency, "_FORGET_THE_PEAK", tmp_path / "nowhere" / "clear_refs")
    with pytest.raises(ScotopicError, match="needs Linux"):
        peak_memory(lambda: None, CPU)
    with pytest.raises(ScotopicError, match="not measured on meta"):
        peak_memory(lambda: None, torch.device("meta"))
