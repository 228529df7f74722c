"""Recipes that make night from day, by name: ``gamma``, ``lightness``, ``exposure``, ``lowlight``."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...configs.checks import validate
from ...errors import ScotopicError, nearest
from ...pipeline.registry import parse_spec
from .darken import Pool, develop, gamma_darken, light_field, linear, scale_lightness, sensor, underexpose

Drawn = dict[str, Any]
"""What a recipe drew for one picture, for the manifest; empty where it draws nothing but noise."""


class Recipe(BaseModel):
    """A way to darken pictures, and its options."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str]
    quality: int | None = Field(default=None, ge=1, le=100, description="of the JPEG; a lossless PNG unless given")

    @abstractmethod
    def apply(self, image: np.ndarray, seed: int) -> tuple[np.ndarray, Drawn]:
        """Darken one picture, uint8 RGB (H, W, 3) -> the same shape and what was drawn for it.

        The JPEG comes later, when the picture is written. The same seed gives the same picture.
        """
        raise NotImplementedError(f"{type(self).__name__} has no apply()")


class Gamma(Recipe):
    """A power of the levels, ``x ** gamma``, truncated to 8 bits: no noise, and no channel is clipped.

    The default is an estimate, see docs/dark_sets.md: with it the mean histogram of four bright Cityscapes frames gets
    the mean luma of three published DarkCityScape frames (9.3).

    >>> int(Gamma(gamma=3).apply(np.full((1, 1, 3), 128, np.uint8), seed=0)[0][0, 0, 0])
    32
    """

    name: ClassVar[str] = "gamma"
    gamma: float = Field(default=3.2, ge=1, le=10, description="the exponent; 1 changes nothing")

    def apply(self, image: np.ndarray, seed: int) -> tuple[np.ndarray, Drawn]:
        return gamma_darken(image, self.gamma), {}


class Lightness(Recipe):
    """The lightness of HLS times a factor, truncated to 8 bits: what the published DarkCityScape frames were made with.

    >>> int(Lightness().apply(np.full((1, 1, 3), 255, np.uint8), seed=0)[0].max())
    25
    """

    name: ClassVar[str] = "lightness"
    lightness: float = Field(default=0.1, gt=0, le=1, description="share of the lightness that is left")

    def apply(self, image: np.ndarray, seed: int) -> tuple[np.ndarray, Drawn]:
        return scale_lightness(image, self.lightness), {}


class Exposure(Recipe):
    """Even underexposure of the linear picture with photon and read noise, see :func:`~.darken.underexpose`."""

    name: ClassVar[str] = "exposure"
    quality: int | None = Field(default=90, ge=1, le=100, description="of the JPEG")
    exposure: float = Field(default=1 / 20, gt=0, le=1, description="share of the light that is left")
    photons: float = Field(default=4000, gt=0, le=1e9, description="how many make full white")
    read_noise: float = Field(default=0.001, ge=0, le=1, description="standard deviation, share of full white")

    def apply(self, image: np.ndarray, seed: int) -> tuple[np.ndarray, Drawn]:
        return underexpose(image, self.exposure, self.photons, self.read_noise, seed), {}


Severity = Literal["mild", "medium", "severe"]
SEVERITIES: dict[str, dict[str, float]] = {
    "mild": {"exposure": 1 / 8, "photons": 12000, "read_noise": 0.0005, "ambient": 0.6, "sky": 0.3, "quality": 92},
    "medium": {"exposure": 1 / 20, "photons": 4000, "read_noise": 0.001, "ambient": 0.25, "sky": 0.12, "quality": 90},
    "severe": {"exposure": 1 / 50, "photons": 1500, "read_noise": 0.002, "ambient": 0.12, "sky": 0.08, "quality": 85},
}
"""What a severity stands for; any option given beside it wins."""


