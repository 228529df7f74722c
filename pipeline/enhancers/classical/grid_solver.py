"""Large symmetric linear systems on the pixel grid, as edge-preserving smoothing by least squares needs them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, get_lapack_funcs

# Factor and solve a symmetric positive definite tridiagonal system.
_factor, _solve = get_lapack_funcs(("pttrf", "pttrs"), dtype=np.float64)

# The coarsest grid is solved directly; below this size NumPy's overhead outweighs the arithmetic.
COARSEST = 1000
# Piecewise constant corrections fall short of smooth ones; a longer step makes up for it (Braess 1995).
OVERCORRECTION = 1.6
MAX_ITERATIONS = 200


def solve_on_grid(
    mass: np.ndarray, down: np.ndarray, right: np.ndarray, b: np.ndarray, tolerance: float = 1e-4
) -> np.ndarray:
    """Solve ``(diag(mass) + Dv' diag(down) Dv + Dh' diag(right) Dh) x = b`` for a picture x.

    Dv and Dh are forward differences; nothing flows over the border, so the last row of ``down`` and the last column
    of ``right`` count as zero. Conjugate gradients, preconditioned by a W-cycle of multigrid: 2x2 pixels make one of
    the next coarser grid, and each grid is smoothed along its rows and its columns by tridiagonal solves, because
    couplings that differ by a factor of 10,000 from pixel to pixel are the rule here.

    Cost: 20 to 30 iterations, nearly whatever the size; some 200 bytes a pixel.

    Args:
        mass: positive float64 (H, W).
        down: at least 0, (H, W): the coupling of each pixel with the one below.
        right: at least 0, (H, W): the coupling of each pixel with the one to its right.
        b: float64 (H, W); also the first guess of ``mass * x``.
        tolerance: stops when neither of two successive steps moved any pixel by more than this.

    >>> one = np.ones((1, 3))
    >>> solve_on_grid(one, one, one, np.array([[0.0, 0.0, 8.0]])).round(6).tolist()
    [[1.0, 2.0, 5.0]]
    """
    down, right = down.copy(), right.copy()
    down[-1], right[:, -1] = 0, 0
    grids = _hierarchy(mass, down, right)
    x = b / mass
    residual = b - grids[0].apply(x)
    direction, last, calm = np.zeros_like(x), 1.0, 0
    for _ in range(MAX_ITERATIONS):
        preconditioned = _cycle(grids, 0, residual)
        now = float(np.vdot(residual, preconditioned))
        if now <= 0:  # nothing is left to correct
            break
        direction *= now / last
        direction += preconditioned
        image = grids[0].apply(direction)
        length = now / float(np.vdot(direction, image))
        x += length * direction
        residual -= length * image
        last = now
        calm = calm + 1 if length * max(direction.max(), -direction.min()) <= tolerance else 0
        if calm == 2:
            break
    return x


class _Grid:
    """The system on one grid, with what its solves along rows and columns need."""

    def __init__(self, mass: np.ndarray, down: np.ndarray, right: np.ndarray) -> None:
        self.mass, self.down, self.right = mass, down, right
        diagonal = mass + down + right
        diagonal[1:] += down[:-1]
        diagonal[:, 1:] += right[:, :-1]
        self.diagonal = diagonal
        self.is_coarsest = mass.size <= COARSEST
        if self.is_coarsest:
            self._direct = cho_factor(self._dense())
        else:
            # All rows behind one another are one tridiagonal system: the coupling is zero at the end of each.
            self._rows = _factor(diagonal.ravel(), -right.ravel()[:-1])[:2]
            self._columns = _factor(diagonal.T.ravel(), -down.T.ravel()[:-1])[:2]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The matrix times ``x``."""
        y = self.mass * x
        flow = x[:-1] - x[1:]
        flow *= self.down[:-1]
        y[:-1] += flow
        y[1:] -= flow
        flow = x[:, :-1] - x[:, 1:]
        flow *= self.right[:, :-1]
        y[:, :-1] += flow
        y[:, 1:] -= flow
        return y

    def between_rows(self, x: np.ndarray) -> np.ndarray:
        """What the couplings between rows bring to each pixel from those above and below."""
        y = np.zeros_like(x, order="C")
        y[:-1] = self.down[:-1] * x[1:]
        y[1:] += self.down[:-1] * x[:-1]
        return y

    def between_columns(self, x: np.ndarray) -> np.ndarray:
        """What the couplings between columns bring to each pixel from those to its left and right."""
        y = np.zeros_like(x, order="C")
        y[:, :-1] = self.right[:, :-1] * x[:, 1:]
        y[:, 1:] += self.right[:, :-1] * x[:, :-1]
        return y

    def solve_rows(self, b: np.ndarray) -> np.ndarray:
        """Solve as if the couplings between rows were only on the diagonal."""
        return _solve(*self._rows, b.reshape(-1, 1))[0].reshape(b.shape)

    def solve_columns(self, b: np.ndarray) -> np.ndarray:
        """Solve as if the couplings between columns were only on the diagonal."""
        return _solve(*self._columns, b.T.reshape(-1, 1))[0].reshape(b.shape[::-1]).T

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Solve outright; on the coarsest grid only."""
        return cho_solve(self._direct, b.reshape(-1)).reshape(b.shape)

    def _dense(self) -> np.ndarray:
        width, number = self.mass.shape[1], self.mass.size
        matrix = np.diag(self.diagonal.ravel())
        index = np.arange(number)
        matrix[index[:-1], index[1:]] = matrix[index[1:], index[:-1]] = -self.right.ravel()[:-1]
        if width < number:
            couplings = self.down.ravel()[:-width]
            matrix[index[:-width], index[width:]] -= couplings
            matrix[index[width:], index[:-width]] -= couplings
        return matrix


def _hierarchy(mass: np.ndarray, down: np.ndarray, right: np.ndarray) -> list[_Grid]:
    """Galerkin's coarser systems for piecewise constant corrections: what crosses the border of a 2x2 block, summed."""
    grids = [_Grid(mass, down, right)]
    while not grids[-1].is_coarsest:
        across_down, across_right = np.zeros_like(down), np.zeros_like(right)
        across_down[1::2], across_right[:, 1::2] = down[1::2], right[:, 1::2]
        mass, down, right = _blocks(mass), _blocks(across_down), _blocks(across_right)
        grids.append(_Grid(mass, down, right))
    return grids


