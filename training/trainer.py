"""From settings and a folder of pictures to weights of an enhancer."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from ..files import output_folder
from .acceleration import start_accelerator
from .curve_net import make_curve_net
from .data import RandomCrops, TrainingPictures, read_pictures
from .loop import Loop
from .objectives.contract import Objective, Source
from .objectives.restore import Restore
from .objectives.zero_shot import ZeroShot
from .pairs import DarkenedPairs
from .progress import epoch_progress
from .records import Records, resume, weights_path


def train_enhancer(settings: TrainSettings, out: Path) -> Path:
    """Train a curve enhancer on a folder of pictures, without labels.

    Writes into ``out``: ``<name>.safetensors``, the weights; ``<name>.csv`` and ``<name>.png``, the mean of each loss
    in each epoch, which the folder ``tensorboard`` holds, too; ``sheets/``, some pictures beside what the net makes of
    them; ``<name>.checkpoint.pt``, rewritten after each epoch. Called again with the same settings it goes on after the
    last checkpoint, exactly as if it had never stopped; with more ``epochs`` it trains on.

    Started in several processes by ``accelerate launch`` or ``torchrun``, each of them takes its share of every batch,
    and the first one writes.

    Args:
        settings: see :class:`~scotopic.configs.train_schema.TrainSettings`; ``data`` must be set.
        out: folder for the results.

    Returns:
        The file of the weights, which ``create_enhancer("sgz", weights=FILE)`` takes.

    Raises:
        ScotopicError: no pictures; other settings or pictures than the checkpoint's; a loss that is no longer finite;
            a package that is not installed.

    Example::

        settings = load_train_settings("sgz-quick", data=Path("my_pictures"))
        weights = train_enhancer(settings, Path("runs/sgz"))
    """
    out = output_folder(out)
    if settings.data is None:
        raise ScotopicError("no training pictures: give a folder of them (data)")
    accelerator = start_accelerator(settings.device, settings.mixed_precision)
    console = Console(stderr=True, quiet=not accelerator.is_main_process)
    net = make_curve_net(settings.enhancer, settings.start, settings.seed)
    pictures = read_pictures(settings.data, settings.size, settings.least_crop)
    _report_unreadable(pictures, console)

    source, objective = _task(settings, pictures, accelerator.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    loop = Loop(accelerator, net, optimizer, objective, source, settings)
    position = resume(settings, out, net, loop)
    records = None
    if accelerator.is_main_process:
        records = Records(settings, out, net, loop, position, pictures.names, console)

    done = len(position.history) + position.step / loop.steps
    with epoch_progress(settings.epochs, done, quiet=records is None) as advance:
        while len(position.history) < settings.epochs:
            for loss in loop.epoch(position):
                advance(f"training, loss {loss:.4f}", 1 / loop.steps)
                if records is not None:
                    records.after_step()
            if records is not None:
                records.after_epoch()
    if loop.overflows:
        console.print(f"{loop.overflows} steps were left out: their gradients overflowed fp16", style="yellow")
    if records is not None:
        records.after_all()
    accelerator.wait_for_everyone()
    return weights_path(settings, out)


def _task(settings: TrainSettings, pictures: TrainingPictures, device: torch.device) -> tuple[Source, Objective]:
    """What the net is fed, and what is minimised."""
    if settings.restore is not None:
        return DarkenedPairs(pictures, settings.restore, settings.size, settings.seed), Restore(settings.restore)
    assert settings.losses is not None  # the schema wants one of the two
    guide = None
    if settings.losses.weights.semantic and settings.semantic_guide is not None:
        from .guidance import semantic_guide

        guide = semantic_guide(settings.semantic_guide, device)
    crops = RandomCrops(pictures, settings.size, settings.least_crop, settings.seed)
    return crops, ZeroShot(settings.losses, guide)


def _report_unreadable(pictures: TrainingPictures, console: Console) -> None:
    for sentence in pictures.unreadable:
        console.print(f"left out: {sentence}", style="yellow", markup=False, soft_wrap=True)
    if pictures.unreadable:
        bad, good = len(pictures.unreadable), len(pictures.images)
        console.print(f"{bad} of {bad + good} pictures cannot be read; training on the other {good}", style="yellow")
