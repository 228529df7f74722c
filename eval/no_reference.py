"""How natural a picture looks by itself: BRISQUE and NIQE, with the parameters that their authors published.

Both ask how the brightness of neighbouring pixels is distributed once the local mean and contrast are taken out. That
is what makes them blind to darkness: they see noise, blur and too few grey levels, but not that it is night.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple
from zipfile import BadZipFile

import cv2
import numpy as np
from scipy.ndimage import correlate1d
from scipy.special import gamma

from ..errors import ScotopicError
from ..pipeline.contract import check_image
from .brisque_files import FEATURES, range_file, read_support_vectors

BLOCK = 96
"""Pixels across NIQE's blocks, as in the paper."""
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_SHAPES = np.arange(0.2, 10.0005, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))  # rises with the shape
# MATLAB's imresize(image, 0.5): Keys' cubic, stretched to twice its width so that nothing aliases.
_HALVING = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375])
_HALVING = np.concatenate([_HALVING, _HALVING[::-1]])


class AsymmetricGaussian(NamedTuple):
    """A generalised Gaussian with two sides (Lasmar et al. 2009; eq. 7 of the NIQE paper).

    Attributes:
        shape: 2 is a Gaussian, 1 a Laplacian.
        left, right: the standard deviations of the two sides.
    """

    shape: float
    left: float
    right: float

    @property
    def scale(self) -> float:
        """Beta of a side with the standard deviation 1."""
        return float(np.sqrt(gamma(1 / self.shape) / gamma(3 / self.shape)))

    @property
    def mean(self) -> float:
        """Eta (eq. 8)."""
        return float((self.right - self.left) * self.scale * gamma(2 / self.shape) / gamma(1 / self.shape))


def fit_asymmetric_gaussian(values: np.ndarray) -> AsymmetricGaussian:
    """Fit by matching moments, with the shape on the authors' grid: 0.2 to 10 in steps of 0.001.

    Returns:
        The fit; NaN where there is no negative or no positive value.

    >>> fit = fit_asymmetric_gaussian(np.random.default_rng(0).normal(size=40_000))
    >>> round(fit.shape, 1), round(fit.left, 1), round(fit.right, 1)
    (2.0, 1.0, 1.0)
    """
    negative, positive = values[values < 0], values[values > 0]
    if not (negative.size and positive.size):
        return AsymmetricGaussian(np.nan, np.nan, np.nan)
    left, right = np.sqrt(np.mean(negative**2)), np.sqrt(np.mean(positive**2))
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    above = int(np.clip(np.searchsorted(_RATIOS, ratio), 1, len(_RATIOS) - 1))
    nearest = above - 1 if ratio - _RATIOS[above - 1] < _RATIOS[above] - ratio else above
    return AsymmetricGaussian(float(_SHAPES[nearest]), float(left), float(right))


def normalized(grey: np.ndarray) -> np.ndarray:
    """Mean-subtracted, contrast-normalised brightness (eq. 1 of both papers).

    Args:
        grey: float64 (H, W), 0..255.

    Returns:
        The same shape: ``(I - mean) / (deviation + 1)`` under a Gaussian window of 7x7 pixels, sigma 7/6; exactly 0
        where the window is flat, so that no rounding error is taken for structure.
    """
    blur = {"ksize": (7, 7), "sigmaX": 7 / 6, "borderType": cv2.BORDER_REPLICATE}
    mean = cv2.GaussianBlur(grey, **blur)
    variance = cv2.GaussianBlur(grey * grey, **blur) - mean * mean
    field = (grey - mean) / (np.sqrt(np.maximum(variance, 0)) + 1)
    field[np.abs(field) < 1e-9] = 0  # one grey level at the window's corner makes 1e-4
    return field


class Brisque:
    """Blind/referenceless image spatial quality evaluator (Mittal et al. 2012): lower is better, about 0 to 100.

    Args:
        model: see :func:`~scotopic.eval.brisque_files.read_support_vectors`; its range lies beside it. The values are
            those of the data base that it was trained on, so figures of different files do not compare.
    """

    name: ClassVar[str] = "BRISQUE"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, model: str | Path) -> None:
        self.regression = read_support_vectors(model)
        self.files = (Path(model).expanduser(), range_file(Path(model).expanduser()))

    def __call__(self, image: np.ndarray) -> float:
        """The score of a picture, not cut off at 0 and 100 as OpenCV's is.

        Args:
            image: uint8 RGB (H, W, 3).

        Raises:
            ScotopicError: it is smaller than 16 pixels, or has so little structure that there is nothing to fit.
        """
        score = self.regression.predict(brisque_features(image))
        if not np.isfinite(score):
            raise ScotopicError("BRISQUE has no value for a picture without structure")
        return score


