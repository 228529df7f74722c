"""LIME against dense and constrained solutions of its equations and a published picture."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.classical import illumination, lime
from scotopic.pipeline.enhancers.classical.grid_solver import COARSEST, solve_on_grid
from scotopic.pipeline.enhancers.classical.illumination import EPSILON
from scotopic.pipeline.enhancers.classical.lime import Lime, denoised_in_the_dark
from scotopic.pipeline.enhancers.classical.luminance import luminance
from scotopic.pipeline.image import read_image

from .conftest import differences


def forward_difference(initial: np.ndarray, axis: int) -> np.ndarray:
    return (differences(initial.shape, axis) @ initial.ravel()).reshape(initial.shape)


def lime_weights(initial: np.ndarray) -> list[np.ndarray]:
    """W of strategy III, pixel by pixel."""
    kernel = np.array([[math.exp(-(i * i + j * j) / 8) for i in range(-2, 3)] for j in range(-2, 3)])
    kernel /= kernel.sum()
    weights = []
    for axis in (0, 1):
        padded = np.pad(forward_difference(initial, axis), 2, mode="symmetric")
        rows = [
            [abs((kernel * padded[y : y + 5, x : x + 5]).sum()) for x in range(initial.shape[1])]
            for y in range(initial.shape[0])
        ]
        weights.append(1 / (np.array(rows) + EPSILON))
    return weights


@pytest.mark.parametrize("alpha", [0.001, 0.15])
def test_fast_lime_solves_the_papers_linear_system(room: np.ndarray, alpha: float) -> None:
    initial = room.max(2) / 255
    matrix = np.eye(initial.size)
    for axis, weight in enumerate(lime_weights(initial)):
        coupling = alpha * weight / (abs(forward_difference(initial, axis)) + EPSILON)
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

    free = np.abs(slopes).sum(1) > 0  # not those across the border
    bound_of_free = bound[free]
    dual = lsq_linear(slopes[free].T / 2, initial.ravel(), (-bound_of_free, bound_of_free), tol=1e-12, max_iter=1000)
    best = (initial.ravel() - slopes[free].T @ dual.x / 2).reshape(initial.shape)
    found = Lime(alpha, solver="exact").illumination(room)
    assert objective(found) < objective(best) * 1.0101
    assert objective(found) < objective(Lime(alpha).illumination(room))
    assert np.abs(found - best).mean() < 0.01


def test_exact_lime_knows_how_far_it_is_from_the_minimum(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.resize(read_image(data_dir / "lime" / "1.bmp"), (100, 94), interpolation=cv2.INTER_AREA)
    initial = picture.max(2) / 255
    thresholds = [0.15 * w for w in illumination.structure_weights(illumination.slopes(initial))]
    reached = illumination.objective(illumination.refine_exactly(initial, 0.15), initial, thresholds)
    monkeypatch.setattr(illumination, "WITHIN", 1e-5)
    monkeypatch.setattr(illumination, "MAX_ROUNDS", 3000)
    lowest = illumination.objective(illumination.refine_exactly(initial, 0.15), initial, thresholds)
    assert lowest <= reached <= 1.0102 * lowest


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


def test_default_tolerance_is_below_a_grey_level(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.resize(read_image(data_dir / "lime" / "1.bmp"), (240, 227), interpolation=cv2.INTER_AREA)
    usual = Lime().illumination(picture)
    monkeypatch.setattr(illumination, "solve_on_grid", lambda *system: solve_on_grid(*system, tolerance=1e-10))
    assert np.abs(usual / Lime().illumination(picture) - 1).max() < 0.002


def test_a_coarser_grid_gives_nearly_the_same_picture(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.resize(read_image(data_dir / "sgz_samples" / "Dark7.jpg"), (483, 361), interpolation=cv2.INTER_AREA)
    whole = Lime().enhance(picture).astype(int)
    monkeypatch.setattr(lime, "LARGEST_GRID", 483 * 361 // 3)
    apart = np.abs(Lime().enhance(picture) - whole)
    assert apart.mean() < 6
    assert np.quantile(apart, 0.99) < 30
    assert abs(int(Lime().enhance(picture).sum()) / whole.sum() - 1) < 0.02


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (2160, 3840)])
def test_memory_is_bounded(height: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NumPy holds at most, of which the solver takes nearly all; it never sees more than two megapixels."""
    sizes: list[int] = []
    if height > 720:  # the solver's share is bounded by its grid, so it need not run
        monkeypatch.setattr(lime, "refine_fast", lambda initial, *_: sizes.append(initial.size) or initial)
    picture = np.repeat(np.linspace(0, 60, width, dtype=np.uint8)[None, :, None], height, 0).repeat(3, 2)
    picture[::7, ::5] += 20
    tracemalloc.start()
    try:
        assert Lime().enhance(picture).mean() > picture.mean()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500e6
    if height > 720:
        assert sizes == [width * height // 4]
        assert sizes[0] <= lime.LARGEST_GRID


def test_denoising_acts_where_it_is_dark(rng: np.random.Generator) -> None:
    noisy = rng.normal(120, 12, (60, 80, 1)).repeat(3, 2).clip(0, 255).astype(np.uint8)
    light = np.ones((60, 80), np.float32)
    assert np.array_equal(denoised_in_the_dark(noisy, light, 20), noisy)
    light[:, :40] = 0
    cleaned = denoised_in_the_dark(noisy, light, 20)
    assert cleaned[:, :30].std() < noisy[:, :30].std() / 3
    assert np.array_equal(cleaned[:, 40:], noisy[:, 40:])
    expected = cv2.fastNlMeansDenoising(luminance(noisy), h=20)
    assert np.array_equal(cleaned[:, :40, 1], expected[:, :40])


def test_denoise_is_a_step_of_lime(room: np.ndarray) -> None:
    assert np.array_equal(
        Lime(denoise=10).enhance(room), denoised_in_the_dark(Lime().enhance(room), Lime().illumination(room), 10)
    )


@pytest.fixture(scope="module")
def party(data_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """A dark picture and what was published as the result of LIME on it, at an eighth of the size."""
    folder = data_dir / "sgz_samples"
    dark, published = (
        cv2.resize(read_image(folder / name), (288, 216), interpolation=cv2.INTER_AREA)
        for name in ("Dark7.jpg", "LIME7.jpg")
    )
    return dark, published


@pytest.mark.parametrize("solver", ["fast", "exact"])
def test_lime_resembles_the_published_picture(party: tuple[np.ndarray, np.ndarray], solver: Any) -> None:
    """With gamma 0.5: the published picture is darker than the paper's gamma makes it; why, says the next test."""
    dark, published = party
    ours = Lime(gamma=0.5, solver=solver).enhance(dark)
    assert ours.mean() == pytest.approx(published.mean(), rel=0.1)
    assert np.corrcoef(ours.ravel(), published.ravel())[0, 1] > 0.95
    assert Lime(solver=solver).enhance(dark).mean() > published.mean()


def test_the_published_picture_is_rather_a_fusion(party: tuple[np.ndarray, np.ndarray]) -> None:
    """Its authors' later list of methods names pvnieo/Low-light-Image-Enhancement for LIME, which, unless told
    otherwise, is not LIME but a fusion (Mertens) of the picture, of LIME's result on it, and of LIME's result on the
    negative (Zhang, Nie & Zheng, 2019). The authors' gamma of 0.7, so fused, is closer than LIME with any gamma."""
    dark, published = party
    method = Lime(gamma=0.7)
    exposures = [dark, method.enhance(dark), 255 - method.enhance(255 - dark)]
    fused = (cv2.createMergeMertens().process(exposures) * 255).clip(0, 255)

    def distance(picture: np.ndarray) -> float:
        return float(np.abs(picture - published.astype(float)).mean())

    assert fused.mean() == pytest.approx(published.mean(), rel=0.1)
    assert np.corrcoef(fused.ravel(), published.ravel())[0, 1] > 0.95
    assert distance(fused) < min(distance(Lime(gamma=gamma).enhance(dark)) for gamma in (0.4, 0.5, 0.6))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"alpha": value} for value in (0, -1, math.inf, math.nan, "1", None, True)),
        *({"gamma": value} for value in (0, 1.5, "0.8")),
        *({"solver": value} for value in ("quick", None)),
        *({"denoise": value} for value in (-1, False, "10")),
    ],
    ids=str,
)
def test_bad_parameters_are_named(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ScotopicError, match=f"{name}={value!r} is not"):
        Lime(**wrong)
