"""Night from day, another one for every training sample."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..configs.restore_schema import RestoreSettings
from ..eval.datasets.darken import Pool, develop, gamma_darken, light_field, linear, sensor
from ..pipeline.image import contiguous


def darken_at_random(image: np.ndarray, settings: RestoreSettings, rng: np.random.Generator) -> np.ndarray:
    """A picture as it might look at night, or as it is: uint8 RGB (H, W, 3) -> a new one.

    A share stays bright; a share gets a power of its levels (unless told otherwise 1.3 to 5); the others are
    underexposed (1/67 to 0.6 of the light) with photon and read noise, half of them under lamps and half of them in
    warm light, and most are compressed as JPEG. The physical model is that of the recipe ``lowlight``
    (:mod:`scotopic.eval.datasets.recipes`), with wider ranges.

    >>> day = np.full((32, 32, 3), 150, np.uint8)
    >>> nights = [darken_at_random(day, RestoreSettings(bright=0), np.random.default_rng(seed)) for seed in range(20)]
    >>> max(int(night.mean()) for night in nights) < 150
    True
    """
    kind = rng.random()
    if kind < settings.bright:
        return image.copy() if rng.random() < 0.5 else _jpeg(image, int(rng.integers(60, 96)))
    if kind < settings.bright + settings.gamma:
        return gamma_darken(image, _log_uniform(rng, *settings.gamma_range))
    night = _underexposed(image, settings, rng)
    return _jpeg(night, int(rng.integers(70, 96))) if rng.random() < 0.8 else night


def _underexposed(image: np.ndarray, settings: RestoreSettings, rng: np.random.Generator) -> np.ndarray:
    exposure = _log_uniform(rng, *settings.exposure)
    noisy = rng.random() < settings.noisy
    photons = _log_uniform(rng, 1000, 5000) if noisy else _log_uniform(rng, 4000, 60000)
    read_noise = rng.uniform(0.0005, 0.0025) if noisy else rng.uniform(0, 0.0012)
    height, width = image.shape[:2]
    light = linear(image) * exposure
    if rng.random() < 0.5:
        pools = [_lamp(rng) for _ in range(rng.integers(1, 5))]
        field = light_field(height, width, rng.uniform(0.1, 0.7), rng.uniform(0.08, 1), rng.uniform(0.2, 0.5), pools)
        light = light * field[..., None]
    if rng.random() < 0.5:
        warmth = rng.uniform(-0.15, 0.7)
        light = light * np.array([2**warmth, 1, 2**-warmth])
    return develop(sensor(light, photons, read_noise, rng))


def _lamp(rng: np.random.Generator) -> Pool:
    return Pool(
        x=rng.uniform(0, 1),
        y=rng.uniform(0.2, 0.95),
        radius_x=rng.uniform(0.06, 0.4),
        radius_y=rng.uniform(0.08, 0.4),
        strength=rng.uniform(0.4, 1.6),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return contiguous(decoded[..., ::-1])
