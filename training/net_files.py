"""What the trainings of nets write alike: small weights, and a table of the epochs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from ..files import whole_file


def write_half_precision(path: Path, net: nn.Module, made: Mapping[str, Any]) -> None:
    """Write the net's tensors as safetensors; how they were ``made`` stands in the metadata ``training`` as JSON.

    Floating-point tensors are written in half precision, which halves the file and moves no score by more than a
    rounding.
    """
    tensors = {
        key: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for key, value in net.state_dict().items()
    }
    with whole_file(path) as temporary:
        # One key alone: safetensors writes several in an order that changes from run to run.
        save_file(tensors, temporary, {"training": json.dumps(made, sort_keys=True)})


def epoch_table(columns: Sequence[str], history: Sequence[Sequence[float]]) -> str:
    """CSV: a row for each epoch, whose number comes first; a score that was not taken (NaN) is left empty.

    >>> epoch_table(("epoch", "loss", "score"), [[1, 0.5, float("nan")], [2, 0.25, 0.75]]).splitlines()
    ['epoch,loss,score', '1,0.5,', '2,0.25,0.75']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for epoch, *values in history:
        writer.writerow([int(epoch), *("" if math.isnan(value) else f"{value:.6g}" for value in values)])
    return text.getvalue()
