"""What the training of a segmentation net leaves behind: weights, description and curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from ..adapters.input_spec import InputSpec
from ..adapters.shipped import NetDescription
from ..files import whole_file, write_text
from .net_files import write_half_precision

COLUMNS = ("epoch", "learning_rate", "loss", "cross_entropy", "dice", "validation_mIoU")
"""Of the table; a score that was not taken is empty."""


def write_net(
    path: Path,
    net: nn.Module,
    description: NetDescription,
    spec: InputSpec,
    classes: Sequence[str],
    made: Mapping[str, Any],
) -> Path:
    """Write ``path``, a YAML file on how the net is built and fed, and beside it its tensors as ``.safetensors``.

    See :func:`~scotopic.training.net_files.write_half_precision` for what the second file holds.
    """
    write_half_precision(path.with_suffix(".safetensors"), net, made)
    content = {
        "net": description.model_dump(exclude={"classes"}),
        "input": spec.to_dict(),
        "names": list(classes),
    }
    write_text(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120))
    return path


def draw_curve(path: Path, history: Sequence[Sequence[float]]) -> None:
    """Draw the losses and the validation score over the epochs as a PNG; a row of ``history`` has the ``COLUMNS``."""
    from matplotlib.figure import Figure

    table = {name: [row[index] for row in history] for index, name in enumerate(COLUMNS)}
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    losses = figure.subplots()
    for name in ("loss", "cross_entropy", "dice"):
        losses.plot(table["epoch"], table[name], label=name.replace("_", "-"))
    losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    scored = [row for row in history if not math.isnan(row[-1])]
    scores = losses.twinx()
    scores.plot([row[0] for row in scored], [row[-1] for row in scored], "k.-", label="validation mIoU")
    scores.set(ylabel="mIoU", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=4)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=80)
