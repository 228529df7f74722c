"""What a method costs: times of functions that take turns, operations, and peak memory."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..errors import ScotopicError

Sample = TypeVar("Sample")

_STATUS = Path("/proc/self/status")
_FORGET_THE_PEAK = Path("/proc/self/clear_refs")


def take_turns(
    functions: Mapping[str, Callable[[int], Sample]],
    rounds: int,
    *,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, list[Sample]]:
    """Call all functions in turn, so that whatever else the machine does disturbs all alike.

    The order is shuffled anew in each round, because a function that always follows the same other one would always
    find what that one left in the caches. One unmeasured round goes first.

    Args:
        functions: what to call, by name, with the number of the round, from 0 on.
        rounds: how often the turn goes round.
        seed: of the order.
        progress: called with the number of rounds that are done.

    Returns:
        For each name what its calls gave, in order.

    >>> take_turns({"square": lambda n: n * n, "double": lambda n: 2 * n}, 3)
    {'square': [0, 1, 4], 'double': [0, 2, 4]}
    """
    for function in functions.values():
        function(0)
    order, source = list(functions), random.Random(seed)
    samples: dict[str, list[Sample]] = {name: [] for name in functions}
    for number in range(rounds):
        source.shuffle(order)
        for name in order:
            samples[name].append(functions[name](number))
        progress(number + 1)
    return samples


def milliseconds(call: Callable[[], object], device: torch.device | None = None) -> float:
    """How long ``call()`` takes, with all the work that it hands to a graphics card."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return (time.perf_counter() - start) * 1000


def synchronize(device: torch.device | None) -> None:
    """Wait until a graphics card has done what it was given; a processor is done when a call returns."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device is not None and device.type == "mps":
        torch.mps.synchronize()


def spread(times: Sequence[float]) -> dict[str, float]:
    """The median of some times, and the quartiles: the range of the middle half.

    >>> spread([5.0, 1.0, 2.0, 3.0, 90.0])
    {'median': 3.0, 'lower_quartile': 2.0, 'upper_quartile': 5.0}
    """
    lower, _, upper = quantiles(times, n=4, method="inclusive")
    return {"median": median(times), "lower_quartile": lower, "upper_quartile": upper}


def count_parameters(net: nn.Module) -> int:
    """Trained numbers in a net.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in net.parameters())


def count_flops(net: nn.Module, x: Tensor) -> int:
    """Floating-point operations of one real forward pass, by ``torch.utils.flop_counter.FlopCounterMode``.

    It counts convolutions, matrix products and attention, a multiplication with its addition as two. It leaves out
    biases, activations, normalisation, resizing, and all arithmetic on single pixels, such as the curve of SGZ.

    Args:
        net: any module.
        x: what it takes; pictures that a net parts into overlapping tiles are counted as it computes them.

    >>> count_flops(nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.zeros(1, 3, 10, 10))
    43200
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops()


def peak_memory(call: Callable[[], object], device: torch.device) -> float:
    """By how many MB (10^6 bytes) memory grows while ``call()`` runs, at its peak; what it returns is among it.

    On a processor it is the resident memory of this process, so that it should be a fresh one in which nothing large
    was freed before (freed memory is used again, and no growth is seen). On CUDA it is what PyTorch's allocator gave.

    Raises:
        ScotopicError: neither Linux nor CUDA: there is no peak to read.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        kept = call()
        peak = torch.cuda.max_memory_allocated(device)
        del kept
        return (peak - before) / 1e6
    if device.type != "cpu":
        raise ScotopicError(f"peak memory is not measured on {device.type}: measure it on cpu or cuda")
    try:
        _FORGET_THE_PEAK.write_text("5")  # see proc(5)
    except OSError:
        raise ScotopicError("peak memory is not measured: it needs Linux with a writable /proc/self") from None
    before = _resident("VmRSS")
    kept = call()
    peak = _resident("VmHWM")
    del kept
    return peak - before


def _resident(field: str) -> float:
    """A figure of this process's memory in MB."""
    found = re.search(rf"{field}:\s+(\d+) kB", _STATUS.read_text())
    if not found:
        raise ScotopicError(f"peak memory is not measured: {_STATUS} has no {field}")
    return int(found[1]) * 1024 / 1e6
