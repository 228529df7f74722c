"""What the recipes do to pixels: brute force, the statistics of the noise, and the published DarkCityScape frames."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets.darken import Pool, gamma_darken, light_field, linear, scale_lightness, sensor, underexpose
from scotopic.eval.datasets.recipes import RECIPES, SEVERITIES, Gamma, Lightness, LowLight, parse_recipe, seed_of
from scotopic.pipeline.image import read_image

ALL_SPECS = [*RECIPES, *(f"lowlight[severity={severity}]" for severity in SEVERITIES)]


@pytest.fixture
def photograph(rng: np.random.Generator) -> np.ndarray:
    """A smooth picture with every kind of level, and some noise."""
    y, x = np.mgrid[0:60, 0:80]
    levels = np.stack([255 * x / 79, 255 * y / 59, 255 * (x + y) / 138], axis=2) + rng.normal(0, 4, (60, 80, 3))
    return np.clip(levels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gamma", [1, 1.5, 2.2, 3.2, 7])
def test_gamma_is_the_power_of_every_level_truncated(gamma: float) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    expected = [int(255 * (level / 255) ** gamma + 1e-9) for level in range(256)]
    assert gamma_darken(levels, gamma)[..., 1].ravel().tolist() == expected


def test_gamma_of_one_and_lightness_of_one_change_nothing(photograph: np.ndarray) -> None:
    assert np.array_equal(gamma_darken(photograph, 1), photograph)
    assert np.array_equal(scale_lightness(photograph, 1), photograph)


@pytest.mark.parametrize("lightness", [0.1, 0.33, 0.8])
def test_lightness_is_that_of_the_standard_librarys_hls(lightness: float, rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (20, 20, 3)).astype(np.uint8)
    image[0, :4] = [[0, 0, 0], [255, 255, 255], [254, 255, 255], [255, 0, 0]]
    for pixel, dark in zip(image.reshape(-1, 3), scale_lightness(image, lightness).reshape(-1, 3), strict=True):
        hue, light, saturation = colorsys.rgb_to_hls(*(pixel / 255))
        expected = 255 * np.array(colorsys.hls_to_rgb(hue, light * lightness, saturation))
        assert np.all(dark <= expected + 1e-6)  # truncated; the standard library rounds otherwise in the 15th digit
        assert np.all(dark > expected - 1 - 1e-6)


def test_the_noise_has_the_mean_and_the_variance_of_photons_and_read_out(rng: np.random.Generator) -> None:
    for light, photons, read_noise in ((0.05, 4000, 0.001), (0.3, 500, 0.002), (0.001, 1500, 0.02)):
        seen = sensor(np.full((400, 500), light), photons, read_noise, rng)
        variance = light / photons + read_noise**2
        assert seen.mean() == pytest.approx(light, abs=5 * np.sqrt(variance / seen.size))
        assert seen.var() == pytest.approx(variance, rel=0.02)


def test_underexposed_levels_have_the_noise_that_the_model_predicts() -> None:
    """Through the gamma by its slope, plus the 1/12 of rounding to whole levels."""
    bright, exposure, photons, read_noise = 200, 0.25, 3000.0, 0.001
    levels = underexpose(np.full((300, 300, 3), bright, np.uint8), exposure, photons, read_noise, seed=3)
    light = exposure * (bright / 255) ** 2.2
    slope = 255 / 2.2 * light ** (1 / 2.2 - 1)
    variance = slope**2 * (light / photons + read_noise**2) + 1 / 12
    assert levels.mean() == pytest.approx(255 * light ** (1 / 2.2), abs=0.1)
    assert levels.var() == pytest.approx(variance, rel=0.03)


def test_low_light_darkens_by_the_exposure_it_drew_and_no_more(photograph: np.ndarray) -> None:
    """Without tint and with many photons the mean light is that of the bright picture times exposure times field."""
    flat = np.full((90, 120, 3), 180, np.uint8)
    recipe = LowLight(exposure=0.2, photons=1e7, read_noise=0, warmth=0)
    dark, drawn = recipe.apply(flat, seed=5)
    field = light_field(90, 120, recipe.ambient, recipe.sky, drawn["horizon"], [Pool(**p) for p in drawn["pools"]])
    expected = linear(flat)[..., 0] * drawn["exposure"] * field
    assert np.abs(linear(dark)[..., 0] - expected).mean() < 0.01 * expected.mean()
    assert 0.2 / 2**0.5 <= drawn["exposure"] <= 0.2 * 2**0.5


def test_a_light_field_has_mean_one_pools_and_a_dark_sky() -> None:
    field = light_field(80, 100, 0.3, 0.1, 0.4, [Pool(0.25, 0.8, 0.1, 0.1, 1.0)])
    assert field.mean() == pytest.approx(1)
    assert field[64, 25] == field.max()
    assert field[2, 90] < 0.2 * field[75, 90]
    assert np.allclose(light_field(5, 7, 2.0, 1.0, 0.5, []), 1)


def test_warmth_shifts_the_white_balance() -> None:
    grey = np.full((60, 60, 3), 200, np.uint8)
    tints = [LowLight(warmth=2).apply(grey, seed) for seed in range(20)]
    warm, drawn = max(tints, key=lambda tint: tint[1]["warmth"])
    red, green, blue = linear(warm).reshape(-1, 3).mean(axis=0)
    assert red / green == pytest.approx(2 ** drawn["warmth"], rel=0.05)
    assert blue / green == pytest.approx(2 ** -drawn["warmth"], rel=0.05)


@pytest.mark.parametrize("spec", ALL_SPECS)
def test_every_recipe_darkens_keeps_the_shape_and_repeats_itself(spec: str, photograph: np.ndarray) -> None:
    recipe, before = parse_recipe(spec), photograph.copy()
    dark, drawn = recipe.apply(photograph, seed=7)
    again, drawn_again = recipe.apply(photograph, seed=7)
    assert dark.shape == photograph.shape
    assert dark.dtype == np.uint8
    assert dark.mean() < 0.75 * photograph.mean()
    assert np.array_equal(photograph, before)
    assert np.array_equal(dark, again)
    assert drawn == drawn_again
    if spec not in ("gamma", "lightness"):
        assert not np.array_equal(dark, recipe.apply(photograph, seed=8)[0])
    assert recipe.apply(photograph[:1, :1], seed=7)[0].shape == (1, 1, 3)


def test_severities_get_darker_and_noisier(photograph: np.ndarray) -> None:
    lumas = [
        np.mean([LowLight(severity=name).apply(photograph, seed)[0].mean() for seed in range(8)])
        for name in ("mild", "medium", "severe")
    ]
    assert lumas == sorted(lumas, reverse=True)
    noise = [SEVERITIES[name]["photons"] for name in ("mild", "medium", "severe")]
    assert noise == sorted(noise, reverse=True)
    assert LowLight() == LowLight(severity="medium")


def test_a_pictures_seed_depends_on_seed_and_key_alone() -> None:
    seeds = {seed_of(seed, key) for seed in (0, 1) for key in ("a", "b", "a/b")}
    assert len(seeds) == 6
    assert seed_of(0, "images/a") == 14968283308812155899  # written down: sets made years apart must agree


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gama", "no recipe 'gama': did you mean 'gamma'"),
        ("gamma[gama=2]", "unknown key 'gama' .did you mean 'gamma'"),
        ("gamma[gamma=0.5]", "gamma: input should be greater than or equal to 1, not 0.5"),
        ("gamma[gamma=nan]", "gamma: input should be a finite number"),
        ("gamma[gamma=dark]", "gamma: input should be a valid number"),
        ("gamma[3]", "cannot read '3' in"),
        ("gamma[", "cannot read the recipe 'gamma.'"),
        ("exposure[exposure=0]", "exposure: input should be greater than 0, not 0"),
        ("exposure[photons=0]", "photons: input should be greater than 0"),
        ("lightness[lightness=2]", "lightness: input should be less than or equal to 1, not 2"),
        ("lowlight[severity=sever]", "severity: 'sever' is not a choice .did you mean 'severe'"),
        ("lowlight[quality=0]", "quality: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(spec: str, message: str) -> None:
    with pytest.raises(ScotopicError, match=message) as error:
        parse_recipe(spec)
    assert "\n" not in str(error.value)


def _extremes(image: np.ndarray) -> set[tuple[int, int]]:
    """The pairs of largest and smallest channel that occur."""
    codes = 256 * image.max(axis=2).astype(np.int64) + image.min(axis=2)
    return {divmod(int(code), 256) for code in np.flatnonzero(np.bincount(codes.ravel()))}


def _every_pair() -> np.ndarray:
    """A picture in which every pair of a largest and a smallest 8-bit level occurs."""
    high, low = (levels.ravel() for levels in np.mgrid[0:256, 0:256])
    kept = high >= low
    return np.stack([high[kept], low[kept], low[kept]], axis=-1)[None].astype(np.uint8)


@pytest.fixture(scope="module")
def published(data_dir: Path) -> list[np.ndarray]:
    return [read_image(path) for path in sorted((data_dir / "darkcityscape" / "dark" / "images").glob("*.png"))]


def test_the_published_dark_frames_are_lightness_times_a_tenth(published: list[np.ndarray]) -> None:
    """None of six million pixels contradicts it; a little more or less light, or a curve that darkens, is refuted."""
    seen = set().union(*(_extremes(image) for image in published))
    every = _every_pair()
    assert seen <= _extremes(scale_lightness(every, 0.1))
    for other in (0.098, 0.099, 0.101, 0.102):
        assert seen - _extremes(scale_lightness(every, other))
    assert Lightness().lightness == 0.1


def test_the_published_dark_frames_are_not_made_by_a_gamma(published: list[np.ndarray]) -> None:
    """A power leaves white white; here nothing is above 50, and what was white is 25."""
    for image in published:
        assert image.max() == 50
        assert np.all(image == 25, axis=2).sum() > 5000
    assert gamma_darken(np.full((1, 1, 3), 255, np.uint8), 3.2).max() == 255


def test_the_default_gamma_gives_bright_frames_the_published_mean_luma(data_dir: Path, published: list) -> None:
    luma = np.array([0.299, 0.587, 0.114])
    wanted = np.mean([image.mean(axis=(0, 1)) @ luma for image in published])
    clear = [read_image(path) for path in sorted((data_dir / "darkcityscape" / "clear" / "images").glob("*.png"))]

    def mean_luma(gamma: float) -> float:
        return float(np.mean([gamma_darken(image, gamma).mean(axis=(0, 1)) @ luma for image in clear]))

    default = Gamma().gamma
    assert mean_luma(default - 0.1) > wanted > mean_luma(default + 0.1)
