"""Night from day: what each recipe does to the pixels of a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ScotopicError
from ...pipeline.contract import check_image

CAMERA_GAMMA = 2.2
_LINEAR = (np.arange(256) / 255) ** CAMERA_GAMMA
_EXACT = 1e-9
"""Added before truncating, so that a product which is a whole number but for rounding stays that number."""


def gamma_darken(image: np.ndarray, gamma: float) -> np.ndarray:
    """``255 (x / 255) ** gamma`` of every channel, truncated to 8 bits.

    Args:
        image: uint8 RGB (H, W, 3).
        gamma: above 1 darkens.

    >>> gamma_darken(np.array([[[0, 128, 255]]], np.uint8), 2.0).tolist()
    [[[0, 64, 255]]]
    """
    check_image(image)
    levels = np.floor(255 * (np.arange(256) / 255) ** gamma + _EXACT).astype(np.uint8)
    return levels[image]


def scale_lightness(image: np.ndarray, lightness: float) -> np.ndarray:
    """The lightness of HLS, ``(max + min) / 2``, times ``lightness``; hue and saturation stay; truncated to 8 bits.

    The saturation of HLS is high just below white, so that highlights turn into strong colours of up to twice the level
    of white: (254, 255, 255) becomes (0, 50, 50) at 0.1, white itself (25, 25, 25).

    Args:
        image: uint8 RGB (H, W, 3).
        lightness: share of the lightness that is left, in (0, 1].

    >>> scale_lightness(np.array([[[255, 255, 255], [254, 255, 255], [60, 80, 100]]], np.uint8), 0.1).tolist()
    [[[25, 25, 25], [0, 50, 50], [6, 8, 10]]]
    """
    check_image(image)
    # In HLS a channel v is L + S min(L, 1 - L) w with w in [-1, 1], and S and w do not change: v - L is scaled by how
    # min(L, 1 - L) changes. Both depend on max + min alone, so they come from tables with 511 entries.
    before = np.arange(511) / 510
    after = before * lightness
    room = np.minimum(before, 1 - before)
    scale = np.divide(np.minimum(after, 1 - after), room, out=np.ones_like(room), where=room > 0)
    offset = 255 * (after - scale * before)
    extremes = image.max(axis=2).astype(np.int64) + image.min(axis=2)
    values = scale[extremes][..., None] * image + offset[extremes][..., None]
    return np.floor(np.clip(values + _EXACT, 0, 255)).astype(np.uint8)


def underexpose(
    image: np.ndarray,
    exposure: float = 1 / 20,
    photons: float = 4000.0,
    read_noise: float = 0.001,
    seed: int = 0,
) -> np.ndarray:
    """The picture as a camera would have taken it with less light.

    Linearise with gamma 2.2, scale by ``exposure``, draw photon noise (Poisson) and read noise (normal), go back
    through the gamma, round to 8 bits.

    Args:
        image: uint8 RGB (H, W, 3).
        exposure: share of the light that is left, in (0, 1].
        photons: how many photons make full white; fewer give more noise.
        read_noise: standard deviation, as a share of full white.
        seed: of the noise; the same seed gives the same picture.

    Raises:
        ScotopicError: a parameter is out of its range.

    >>> white = np.full((2, 2, 3), 255, np.uint8)
    >>> int(underexpose(white, exposure=0.05).mean())
    65
    """
    check_image(image)
    if not 0 < exposure <= 1 or not photons > 0 or not read_noise >= 0:
        raise ScotopicError(
            f"cannot darken with exposure {exposure}, photons {photons}, read noise {read_noise}: "
            "give an exposure in (0, 1], photons above 0 and a noise of at least 0"
        )
    seen = sensor(exposure * _LINEAR[image], photons, read_noise, np.random.default_rng(seed))
    return develop(seen)


def linear(image: np.ndarray) -> np.ndarray:
    """Light of a uint8 picture as a share of full white, float64 in [0, 1]: its levels through gamma 2.2."""
    return _LINEAR[image]


def sensor(light: np.ndarray, photons: float, read_noise: float, rng: np.random.Generator) -> np.ndarray:
    """What a sensor counts: Poisson noise of the photons, then normal read noise.

    Args:
        light: any shape, share of full white; at least 0.
        photons: how many make full white.
        read_noise: standard deviation as a share of full white.
        rng: the source of the noise.

    Returns:
        Float64 of the same shape, with mean ``light`` and variance ``light / photons + read_noise ** 2``; not clipped.
    """
    return rng.poisson(light * photons) / photons + rng.normal(0, read_noise, light.shape)


def develop(light: np.ndarray) -> np.ndarray:
    """Clip light to [0, 1], bring it through gamma 1 / 2.2, round to 8 bits.

    >>> develop(np.array([-0.1, 0.2176, 2.0])).tolist()
    [0, 127, 255]
    """
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / CAMERA_GAMMA)).astype(np.uint8)


@dataclass(frozen=True)
class Pool:
    """A pool of lamp light: centre and radii as shares of width and height, and its strength."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    strength: float


def light_field(
    height: int, width: int, ambient: float, sky: float, horizon: float, pools: Sequence[Pool]
) -> np.ndarray:
    """How much of the light falls where: dim light everywhere, less above the horizon, and pools of lamps.

    Args:
        height, width: of the picture, pixels.
        ambient: the dim light, against pools of strength about 1.
        sky: share of the dim light that is left at the top of the picture, in [0, 1].
        horizon: where the light falls off towards the sky, as a share of the height.
        pools: Gaussian pools of light.

    Returns:
        Float64 (height, width), above 0, with mean 1: the exposure stays what it says.
    """
    y = (np.arange(height) + 0.5)[:, None] / height
    x = (np.arange(width) + 0.5)[None, :] / width
    rise = 1 / (1 + np.exp(-(y - horizon) / 0.06))
    field = ambient * (sky + (1 - sky) * rise) + np.zeros((height, width))
    for pool in pools:
        across = np.exp(-0.5 * ((x - pool.x) / pool.radius_x) ** 2)
        down = np.exp(-0.5 * ((y - pool.y) / pool.radius_y) ** 2)
        field += pool.strength * down * across
    return field / field.mean()
