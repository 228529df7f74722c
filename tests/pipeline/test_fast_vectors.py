"""The vectors of the compiled loops, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

numba: Any = pytest.importorskip("numba", reason="the engine needs the extra [fast]")

from scotopic.pipeline.fast import numba_vectors as vectors  # noqa: E402

read, write, fma, four_sums = vectors.read, vectors.write, vectors.fma, vectors.four_sums


@numba.njit
def _calculated(numbers: np.ndarray, out: np.ndarray) -> None:
    a, b, c = read(numbers, 1, 32), read(numbers, 33, 32), read(numbers, 70, 32)
    write(out, 0, fma(a, b, c))
    write(out, 32, vectors.plus(a, b))
    write(out, 64, vectors.minus(a, b))
    write(out, 96, vectors.times(a, b))
    write(out, 128, vectors.larger(a, b))
    write(out, 160, vectors.splat(numbers[5], 32))
    write(out, 192, vectors.read_often(numbers, 6, 32))
    write(out, 224, vectors.read_thrice(numbers, 7, 48))


def test_arithmetic() -> None:
    numbers = np.random.default_rng(0).normal(size=110).astype(np.float32)
    out = np.zeros(280, np.float32)
    _calculated(numbers, out)
    a, b, c = numbers[1:33], numbers[33:65], numbers[70:102]
    assert np.allclose(out[:32], a * b + c, atol=1e-6)
    assert np.array_equal(out[32:160].reshape(4, 32), [a + b, a - b, a * b, np.maximum(a, b)])
    assert (out[160:192] == numbers[5]).all()
    assert (out[192:224] == numbers[6]).all()
    assert np.array_equal(out[224:272].reshape(16, 3), [numbers[7:10]] * 16)
    assert not out[272:].any()


@numba.njit
def _larger(numbers: np.ndarray) -> None:
    write(numbers, 0, vectors.larger(read(numbers, 0, 4), read(numbers, 4, 4)))


def test_what_is_no_number_is_not_the_larger_one() -> None:
    numbers = np.array([np.nan, 1, -np.inf, 3, 0, 2, 0, 0], np.float32)
    _larger(numbers)
    assert numbers[:4].tolist() == [0, 2, 0, 3]


@numba.njit
def _summed(numbers: np.ndarray, out: np.ndarray) -> None:
    a, b, c, d = read(numbers, 0, 32), read(numbers, 32, 32), read(numbers, 64, 32), read(numbers, 96, 32)
    write(out, 1, four_sums(a, b, c, d))


def test_sums_along_vectors() -> None:
    numbers = np.random.default_rng(0).integers(-99, 99, 128).astype(np.float32)
    out = np.zeros(6, np.float32)
    _summed(numbers, out)
    assert np.array_equal(out, [0, *numbers.reshape(4, 32).sum(1), 0])
