"""Comparison of detectors: boxes, judged by pycocotools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..adapters.contract import Detections, Detector
from ..errors import ScotopicError
from ..files import json_ready, sha256_of, write_json
from ..pipeline.stage import EnhancementStage
from .coco_results import CocoResults, coco_results
from .comparison import Task, file_name
from .datasets.classes import map_classes
from .datasets.names import some_and_count
from .datasets.sample import DetectionDataset, DetectionSample
from .detection import CONFIDENCE, coco_truth, score_detections
from .journal import Journal
from .run_images import Run, run_images


class DetectionTask(Task[Detector, DetectionDataset]):
    """Writes ``truth.json`` (COCO annotations) and ``predictions/<enhancer>.json`` (COCO results)."""

    name = "detect"
    evidence = ("predictions",)

    def __init__(
        self,
        dataset: DetectionDataset,
        load: Callable[[EnhancementStage | None], Detector],
        out: Path,
        class_map: Mapping[str, str | None],
    ) -> None:
        super().__init__(dataset, load, out)
        self.override = {**dataset.class_map, **class_map}

    def begin(self, bare: Detector) -> dict[str, Any]:
        self.classes = map_classes(self.dataset.classes, bare.names, self.override)
        self.truth = coco_truth(self.dataset, self.classes)
        if all(box["iscrowd"] for box in self.truth["annotations"]):
            raise ScotopicError(
                f"{self.dataset.name} has no labelled box of a class that the model knows "
                f"({some_and_count(self.classes.categories.values())}), so nothing can be measured: check the labels"
            )
        write_json(self.out / "truth.json", self.truth, indent=None)
        return {
            "classes": list(self.dataset.classes),
            **self.classes.as_dict(),
            "left_out": list(self.classes.unmatched_set),
            "truth_sha256": sha256_of(self.out / "truth.json"),
            "issues": self.dataset.issues.as_dict(),
        }

    def fixed_settings(self) -> dict[str, Any]:
        return {"coco_max_detections": 100, "counted_from_score": CONFIDENCE}

    def run(
        self,
        spec: str,
        model: Detector,
        stage: EnhancementStage | None,
        journal: Journal,
        progress: Callable[[int, int], None],
    ) -> Run:
        def keep(number: int, sample: DetectionSample, found: Detections | None) -> dict[str, Any]:
            results = CocoResults.of([]) if found is None else coco_results(number, found, self.classes.categories)
            return {"results": results.numbers()}

        return run_images(self.dataset.samples, model.detect, keep, stage, journal, progress, self.pictures)

    def judge(self, spec: str, run: Run) -> dict[str, Any]:
        results = CocoResults.from_numbers({n: line["results"] for n, line in enumerate(run.lines, start=1)})
        file = self.out / "predictions" / f"{file_name(spec)}.json"
        write_json(file, results.as_list(), indent=None)
        scores = score_detections(self.truth, results)
        self.memory.keep(sha256_of(file), (results, scores.matches), results.nbytes + scores.matches.nbytes)
        return {
            "metrics": json_ready(scores.metrics),
            "per_class": json_ready(scores.per_class),
            "per_image": scores.per_image,
            "predictions": file.relative_to(self.out).as_posix(),
        }