def _blocks(a: np.ndarray) -> np.ndarray:
    """The sums over blocks of 2x2; at odd borders over what is there."""
    height, width = a.shape
    if height % 2 or width % 2:
        a = np.pad(a, ((0, height % 2), (0, width % 2)))
    rows = a[::2] + a[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def _cycle(grids: list[_Grid], level: int, b: np.ndarray) -> np.ndarray:
    """An approximate solution on grid ``level``; linear and symmetric in ``b``, as conjugate gradients demand."""
    grid = grids[level]
    if grid.is_coarsest:
        return grid.solve(b)
    # A solve along the rows leaves of the residual what the couplings between rows carry, and the other way round.
    x = grid.solve_rows(b)
    step = grid.solve_columns(grid.between_rows(x))
    x += step
    residual = grid.between_columns(step)
    wanted = _blocks(residual)
    coarse = _cycle(grids, level + 1, wanted)
    if not grids[level + 1].is_coarsest:
        coarse += _cycle(grids, level + 1, wanted - grids[level + 1].apply(coarse))
    coarse *= OVERCORRECTION
    height, width = x.shape
    step = coarse.repeat(2, 0).repeat(2, 1)[:height, :width]
    x += step
    residual -= grid.apply(step)
    step = grid.solve_columns(residual)
    x += step
    x += grid.solve_rows(grid.between_columns(step))
    return x
