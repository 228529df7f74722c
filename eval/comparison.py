"""Enhancers x one frozen model x one data set, whatever the task: rows, keys, journals and files."""

from __future__ import annotations

import gc
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Generic, TypeVar

from ..adapters.contract import Detector, Segmenter
from ..configs.schema import EvaluationSettings, QualitySettings, SegmentationSettings
from ..errors import ScotopicError
from ..files import output_folder, sole_writer, write_json
from ..pipeline.gate import gate_of
from ..pipeline.stage import EnhancementStage
from .datasets.pictures import PictureSet
from .datasets.sample import DetectionDataset
from .datasets.segmentation_sample import SegmentationDataset
from .environment import code_fingerprint, environment
from .evidence_memory import EvidenceMemory
from .finished import fingerprint, finished_rows, refuse_other_task
from .intervals import RESAMPLES, SEED
from .journal import Journal
from .picture_cache import PictureCache
from .report.tables import write_tables
from .run_images import Run, Viewer
from .statistics_record import KINDS, comparison_statistics, with_frequent

Progress = Callable[[str, int, int], None]
Model = TypeVar("Model", Detector, Segmenter, Viewer)
Dataset = TypeVar("Dataset", DetectionDataset, SegmentationDataset, PictureSet)


@dataclass(frozen=True)
class Comparison:
    """What ``results.json`` holds.

    Attributes:
        record: ``{"task", "model", "data", "settings", "gate", "environment", "rows"}``; ``gate`` holds its numbers,
            None when it is off; metrics of a model are fractions 0..1, None where the truth has nothing of that kind;
            those of pictures have units of their own. A finished comparison of a model has its ``statistics`` too,
            see :func:`~scotopic.eval.statistics_record.comparison_statistics`.
        out: the folder where it was written.
    """

    record: Mapping[str, Any]
    out: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each enhancer; the first is ``none``."""
        return self.record["rows"]


class Task(ABC, Generic[Model, Dataset]):
    """What detection, segmentation and quality do differently.

    Attributes:
        name: in the record.
        evidence: keys of a row that hold the path of a file, or of a folder of label maps; a row is reused only if
            they are what they were.
        folder: below the output, where predictions are kept, and journals as long as the run goes on.
    """

    name: ClassVar[str]
    evidence: ClassVar[tuple[str, ...]]
    folder: ClassVar[str] = "predictions"

    def __init__(self, dataset: Dataset, load: Callable[[EnhancementStage | None], Model], out: Path) -> None:
        self.dataset = dataset
        self.load = load
        self.out = out
        self.pictures = PictureCache()
        self.memory = EvidenceMemory()

    @abstractmethod
    def begin(self, bare: Model) -> dict[str, Any]:
        """Match the classes, write down the truth, and give what the record says of them (``class_map``...)."""

    @abstractmethod
    def run(
        self,
        spec: str,
        model: Model,
        stage: EnhancementStage | None,
        journal: Journal,
        progress: Callable[[int, int], None],
    ) -> Run:
        """All images through one enhancer: in the stage before the model, or inside the model where there is none."""

    @abstractmethod
    def judge(self, spec: str, run: Run) -> dict[str, Any]:
        """Write and judge an enhancer's predictions: ``metrics``, ``per_class``, ``per_image`` and the evidence."""

    def fixed_settings(self) -> dict[str, Any]:
        """What nobody can choose, but a reader of the record should know."""
        return {}


def compare(
    task: Task[Model, Dataset],
    enhancers: Sequence[str],
    settings: EvaluationSettings | SegmentationSettings | QualitySettings,
    progress: Progress,
) -> Comparison:
    """Run the same frozen model on the same images behind each enhancer.

    ``none`` comes first. ``results.json`` and the tables are written after each enhancer; what an earlier run into the
    same folder finished with the same settings, data, model, enhancer and code is taken over, image by image, and what
    it finished of other enhancers is kept for later. Two runs at once would spoil each other's files, so the second is
    refused, as is a folder with results of another kind.
    """
    with sole_writer(task.out), _collector_at_what_is_new():
        refuse_other_task(task.out, task.name)
        specs = ["none", *(spec for spec in dict.fromkeys(enhancers) if spec != "none")]
        stages = {spec: EnhancementStage(spec, gate=settings.gate, strength=settings.strength) for spec in specs}
        stages["none"] = EnhancementStage("none", gate="off")  # there is nothing that a gate could hold back
        for stage in stages.values():
            stage.enhancer.check_files([sample.image for sample in task.dataset.samples])
        journals = output_folder(task.out / task.folder)
        bare = task.load(None)
        base = _common(task, bare, specs, settings)
        keys = {spec: _key(base, spec, stage) for spec, stage in stages.items()}
        rows = finished_rows(task.out, keys, task.evidence)
        for spec, stage in stages.items():
            images = len(task.dataset.samples)
            if spec in rows:
                progress(spec, images, images)
                continue
            inside = not isinstance(settings, QualitySettings) and settings.where != "source" and spec != "none"
            model, outside = (task.load(stage), None) if inside else (bare, stage)
            journal = Journal(journals / f".{file_name(spec)}.jsonl", keys[spec])
            run = task.run(spec, model, outside, journal, partial(progress, spec))
            if spec == "none" and len(run.failed) == images:
                raise ScotopicError(f"no image of {task.dataset.name} could be used: {next(iter(run.failed.values()))}")
            with _collector_at_rest():
                rows[spec] = _row(task, spec, stage, run) | {"key": keys[spec]}
            _write(task.out, {**base, "rows": [rows[s] for s in specs if s in rows]})
            journal.remove()
        return _with_statistics({**base, "rows": [rows[spec] for spec in specs]}, task.out, progress, task.memory)


