"""What every training shares: the device it runs on, and a bar of epochs on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import ScotopicError


def chosen_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or with ``auto`` CUDA where there is one.

    Raises:
        ScotopicError: CUDA was asked for, but there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ScotopicError("device 'cuda' was asked for, but there is none here: use device 'cpu' or 'auto'")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


@contextmanager
def epoch_progress(epochs: int, completed: float, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Give a function that says that one more epoch (or, as its second argument, a share of one) is done, and a line.

    Args:
        epochs: of the whole run.
        completed: how many of them an earlier part of the run has done.
        quiet: draw nothing, as in all processes but one.
    """
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TextColumn("epochs"), TimeRemainingColumn(), console=console, disable=quiet) as progress:
        task = progress.add_task("training", total=epochs)
        progress.update(task, completed=completed)
        done = completed

        def advance(text: str, share: float = 1.0) -> None:
            nonlocal done
            done += share
            # Shares of an epoch add up to a hair less than it, and the bar rounds down.
            progress.update(task, completed=round(done, 6), description=text)

        yield advance
