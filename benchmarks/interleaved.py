"""Times of functions that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved_ms(functions: Mapping[str, Callable[[], object]], rounds: int, each: int = 1) -> dict[str, list[float]]:
    """Call all functions in turn, ``rounds`` times over, after one unmeasured turn.

    Args:
        functions: what to call, by name.
        rounds: how often the turn goes round.
        each: how often a function is called when its turn comes.

    Returns:
        For each name the milliseconds of every call, in order.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            for _ in range(each):
                start = time.perf_counter()
                function()
                times[name].append((time.perf_counter() - start) * 1000)
    return times


def spread(times: list[float]) -> str:
    """The median, and the range that holds the middle half of the calls.

    >>> spread([1.0, 2.0, 3.0, 4.0, 50.0])
    '3.00 (1.50 to 27.00)'
    """
    low, middle, high = statistics.quantiles(times, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
