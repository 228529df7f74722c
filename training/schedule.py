"""How the learning rate of a net goes over its training."""

from __future__ import annotations

import math

WARM_UP = 0.1  # of the steps, in which it rises


def learning_rate_share(progress: float) -> float:
    """The learning rate as a share of the highest: a straight rise, then half a cosine down to nothing.

    Args:
        progress: how much of the run is done, 0..1.

    >>> [round(learning_rate_share(progress), 2) for progress in (0, 0.05, 0.1, 0.55, 1)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))