class LowLight(Recipe):
    """A night street by a physical model of light and sensor.

    Linearise (gamma 2.2); scale by the exposure; multiply by an uneven light field of mean 1 (dim light that falls off
    above a horizon, and Gaussian pools of lamps, see :func:`~.darken.light_field`); tint it, as the camera's white
    balance does not follow the lamps; draw photon noise (Poisson) and read noise (normal); back through the gamma;
    8 bits; JPEG. For each picture its own exposure, horizon, pools and tint are drawn.

    >>> LowLight(severity="severe").photons, LowLight(severity="severe", photons=9000).photons
    (1500.0, 9000.0)
    """

    name: ClassVar[str] = "lowlight"
    severity: Severity = Field(default="medium", description="sets the options below that are not given")
    quality: int | None = Field(default=90, ge=1, le=100, description="of the JPEG")
    exposure: float = Field(default=1 / 20, gt=0, le=1, description="middle of the drawn shares of light")
    spread: float = Field(default=0.5, ge=0, le=3, description="stops by which the exposure varies, up and down")
    photons: float = Field(default=4000, gt=0, le=1e9, description="how many make full white")
    read_noise: float = Field(default=0.001, ge=0, le=1, description="standard deviation, share of full white")
    ambient: float = Field(default=0.25, gt=0, le=100, description="dim light, against pools of strength about 1")
    sky: float = Field(default=0.12, ge=0, le=1, description="share of the dim light at the top of the picture")
    pools: int = Field(default=5, ge=0, le=50, description="most pools of light; at least one, unless this is 0")
    warmth: float = Field(default=0.7, ge=0, le=2, description="most stops by which red gains and blue loses")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if isinstance(given, dict) and (severity := given.get("severity", "medium")) in SEVERITIES:
            return {**SEVERITIES[severity], **given}
        return given

    def apply(self, image: np.ndarray, seed: int) -> tuple[np.ndarray, Drawn]:
        rng = np.random.default_rng(seed)
        # Rounded, so that the manifest holds exactly the values that were used.
        exposure = float(f"{min(1.0, self.exposure * 2 ** rng.uniform(-self.spread, self.spread)):.5g}")
        horizon, warmth = _draw(rng, 0.3, 0.5), _draw(rng, -0.2 * self.warmth, self.warmth)
        pools = [_draw_pool(rng) for _ in range(rng.integers(1, self.pools + 1))] if self.pools else []
        height, width = image.shape[:2]
        field = light_field(height, width, self.ambient, self.sky, horizon, pools)
        light = linear(image) * (exposure * field)[..., None] * np.array([2**warmth, 1.0, 2**-warmth])
        drawn = {"exposure": exposure, "horizon": horizon, "warmth": warmth, "pools": [vars(pool) for pool in pools]}
        return develop(sensor(light, self.photons, self.read_noise, rng)), drawn


def _draw(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 4)


def _draw_pool(rng: np.random.Generator) -> Pool:
    return Pool(
        x=_draw(rng, 0, 1),
        y=_draw(rng, 0.35, 0.95),
        radius_x=_draw(rng, 0.06, 0.25),
        radius_y=_draw(rng, 0.08, 0.3),
        strength=_draw(rng, 0.4, 1.6),
    )


RECIPES: dict[str, type[Recipe]] = {recipe.name: recipe for recipe in (Gamma, Lightness, Exposure, LowLight)}


def parse_recipe(spec: str) -> Recipe:
    """A recipe from its name, or its name and options.

    Raises:
        ScotopicError: no such recipe or option (the nearest is named), or an option out of its range.

    >>> parse_recipe("gamma[gamma=2.5]").gamma
    2.5
    >>> parse_recipe("gama")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: no recipe 'gama': did you mean 'gamma'? Known: exposure, gamma, lightness, lowlight
    """
    try:
        name, options = parse_spec(spec)
    except ScotopicError as error:
        raise ScotopicError(str(error).replace("the enhancer", "the recipe")) from None
    return make_recipe(name, options)


def make_recipe(name: str, options: dict[str, Any]) -> Recipe:
    """A recipe from its name and its options; see :func:`parse_recipe`."""
    if name not in RECIPES:
        raise ScotopicError(f"no recipe {name!r}: {nearest(name, RECIPES)}")
    return validate(RECIPES[name], options, f"the recipe {name}")


def seed_of(seed: int, key: str) -> int:
    """The seed of one picture: from the set's seed and the picture's key alone, whatever else is in the set.

    >>> seed_of(0, "images/test/a") == seed_of(0, "images/test/a") != seed_of(1, "images/test/a")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:8], "big")
