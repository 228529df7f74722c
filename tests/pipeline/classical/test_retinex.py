"""LIME against dense and constrained solutions of its equations and a published picture, MSRCR against SciPy's blur."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import lsq_linear

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.classical.grid_solver import COARSEST, solve_on_grid
from scotopic.pipeline.enhancers.classical.lime import EPSILON, Lime
from scotopic.pipeline.enhancers.classical.msrcr import SCALES, MultiScaleRetinex, gaussian_blurs
from scotopic.pipeline.image import read_image


def differences(shape: tuple[int, int], axis: int) -> np.ndarray:
    """The matrix of the periodic forward difference of a picture, row by row."""
    unit = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    return (np.roll(unit, -1, axis + 1) - unit).reshape(len(unit), -1).T


def lime_weights(initial: np.ndarray) -> list[np.ndarray]:
    """W of strategy III, pixel by pixel."""
    kernel = np.array([[math.exp(-(i * i + j * j) / 8) for i in range(-2, 3)] for j in range(-2, 3)])
    kernel /= kernel.sum()
    weights = []
    for axis in (0, 1):
        padded = np.pad(np.roll(initial, -1, axis) - initial, 2, mode="symmetric")
        rows = [
            [abs((kernel * padded[y : y + 5, x : x + 5]).sum()) for x in range(initial.shape[1])]
            for y in range(initial.shape[0])
        ]
        weights.append(1 / (np.array(rows) + EPSILON))
    return weights


@pytest.fixture
def room(rng: np.random.Generator) -> np.ndarray:
    """A small picture of two surfaces with texture, (12, 15, 3)."""
    picture = np.full((12, 15, 3), (30, 20, 10), float)
    picture[:, 8:] = (160, 140, 90)
    return (picture * rng.uniform(0.6, 1.2, (12, 15, 1))).astype(np.uint8)


@pytest.mark.parametrize("alpha", [0.001, 0.15])
def test_fast_lime_solves_the_papers_linear_system(room: np.ndarray, alpha: float) -> None:
    initial = room.max(2) / 255
    matrix = np.eye(initial.size)
    for axis, weight in enumerate(lime_weights(initial)):
        slope = np.roll(initial, -1, axis) - initial
        coupling = alpha * weight / (abs(slope) + EPSILON)
        coupling[(-1, slice(None)) if axis == 0 else (slice(None), -1)] = 0  # nothing flows over the border
        matrix += differences(initial.shape, axis).T @ (coupling.reshape(-1, 1) * differences(initial.shape, axis))
    expected = np.linalg.solve(matrix, initial.ravel()).reshape(initial.shape)
    np.testing.assert_allclose(Lime(alpha).illumination(room), expected, atol=1e-6)
    result = 255 * (room / 255) / (expected**0.8 + EPSILON)[..., None]
    assert np.abs(Lime(alpha).enhance(room) - result.clip(0, 255)).max() <= 0.51


@pytest.mark.parametrize("alpha", [0.0002, 0.001, 0.15])
def test_exact_lime_minimises_the_papers_objective(room: np.ndarray, alpha: float) -> None:
    """The dual of eq. 8 is a least-squares problem within bounds: t = t^ - D'p / 2 with |p| <= alpha W."""
    initial = room.max(2) / 255
    slopes = np.concatenate([differences(initial.shape, axis) for axis in (0, 1)])
    bound = alpha * np.concatenate([weight.ravel() for weight in lime_weights(initial)])

    def objective(t: np.ndarray) -> float:
        return float(((t - initial) ** 2).sum() + (bound * abs(slopes @ t.ravel())).sum())

    dual = lsq_linear(slopes.T / 2, initial.ravel(), (-bound, bound), tol=1e-12, max_iter=1000)
    best = (initial.ravel() - slopes.T @ dual.x / 2).reshape(initial.shape)
    found = Lime(alpha, solver="exact").illumination(room)
    assert objective(found) < objective(best) * 1.05
    assert objective(found) < objective(Lime(alpha).illumination(room))
    assert np.abs(found - best).mean() < 0.005


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (1, 3001), (3001, 1), (2, 900), (61, 43)], ids=str)
def test_grid_solver_solves(shape: tuple[int, int], rng: np.random.Generator) -> None:
    """Couplings over seven decades, as LIME's."""
    mass, b = rng.uniform(0.5, 2, shape), rng.random(shape)
    down, right = 10 ** rng.uniform(-2, 5, (2, *shape))
    x = solve_on_grid(mass, down, right, b, tolerance=1e-9)
    flow_down, flow_right = down[:-1] * np.diff(x, axis=0), right[:, :-1] * np.diff(x, axis=1)
    image = mass * x
    image[:-1] -= flow_down
    image[1:] += flow_down
    image[:, :-1] -= flow_right
    image[:, 1:] += flow_right
    np.testing.assert_allclose(image, b, atol=1e-4)
    assert mass.size <= COARSEST or max(shape) > 60  # both ways are taken


