"""The steps of a training: in one process or several, in parts, in full or half precision, from any step on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn

from ..configs.train_schema import TrainSettings
from ..errors import ScotopicError
from .objectives.contract import Objective, Source
from .segmenter import learning_rate_share

if TYPE_CHECKING:
    from accelerate import Accelerator

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made by a thread beside this one while the one before is in use.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1) as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield cast(Item, item)


@dataclass
class Position:
    """How far a training has come.

    Attributes:
        history: a row of the table for each whole epoch.
        step: steps done in the epoch under way.
        sums: of its figures, each times the samples that it stands for.
    """

    history: list[list[float]] = field(default_factory=list)
    step: int = 0
    sums: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The epoch under way, counted from 1."""
        return len(self.history) + 1


class Loop:
    """Takes steps and keeps the account of them.

    Args:
        accelerator: of this process and those beside it.
        net: what is trained.
        optimizer: of its parameters.
        objective: what is minimised.
        source: what the net is fed.
        settings: of batch, epochs, learning rate and gradient.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        source: Source,
        settings: TrainSettings,
    ) -> None:
        self.accelerator = accelerator
        self.net: nn.Module = accelerator.prepare(net)
        self.optimizer: Any = accelerator.prepare(optimizer)
        self.objective = objective
        self.source = source
        self.settings = settings
        self.columns = ("epoch", "learning_rate", "loss", *objective.figures)
        self.steps = -(-len(source) // settings.batch)
        self.overflows = 0
        """Steps that were left out, because their gradients were too large for half precision."""

    def epoch(self, position: Position) -> Iterator[float]:
        """Take the steps that are left of the epoch under way, giving each one's loss; then add its row to the table.

        Raises:
            ScotopicError: a loss or a gradient that is no longer finite.
        """
        plan = self.source.plan(position.epoch)
        batch = self.settings.batch
        sums = torch.tensor(position.sums or [0.0] * (len(self.columns) - 2), dtype=torch.float64)
        batches = [plan[start : start + batch] for start in range(0, len(plan), batch)][position.step :]
        made = map(self._make, batches)
        for entries, parts in zip(batches, made if self.accelerator.device.type == "cpu" else ahead(made), strict=True):
            self._set_learning_rate(self._learning_rate(position.epoch, position.step))
            figures = self._step(parts, position.epoch)
            sums += len(entries) * figures
            position.step += 1
            position.sums = sums.tolist()
            yield float(figures[0])
        last_rate = self._learning_rate(position.epoch, self.steps - 1)
        position.history.append([float(position.epoch), last_rate, *(sums / len(plan)).tolist()])
        position.step, position.sums = 0, []

    def _make(self, entries: Sequence[Any]) -> list[tuple[Any, float]]:
        """This process's share of a batch, in as many parts as it takes one after the other, each with its weight."""
        first, processes = self.accelerator.process_index, self.accelerator.num_processes
        stride = processes * self.settings.accumulation
        parts = [entries[start::stride] for start in range(first, stride, processes)]
        made = [(self.source.make(part), len(part) / len(entries)) for part in parts if part]
        # A process without a sample in this batch still takes part, for the others wait for its gradients.
        return made or [(self.source.make(entries[:1]), 0.0)]

    def _step(self, parts: Sequence[tuple[Any, float]], epoch: int) -> Tensor:
        """Learn from one batch; its loss and figures, float64 on the processor, the same in every process."""
        from accelerate.utils import send_to_device

        self.optimizer.zero_grad()
        own = torch.zeros(len(self.columns) - 2, dtype=torch.float64, device=self.accelerator.device)
        for number, (batch, weight) in enumerate(parts, start=1):
            with nullcontext() if number == len(parts) else self.accelerator.no_sync(self.net):
                outcome = self.objective(self.net, send_to_device(batch, self.accelerator.device))
                # accelerate takes the mean of the processes' gradients; what is wanted is their sum.
                self.accelerator.backward(outcome.total * (weight * self.accelerator.num_processes))
            own += weight * torch.stack([outcome.total, *outcome.figures]).detach().double()
        figures = torch.as_tensor(self.accelerator.reduce(own, "sum"))
        norm = torch.as_tensor(self.accelerator.clip_grad_norm_(self.net.parameters(), self.settings.gradient_clip))
        self._check_finite(figures[0], norm, epoch)
        self.optimizer.step()
        self.overflows += self.accelerator.optimizer_step_was_skipped
        return figures.cpu()

    def _learning_rate(self, epoch: int, step: int) -> float:
        if self.settings.schedule == "constant":
            return self.settings.learning_rate
        done = (epoch - 1 + (step + 0.5) / self.steps) / self.settings.epochs
        return self.settings.learning_rate * learning_rate_share(done)

    def _set_learning_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _check_finite(self, loss: Tensor, norm: Tensor, epoch: int) -> None:
        # The scaler of fp16 tries large factors, leaves out the steps that overflow, and halves the factor.
        scaler = self.accelerator.scaler
        overflow_is_normal = scaler is not None and scaler.get_scale() >= 1
        if not bool(torch.isfinite(loss) & (torch.isfinite(norm) | overflow_is_normal)):
            raise ScotopicError(
                f"the loss is no longer finite in epoch {epoch} (loss {loss.item():.4g}, gradient {norm.item():.4g}): "
                f"use a learning_rate below {self.settings.learning_rate:g}; the last good checkpoint is kept"
            )
