"""Learned metrics of picture quality through the package pyiqa, which downloads their weights on first use."""

from __future__ import annotations

import hashlib
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch

from ..errors import ScotopicError, missing_extra, nearest

_OF_SETS = ("fid", "inception_score", "kid")
"""Metrics that compare whole sets of pictures, which have no value for one."""


class PyiqaMetric:
    """One metric of pyiqa: UNIQUE, MUSIQ, MANIQA, CLIP-IQA and many more.

    Args:
        metric: its name in ``pyiqa.list_models()``, such as ``"unique"``.

    Attributes:
        name: how tables call it: ``"unique (pyiqa)"``, since pyiqa has other implementations of ours, too.
        needs_reference: whether it compares with a reference ("FR") or judges the picture alone ("NR").
        higher_is_better: as pyiqa says.
        note: a line for people.

    Raises:
        ScotopicError: pyiqa is missing, has no such metric, or cannot get the metric's weights.
    """

    def __init__(self, metric: str) -> None:
        try:
            pyiqa: Any = import_module("pyiqa")
        except ImportError:
            raise missing_extra("pyiqa", "iqa", "the metrics of --pyiqa") from None
        known = list(pyiqa.list_models())
        if metric not in known:
            raise ScotopicError(f"pyiqa has no metric '{metric}': {nearest(metric, known)}")
        if metric.startswith(_OF_SETS):
            raise ScotopicError(f"pyiqa's {metric} compares whole sets, not pictures: leave it out of --pyiqa")
        try:
            self._metric: Any = pyiqa.create_metric(metric, device=torch.device("cpu"))
        except Exception as error:  # weights come from several hosts, through libraries with errors of their own
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise ScotopicError(
                f"pyiqa cannot make its metric {metric} ({reason}): it downloads the weights on first use, so run once "
                "with a network, or leave it out of --pyiqa"
            ) from None
        self.name = f"{metric} (pyiqa)"
        self.needs_reference = self._metric.metric_mode == "FR"
        self.higher_is_better = not self._metric.lower_better
        self.version = _version()
        way = "rises" if self.higher_is_better else "falls"
        self.note = f"{self.name}, of pyiqa {self.version}, {way} with quality."

    def __call__(self, image: np.ndarray, reference: np.ndarray | None = None) -> float:
        """The metric's value for a picture.

        Args:
            image: RGB (H, W, 3), 0..255, uint8 or float.
            reference: the same size, where the metric needs one.

        Raises:
            ScotopicError: the metric has no value for it; it may be too small.
        """
        tensors = [_tensor(image)]
        if self.needs_reference:
            if reference is None:
                raise ScotopicError(f"pyiqa's {self.name} needs a reference")
            tensors.append(_tensor(reference))
        try:
            with torch.no_grad():
                value = float(self._metric(*tensors))
        except (RuntimeError, ValueError, TypeError, AssertionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ScotopicError(f"{self.name} has no value for the picture: {reason}") from None
        if not np.isfinite(value):
            raise ScotopicError(f"{self.name} has no finite value for the picture")
        return value

    def fingerprint(self) -> dict[str, str]:
        """What decides its values: the package's version, and the SHA-256 (hexadecimal) over its parameters."""
        digest = hashlib.sha256()
        for key, value in self._metric.state_dict().items():
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return {"pyiqa": self.version, "parameters": digest.hexdigest()}


def _tensor(image: np.ndarray) -> torch.Tensor:
    """RGB 0..255 (H, W, 3) -> float32 (1, 3, H, W) in [0, 1]."""
    return (torch.from_numpy(np.asarray(image, np.float32)).permute(2, 0, 1)[None] / 255).clamp(0, 1)


def _version() -> str:
    try:
        return version("pyiqa")
    except PackageNotFoundError:
        return "of unknown version"
