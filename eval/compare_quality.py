"""Comparison of how enhanced pictures look: against their references, and by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ..configs.schema import QualityProtocol, QualitySettings
from ..errors import ScotopicError
from ..files import json_ready, sha256_of
from ..pipeline.image import read_image
from ..pipeline.stage import EnhancementStage
from .comparison import Comparison, Progress, Task, compare
from .datasets.pictures import PictureSample, PictureSet, load_pictures
from .journal import Journal
from .no_reference import Brisque, Niqe
from .perceptual import Lpips
from .pyiqa_metrics import PyiqaMetric
from .quality import CEILING, comparable, full_reference_scores
from .run_images import Picture, Run, Viewer, run_images

FULL_REFERENCE = {"PSNR": True, "SSIM": True, "MSE": False}
"""The metrics that need nothing but a reference -> whether a higher value is better."""

PARAMETERS = {
    "BRISQUE": "its authors' model: --brisque FILE",
    "NIQE": "its authors' parameters: --niqe FILE",
}
"""What the metrics without a reference need."""


def compare_quality(
    data: str | Path | PictureSet,
    enhancers: Sequence[str],
    out: str | Path,
    *,
    reference: str | Path | None = None,
    split: str | None = None,
    settings: QualitySettings | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Comparison:
    """Enhance the same pictures with each enhancer, and measure how they look.

    PSNR, SSIM and MSE where the pictures have references, and LPIPS where the settings name its backbone; BRISQUE and
    NIQE where they name their parameters; and what they ask of pyiqa.
    Writes ``results.json``, ``results.md`` and ``results.csv`` into ``out`` after each enhancer; the pictures
    themselves are not kept. Run again, it reuses what was finished with the same settings, data and enhancer, image by
    image. An image that fails is named and left out of its row's means. A picture that equals its reference counts
    with a PSNR of 100 dB.

    Args:
        data: what :func:`~scotopic.eval.datasets.pictures.load_pictures` takes, or a set of pictures.
        enhancers: names or specs; ``none`` is put first if it is not among them.
        out: folder for the results.
        reference: folder with the well-lit pictures, where ``data`` is not a set already.
        split: which pictures of ``data``, where that is a labelled set.
        settings: of the stage, the protocol and the metrics; the gate is on unless they say otherwise. Without any it
            is off, as in ``scotopic compare``, so that the enhancers themselves are measured.
        progress: called with (enhancer, images done, images in all).

    Raises:
        ScotopicError: no such pictures, parameters or enhancer, there is nothing to measure, no image can be used, or
            ``out`` cannot be written, holds other results, or is being written to.

    Example::

        comparison = compare_quality("lol", ["clahe", "sgz"], "out")
        [(row["enhancer"], row["metrics"]["PSNR"]) for row in comparison.rows]
    """
    settings = settings or QualitySettings(gate="off")
    pictures = data if isinstance(data, PictureSet) else load_pictures(data, reference, split)
    return compare(QualityTask(pictures, Path(out), settings), enhancers, settings, progress)


class QualityTask(Task[Viewer, PictureSet]):
    """Writes nothing beside the record, from which each mean can be recomputed."""

    name = "quality"
    evidence = ()
    folder = "."

    def __init__(self, dataset: PictureSet, out: Path, settings: QualitySettings) -> None:
        super().__init__(dataset, lambda stage: Viewer(), out)
        self.protocol = QualityProtocol(**settings.model_dump(include=set(QualityProtocol.model_fields)))
        learned = [PyiqaMetric(name) for name in settings.pyiqa]
        compared: list[Lpips | PyiqaMetric] = [metric for metric in learned if metric.needs_reference]
        self.no_reference: list[Brisque | Niqe | PyiqaMetric] = [m for m in learned if not m.needs_reference]
        if settings.lpips:
            compared.insert(0, Lpips(settings.lpips))
        if settings.niqe:
            self.no_reference.insert(0, Niqe(settings.niqe))
        if settings.brisque:
            self.no_reference.insert(0, Brisque(settings.brisque))
        self.with_reference = compared if dataset.paired else []
        self.unused = [metric.name for metric in compared if not dataset.paired]
        if not (dataset.paired or self.no_reference):
            needs = "; ".join(f"{name} needs {what}" for name, what in PARAMETERS.items())
            raise ScotopicError(
                f"there is nothing to measure on {dataset.name}: PSNR and SSIM need well-lit references of the same "
                f"names: --reference FOLDER; {needs}"
            )

    @property
    def metrics(self) -> dict[str, bool]:
        """The names, in the order of the table -> whether a higher value is better."""
        built_in = FULL_REFERENCE if self.dataset.paired else {}
        return {**built_in, **{m.name: m.higher_is_better for m in (*self.with_reference, *self.no_reference)}}

    def begin(self, bare: Viewer) -> dict[str, Any]:
        return {
            "paired": self.dataset.paired,
            "without_reference": list(self.dataset.without_partner),
            "higher_is_better": self.metrics,
            "notes": self._notes(),
        }

    def _notes(self) -> list[str]:
        lines, protocol, alone = [], self.protocol, self.dataset.without_partner
        if self.dataset.paired:
            color = "luma (BT.601)" if protocol.color == "luma" else "the three channels of RGB"
            matched = ", the result scaled to the mean luma of its reference first" if protocol.match_mean else ""
            crop = f", {protocol.crop} pixels cut off at each border" if protocol.crop else ""
            lines.append(
                f"PSNR (peak 255), SSIM (Gaussian window 11x11, sigma 1.5) and MSE over {color}{matched}{crop}."
            )
        else:
            names = ", ".join(["PSNR", "SSIM", *self.unused])
            lines.append(f"{names} and MSE are left out, for want of references: --reference FOLDER.")
        if alone:
            lines.append(f"{len(alone)} pictures have no reference and are left out: {', '.join(alone)}.")
        if "BRISQUE" in self.metrics:
            lines.append(
                "BRISQUE does not penalise darkness: a clean dark picture scores well as it is, so never rank by it "
                "alone."
            )
        lines += [m.note for m in (*self.with_reference, *self.no_reference) if isinstance(m, (Lpips, PyiqaMetric))]
        absent = [name for name in PARAMETERS if name not in self.metrics]
        lines += [f"{name} is left out: it needs {PARAMETERS[name]}." for name in absent]
        return lines

    def fixed_settings(self) -> dict[str, Any]:
        return {"parameters": {m.name: _parameters(m) for m in (*self.with_reference, *self.no_reference)}}

    def run(
        self,
        spec: str,
        model: Viewer,
        stage: EnhancementStage | None,
        journal: Journal,
        progress: Callable[[int, int], None],
    ) -> Run:
        def keep(number: int, sample: PictureSample, found: Picture | None) -> dict[str, Any]:
            try:
                return {"scores": None if found is None else self._scores(sample, found.image)}
            except ScotopicError as error:  # the reference cannot be read, or has another size
                return {"scores": None, "failed": str(error)}

        return run_images(self.dataset.samples, model.view, keep, stage, journal, progress, self.pictures)

    def _scores(self, sample: PictureSample, image: np.ndarray) -> dict[str, float | None]:
        """The metrics of one picture; None where one has no value: no structure, too small."""
        scores: dict[str, float | None] = {}
        if sample.reference:
            try:
                reference = read_image(sample.reference)
                found = full_reference_scores(image, reference, self.protocol)
            except ScotopicError as error:
                raise ScotopicError(f"{sample.id} and its reference: {error}") from None
            found["PSNR"] = min(found["PSNR"], CEILING)
            scores |= {name: value if math.isfinite(value) else None for name, value in found.items()}
            pair = comparable(image, reference, self.protocol)
            scores |= {metric.name: _or_none(metric, *pair) for metric in self.with_reference}
        return scores | {metric.name: _or_none(metric, image) for metric in self.no_reference}

    def judge(self, spec: str, run: Run) -> dict[str, Any]:
        images = {line["id"]: line["scores"] for line in run.lines if line["scores"] is not None}
        values = {name: [s[name] for s in images.values() if s[name] is not None] for name in self.metrics}
        missing = {name: [id_ for id_, scores in images.items() if scores[name] is None] for name in self.metrics}
        return {
            "metrics": {name: fmean(of_images) if of_images else None for name, of_images in values.items()},
            "per_class": {},
            "per_image": json_ready(images),
            "without_value": {name: ids for name, ids in missing.items() if ids},
        }


def _or_none(metric: Callable[..., float], *images: np.ndarray) -> float | None:
    try:
        return metric(*images)
    except ScotopicError:
        return None


def _parameters(metric: Lpips | Brisque | Niqe | PyiqaMetric) -> dict[str, str]:
    """What decides a metric's values, by SHA-256."""
    if isinstance(metric, PyiqaMetric):
        return metric.fingerprint()
    return {path.name: sha256_of(path) for path in metric.files}
