"""What the training of a detector leaves behind: weights, description, curve, and the pictures held back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from ..adapters.shipped_detectors import KEY, DetectorDescription
from ..eval.datasets.sample import DetectionDataset
from ..files import whole_file, write_text
from .net_files import write_half_precision

COLUMNS = ("epoch", "learning_rate", "box", "class", "distribution", "AP50", "mAP")
"""Of the table; a score that was not taken is empty."""


def write_detector(
    path: Path, network: nn.Module, description: DetectorDescription, classes: Sequence[str], made: Mapping[str, Any]
) -> Path:
    """Write ``path``, a YAML file on how the net is built, and beside it its tensors as ``.safetensors``.

    See :func:`~scotopic.training.net_files.write_half_precision` for what the second file holds.
    """
    write_half_precision(path.with_suffix(".safetensors"), network, made)
    content = {KEY: description.model_dump(mode="json", exclude={"classes"}), "names": list(classes)}
    write_text(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120))
    return path


def write_list(path: Path, dataset: DetectionDataset) -> Path:
    """The ids of a set's pictures, one a line: a list file, as ``--split`` takes it."""
    write_text(path, "".join(f"{sample.id}\n" for sample in dataset.samples))
    return path


def draw_curve(path: Path, history: Sequence[Sequence[float]]) -> None:
    """Draw the losses and the scores over the epochs as a PNG; a row of ``history`` has the ``COLUMNS``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), layout="constrained")
    losses = figure.subplots()
    for name in ("box", "class", "distribution"):
        losses.plot([row[0] for row in history], [row[COLUMNS.index(name)] for row in history], label=name)
    losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    scores = losses.twinx()
    for name, style in (("AP50", "k.-"), ("mAP", "k.:")):
        scored = [(row[0], row[COLUMNS.index(name)]) for row in history if not math.isnan(row[COLUMNS.index(name)])]
        scores.plot(*zip(*scored, strict=True), style, label=name)
    scores.set(ylabel="AP, held-back pictures", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=5)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=80)
