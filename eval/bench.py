"""What enhancers cost: time, operations, memory, and their share of a whole pipeline (Table 2 of the paper)."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..configs.bench_schema import BenchSettings
from ..errors import ScotopicError
from ..files import output_folder, write_json
from ..pipeline.stage import EnhancementStage
from .bench_enhancer import Footprint, MissingWeightsError, Probe, build, calls, expand
from .bench_model import BenchModel, load_bench_model, summarize
from .bench_pictures import MADE_UP, find_pictures, pictures_at
from .efficiency import milliseconds, spread, take_turns
from .environment import environment
from .finished import refuse_other_task
from .report.bench_tables import write_bench_tables

SEED = 0
"""Of the order in which enhancers take their turns."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BenchResult:
    """What ``results.json`` holds.

    Attributes:
        record: ``{"task", "model", "data", "settings", "machine", "environment", "rows", "skipped"}``.
        out: the folder where it was written.
    """

    record: Mapping[str, Any]
    out: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each enhancer, size and batch size; times in milliseconds, memory in MB (10^6 bytes)."""
        return self.record["rows"]

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """What could not be measured: ``enhancer``, ``reason``, and where it concerns one size ``width``..."""
        return self.record["skipped"]

    @property
    def over_budget(self) -> list[str]:
        """The enhancers that take longer than the budget at some size."""
        return list(dict.fromkeys(row["enhancer"] for row in self.rows if row["within_budget"] is False))


def bench(
    enhancers: Sequence[str],
    out: str | Path,
    *,
    model: str | Path | None = None,
    data: str | Path | None = None,
    settings: BenchSettings | None = None,
    progress: Progress = lambda name, done, total: None,
) -> BenchResult:
    """Measure what enhancers cost, side by side, and what share of a pipeline they take.

    Of one picture the time of ``enhance`` is measured, which is what users call; of batches that of ``forward``. All
    enhancers take turns in an order shuffled in each round. Peak memory and operations are found in a fresh process
    for each enhancer, size and batch size. Writes ``results.json``, ``results.csv`` and ``results.md`` into ``out``.

    Args:
        enhancers: names, specs, or patterns such as ``"*dce*"``; ``none`` is put first.
        out: folder for the results.
        model: a detector or segmentation net behind the enhancers; None measures the enhancers alone.
        data: a picture, or a folder whose first pictures are scaled to each size; None takes a made-up night.
        settings: sizes, batch sizes, rounds, threads, device, budget.
        progress: called with (what is going on, how much is done, how much there is).

    Raises:
        ScotopicError: unknown enhancer, model, device or folder, a folder with other results, or a budget where no
            picture goes alone.

    Example::

        result = bench(["clahe", "sgz"], "out", model="yolo11n.pt", settings=BenchSettings(budget="33ms"))
        [(row["enhancer"], row["ms"]["median"], row["within_budget"]) for row in result.rows]
    """
    settings = settings or BenchSettings()
    if (model or settings.budget) and 1 not in settings.batch_sizes:
        raise ScotopicError("a model and a budget go by single pictures: let --batch-sizes have 1 among them")
    device = usable_device(settings.device)
    stages, skipped = _stages(expand(enhancers), device)
    paths = find_pictures(data, settings.rounds)
    folder = output_folder(out)
    refuse_other_task(folder, "bench")
    loaded = load_bench_model(model, settings, device) if model else None
    with _threads(settings.threads):
        run = _Run(stages, loaded, paths, settings, device, progress)
        record: dict[str, Any] = {
            "task": "bench",
            "model": dict(loaded.description) if loaded else {},
            "data": {"name": Path(data).name if data else MADE_UP, "images": len(paths) or 1},
            "settings": {
                **settings.model_dump(mode="json"),
                "device": str(device),
                "threads": torch.get_num_threads(),
                "seed": SEED,
                "budget_ms": settings.budget_ms,
            },
            "machine": machine(device),
            "environment": environment(),
            "rows": [],
            "skipped": skipped,
        }
        for width, height in settings.sizes:
            for batch in settings.batch_sizes:
                rows, failed = run.measure(width, height, batch)
                record["rows"] += rows
                record["skipped"] += failed
                write_json(folder / "results.json", record)
                write_bench_tables(record, folder)
    return BenchResult(record, folder)


@dataclass(frozen=True)
class _Run:
    """What stays the same from size to size."""

    stages: Mapping[str, EnhancementStage]
    model: BenchModel | None
    paths: Sequence[Path]
    settings: BenchSettings
    device: torch.device
    progress: Progress

    def measure(self, width: int, height: int, batch: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of one size and batch size, and what failed."""
        here = {"width": width, "height": height, "batch": batch}
        label = f"{width}x{height}" + (f", batches of {batch}" if batch > 1 else "")
        needs, skipped = self._footprints(width, height, batch, label)
        pictures = pictures_at(self.paths, width, height)
        stages = {spec: self.stages[spec] for spec in needs}
        times = self._turns(
            f"{label}: time", {spec: self._timed(stage, pictures, batch) for spec, stage in stages.items()}
        )
        model = self.model if batch == 1 else None
        parts = {}
        if model:
            turns = {spec: model.turn(stage, pictures) for spec, stage in stages.items()}
            parts = {spec: summarize(samples) for spec, samples in self._turns(f"{label}: pipeline", turns).items()}
        rows = []
        for spec, stage in stages.items():
            ms, pipeline = spread(times[spec]), parts.get(spec)
            judged = pipeline["ms"]["total"] if pipeline else ms
            budget = self.settings.budget_ms if batch == 1 else None
            rows.append(
                {
                    "enhancer": spec,
                    **here,
                    "call": "enhance" if batch == 1 else "forward",
                    "ms": ms,
                    "pictures_per_second": 1000 * batch / ms["median"],
                    **asdict(needs[spec]),
                    "pipeline": pipeline,
                    "within_budget": None if budget is None else judged["median"] <= budget,
                    "enhancer_sha256": stage.enhancer.fingerprint(),
                }
            )
        return rows, [{"enhancer": spec, **here, "reason": reason} for spec, reason in skipped.items()]

    def _footprints(
        self, width: int, height: int, batch: int, label: str
    ) -> tuple[dict[str, Footprint], dict[str, str]]:
        """Memory and operations of each enhancer, and why some have none. First, so that what dies, dies apart."""
        found, failed = {}, {}
        picture = str(self.paths[0].resolve()) if self.paths else None
        threads = torch.get_num_threads()
        for number, spec in enumerate(self.stages, start=1):
            try:
                found[spec] = Probe(spec, width, height, batch, str(self.device), threads, picture).run()
            except ScotopicError as error:
                failed[spec] = str(error)
            self.progress(f"{label}: memory", number, len(self.stages))
        return found, failed

    def _timed(self, stage: EnhancementStage, pictures: Sequence[np.ndarray], batch: int) -> Callable[[int], float]:
        ready = calls(stage.enhancer, pictures, batch, self.device)
        return lambda number: milliseconds(ready[number % len(ready)], self.device)

    def _turns(self, label: str, functions: Mapping[str, Callable[[int], Any]]) -> dict[str, list[Any]]:
        rounds = self.settings.rounds
        return take_turns(functions, rounds, seed=SEED, progress=lambda done: self.progress(label, done, rounds))


