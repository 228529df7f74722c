"""How the work on a picture is parted."""

from __future__ import annotations

from functools import lru_cache

Tile = tuple[int, int, int, int]
"""(top, bottom, left, right), as in slices."""

LEAST = 24
"""Pixels along a side below which a tile is not worth the margin that it computes in vain."""


@lru_cache(maxsize=64)
def part(height: int, width: int, threads: int, most: tuple[int, int]) -> tuple[Tile, ...]:
    """Part a picture into tiles of about equal size, of at most ``most`` rows and columns, with work for every thread.

    >>> part(75, 100, 2, (128, 352))
    ((0, 37, 0, 100), (37, 75, 0, 100))
    >>> len(part(180, 320, 3, (128, 352))), len(part(5, 7, 2, (128, 352)))
    (3, 1)
    """
    rows, columns = -(-height // most[0]), -(-width // most[1])
    while rows * columns % threads and height // (rows + 1) >= LEAST:
        rows += 1
    return tuple(
        (height * i // rows, height * (i + 1) // rows, width * j // columns, width * (j + 1) // columns)
        for i in range(rows)
        for j in range(columns)
    )
