"""Night from day: a physical recipe that darkens a photograph."""

from __future__ import annotations

import numpy as np

from ...errors import ScotopicError
from ...pipeline.contract import check_image

CAMERA_GAMMA = 2.2


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
    rng = np.random.default_rng(seed)
    light = exposure * (image / 255.0) ** CAMERA_GAMMA
    seen = rng.poisson(light * photons) / photons + rng.normal(0, read_noise, light.shape)
    return np.rint(255 * np.clip(seen, 0, 1) ** (1 / CAMERA_GAMMA)).astype(np.uint8)
