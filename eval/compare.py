"""Enhancers x one frozen detector x one data set -> a table that can be trusted and repeated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from ..adapters.contract import Detector
from ..adapters.detectors import load_detector
from ..configs.schema import DetectorSettings, EvaluationSettings
from ..errors import ScotopicError
from ..files import json_ready, output_folder, sha256_of, write_json
from ..pipeline.stage import EnhancementStage
from .datasets.classes import ClassMap, map_classes
from .datasets.load import load_detection_dataset
from .datasets.sample import DetectionDataset
from .detection import CONFIDENCE, coco_truth, score_detections
from .environment import code_fingerprint, environment
from .journal import Journal
from .report.tables import write_tables
from .run_detector import DetectorRun, run_detector

Progress = Callable[[str, int, int], None]
LoadDetector = Callable[[EnhancementStage | None], Detector]
"""Give the detector, with the stage inside it (where="graph") or bare (None)."""


@dataclass(frozen=True)
class Comparison:
    """What ``results.json`` holds.

    Attributes:
        record: ``{"task", "model", "data", "settings", "environment", "rows"}``; metrics are
            fractions 0..1, None where the truth has no box of that kind.
        out: the folder where it was written.
    """

    record: Mapping[str, Any]
    out: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each enhancer; the first is ``none``."""
        return self.record["rows"]


