"""Comparison of segmentation nets: label maps, judged by one confusion matrix over the whole set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..adapters.contract import Segmentation, Segmenter
from ..errors import ScotopicError
from ..files import json_ready, output_folder, sha256_of, whole_file, write_json
from ..pipeline.stage import EnhancementStage
from .comparison import Task, file_name
from .datasets.segmentation_classes import ClassOverride, map_segmentation_classes
from .datasets.segmentation_sample import SegmentationDataset, SegmentationSample
from .journal import Journal
from .run_images import Run, run_images
from .segmentation import confusion, score_segmentation

OTHER = "other"
"""What stands behind the classes in a matrix."""
LARGEST_ID = 255
"""What the eight bits of a label map hold."""
PER_IMAGE = ("mIoU", "pixel_accuracy")
"""What a row says of each image; the rest follows from its matrix."""


class SegmentationTask(Task[Segmenter, SegmentationDataset]):
    """Writes ``predictions/<enhancer>/<id>.png`` (class ids of the net) and ``confusion/<enhancer>.json``.

    An image that fails stays in the set: all its pixels are taken as "other", so that every class there is missed.
    """

    name = "segment"
    evidence = ("predictions", "confusion")

    def __init__(
        self,
        dataset: SegmentationDataset,
        load: Callable[[EnhancementStage | None], Segmenter],
        out: Path,
        class_map: ClassOverride,
    ) -> None:
        super().__init__(dataset, load, out)
        self.override = {**dataset.class_map, **class_map}

    def begin(self, bare: Segmenter) -> dict[str, Any]:
        if not bare.names:
            raise ScotopicError("the net does not name its classes: give names, class id -> name")
        if min(bare.names) < 0 or max(bare.names) > LARGEST_ID:
            raise ScotopicError(f"the net has class ids outside 0..{LARGEST_ID}, which a label map cannot hold")
        self.classes = map_segmentation_classes(self.dataset.classes, bare.names, self.override)
        return {
            "classes": list(self.dataset.classes),
            **self.classes.as_dict(),
            "left_out": list(self.classes.unmatched_set),
            "matching": self.classes.lines(),
            "issues": self.dataset.issues.as_dict(),
        }

    def run(
        self,
        spec: str,
        model: Segmenter,
        stage: EnhancementStage | None,
        journal: Journal,
        progress: Callable[[int, int], None],
    ) -> Run:
        folder = self.out / "predictions" / file_name(spec)

        def is_whole(line: Mapping[str, Any]) -> bool:
            return bool(line["failed"]) or label_map_path(folder, line["id"]).is_file()

        def keep(number: int, sample: SegmentationSample, found: Segmentation | None) -> dict[str, Any]:
            truth = self.classes.truth_lookup[self.dataset.read_mask(sample)]
            predicted = np.full(truth.shape, len(self.classes.categories))
            if found is not None:
                _check_labels(found.labels, truth.shape, model.names, sample)
                predicted = self.classes.prediction_lookup[found.labels]
                _write_label_map(label_map_path(folder, sample.id), found.labels)
            return {"confusion": confusion(truth, predicted, len(self.classes.categories)).tolist()}

        finished = {label_map_path(folder, line["id"]) for line in journal}
        for stale in set(folder.rglob("*.png")) - finished:  # of an earlier run into the same folder
            stale.unlink()
        output_folder(folder)
        return run_images(
            self.dataset.samples, model.segment, keep, stage, journal, progress, self.pictures, is_whole=is_whole
        )

    def judge(self, spec: str, run: Run) -> dict[str, Any]:
        categories = self.classes.categories
        matrices = {line["id"]: np.array(line["confusion"], np.int64) for line in run.lines}
        file = self.out / "confusion" / f"{file_name(spec)}.json"
        record = {
            "rows": "truth",
            "columns": "prediction",
            "classes": [*categories, OTHER],
            "images": {id_: matrix.tolist() for id_, matrix in matrices.items()},
        }
        write_json(file, record, indent=None)
        self.memory.keep(sha256_of(file), matrices, sum(matrix.nbytes for matrix in matrices.values()))
        total = sum(matrices.values(), np.zeros((len(categories) + 1,) * 2, np.int64))
        scores = score_segmentation(total, categories)
        images = {id_: score_segmentation(matrix, categories).metrics for id_, matrix in matrices.items()}
        return {
            "metrics": json_ready(scores.metrics),
            "per_class": json_ready(scores.per_class),
            "per_image": json_ready({id_: {k: m[k] for k in PER_IMAGE} for id_, m in images.items()}),
            "predictions": f"predictions/{file_name(spec)}",
            "confusion": file.relative_to(self.out).as_posix(),
        }


def label_map_path(folder: Path, id_: str) -> Path:
    """Where the label map of an image lies."""
    return folder / f"{id_}.png"


def _check_labels(
    labels: np.ndarray, shape: tuple[int, ...], names: Mapping[int, str], sample: SegmentationSample
) -> None:
    """A segmenter of the user's own may have got them wrong."""
    if labels.shape != shape or not np.issubdtype(labels.dtype, np.integer):
        raise ScotopicError(
            f"the net gave {labels.dtype} labels of shape {labels.shape} for {sample.id}, whose mask has {shape}: "
            "a segmenter gives integers at the size of its picture"
        )
    ids = {int(labels.min())} | set(np.flatnonzero(np.bincount(labels.clip(0).ravel())).tolist())
    for strange in sorted(ids - set(names))[:1]:
        raise ScotopicError(
            f"the net gave {sample.id} the class {strange}, for which it has no name: complete its names"
        )


def _write_label_map(path: Path, labels: np.ndarray) -> None:
    """One channel of eight bits, whose grey level is the net's class id."""
    _, data = cv2.imencode(".png", labels.astype(np.uint8))
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