def brisque_features(image: np.ndarray) -> np.ndarray:
    """The 36 features of Table I of the paper, at full and at half size.

    Half size is by cubic interpolation without smoothing, and beyond the border stand zeros, since it is with these
    that the published parameters were fitted.

    Args:
        image: uint8 RGB (H, W, 3).

    Returns:
        float64 (36,); NaN where there is nothing to fit.

    Raises:
        ScotopicError: it is smaller than 16 pixels.
    """
    check_image(image)
    if min(image.shape[:2]) < 16:
        raise ScotopicError(f"BRISQUE needs pictures of at least 16x16 pixels, not {image.shape[1]}x{image.shape[0]}")
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    features: list[float] = []
    for scale in (1, 2):
        size = (grey.shape[1] // scale, grey.shape[0] // scale)
        field = normalized(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC))
        fit = fit_asymmetric_gaussian(field)
        features += [fit.shape, (fit.left**2 + fit.right**2) / 2]
        border = np.pad(field, 1)
        for down, right in _NEIGHBOURS:
            neighbour = border[1 + down : 1 + down + field.shape[0], 1 + right : 1 + right + field.shape[1]]
            fit = fit_asymmetric_gaussian(field * neighbour)
            features += [fit.shape, fit.mean, fit.left**2, fit.right**2]
    return np.array(features)


class Niqe:
    """Natural image quality evaluator (Mittal et al. 2013): the distance from undistorted photographs, lower is better.

    Args:
        parameters: ``.npz`` with ``mu_pris_param`` (36 values) and ``cov_pris_param`` (36, 36), fitted to natural
            photographs in blocks of 96x96 pixels.

    Raises:
        ScotopicError: there is no such file, or it is something else.
    """

    name: ClassVar[str] = "NIQE"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, parameters: str | Path) -> None:
        path = Path(parameters).expanduser()
        try:
            with np.load(path, allow_pickle=False) as file:
                self.mean, self.covariance = file["mu_pris_param"].reshape(-1), file["cov_pris_param"]
        except FileNotFoundError:
            raise ScotopicError(f"no NIQE parameters at {parameters}: check the path") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, BadZipFile) as error:
            raise ScotopicError(
                f"{parameters} does not hold NIQE's mu_pris_param and cov_pris_param (.npz): {error}"
            ) from None
        if self.mean.shape != (FEATURES,) or self.covariance.shape != (FEATURES, FEATURES):
            raise ScotopicError(f"{parameters} does not hold the mean and covariance of {FEATURES} features")
        self.files = (path,)

    def __call__(self, image: np.ndarray) -> float:
        """The score of a picture (eq. 10).

        Args:
            image: uint8 RGB (H, W, 3); what does not fill a block at the right and below is left out.

        Raises:
            ScotopicError: fewer than two of its blocks can be fitted.
        """
        blocks = niqe_features(image)
        fitted = blocks[np.isfinite(blocks).all(1)]
        if len(fitted) < 2:
            height, width = image.shape[:2]
            raise ScotopicError(
                f"NIQE needs two blocks of {BLOCK}x{BLOCK} pixels with structure, and the {width}x{height} picture "
                f"has {len(fitted)}"
            )
        difference = self.mean - np.nanmean(blocks, axis=0)
        inverse = np.linalg.pinv((self.covariance + np.cov(fitted, rowvar=False)) / 2)
        return float(np.sqrt(difference @ inverse @ difference))


def niqe_features(image: np.ndarray) -> np.ndarray:
    """The 36 features of each block, at full and at half size, as the authors' program computes them.

    Args:
        image: uint8 RGB (H, W, 3).

    Returns:
        float64 (blocks, 36), row by row; NaN where a block has nothing to fit.
    """
    check_image(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    rows, columns = grey.shape[0] // BLOCK, grey.shape[1] // BLOCK
    grey = grey[: rows * BLOCK, : columns * BLOCK]
    scales = []
    for block in (BLOCK, BLOCK // 2) if rows and columns else ():
        field = normalized(grey)
        scales.append([_block_features(part) for part in _blocks(field, block)])
        grey = halved(grey)
    return np.concatenate(scales, axis=1) if scales else np.empty((0, FEATURES))


def _blocks(field: np.ndarray, size: int) -> Sequence[np.ndarray]:
    rows, columns = field.shape[0] // size, field.shape[1] // size
    return list(field.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size))


def _block_features(block: np.ndarray) -> list[float]:
    """18 features; neighbours are taken around the edges of the block, as the authors take them."""
    fit = fit_asymmetric_gaussian(block)
    features = [fit.shape, (fit.left + fit.right) / 2 * fit.scale]
    for down, right in _NEIGHBOURS:
        fit = fit_asymmetric_gaussian(block * np.roll(block, (down, right), (0, 1)))
        features += [fit.shape, fit.mean, fit.left * fit.scale, fit.right * fit.scale]
    return features


def halved(grey: np.ndarray) -> np.ndarray:
    """Half the size by smoothed cubic interpolation, the border mirrored: MATLAB's ``imresize(grey, 0.5)``.

    >>> halved(np.full((4, 6), 7.0)).tolist()
    [[7.0, 7.0, 7.0], [7.0, 7.0, 7.0]]
    """
    for axis in (0, 1):
        # An even filter is centred between pixels; origin -1 puts that point behind pixel 2k.
        grey = correlate1d(grey, _HALVING, axis=axis, mode="reflect", origin=-1)
        grey = grey[::2] if axis == 0 else grey[:, ::2]
    return grey