def test_default_tolerance_is_below_a_grey_level(data_dir: Path) -> None:
    picture = cv2.resize(read_image(data_dir / "lime" / "1.bmp"), (240, 227), interpolation=cv2.INTER_AREA)
    initial = picture.max(2) / 255
    down, right = (
        0.15 * w / (abs(np.roll(initial, -1, a) - initial) + EPSILON) for a, w in enumerate(lime_weights(initial))
    )
    one = np.ones_like(initial)
    precise = solve_on_grid(one, down, right, initial, tolerance=1e-10)
    assert np.abs(solve_on_grid(one, down, right, initial) / precise - 1).max() < 0.002


@pytest.mark.parametrize("solver", ["fast", "exact"])
def test_lime_resembles_the_published_picture(data_dir: Path, solver: Any) -> None:
    """The published picture is darker than the paper's gamma makes it: regressing the logarithm of its largest channel
    on that of the input gives an exponent of 0.43, where 1 - 0.8 would be 0.2. With gamma 0.5 mean and look agree."""
    folder = data_dir / "sgz_samples"
    dark, published = (
        cv2.resize(read_image(folder / name), (576, 432), interpolation=cv2.INTER_AREA)
        for name in ("Dark7.jpg", "LIME7.jpg")
    )
    ours = Lime(gamma=0.5, solver=solver).enhance(dark)
    assert ours.mean() == pytest.approx(published.mean(), rel=0.1)
    assert np.corrcoef(ours.ravel(), published.ravel())[0, 1] > 0.95
    assert Lime(solver=solver).enhance(dark).mean() > published.mean()


@pytest.mark.parametrize("sigma", SCALES)
def test_blur_is_a_gaussian(sigma: float, rng: np.random.Generator) -> None:
    channel = (rng.random((64, 91)) * 255).astype(np.float32)
    channel[20:30, 40:70] += 100
    expected = gaussian_filter(channel.astype(np.float64), sigma, mode="reflect", truncate=6)
    np.testing.assert_allclose(gaussian_blurs(channel, (sigma,))[0], expected, atol=2e-3)


def test_msrcr_is_its_formula(room: np.ndarray) -> None:
    values = room.astype(float) + 1
    restored = np.zeros_like(values)
    for i in range(3):
        for sigma in (15, 80, 250):
            surround = gaussian_filter(values[..., i], sigma, mode="reflect", truncate=6)
            restored[..., i] += (np.log(values[..., i]) - np.log(surround)) / 3
        restored[..., i] *= 46 * (np.log(125 * values[..., i]) - np.log(values.sum(2)))
    low, high = np.quantile(restored, [0.01, 0.99])
    expected = ((restored - low) / (high - low) * 255).clip(0, 255)
    assert np.abs(MultiScaleRetinex().enhance(room) - expected).max() < 1


def test_msrcr_leaves_one_colour_alone() -> None:
    picture = np.full((9, 4, 3), (3, 80, 2), np.uint8)
    assert np.array_equal(MultiScaleRetinex().enhance(picture), picture)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        *((Lime, {"alpha": value}) for value in (0, -1, math.inf, math.nan, "1", None, True)),
        *((Lime, {"gamma": value}) for value in (0, 1.5, "0.8")),
        *((Lime, {"solver": value}) for value in ("quick", None)),
        *((MultiScaleRetinex, {"clip": value}) for value in (-0.1, 0.5, "0.01", False)),
    ],
)
def test_bad_parameters_are_named(method: type[Any], wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ScotopicError, match=f"{name}={value!r} is not"):
        method(**wrong)
