"""`msrcr`: multi-scale retinex with colour restoration."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ...contract import EnhancerInfo, check_image
from ...registry import register_enhancer
from .picture import PictureEnhancer, check_number

SCALES = (15.0, 80.0, 250.0)  # standard deviations in pixels
STRENGTH, NONLINEARITY = 46.0, 125.0  # beta and alpha of the colour restoration


@register_enhancer
class MultiScaleRetinex(PictureEnhancer):
    """MSRCR (Jobson, Rahman & Woodell, IEEE TIP 1997): each channel over its surround, as logarithms, at three scales.

        R_i = sum over n of  1/3 (log I_i - log(F_n * I_i))           F_n Gaussians of sigma 15, 80 and 250 pixels
        C_i = beta (log(alpha I_i) - log(I_1 + I_2 + I_3))            beta 46, alpha 125: the colour restoration

    and the result is ``G (C_i R_i - b)``, cut off to [0, 255]. Levels are counted from 1 to 256, so that black has a
    logarithm. The paper's gain and offset (192 and -30) belong to its authors' scaling of the logarithms and give no
    usable picture otherwise; as in Petro, Sbert & Morel (IPOL 2014, "Multiscale Retinex"), the share ``clip`` of the
    values is cut off at either end and the rest stretched to the whole range. One G and one b for the three channels,
    because three would bring a colour cast. A picture of one colour has no surround to compare with and stays.
    The constants were checked against public programs, which agree on 15, 80, 250, 46, 125, 192 and -30. Whether a
    scale is the standard deviation (as in IPOL 2014 and here) or c of exp(-r^2 / c^2), they do not agree.

    The Gaussians are multiplications in the domain of the cosine transform, i.e. exact with mirrored borders, at a
    cost that does not depend on their width: twelve transforms, about 0.2 s for 1280x720 and 2 s for 4K on one
    core, some 80 bytes a pixel.

    Args:
        clip: the share of values cut off at each end, in [0, 0.5).

    Raises:
        ScotopicError: ``clip`` is out of its range.
    """

    info = EnhancerInfo(
        name="msrcr",
        summary="Multi-scale retinex with colour restoration: every pixel against its surround at three scales.",
        paper="Jobson, Rahman and Woodell: A Multiscale Retinex for Bridging the Gap Between Color Images and the "
        "Human Observation of Scenes",
        year=1997,
        kind="retinex",
        code_licence="ours, re-implemented",
        commercial=True,
        cost="moderate",
        in_graph=False,
    )

    def __init__(self, clip: float = 0.01) -> None:
        super().__init__()
        self.clip = 0.0 if clip == 0 and not isinstance(clip, bool) else check_number("clip", clip, 0, 0.49)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        values = check_image(image).astype(np.float32) + 1
        if (values == values[:1, :1]).all():
            return image.copy(order="C")
        total = np.log(values.sum(2))
        restored = np.empty_like(values)
        for i in range(3):
            channel = values[..., i]
            logarithm = np.log(channel)
            surround = sum(np.log(blurred) for blurred in gaussian_blurs(channel, SCALES)) / len(SCALES)
            colour = STRENGTH * (np.log(np.float32(NONLINEARITY)) + logarithm - total)
            restored[..., i] = colour * (logarithm - surround)
        low, high = np.quantile(restored, [self.clip, 1 - self.clip])
        if high - low < 1e-3:
            return image.copy(order="C")
        stretched = (restored - np.float32(low)) * np.float32(255 / (high - low))
        return np.rint(stretched).clip(0, 255).astype(np.uint8)


def gaussian_blurs(channel: np.ndarray, sigmas: tuple[float, ...]) -> list[np.ndarray]:
    """Blur float32 (H, W) with a Gaussian of each standard deviation, borders mirrored (``d c b a | a b c d``).

    >>> blurred = gaussian_blurs(np.full((2, 3), 7, np.float32), (250.0,))[0]
    >>> bool(np.allclose(blurred, 7))
    True
    """
    height, width = channel.shape
    spectrum = fft.dctn(channel)
    rows = np.pi * np.arange(height)[:, None] / height
    columns = np.pi * np.arange(width) / width
    blurs = []
    for sigma in sigmas:
        response = np.exp(-0.5 * (sigma * rows) ** 2) * np.exp(-0.5 * (sigma * columns) ** 2)
        blurred = np.asarray(fft.idctn(spectrum * response.astype(channel.dtype)))
        blurs.append(blurred.clip(channel.min(), channel.max()))  # rounding errors of the transform stay inside
    return blurs
