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
    write(out, 128, vectors.over(a, b))
    write(out, 160, vectors.larger(a, b))
    write(out, 192, vectors.smaller(a, b))
    write(out, 224, vectors.splat(numbers[5], 32))
    write(out, 256, vectors.read_often(numbers, 6, 32))
    write(out, 288, vectors.read_thrice(numbers, 7, 48))
    write(out, 336, vectors.slid(a, b, 9))
    write(out, 368, vectors.thrice(a, 0))
    write(out, 400, vectors.thrice(a, 1))
    write(out, 432, vectors.thrice(a, 2))


def test_arithmetic() -> None:
    numbers = np.random.default_rng(0).normal(size=110).astype(np.float32)
    out = np.zeros(470, np.float32)
    _calculated(numbers, out)
    a, b, c = numbers[1:33], numbers[33:65], numbers[70:102]
    assert np.allclose(out[:32], a * b + c, atol=1e-6)
    expected = [a + b, a - b, a * b, a / b, np.maximum(a, b), np.minimum(a, b)]
    assert np.array_equal(out[32:224].reshape(6, 32), expected)
    assert (out[224:256] == numbers[5]).all()
    assert (out[256:288] == numbers[6]).all()
    assert np.array_equal(out[288:336].reshape(16, 3), [numbers[7:10]] * 16)
    assert np.array_equal(out[336:368], numbers[10:42])
    assert np.array_equal(out[368:464], a.repeat(3))
    assert not out[464:].any()


@numba.njit
def _copied(greys: np.ndarray, out: np.ndarray, lines: np.ndarray) -> None:
    write(out, 2, read(greys, 3, 16))
    write(lines[0], 0, vectors.read_third(greys, 1, 0))
    write(lines[1], 0, vectors.read_third(greys, 1, 2))


def test_whole_numbers() -> None:
    greys, lines = np.random.default_rng(0).integers(0, 256, 60).astype(np.uint8), np.zeros((2, 20), np.float32)
    out = np.zeros(20, np.uint8)
    _copied(greys, out, lines)
    assert np.array_equal(out, [0, 0, *greys[3:19], 0, 0])
    assert np.array_equal(lines[:, :16], [greys[1:49:3], greys[3:49:3]])


@numba.njit
def _cut_off(shorts: np.ndarray, numbers: np.ndarray, greys: np.ndarray) -> None:
    write(numbers, 0, read(shorts, 0, 4))
    write(greys, 0, read(numbers, 4, 4))


def test_other_kinds_of_numbers() -> None:
    shorts = np.array([0, 255, 40_000, 65_535], np.uint16)
    numbers, greys = np.array([9, 9, 9, 9, 0, 0.9, 77.5, 255.5], np.float32), np.zeros(4, np.uint8)
    _cut_off(shorts, numbers, greys)
    assert numbers[:4].tolist() == shorts.tolist()
    assert greys.tolist() == [0, 0, 77, 255]


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
