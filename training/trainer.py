"""From settings and a folder of pictures to weights of an enhancer."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import cast

import torch
from rich.console import Console
from torch import Tensor, nn

from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from ..files import output_folder, write_text
from ..pipeline.enhancers.learned.sgz import SGZ
from ..pipeline.registry import create_enhancer, parse_spec
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint, write_weights
from .data import TrainingPictures, read_pictures
from .losses import brightness_loss, rgb_loss, spatial_consistency_loss, total_variation_loss
from .progress import chosen_device, epoch_progress

LOSSES = ("spatial", "rgb", "brightness", "total_variation")
COLUMNS = ("epoch", "loss", *LOSSES, "mean_factor")


def train_enhancer(settings: TrainSettings, out: Path) -> Path:
    """Train an enhancer from nothing on a folder of pictures, without labels.

    Writes into ``out``: ``<name>.safetensors``, the weights; ``<name>.csv``, the mean of each loss in each epoch;
    ``<name>.checkpoint.pt``, rewritten after each epoch. Called again with the same settings it goes on after the last
    whole epoch, exactly as if it had never stopped; with more ``epochs`` it trains on.

    Args:
        settings: see :class:`~scotopic.configs.train_schema.TrainSettings`; ``data`` must be set.
        out: folder for the results.

    Returns:
        The file of the weights, which ``create_enhancer("sgz", weights=FILE)`` takes.

    Raises:
        ScotopicError: no pictures; other settings or pictures than the checkpoint's; a loss that is no longer finite.

    Example::

        settings = load_train_settings("sgz-quick", data=Path("my_pictures"))
        weights = train_enhancer(settings, Path("runs/sgz"))
    """
    out = output_folder(out)
    if settings.data is None:
        raise ScotopicError("no training pictures: give a folder of them (data)")
    console = Console(stderr=True)
    pictures = read_pictures(settings.data, settings.size, settings.least_crop)
    _report_unreadable(pictures, console)

    device = chosen_device(settings.device)
    net = _untrained(settings).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    checkpoint_path = out / f"{settings.name}.checkpoint.pt"
    history = _resume(checkpoint_path, settings, pictures, net, optimizer)

    with epoch_progress(settings.epochs, len(history)) as advance:
        for epoch in range(len(history) + 1, settings.epochs + 1):
            means = _train_epoch(net, optimizer, pictures, settings, epoch, device)
            history.append([float(epoch), *means])
            advance(f"training, loss {means[0]:.4f}")
            write_checkpoint(checkpoint_path, Checkpoint.of(settings, pictures.fingerprint, net, optimizer, history))
            write_text(out / f"{settings.name}.csv", _table(history))
    return write_weights(out / f"{settings.name}.safetensors", net, settings, pictures, history[-1])


def enhancement_losses(net: SGZ, pictures: Tensor, settings: TrainSettings) -> dict[str, Tensor]:
    """Each loss, unweighted, of the enhancer on float RGB (N, 3, H, W) in [0, 1], and the factor's mean."""
    enhanced, factor = net(pictures, return_factor=True)
    return {
        "spatial": spatial_consistency_loss(enhanced, pictures, settings.spatial_patch),
        "rgb": rgb_loss(enhanced),
        "brightness": brightness_loss(enhanced, settings.exposure, settings.brightness_patch),
        "total_variation": total_variation_loss(factor),
        "mean_factor": factor.detach().mean(),
    }


def _train_epoch(
    net: SGZ,
    optimizer: torch.optim.Optimizer,
    pictures: TrainingPictures,
    settings: TrainSettings,
    epoch: int,
    device: torch.device,
) -> list[float]:
    """One pass over the pictures; the means of the weighted sum, of each loss and of the factor."""
    # The order and the crops hang on the seed and the epoch alone, so that a run can go on at any epoch.
    generator = torch.Generator().manual_seed(settings.seed + epoch * 2**31)
    weights = settings.weights.model_dump()
    sums = torch.zeros(len(COLUMNS) - 1, dtype=torch.float64)
    for batch in pictures.batches(settings.batch, settings.size, settings.least_crop, generator):
        losses = enhancement_losses(net, batch.to(device), settings)
        loss = torch.stack([weights[name] * losses[name] for name in LOSSES]).sum()
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), settings.gradient_clip)
        if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
            raise ScotopicError(
                f"the loss is no longer finite in epoch {epoch} (loss {loss.item():.4g}, gradient {norm.item():.4g}): "
                f"use a learning_rate below {settings.learning_rate:g}; the checkpoint of the epoch before is kept"
            )
        optimizer.step()
        row = torch.stack([loss.detach(), *(losses[name].detach() for name in (*LOSSES, "mean_factor"))])
        sums += len(batch) * row.double().cpu()
    return (sums / len(pictures.images)).tolist()


def _untrained(settings: TrainSettings) -> SGZ:
    """The net with seeded random parameters; the caller's random numbers are left as they are."""
    name, _ = parse_spec(settings.enhancer)
    if name != SGZ.info.name:
        raise ScotopicError(f"cannot train {settings.enhancer!r}: only 'sgz' learns from these losses")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        return cast(SGZ, create_enhancer(settings.enhancer, weights="random")).train()


def _resume(
    path: Path, settings: TrainSettings, pictures: TrainingPictures, net: nn.Module, optimizer: torch.optim.Optimizer
) -> list[list[float]]:
    """Put the checkpoint's state into the net and the optimizer; the table so far, empty if there is none."""
    if not path.exists():
        return []
    checkpoint = read_checkpoint(path)
    checkpoint.check_same_run(path, settings, pictures.fingerprint)
    net.load_state_dict(checkpoint.net)
    optimizer.load_state_dict(checkpoint.optimizer)
    return checkpoint.history


def _report_unreadable(pictures: TrainingPictures, console: Console) -> None:
    for sentence in pictures.unreadable:
        console.print(f"left out: {sentence}", style="yellow", markup=False, soft_wrap=True)
    if pictures.unreadable:
        bad, good = len(pictures.unreadable), len(pictures.images)
        console.print(f"{bad} of {bad + good} pictures cannot be read; training on the other {good}", style="yellow")


def _table(history: list[list[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([int(epoch), *(f"{value:.6g}" for value in values)] for epoch, *values in history)
    return text.getvalue()
