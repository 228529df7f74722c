"""What confusion matrices say of each image: IoU under resampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScotopicError
from .evidence_memory import EvidenceMemory
from .statistics_figures import Figures, ImageEvidence, KeptEvidence, mean_over, means, read_kept


class ConfusionFiles(KeptEvidence):
    """``confusion/*.json``."""

    main, second = "mIoU", "pixel_accuracy"

    def __init__(self, record: Mapping[str, Any], folder: Path, memory: EvidenceMemory) -> None:
        self.folder, self.memory = folder, memory
        none = record["rows"][0]
        matrices = self._matrices(none)
        self.ids = list(matrices)
        self.support = {name: numbers["pixels"] for name, numbers in none["per_class"].items()}
        has = np.array(list(matrices.values())).sum(2) > 0
        self.images_with = dict(zip(self.support, has.sum(0).tolist(), strict=False))

    def row(self, row: Mapping[str, Any]) -> SegmentedImages:
        kept = self._matrices(row)
        if list(kept) != self.ids:
            raise ScotopicError(
                f"{self.folder / row['confusion']} holds other images than none's: run the comparison again"
            )
        return SegmentedImages(np.array(list(kept.values()), np.int64), list(self.support), self.frequency.apart)

    def _matrices(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Image id -> confusion matrix."""
        checksum = row.get("confusion_sha256")
        return self.memory.get(checksum) or read_kept(self.folder, row["confusion"], checksum)["images"]

    def image_gain(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float | None:
        """The image's own mIoU, more than before."""
        if before["mIoU"] is None or after["mIoU"] is None:
            return None
        return after["mIoU"] - before["mIoU"]


class SegmentedImages(ImageEvidence):
    """Confusion matrices of one row, which are summed before anything is divided, as in the metric itself.

    Args:
        matrices: int (images, K + 1, K + 1), as :func:`~scotopic.eval.segmentation.confusion` counts them.
        names: of the K classes.
        frequent: classes whose mean is given beside that over all; then a verdict rests on theirs.

    >>> matrices = np.array([[[6, 2, 0], [0, 2, 0], [0, 1, 0]], [[4, 0, 0], [0, 0, 0], [0, 0, 0]]])
    >>> SegmentedImages(matrices, ["road", "car"]).figures(np.array([[1, 0], [0, 1]])).metrics["mIoU"]
    array([0.575, 1.   ])
    """

    def __init__(self, matrices: np.ndarray, names: list[str], frequent: Sequence[str] = ()) -> None:
        self.names = names
        self.frequent = [names.index(name) for name in frequent]
        count = len(names)
        self.right = np.diagonal(matrices, axis1=1, axis2=2)[:, :count].astype(np.float64)
        self.true = matrices.sum(2)[:, :count].astype(np.float64)
        self.claimed = matrices.sum(1)[:, :count].astype(np.float64)

    def figures(self, weights: np.ndarray) -> Figures:
        right, true, iou = self._iou(weights, np.arange(len(self.right)))
        total = true.sum(0)
        return Figures(
            metrics={
                **means("mIoU", iou, self.frequent),
                "pixel_accuracy": _ratio(right.sum(0), total, total > 0),
            },
            per_class=dict(zip(self.names, iou, strict=True)),
        )

    def judged_figure(self, weights: np.ndarray, images: np.ndarray) -> np.ndarray:
        iou = self._iou(weights, images)[2]
        return mean_over(iou[self.frequent] if self.frequent else iou)

    def _iou(self, weights: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Right and true pixels, and IoU, each (K, sets); sums of pixels are exact in float64."""
        weights = weights.astype(np.float64)
        right, true, claimed = (of[images].T @ weights for of in (self.right, self.true, self.claimed))
        return right, true, _ratio(right, true + claimed - right, true > 0)


def _ratio(part: np.ndarray, whole: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=there)
