"""What the training of a segmentation net leaves behind: weights, description and curve."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file
from torch import nn

from ..adapters.input_spec import InputSpec
from ..adapters.shipped import NetDescription
from ..files import whole_file, write_text

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

    Floating-point tensors are written in half precision, which halves the file and moves no score by more than a
    rounding. How they were made stands in the metadata ``training`` as JSON.
    """
    tensors = {
        key: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for key, value in net.state_dict().items()
    }
    with whole_file(path.with_suffix(".safetensors")) as temporary:
        # One key alone: safetensors writes several in an order that changes from run to run.
        save_file(tensors, temporary, {"training": json.dumps(made, sort_keys=True)})
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