def _common(
    task: Task[Model, Dataset],
    bare: Model,
    specs: Sequence[str],
    settings: EvaluationSettings | SegmentationSettings | QualitySettings,
) -> dict[str, Any]:
    """What the record says of all rows."""
    if len(specs) > 1 and (held := bare.description.get("enhancer")):
        raise ScotopicError(
            f"{bare.description['file']} holds the enhancer {held!r} already, and any other would come on top of it: "
            "compare a model without one, or measure this one as it is with the enhancer none alone"
        )
    return {
        "task": task.name,
        "model": dict(bare.description),
        "data": {
            "name": task.dataset.name,
            "images": len(task.dataset.samples),
            "fingerprint": task.dataset.fingerprint(),
            **task.begin(bare),
        },
        "settings": {**settings.model_dump(mode="json"), **task.fixed_settings()},
        "gate": asdict(gate) if (gate := gate_of(settings.gate)) else None,
        "environment": environment(),
    }


def recompute(
    folder: str | Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Progress = lambda name, done, total: None,
) -> Comparison:
    """Compute the statistics of a finished comparison again, from the files in its folder, and write its tables anew.

    Args:
        folder: where :func:`compare` wrote.
        resamples: how many sets of images are drawn.
        seed: of the drawing.
        progress: called with ("intervals", rows done, rows in all).

    Raises:
        ScotopicError: there is no comparison of a model in the folder, a file is missing or not the one
            that the record was written with, or a run writes into the folder.

    Example::

        recompute("out", resamples=10_000).record["statistics"]["rows"]["clahe"]["verdict"]["text"]
    """
    out = Path(folder)
    try:
        record = json.loads((out / "results.json").read_text(encoding="utf-8"))
        known = record["task"] in KINDS
    except (OSError, ValueError, KeyError, TypeError):
        record, known = {}, False
    if not known:
        raise ScotopicError(
            f"{folder} holds no comparison of a detector or a segmentation net: give the folder of its results.json"
        )
    with sole_writer(out):
        return _with_statistics(record, out, progress, EvidenceMemory(), resamples, seed)


def _with_statistics(
    record: dict[str, Any],
    out: Path,
    progress: Progress,
    memory: EvidenceMemory,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """The last thing to be written, when all rows stand."""
    with _collector_at_rest():
        found = comparison_statistics(record, out, memory, resamples=resamples, seed=seed, progress=progress)
    if found is not None:
        rows = [with_frequent(row, found) for row in record["rows"]]
        record = {**record, "rows": rows, "statistics": found}
    _write(out, record)
    return Comparison(record, out)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Judging makes hundreds of thousands of small objects, all of them needed and none in a circle.

    Python's collector would go through them again and again, which takes longer than judging does.
    """
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


@contextmanager
def _collector_at_what_is_new() -> Iterator[None]:
    """What stands before a comparison begins is needed until it ends, above all what importing PyTorch leaves.

    Python's collector would go through it again with every row, for a sixth of a second each time.
    """
    if gc.get_freeze_count():  # somebody else's, who knows better
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _write(out: Path, record: Mapping[str, Any]) -> None:
    """The record and its tables change together."""
    write_json(out / "results.json", record)
    write_tables(record, out)


def _row(task: Task[Model, Dataset], spec: str, stage: EnhancementStage, run: Run) -> dict[str, Any]:
    """All there is to say of one enhancer."""
    judged = task.judge(spec, run)
    return {
        "enhancer": spec,
        "metrics": judged.pop("metrics"),
        "per_class": judged.pop("per_class"),
        "timing_ms": _medians(run.timings),
        "images": len(run.lines),
        "failed": run.failed,
        "passed_by_gate": run.passed,
        **judged,
        **({"darkness": run.darkness} if spec == "none" else {}),  # of the input pictures, which all rows share
        "enhancer_sha256": stage.enhancer.fingerprint(),
        "environment": {k: v for k, v in environment().items() if k != "command"},
        **{f"{key}_sha256": fingerprint(task.out / judged[key]) for key in task.evidence},
    }


def _key(base: Mapping[str, Any], spec: str, stage: EnhancementStage) -> str:
    """What a row depends on; versions too, because they move figures."""
    parts = {
        "task": base["task"],
        "model": base["model"],
        "data": base["data"]["fingerprint"],
        "class_map": [base["data"].get("class_map"), base["data"].get("model_class_map")],
        "settings": base["settings"],
        "gate": base["gate"],
        "code": code_fingerprint(),
        "packages": base["environment"]["packages"],
        "enhancer": [spec, stage.enhancer.fingerprint()],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


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
