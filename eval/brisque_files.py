"""The two files that BRISQUE needs, as OpenCV and as LIBSVM (the authors' release) write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ScotopicError

FEATURES = 36


@dataclass(frozen=True, eq=False)
class SupportVectors:
    """A regression by support vectors with a Gaussian kernel, and the range of the features that it was trained on.

    Attributes:
        vectors: (N, 36), features scaled to -1..1.
        weights: (N,).
        gamma: of the kernel ``exp(-gamma |x - v|^2)``.
        rho: what is taken off the weighted sum.
        lowest, highest: (36,), what became -1 and what became 1.
    """

    vectors: np.ndarray
    weights: np.ndarray
    gamma: float
    rho: float
    lowest: np.ndarray
    highest: np.ndarray

    def predict(self, features: np.ndarray) -> float:
        """The regression at unscaled features (36,), as LIBSVM's ``svm-scale`` and ``svm-predict`` compute it."""
        scaled = 2 * (features - self.lowest) / (self.highest - self.lowest) - 1
        kernel = np.exp(-self.gamma * ((self.vectors - scaled) ** 2).sum(1))
        return float(self.weights @ kernel - self.rho)


def range_file(model: str | Path) -> Path:
    """Where the range of a model's features is looked for.

    >>> range_file("brisque_model_live.yml").name, range_file("allmodel").name, range_file("svm.txt").name
    ('brisque_range_live.yml', 'allrange', 'svm.txt.range')
    """
    path = Path(model)
    name = path.name.replace("model", "range")
    return path.with_name(name if name != path.name else f"{name}.range")


def read_support_vectors(model: str | Path) -> SupportVectors:
    """Read a model and the range beside it.

    Args:
        model: ``.yml`` or ``.yaml`` as OpenCV writes it, or LIBSVM's text; :func:`range_file` tells where its range
            must lie: OpenCV's 2x36 matrix ``range``, or the text of LIBSVM's ``svm-scale``.

    Raises:
        ScotopicError: a file is missing, or is not what it should be.
    """
    path, ranges = Path(model).expanduser(), range_file(Path(model).expanduser())
    if not path.is_file():
        raise ScotopicError(f"no BRISQUE model at {model}: check the path")
    if not ranges.is_file():
        raise ScotopicError(f"the BRISQUE model {model} needs the range of its features beside it, in {ranges.name}")
    with _complain(path, "BRISQUE model of OpenCV (.yml) or LIBSVM"):
        vectors, weights, gamma, rho = _opencv_model(path) if _is_yaml(path) else _libsvm_model(path)
        if vectors.shape != (len(weights), FEATURES):
            raise ValueError(f"{vectors.shape[1]} features")
    with _complain(ranges, "range of BRISQUE's 36 features, as OpenCV (.yml) or svm-scale write it"):
        lowest, highest = _opencv_range(ranges) if _is_yaml(ranges) else _libsvm_range(ranges)
        if not (lowest.shape == highest.shape == (FEATURES,) and (lowest < highest).all()):
            raise ValueError("not 36 pairs of a minimum and a maximum")
    return SupportVectors(vectors, weights, gamma, rho, lowest, highest)


@contextmanager
def _complain(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong inside means that the file is not what it should be."""
    try:
        yield
    except (OSError, ValueError, KeyError, IndexError, cv2.error, SystemError) as error:
        raise ScotopicError(f"{path} is not a {what}: {str(error).splitlines()[0]}") from None


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in (".yml", ".yaml")


def _opencv_model(path: Path) -> tuple[np.ndarray, np.ndarray, float, float]:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)  # its nodes live only as long as it does
    svm = storage.getNode("opencv_ml_svm")
    if svm.empty():
        raise ValueError("it has no entry opencv_ml_svm")
    _check_kind(svm.getNode("svmType").string(), svm.getNode("kernel").getNode("type").string())
    decision = svm.getNode("decision_functions").at(0)
    rows, alpha = svm.getNode("support_vectors"), decision.getNode("alpha")
    vectors = [[row.at(k).real() for k in range(row.size())] for row in map(rows.at, range(rows.size()))]
    weights = [alpha.at(k).real() for k in range(alpha.size())]
    gamma, rho = svm.getNode("kernel").getNode("gamma").real(), decision.getNode("rho").real()
    return np.array(vectors), np.array(weights), gamma, rho


def _libsvm_model(path: Path) -> tuple[np.ndarray, np.ndarray, float, float]:
    header, found, body = path.read_text(encoding="ascii").partition("\nSV\n")
    if not found:
        raise ValueError("it has no line SV")
    entries = dict(line.split(maxsplit=1) for line in header.splitlines())
    _check_kind(entries["svm_type"], entries["kernel_type"])
    lines = [line.split() for line in body.splitlines()]
    vectors = np.zeros((len(lines), FEATURES))  # LIBSVM leaves zeros out
    for vector, (_, *terms) in zip(vectors, lines, strict=True):
        for number, value in (term.split(":") for term in terms):
            vector[int(number) - 1] = float(value)
    return vectors, np.array([float(line[0]) for line in lines]), float(entries["gamma"]), float(entries["rho"])


def _check_kind(kind: str, kernel: str) -> None:
    if (kind.lower(), kernel.lower()) not in (("epsilon_svr", "rbf"), ("eps_svr", "rbf")):
        raise ValueError(f"it is a {kind} with kernel {kernel}, not a regression with a Gaussian kernel")


def _opencv_range(path: Path) -> tuple[np.ndarray, np.ndarray]:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    matrix = storage.getNode("range").mat()
    if matrix is None or matrix.shape[0] != 2:
        raise ValueError("it has no matrix range of two rows")
    lowest, highest = np.asarray(matrix, np.float64)
    return lowest, highest


def _libsvm_range(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """``x``, the bounds ``-1 1``, then a line ``number minimum maximum`` for each feature."""
    first, bounds, *lines = path.read_text(encoding="ascii").splitlines()
    if first.strip() != "x" or [float(value) for value in bounds.split()] != [-1, 1]:
        raise ValueError("it does not begin with the lines x and -1 1")
    table = np.array([[float(value) for value in line.split()] for line in lines if line.strip()])
    if table.shape != (FEATURES, 3) or (table[:, 0] != np.arange(1, FEATURES + 1)).any():
        raise ValueError("it does not number 36 features with a minimum and a maximum each")
    return table[:, 1], table[:, 2]
