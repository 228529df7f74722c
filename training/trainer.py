"""From settings and a folder of pictures to weights of an enhancer."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from ..configs.train_schema import TrainSettings
from ..files import output_folder
from .acceleration import start_accelerator
from .curve_net import make_curve_net
from .lesson import prepare_lesson
from .loop import Loop
from .progress import epoch_progress
from .records import Records, resume, weights_path


def train_enhancer(settings: TrainSettings, out: Path) -> Path:
    """Train a curve enhancer on a folder of pictures, without labels unless ``task.supervised`` asks for them.

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
    accelerator = start_accelerator(settings.device, settings.mixed_precision)
    console = Console(stderr=True, quiet=not accelerator.is_main_process)
    net = make_curve_net(settings.enhancer, settings.start, settings.seed)
    lesson = prepare_lesson(settings, accelerator.device, console)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    loop = Loop(accelerator, net, optimizer, lesson.objective, lesson.source, settings)
    position = resume(settings, out, net, loop)
    records = None
    if accelerator.is_main_process:
        records = Records(settings, out, net, loop, position, lesson.pictures, console)

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
