"""LIME's illumination map: structure-aware smoothing, by one linear system or by the exact minimum."""

from __future__ import annotations

import cv2
import numpy as np

from .grid_solver import solve_on_grid
from .mirrored import Slopes, Smoother, adjoint, shrink, slopes

EPSILON = 1e-3  # keeps the weights finite: a quarter of a grey level
WINDOW, SIGMA = 5, 2.0  # of the Gaussian in weighting strategy III

# The exact solver. Over-relaxation: Boyd et al. (2011), section 3.4.3.
PENALTY_PER_ALPHA, RELAXATION = 6000.0, 1.8
WITHIN, CHECK_EVERY, MAX_ROUNDS = 0.01, 25, 500


def structure_weights(slope: Slopes, epsilon: float = EPSILON) -> Slopes:
    """W of strategy III (eq. 18) from the slopes of the initial map."""
    smooth = (cv2.GaussianBlur(s, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT) for s in slope)
    return Slopes(*(1 / (np.abs(mean) + epsilon) for mean in smooth))


def refine_fast(initial: np.ndarray, alpha: float, epsilon: float = EPSILON) -> np.ndarray:
    """The sped-up solver (eq. 20-21): initial map float64 (H, W) in [0, 1] -> refined map."""
    slope = slopes(initial)
    weights = structure_weights(slope, epsilon)
    down, right = (alpha * w / (np.abs(s) + epsilon) for w, s in zip(weights, slope, strict=True))
    return solve_on_grid(np.ones_like(initial), down, right, initial)


def refine_exactly(initial: np.ndarray, alpha: float, epsilon: float = EPSILON) -> np.ndarray:
    """Minimise eq. 8 by an augmented Lagrangian with G = grad T: initial map float64 (H, W) -> refined map.

    Ends when the objective is within 1 % of the dual objective, hence of the minimum, or after 500 rounds.
    """
    thresholds = [alpha * weight for weight in structure_weights(slopes(initial), epsilon)]
    penalty = PENALTY_PER_ALPHA * alpha
    smoother = Smoother(initial.shape)
    split = [np.zeros_like(initial), np.zeros_like(initial)]  # G
    dual = [np.zeros_like(initial), np.zeros_like(initial)]  # Z over the penalty
    refined = initial
    for number in range(1, MAX_ROUNDS + 1):
        target = adjoint(*(g - z for g, z in zip(split, dual, strict=True)))
        refined = smoother.solve(2 * initial + penalty * target, 2, penalty)
        for axis, slope in enumerate(slopes(refined)):
            wanted = RELAXATION * slope + (1 - RELAXATION) * split[axis] + dual[axis]
            split[axis] = shrink(wanted, thresholds[axis] / penalty)
            dual[axis] = wanted - split[axis]
        if number % CHECK_EVERY == 0:
            reached = objective(refined, initial, thresholds)
            if reached - lower_bound([penalty * z for z in dual], initial) <= WITHIN * reached:
                break
    return refined


def objective(t: np.ndarray, initial: np.ndarray, thresholds: list[np.ndarray]) -> float:
    """Eq. 8, with alpha W per direction as ``thresholds``."""
    variation = sum(float(np.sum(w * np.abs(s))) for w, s in zip(thresholds, slopes(t), strict=True))
    return float(np.sum((t - initial) ** 2)) + variation


def lower_bound(dual: list[np.ndarray], initial: np.ndarray) -> float:
    """The dual objective of eq. 8, for |dual| <= alpha W, which shrinkage sees to: no map has less than this."""
    divergence = adjoint(*dual)
    return float(np.sum(initial * divergence) - np.sum(divergence**2) / 4)
