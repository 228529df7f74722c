"""BRISQUE and NIQE: against their equations in loops, and against other people's implementations on real pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import gamma

from scotopic import ScotopicError
from scotopic.eval.brisque_files import range_file, read_support_vectors
from scotopic.eval.no_reference import (
    BLOCK,
    AsymmetricGaussian,
    Brisque,
    Niqe,
    brisque_features,
    fit_asymmetric_gaussian,
    halved,
    niqe_features,
    normalized,
)
from scotopic.pipeline.image import read_image


@pytest.fixture
def picture(rng: np.random.Generator) -> np.ndarray:
    """Smooth shapes with noise, and a corner of one level."""
    noise = cv2.GaussianBlur(rng.uniform(0, 255, (36, 41, 3)), (5, 5), 1.5) + rng.normal(0, 4, (36, 41, 3))
    image = np.clip(noise, 0, 255).astype(np.uint8)
    image[:12, :14] = 255
    return image


def normalized_in_loops(grey: np.ndarray) -> np.ndarray:
    """Eq. 1 to 3 of the BRISQUE paper, the border repeated."""
    offsets = np.arange(7) - 3
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    wide = np.pad(grey, 3, mode="edge")
    out = np.zeros_like(grey)
    for y, x in np.ndindex(*grey.shape):
        part = wide[y : y + 7, x : x + 7]
        mean = (window * part).sum()
        out[y, x] = (grey[y, x] - mean) / (np.sqrt((window * (part - mean) ** 2).sum()) + 1)
    return out


def fit_in_loops(values: np.ndarray) -> AsymmetricGaussian:
    """Lasmar et al.: the shape whose ratio of moments comes nearest, tried one after the other."""
    negative, positive = [v for v in values.flat if v < -1e-9], [v for v in values.flat if v > 1e-9]
    left, right = (float(np.sqrt(np.mean(np.square(side)))) for side in (negative, positive))
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shapes = np.arange(0.2, 10.0005, 0.001)
    errors = [abs(gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio) for a in shapes]
    return AsymmetricGaussian(float(shapes[int(np.argmin(errors))]), left, right)


def test_features_follow_the_equations(picture: np.ndarray) -> None:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    expected: list[float] = []
    for scaled in (grey, cv2.resize(grey, (20, 18), interpolation=cv2.INTER_CUBIC)):
        field = normalized_in_loops(scaled)
        assert normalized(scaled) == pytest.approx(field, abs=1e-9)
        fit = fit_in_loops(field)
        expected += [fit.shape, (fit.left**2 + fit.right**2) / 2]
        for down, right in ((0, 1), (1, 0), (1, 1), (-1, 1)):
            product = np.zeros_like(field)
            for y, x in np.ndindex(*field.shape):
                if 0 <= y + down < field.shape[0] and x + right < field.shape[1]:
                    product[y, x] = field[y, x] * field[y + down, x + right]
            fit = fit_in_loops(product)
            spread = np.sqrt(gamma(1 / fit.shape) / gamma(3 / fit.shape))
            eta = (fit.right - fit.left) * gamma(2 / fit.shape) / gamma(1 / fit.shape) * spread
            expected += [fit.shape, eta, fit.left**2, fit.right**2]
    assert brisque_features(picture) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize(("shape", "left", "right"), [(2.0, 1.0, 1.0), (1.0, 0.5, 2.0), (0.6, 3.0, 1.0)])
def test_a_known_distribution_is_found_again(rng: np.random.Generator, shape: float, left: float, right: float) -> None:
    def side(deviation: float, count: int) -> np.ndarray:
        scale = deviation * np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        return scale * rng.gamma(1 / shape, size=count) ** (1 / shape)

    count = 200_000
    share = left / (left + right)  # the density is continuous at 0
    values = np.concatenate([-side(left, round(count * share)), side(right, round(count * (1 - share)))])
    fit = fit_asymmetric_gaussian(values)
    assert (fit.left, fit.right) == pytest.approx((left, right), rel=0.02)
    assert fit.shape == pytest.approx(shape, rel=0.03)
    assert fit.mean == pytest.approx(values.mean(), abs=0.02)


def test_halving_is_keys_cubic_stretched_twice(rng: np.random.Generator) -> None:
    def cubic(x: float) -> float:
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0

    row = rng.uniform(0, 255, 12)
    mirrored = np.concatenate([row[::-1], row, row[::-1]])
    expected = [
        sum(0.5 * cubic(0.5 * (k - 12 - (2 * u + 0.5))) * value for k, value in enumerate(mirrored)) for u in range(6)
    ]
    assert halved(np.tile(row, (4, 1))) == pytest.approx(np.tile(expected, (2, 1)))


def test_niqe_takes_neighbours_around_the_block(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (BLOCK + 30, 2 * BLOCK + 5, 3), np.uint8)
    features = niqe_features(image)
    assert features.shape == (2, 36)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)[:BLOCK, : 2 * BLOCK]
    block = normalized(grey)[:, BLOCK:]
    fit = fit_asymmetric_gaussian(block * np.roll(block, 1, axis=1))
    assert features[1, 2:6].tolist() == pytest.approx(
        [fit.shape, fit.mean, fit.left * fit.scale, fit.right * fit.scale]
    )


# `cv2.quality.QualityBRISQUE_compute` of OpenCV 4.12 (contrib), with the same two files. Where nothing is clipped the
# two agree to rounding; OpenCV takes the rounding errors of clipped regions for structure, which moves its score.
@pytest.mark.parametrize(
    ("file", "opencv", "tolerance"),
    [
        ("lol_eval15/low/1.png", 16.8253, 0.01),
        ("lol_eval15/low/493.png", 25.0846, 0.01),
        ("lime/1.bmp", 21.0289, 0.01),
        ("lime/4.bmp", 13.7791, 0.01),
        ("lime/10.bmp", 12.0531, 0.01),
        ("darkbdd/images/b1c81faa-3df17267.jpg", 74.3175, 2),  # 27 % flat
    ],
)
def test_brisque_is_opencvs(data_dir: Path, file: str, opencv: float, tolerance: float) -> None:
    brisque = Brisque(data_dir / "weights" / "brisque_model_live.yml")
    assert brisque(read_image(data_dir / file)) == pytest.approx(opencv, abs=tolerance)


# pyiqa 0.1.16, which follows the authors' MATLAB, with the same parameters.
@pytest.mark.parametrize(
    ("file", "pyiqa", "tolerance"),
    [
        ("lol_eval15/high/493.png", 4.0752, 0.02),
        ("lol_eval15/low/1.png", 6.4368, 0.02),
        ("lime/1.bmp", 3.9226, 0.02),
        ("lime/4.bmp", 5.1593, 0.02),
        ("darkbdd/images/b1c81faa-3df17267.jpg", 8.3027, 0.1),  # 27 % flat
    ],
)
def test_niqe_is_pyiqas(data_dir: Path, file: str, pyiqa: float, tolerance: float) -> None:
    niqe = Niqe(data_dir / "weights" / "niqe_pris_params.npz")
    assert niqe(read_image(data_dir / file)) == pytest.approx(pyiqa, abs=tolerance)


def write_range(path: Path, lowest: float = -1, highest: float = 1) -> None:
    path.write_text("x\n-1 1\n" + "".join(f"{n} {lowest} {highest}\n" for n in range(1, 37)))


def test_the_regression_is_libsvms(data_dir: Path, tmp_path: Path) -> None:
    """The three figures are svm_predict of libsvm-official 3.37."""
    shutil.copy(data_dir / "weights" / "brisque_svm.txt", tmp_path / "svm.txt")
    write_range(tmp_path / "svm.txt.range")
    regression = read_support_vectors(tmp_path / "svm.txt")
    assert regression.predict(np.zeros(36)) == pytest.approx(14.352117400, abs=1e-8)
    assert regression.predict(np.linspace(-1, 1, 36)) == pytest.approx(71.241302851, abs=1e-8)
    assert regression.predict(np.full(36, -0.5)) == pytest.approx(-1.778396374, abs=1e-8)


def test_the_range_scales_to_one(tmp_path: Path) -> None:
    vector = " ".join(f"{n}:1" for n in range(1, 37))
    header = "svm_type epsilon_svr\nkernel_type rbf\ngamma 0.25\nnr_class 2\ntotal_sv 2\nrho 3\nSV\n"
    (tmp_path / "allmodel").write_text(f"{header}10 {vector}\n-2 \n")
    write_range(tmp_path / "allrange", 2, 6)
    regression = read_support_vectors(tmp_path / "allmodel")
    assert regression.predict(np.full(36, 6.0)) == pytest.approx(10 - 2 * np.exp(-9) - 3)
    assert regression.predict(np.full(36, 4.0)) == pytest.approx(10 * np.exp(-9) - 2 - 3)


GOOD = "svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nrho 1\nSV\n1 1:0.5\n"


@pytest.mark.parametrize(
    ("name", "model", "ranges", "sentence"),
    [
        ("m.txt", None, None, "no BRISQUE model at"),
        ("m.txt", GOOD, None, r"needs the range of its features beside it, in m.txt.range"),
        ("m.txt", "svm_type c_svc\nkernel_type rbf\nSV\n", "", "it is a c_svc with kernel rbf"),
        ("m.txt", "hello", "", "it has no line SV"),
        ("m.txt", GOOD.replace("1:0.5", "99:0.5"), "", "is not a BRISQUE model"),
        ("m.txt", GOOD, "x\n0 1\n", "does not begin with the lines"),
        ("m.txt", GOOD, "", "is not a range of BRISQUE's 36 features"),
        ("m.txt", GOOD, "x\n-1 1\n1 0 1\n", "does not number 36 features"),
        ("m.txt", GOOD, "x\n-1 1\n" + "".join(f"{n} 1 1\n" for n in range(1, 37)), "36 pairs"),
        ("m.yml", "%YAML:1.0\n---\na: 1\n", "", "it has no entry opencv_ml_svm"),
        ("m.yml", "{{{", "", "is not a BRISQUE model"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, model: str | None, ranges: str | None, sentence: str) -> None:
    path = tmp_path / name
    if model is not None:
        path.write_text(model)
    if ranges is not None:
        range_file(path).write_text(ranges)
    with pytest.raises(ScotopicError, match=sentence):
        Brisque(path)


def test_bad_niqe_files(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match="no NIQE parameters at"):
        Niqe(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ScotopicError, match="does not hold NIQE's mu_pris_param"):
        Niqe(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", mu_pris_param=np.zeros(3))
    with pytest.raises(ScotopicError, match="does not hold NIQE's mu_pris_param"):
        Niqe(tmp_path / "other.npz")
    np.savez(tmp_path / "small.npz", mu_pris_param=np.zeros(3), cov_pris_param=np.eye(3))
    with pytest.raises(ScotopicError, match="mean and covariance of 36 features"):
        Niqe(tmp_path / "small.npz")


def test_pictures_without_a_value(data_dir: Path, tmp_path: Path) -> None:
    brisque = Brisque(data_dir / "weights" / "brisque_model_live.yml")
    np.savez(tmp_path / "p.npz", mu_pris_param=np.zeros((1, 36)), cov_pris_param=np.eye(36))
    niqe = Niqe(tmp_path / "p.npz")
    with pytest.raises(ScotopicError, match="at least 16x16"):
        brisque(np.zeros((15, 40, 3), np.uint8))
    with pytest.raises(ScotopicError, match="without structure"):
        brisque(np.full((40, 40, 3), 77, np.uint8))
    with pytest.raises(ScotopicError, match="two blocks of 96x96 pixels with structure, and the 191x96 picture has"):
        niqe(np.full((96, 191, 3), 77, np.uint8))
    with pytest.raises(ScotopicError, match="the 20x20 picture has 0"):
        niqe(np.zeros((20, 20, 3), np.uint8))
