"""Slopes of a picture with mirrored borders, and smoothing by them, which the cosine transform makes cheap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft


class Slopes(NamedTuple):
    """A value per pixel and direction, (H, W) each: towards the pixel below and towards the one to the right."""

    down: np.ndarray
    right: np.ndarray


def slopes(x: np.ndarray) -> Slopes:
    """Forward differences D x; mirrored borders make those across the last row and the last column zero.

    >>> slopes(np.array([[1.0, 4.0]])).right.tolist()
    [[3.0, 0.0]]
    """
    down, right = np.zeros_like(x), np.zeros_like(x)
    np.subtract(x[1:], x[:-1], out=down[:-1])
    np.subtract(x[:, 1:], x[:, :-1], out=right[:, :-1])
    return Slopes(down, right)


def adjoint(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """D' applied to a value per direction (the negative divergence); (H, W) each.

    >>> adjoint(np.zeros((1, 2)), np.array([[3.0, 0.0]])).tolist()
    [[-3.0, 3.0]]
    """
    total = np.zeros_like(down)
    total[:-1] -= down[:-1]
    total[1:] += down[:-1]
    total[:, :-1] -= right[:, :-1]
    total[:, 1:] += right[:, :-1]
    return total


def shrink(x: np.ndarray, threshold: np.ndarray | float) -> np.ndarray:
    """Soft threshold, sign(x) max(abs(x) - threshold, 0).

    >>> shrink(np.array([-3.0, 0.5, 2.0]), 1.0).tolist()
    [-2.0, 0.0, 1.0]
    """
    return x - np.clip(x, -threshold, threshold)


class Smoother:
    """Solves ``(mass + weight D'D) x = b`` for pictures of one shape: two cosine transforms a time.

    The cosine transform is to mirrored borders what the Fourier transform is to periodic ones: D'D becomes a product.

    >>> x = Smoother((1, 2)).solve(np.array([[0.0, 8.0]]), 1.0, 0.5)
    >>> x.round(6).tolist()
    [[2.0, 6.0]]
    """

    def __init__(self, shape: tuple[int, int], dtype: type[np.floating] = np.float64) -> None:
        rows, columns = (2 - 2 * np.cos(np.pi * np.arange(size) / size) for size in shape)
        self._laplacian = (rows[:, None] + columns).astype(dtype)

    def solve(self, b: np.ndarray, mass: float, weight: float) -> np.ndarray:
        """``b`` (H, W), ``mass`` above 0, ``weight`` at least 0."""
        response = weight * self._laplacian
        response += mass
        spectrum = np.asarray(fft.dctn(b, norm="ortho"))
        spectrum /= response
        return np.asarray(fft.idctn(spectrum, norm="ortho", overwrite_x=True))