def _stages(specs: Sequence[str], device: torch.device) -> tuple[dict[str, EnhancementStage], list[dict[str, Any]]]:
    """The enhancers that can run, and those whose weights are missing."""
    stages: dict[str, EnhancementStage] = {}
    skipped = []
    for spec in specs:
        try:
            stages[spec] = build(spec).to(device)
        except MissingWeightsError as error:
            skipped.append({"enhancer": spec, "reason": str(error)})
    return stages, skipped


def usable_device(name: str | None) -> torch.device:
    """The device of that name; None takes a graphics card where there is one.

    Raises:
        ScotopicError: no such device.

    >>> usable_device("cpu")
    device(type='cpu')
    >>> usable_device("toaster")
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: device 'toaster' cannot be used: write cpu, cuda, cuda:1 or mps
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise ScotopicError(f"device {name!r} cannot be used: write cpu, cuda, cuda:1 or mps") from None
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ScotopicError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return device


def machine(device: torch.device) -> dict[str, Any]:
    """What the times depend on besides versions: the processor or graphics card, and what else it had to do.

    ``load`` is the mean number of programs that wanted a core in the last minute, None where nobody counts them.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": name, "cores": os.cpu_count(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def _processor() -> str:
    """Its name as Linux gives it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """As many threads as asked for, in PyTorch and in OpenCV; afterwards as many as before."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count or before[0])
    cv2.setNumThreads(torch.get_num_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
