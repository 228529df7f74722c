"""A net of ultralytics for its task ``semantic`` as a segmentation net for the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...pipeline.stage import EnhancementStage
from ..attach import Where
from ..contract import Segmentation
from .model import UltralyticsModel


class UltralyticsSegmenter(UltralyticsModel):
    """The same labels as ``YOLO(path).predict(file, rect=True, ...)``: logits resized to the picture, then arg max.

    Args:
        path: a checkpoint (``yolo26n-sem.pt``; a pickle: load only files that you trust), or a file exported from one.
        imgsz: size of the network's input in pixels, the longer side or (height, width); None: as it was trained. An
            exported file may fix it.
        device: ``"cpu"``, ``"cuda:0"``, ...; None chooses.
        stage: an enhancement stage in front; None for the bare net.
        where: ``"source"``: on the whole picture; ``"graph"``: inside the network, after the resize.
        download: whether ultralytics may fetch a file of its own that is not there.

    Raises:
        ScotopicError: no such file, damaged, or a model for another task.
    """

    def __init__(
        self,
        path: Path,
        *,
        imgsz: int | Sequence[int] | None = None,
        device: str | None = None,
        stage: EnhancementStage | None = None,
        where: Where = "source",
        download: bool = False,
    ) -> None:
        super().__init__(
            path,
            tasks=("semantic",),
            kind=("segmentation net", "label for each pixel"),
            settings={} if imgsz is None else {"imgsz": imgsz if isinstance(imgsz, int) else list(imgsz)},
            device=device,
            stage=stage,
            where=where,
            download=download,
        )

    def segment(self, image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        result, gate_passed, timing = self.predict(image, name)
        labels = result.semantic_mask.data.cpu().numpy().astype(np.int64)
        return Segmentation(labels, gate_passed), timing
