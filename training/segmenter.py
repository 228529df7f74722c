"""From settings and a labelled set to a segmentation net."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from ..adapters.input_spec import InputSpec
from ..adapters.shipped import NetDescription, build_net
from ..configs.segmenter_schema import SegmenterSettings
from ..errors import ScotopicError
from ..eval.datasets.segmentation_sample import IGNORED
from ..files import output_folder, write_text
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .imagenet import INPUT, load_imagenet
from .net_files import epoch_table
from .progress import chosen_device, epoch_progress
from .schedule import learning_rate_share
from .segmenter_data import TrainingSets, batches, class_weights, read_sets
from .segmenter_files import COLUMNS, draw_curve, write_net
from .segmenter_score import score_net


def train_segmenter(settings: SegmenterSettings, out: Path) -> Path:
    """Train a segmentation net on a labelled set, its encoder starting from ImageNet.

    Writes into ``out``: ``<name>.yaml`` and ``<name>.safetensors``, the net; ``<name>.csv`` and ``<name>.png``, the
    losses and the score of each epoch; ``<name>.checkpoint.pt``, rewritten after each epoch. Called again with the same
    settings it goes on after the last whole epoch, exactly as if it had never stopped.

    Args:
        settings: see :class:`~scotopic.configs.segmenter_schema.SegmenterSettings`; ``data`` must be set.
        out: folder for the results.

    Returns:
        The YAML file, which :func:`~scotopic.adapters.shipped.load_shipped` takes.

    Raises:
        ScotopicError: no data, too few or unfit; other settings or pictures than the checkpoint's; a loss that is no
            longer finite; a package that is not installed.

    Example::

        settings = load_segmenter_settings("road", data="camvid")
        net = load_shipped(train_segmenter(settings, Path("runs/road")))
    """
    out = output_folder(out)
    sets = read_sets(settings, Console(stderr=True))
    run = _start(settings, sets)
    checkpoint_path = out / f"{settings.name}.checkpoint.pt"
    run.resume(checkpoint_path)

    with epoch_progress(settings.epochs, len(run.history)) as advance:
        for epoch in range(len(run.history) + 1, settings.epochs + 1):
            row = run.train_epoch(epoch)
            scored = epoch % settings.validate_every == 0 or epoch == settings.epochs
            row.append(score_net(run.net, INPUT, sets.validation).metrics["mIoU"] if scored else math.nan)
            run.history.append(row)
            write_checkpoint(
                checkpoint_path, Checkpoint.of(settings, run.fingerprint, run.net, run.optimizer, run.history)
            )
            write_text(out / f"{settings.name}.csv", epoch_table(COLUMNS, run.history))
            advance(f"training, loss {row[2]:.4f}")
    draw_curve(out / f"{settings.name}.png", run.history)
    made = {
        "settings": settings.model_dump(mode="json", exclude={"data", "name", "device"}),
        "pictures": len(sets.training),
        "pictures_fingerprint": run.fingerprint,
        "last_epoch": run.history[-1],
    }
    return write_net(out / f"{settings.name}.yaml", run.net, run.description, INPUT, sets.classes, made)


def normalised(images: Tensor, spec: InputSpec) -> Tensor:
    """Float RGB (N, 3, h, w) in 0..255 as an RGB net that ``spec`` describes wants it.

    >>> normalised(torch.full((1, 3, 1, 1), 255.0), INPUT).flatten().tolist()
    [1.0, 1.0, 1.0]
    """
    mean, std = (torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    return (images * (spec.range / 255) - mean) / std


@dataclass
class _Run:
    """What a training holds while it runs; ``history`` has a row of the table for each epoch."""

    settings: SegmenterSettings
    sets: TrainingSets
    fingerprint: str
    description: NetDescription
    net: nn.Module
    optimizer: torch.optim.Optimizer
    weights: Tensor
    device: torch.device
    history: list[list[float]]

    def resume(self, path: Path) -> None:
        """Put the checkpoint's state, if there is one, into net, optimizer and table."""
        if path.exists():
            checkpoint = read_checkpoint(path)
            checkpoint.check_same_run(path, self.settings, self.fingerprint)
            self.net.load_state_dict(checkpoint.net)
            self.optimizer.load_state_dict(checkpoint.optimizer)
            self.history = checkpoint.history

    def train_epoch(self, epoch: int) -> list[float]:
        """One pass over the pictures: its number, its last learning rate, and the means of the losses."""
        settings = self.settings
        steps = len(self.sets.training) // settings.batch
        sums = torch.zeros(3, dtype=torch.float64)
        share = 0.0
        self.net.train()
        # Order, crops and dropout hang on the seed and the epoch alone, so that a run can go on at any epoch.
        with _random_numbers(settings.seed + epoch * 2**31, self.device):
            for step, (images, masks) in enumerate(batches(self.sets.training, settings)):
                share = learning_rate_share((epoch - 1 + (step + 0.5) / steps) / settings.epochs)
                for group, highest in zip(self.optimizer.param_groups, _rates(settings), strict=True):
                    group["lr"] = share * highest
                losses = self._losses(images.to(self.device), masks.to(self.device))
                if not bool(torch.isfinite(losses).all()):
                    raise ScotopicError(
                        f"the loss is no longer finite in epoch {epoch}: use a learning_rate below "
                        f"{settings.learning_rate:g}; the checkpoint of the epoch before is kept"
                    )
                self.optimizer.zero_grad()
                losses[0].backward()
                self.optimizer.step()
                sums += losses.detach().double().cpu()
        return [float(epoch), share * settings.learning_rate, *(sums / steps).tolist()]

    def _losses(self, images: Tensor, masks: Tensor) -> Tensor:
        """The sum that is minimised, cross-entropy and Dice loss, of crops (N, 3, h, w) and labels (N, h, w)."""
        from segmentation_models_pytorch.losses import DiceLoss

        batch = normalised(images, INPUT).contiguous(memory_format=torch.channels_last)
        # bfloat16 has float32's exponents, so no gradient needs scaling. On a processor it gains nothing.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.net(batch)
        logits = logits.float()
        entropy = nn.functional.cross_entropy(logits, masks, self.weights, ignore_index=IGNORED)
        dice = DiceLoss("multiclass", ignore_index=IGNORED)(logits, masks)
        return torch.stack([entropy + self.settings.dice * dice, entropy, dice])


def _start(settings: SegmenterSettings, sets: TrainingSets) -> _Run:
    device = chosen_device(settings.device)
    description = NetDescription(
        architecture=settings.architecture, decoder_width=settings.decoder_width, classes=len(sets.classes)
    )
    with _random_numbers(settings.seed):
        net = build_net(description)
    load_imagenet(net)
    net.to(device).to(memory_format=torch.channels_last)  # the faster order by a third on a processor
    parts: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in net.named_parameters():
        parts[name.startswith("encoder.")].append(parameter)
    groups: list[dict[str, Any]] = [{"params": parts[True]}, {"params": parts[False]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    weights = class_weights(sets.training, settings.balance).to(device)
    return _Run(settings, sets, sets.training.fingerprint(), description, net, optimizer, weights, device, [])


def _rates(settings: SegmenterSettings) -> tuple[float, float]:
    """The highest learning rates of encoder and decoder."""
    return settings.encoder_rate * settings.learning_rate, settings.learning_rate


@contextmanager
def _random_numbers(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """torch's random numbers from this seed on; the caller's are left as they are."""
    with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device is not None and device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield
