"""Everything that a training of an enhancer writes; one process of it does."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ..configs.train_schema import TrainSettings
from ..files import sha256_of
from ..pipeline.image import write_image
from ..pipeline.weights.load import resolve_parts
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint, write_weights
from .curve_net import CurveNet, make_enhancer_at_work
from .log import TrainingLog
from .loop import Loop, Position
from .sheet import draw_sheet, sheet_pictures


def checkpoint_path(settings: TrainSettings, out: Path) -> Path:
    """Where a run keeps the state that it goes on from."""
    return out / f"{settings.name}.checkpoint.pt"


def weights_path(settings: TrainSettings, out: Path) -> Path:
    """Where a run writes what it was for."""
    return out / f"{settings.name}.safetensors"


def resume(settings: TrainSettings, out: Path, net: CurveNet, loop: Loop) -> Position:
    """Put the checkpoint's state, if there is one, into net, optimizer and scaler; how far it had come.

    Raises:
        ScotopicError: the checkpoint is damaged, or of another run.
    """
    path = checkpoint_path(settings, out)
    if not path.exists():
        return Position()
    checkpoint = read_checkpoint(path)
    checkpoint.check_same_run(path, settings, loop.source.fingerprint, _guides(loop))
    net.enhancer.load_state_dict(checkpoint.net)
    loop.optimizer.load_state_dict(checkpoint.optimizer)
    if loop.accelerator.scaler is not None:
        loop.accelerator.scaler.load_state_dict(checkpoint.scaler)
    return Position(checkpoint.history, checkpoint.step, checkpoint.sums)


class Records:
    """Checkpoints, table, contact sheets, and the weights at the end.

    Args:
        settings: of the training; ``data`` must be set.
        out: folder for the results.
        net: what is trained.
        loop: that trains it.
        position: how far it has come; it moves on while the loop runs.
        names: of the training pictures, relative to ``data`` or in full.
        console: for remarks.

    Raises:
        ScotopicError: a picture for the contact sheet does not exist or cannot be read.
    """

    def __init__(
        self,
        settings: TrainSettings,
        out: Path,
        net: CurveNet,
        loop: Loop,
        position: Position,
        names: list[str],
        console: Console,
    ) -> None:
        assert settings.data is not None
        self.settings, self.out, self.net, self.loop, self.position = settings, out, net, loop, position
        self.pictures = sheet_pictures(settings.sheet, settings.data, names) if settings.sheet_every else []
        self.log = TrainingLog(out, settings.name, loop.columns, len(position.history), console)

    def after_step(self) -> None:
        """Write a checkpoint if it is time for one; the last step's is the epoch's."""
        every, step = self.settings.checkpoint_every, self.position.step
        if every is not None and step % every == 0 and step < self.loop.steps:
            self._write_checkpoint()

    def after_epoch(self) -> None:
        """Write checkpoint and table, and a contact sheet if it is time for one."""
        self._write_checkpoint()
        self.log.write(self.position.history)
        epoch, every = len(self.position.history), self.settings.sheet_every
        if self.pictures and (epoch % every == 0 or epoch == self.settings.epochs):
            sheet = draw_sheet(make_enhancer_at_work(self.net, self.settings.enhancer), self.pictures)
            write_image(self.out / "sheets" / f"{self.settings.name}-{epoch:04d}.png", sheet)
            self.log.show(sheet, epoch)

    def after_all(self) -> None:
        """Write the plot and the weights, in whose metadata stands how they were made."""
        self.log.close(self.position.history)
        start = self.settings.start
        made = {
            "settings": self.settings.recipe,
            **self.loop.source.describe(),
            **self.loop.objective.describe(),
            "columns": self.loop.columns,
            "last_epoch": self.position.history[-1],
            "start_sha256": [] if start == "random" else [sha256_of(path) for path in resolve_parts(start).values()],
        }
        write_weights(weights_path(self.settings, self.out), self.net.enhancer, made)

    def _write_checkpoint(self) -> None:
        scaler, position = self.loop.accelerator.scaler, self.position
        checkpoint = Checkpoint.of(
            self.settings,
            self.loop.source.fingerprint,
            self.net.enhancer,
            self.loop.optimizer,
            position.history,
            step=position.step,
            sums=position.sums,
            scaler={} if scaler is None else scaler.state_dict(),
            guides=_guides(self.loop),
        )
        write_checkpoint(checkpoint_path(self.settings, self.out), checkpoint)


def _guides(loop: Loop) -> list[str]:
    """Checksums of the frozen nets that judge."""
    return [guide["sha256"] for guide in loop.objective.describe().get("guides", [])]
