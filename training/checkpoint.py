"""What a training run leaves behind: a checkpoint to go on from, and the weights at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ..configs.detector_schema import DetectorTrainSettings
from ..configs.segmenter_schema import SegmenterSettings
from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from ..files import whole_file

# Of either kind ``may_change`` tells what may differ between a run and its continuation.
Settings = TrainSettings | SegmenterSettings | DetectorTrainSettings


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training, in one file, so that its parts can never disagree.

    Attributes:
        settings: the settings that make the run what it is, as JSON.
        pictures: fingerprint of the training pictures.
        net: state dict.
        optimizer: state dict.
        history: one row of the table for each whole epoch.
        step: steps done in the epoch after those.
        sums: of that epoch's figures so far.
        scaler: state dict of what scales the gradients of half precision; empty where nothing does.
        average: state dict of the moving average of the net; empty where there is none.
        guides: checksums of the frozen nets that judge.
    """

    settings: str
    pictures: str
    net: dict[str, Any]
    optimizer: dict[str, Any]
    history: list[list[float]]
    step: int = 0
    sums: list[float] = field(default_factory=list)
    scaler: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)
    guides: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        settings: Settings,
        pictures: str,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: list[list[float]],
        **within: Any,
    ) -> Checkpoint:
        """The state of a running training.

        Args:
            settings: of the training.
            pictures: their fingerprint.
            net: what is trained.
            optimizer: of its parameters.
            history: the table so far.
            **within: ``step``, ``sums`` and ``scaler`` of one that is not between two epochs; ``average``; ``guides``.
        """
        return cls(
            _settings_json(settings), pictures, net.state_dict(), optimizer.state_dict(), list(history), **within
        )

    def check_same_run(self, path: Path, settings: Settings, pictures: str, guides: Sequence[str] = ()) -> None:
        """Refuse to go on with other settings, pictures or nets that judge.

        Raises:
            ScotopicError: names what differs.
        """
        before, now = json.loads(self.settings), json.loads(_settings_json(settings))
        different = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if pictures != self.pictures:
            different.append("pictures")
        if list(guides) != self.guides:
            different.append("nets that guide")
        if different:
            raise ScotopicError(f"{path} is of a run with other {', '.join(different)}: choose another output folder")
        if len(self.history) > settings.epochs or (len(self.history) == settings.epochs and self.step):
            raise ScotopicError(
                f"{path} has {len(self.history)} epochs behind it, more than the {settings.epochs} asked for: "
                "choose another output folder"
            )


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write it whole or not at all; only tensors and plain values, so that it loads with ``weights_only=True``.

    The one before is there until the new one is on the disk.
    """
    with whole_file(path) as temporary:
        torch.save(dict(vars(checkpoint)), temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what :func:`write_checkpoint` wrote.

    Raises:
        ScotopicError: the file is damaged or something else.
    """
    try:
        return Checkpoint(**torch.load(path, "cpu", weights_only=True))
    except Exception:  # noise is read as anything: IndexError, struct.error, UnpicklingError ...
        raise ScotopicError(
            f"{path} is not a checkpoint of a training: remove it, or choose another output folder"
        ) from None


def write_weights(path: Path, net: nn.Module, made: Mapping[str, Any]) -> Path:
    """Write the net's tensors as safetensors; how they were ``made`` stands in the metadata ``training`` as JSON."""
    # One key alone: safetensors writes several in an order that changes from run to run.
    metadata = {"training": json.dumps(dict(made), sort_keys=True)}
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata)
    return path


def read_made(path: Path) -> dict[str, Any]:
    """How weights were made, as :func:`write_weights` was told.

    Raises:
        ScotopicError: the file is missing, damaged, or not of a training.
    """
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["training"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        raise ScotopicError(f"{path} does not say how it was trained: give weights that a training wrote") from None


def _settings_json(settings: Settings) -> str:
    return json.dumps(settings.model_dump(mode="json", exclude=set(settings.may_change)), sort_keys=True)
