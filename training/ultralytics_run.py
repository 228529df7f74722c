"""The training of a detector, epoch by epoch: ultralytics' network, losses and moving average in a loop of our own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import ModelEMA

from ..adapters.shipped_detectors import DetectorDescription
from ..adapters.ultralytics.lite_network import build_network, build_yolo
from ..configs.detector_schema import DetectorTrainSettings
from ..errors import ScotopicError
from .checkpoint import Checkpoint, read_checkpoint
from .detector_data import TrainingSets
from .detector_score import score_yolo
from .imagenet import load_imagenet
from .progress import chosen_device
from .schedule import learning_rate_share
from .ultralytics_pictures import BoxedPictures, batches

LONGEST_GRADIENT = 10.0
"""A longer one is shortened to this, as in ultralytics' trainer."""
AVERAGE_AFTER = 100
"""Steps after which the moving average comes near its decay; before, it follows the network more closely."""


@dataclass
class Run:
    """What a training holds while it runs; ``history`` has a row of the table for each epoch."""

    settings: DetectorTrainSettings
    sets: TrainingSets
    fingerprint: str
    description: DetectorDescription
    network: DetectionModel
    average: ModelEMA
    optimizer: torch.optim.Optimizer
    pictures: BoxedPictures
    device: torch.device
    history: list[list[float]] = field(default_factory=list)

    @classmethod
    def start(cls, settings: DetectorTrainSettings, sets: TrainingSets) -> Run:
        """Build the network: its encoder from ImageNet, the rest from random numbers."""
        device = chosen_device(settings.device)
        classes = sets.training.classes
        description = DetectorDescription(neck=settings.neck, size=settings.input_size, classes=len(classes))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(settings.seed)
            network = build_network(description)
        load_imagenet(_layer(network, 0))
        cast(Any, network.to(device)).to(memory_format=torch.channels_last)  # the faster order on a processor, too
        _freeze(network, settings.frozen_stages)
        return cls(
            settings,
            sets,
            sets.training.fingerprint(),
            description,
            network,
            ModelEMA(network, decay=settings.average, tau=AVERAGE_AFTER),
            torch.optim.AdamW(_groups(network, settings.weight_decay)),
            BoxedPictures(sets.training, settings),
            device,
        )

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return len(self.sets.training) // self.settings.batch

    def resume(self, path: Path) -> None:
        """Put the checkpoint's state, if there is one, into network, average, optimizer and table."""
        if path.exists():
            checkpoint = read_checkpoint(path)
            checkpoint.check_same_run(path, self.settings, self.fingerprint)
            self.network.load_state_dict(checkpoint.net)
            self.average.ema.load_state_dict(checkpoint.average)
            self.optimizer.load_state_dict(checkpoint.optimizer)
            self.history = checkpoint.history
            self.average.updates = len(self.history) * self.steps

    def checkpoint(self) -> Checkpoint:
        """The state between two epochs."""
        average = self.average.ema.state_dict()
        parts = (self.settings, self.fingerprint, self.network, self.optimizer, self.history)
        return Checkpoint.of(*parts, average=average)

    def train_epoch(self, epoch: int) -> list[float]:
        """One pass over the pictures: its number, its last learning rate, and the means of the three losses."""
        settings = self.settings
        sums = torch.zeros(3, dtype=torch.float64)
        share = 0.0
        self.network.train()
        # The encoder keeps ImageNet's statistics: batches are small, and mosaics have grey seams.
        _layer(self.network, 0).eval()
        for step, batch in enumerate(batches(self.pictures, epoch)):
            share = learning_rate_share((epoch - 1 + (step + 0.5) / self.steps) / settings.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = share * settings.learning_rate * (settings.encoder_rate if group["encoder"] else 1.0)
            losses = self._learn(batch)
            if not bool(torch.isfinite(losses).all()):
                raise ScotopicError(
                    f"the loss is no longer finite in epoch {epoch}: use a learning_rate below "
                    f"{settings.learning_rate:g}; the checkpoint of the epoch before is kept"
                )
            sums += losses.double().cpu()
        return [float(epoch), share * settings.learning_rate, *(sums / self.steps).tolist()]

    def _learn(self, batch: dict[str, Any]) -> torch.Tensor:
        """One step; the losses of boxes, classes and box distributions, which it takes only if they are finite."""
        moved = {k: v.to(self.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        moved["img"] = moved["img"].contiguous(memory_format=torch.channels_last)
        # bfloat16 has float32's exponents, so no gradient needs scaling. On a processor it gains nothing.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            weighted, items = self.network(moved)  # the first is a sum over the pictures
        losses = torch.stack([torch.as_tensor(value) for value in items.values()]).detach()
        if bool(torch.isfinite(losses).all()):
            self.optimizer.zero_grad()
            weighted.sum().backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST_GRADIENT)
            self.optimizer.step()
            self.average.update(self.network)
        return losses

    def score(self) -> list[float]:
        """AP50 and mAP of the averaged network on the held-back pictures."""
        names = dict(enumerate(self.sets.training.classes))
        with torch.random.fork_rng(devices=[]):  # the copy begins with random parameters
            yolo = build_yolo(self.description, names, self.settings.name)
        cast(nn.Module, yolo.model).load_state_dict(self.average.ema.state_dict())
        metrics = score_yolo(yolo, self.sets.held_back, self.settings.input_size, str(self.device)).metrics
        return [metrics["AP50"], metrics["mAP"]]


NOT_SCORED = [math.nan, math.nan]


def _layer(network: DetectionModel, index: int) -> Any:
    """The encoder is the first, the head the last."""
    return cast(Any, network.model)[index]


def _freeze(network: DetectionModel, stages: int) -> None:
    """Stem and first stages learn nothing; the mean over the box distribution is no parameter at all."""
    encoder = _layer(network, 0).encoder
    still: list[nn.Module] = [_layer(network, -1).dfl]
    if stages:
        still += [encoder.conv_stem, encoder.bn1, *encoder.blocks[:stages]]
    for module in still:
        module.requires_grad_(False)


def _groups(network: DetectionModel, weight_decay: float) -> list[dict[str, Any]]:
    """Of the encoder or not, with weight decay (kernels) or without (biases and batch normalisation)."""
    parts: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parts.setdefault((name.startswith("model.0."), parameter.ndim > 1), []).append(parameter)
    return [
        {"params": found, "encoder": encoder, "weight_decay": weight_decay if kernel else 0.0}
        for (encoder, kernel), found in parts.items()
    ]