def compare_detection(
    model: str | Path | LoadDetector,
    data: str | Path | DetectionDataset,
    enhancers: Sequence[str],
    out: str | Path,
    *,
    split: str | None = None,
    settings: EvaluationSettings | None = None,
    class_map: Mapping[str, str | None] | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Comparison:
    """Run the same frozen detector on the same images behind each enhancer, and judge with pycocotools.

    Writes ``results.json``, ``results.md``, ``results.csv``, ``truth.json`` (COCO annotations) and
    ``predictions/<enhancer>.json`` (COCO results) into ``out`` after each enhancer. Run again, it reuses what was
    finished with the same settings, data, model and enhancer, image by image.

    Args:
        model: a file that :func:`~scotopic.adapters.detectors.load_detector` takes, or a function that gives a
            detector of your own.
        data: what :func:`~scotopic.eval.datasets.load.load_detection_dataset` takes, or a data set.
        enhancers: names or specs; ``none`` is put first if it is not among them.
        out: folder for the results.
        split: which images of ``data``, where that is not a data set already.
        settings: of the stage and of the detector; the gate is on unless they say otherwise.
        class_map: class of the set -> class of the model (or None), on top of what names and aliases give.
        progress: called with (enhancer, images done, images in all).

    Raises:
        ScotopicError: no such model, data or enhancer, no class has a partner, no image can be used, or ``out`` cannot
            be written.

    Example::

        comparison = compare_detection("yolo11n.pt", "darkbdd", ["clahe", "sgz"], "out", split="dark")
        [(row["enhancer"], row["metrics"]["mAP"]) for row in comparison.rows]
    """
    settings = settings or EvaluationSettings()
    dataset = data if isinstance(data, DetectionDataset) else load_detection_dataset(data, split)
    load = model if callable(model) else _loader(model, settings)
    specs = ["none", *(spec for spec in dict.fromkeys(enhancers) if spec != "none")]
    stages = {spec: EnhancementStage(spec, gate=settings.gate, strength=settings.strength) for spec in specs}
    stages["none"] = EnhancementStage("none", gate="off")  # there is nothing that a gate could hold back
    out = output_folder(out)
    predictions = output_folder(out / "predictions")
    bare = load(None)
    override = {**dataset.class_map, **(class_map or {})}
    classes = map_classes(dataset.classes, bare.names, override)
    truth = coco_truth(dataset, classes)
    write_json(out / "truth.json", truth, indent=None)
    base: dict[str, Any] = {
        "task": "detect",
        "model": dict(bare.description),
        "data": _describe(dataset, classes),
        "settings": {**settings.model_dump(), "coco_max_detections": 100, "counted_from_score": CONFIDENCE},
        "environment": environment(),
    }
    keys = {spec: _key(base, spec, stage) for spec, stage in stages.items()}
    rows = _finished_rows(out, keys)
    for spec, stage in stages.items():
        if spec in rows:
            progress(spec, len(dataset.samples), len(dataset.samples))
            continue
        in_graph = settings.where == "graph" and spec != "none"
        detector, outside = (load(stage), None) if in_graph else (bare, stage)
        journal = Journal(predictions / f".{file_name(spec)}.jsonl", keys[spec])
        run = run_detector(dataset, detector, outside, journal, classes, partial(progress, spec))
        if spec == "none" and len(run.failed) == len(dataset.samples):
            raise ScotopicError(f"no image of {dataset.name} could be used: {next(iter(run.failed.values()))}")
        rows[spec] = _row(spec, stage, run, truth, out) | {"key": keys[spec]}
        _write(out, {**base, "rows": [rows[s] for s in specs if s in rows]})
        journal.remove()
    record = {**base, "rows": [rows[spec] for spec in specs]}
    _write(out, record)
    return Comparison(record, out)


def _write(out: Path, record: Mapping[str, Any]) -> None:
    """The record and its tables change together."""
    write_json(out / "results.json", record)
    write_tables(record, out)


def _loader(model: str | Path, settings: EvaluationSettings) -> LoadDetector:
    options = settings.model_dump(include=set(DetectorSettings.model_fields))
    return lambda stage: load_detector(model, stage=stage, download=True, **options)


def _row(spec: str, stage: EnhancementStage, run: DetectorRun, truth: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Write an enhancer's predictions, judge them, and say all there is to say."""
    file = out / "predictions" / f"{file_name(spec)}.json"
    write_json(file, run.results, indent=None)
    scores = score_detections(truth, run.results)
    return {
        "enhancer": spec,
        "metrics": json_ready(scores.metrics),
        "per_class": json_ready(scores.per_class),
        "timing_ms": _medians(run.timings),
        "images": len(truth["images"]),
        "failed": run.failed,
        "passed_by_gate": run.passed,
        "per_image": scores.per_image,
        "enhancer_sha256": stage.enhancer.fingerprint(),
        "environment": {k: v for k, v in environment().items() if k != "command"},
        "predictions": file.relative_to(out).as_posix(),
        "predictions_sha256": sha256_of(file),
    }


def _describe(dataset: DetectionDataset, classes: ClassMap) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "images": len(dataset.samples),
        "fingerprint": dataset.fingerprint(),
        "classes": list(dataset.classes),
        **classes.as_dict(),
        "left_out": list(classes.unmatched_set),
        "issues": dataset.issues.as_dict(),
    }


def _key(base: Mapping[str, Any], spec: str, stage: EnhancementStage) -> str:
    """What a row depends on; versions too, because they move figures."""
    parts = {
        "model": base["model"],
        "data": base["data"]["fingerprint"],
        "class_map": base["data"]["class_map"],
        "settings": base["settings"],
        "code": code_fingerprint(),
        "packages": base["environment"]["packages"],
        "enhancer": [spec, stage.enhancer.fingerprint()],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _finished_rows(out: Path, keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Rows of an earlier run into the same folder that this run would make again in just the same way."""
    try:
        rows = json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"]
        candidates = {row["enhancer"]: row for row in rows if keys.get(row["enhancer"]) == row["key"]}
        files = {spec: out / row["predictions"] for spec, row in candidates.items()}
        return {
            spec: row
            for spec, row in candidates.items()
            if files[spec].is_file() and sha256_of(files[spec]) == row["predictions_sha256"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # there was none, or it is not ours


def _medians(timings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median milliseconds of each step over the images in which it took place."""
    steps = dict.fromkeys(step for timing in timings for step in timing)
    return {step: round(median(t[step] for t in timings if step in t), 3) for step in steps}


def file_name(spec: str) -> str:
    """A spec as a file name: readable, and different for different specs.

    >>> file_name("gamma"), file_name("gamma[gamma=2.2]")
    ('gamma', 'gamma_gamma_2_2-09dac3ac')
    """
    plain = re.sub(r"\W+", "_", spec).strip("_")
    return plain if plain == spec else f"{plain[:60]}-{hashlib.sha256(spec.encode()).hexdigest()[:8]}"
