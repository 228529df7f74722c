"""What one training has other than the next: what it minimises, and what it is fed.

The loop (:mod:`~scotopic.training.loop`) knows nothing of pictures or losses; it takes an :class:`Objective` and a
:class:`Source` that fit each other, and a net that fits both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn


@dataclass(frozen=True)
class Outcome:
    """What came of one batch.

    Attributes:
        total: the number to minimise, a scalar with its graph.
        figures: scalars for the table, in the order of :attr:`Objective.figures`.
    """

    total: Tensor
    figures: tuple[Tensor, ...]


class Objective(Protocol):
    """What is minimised.

    Every number is a mean over the batch's samples. So the samples may be parted among processes, and the numbers and
    gradients of the parts, each weighed by its share of the samples, add up to those of the whole batch.
    """

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the columns that a batch adds to the table."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the weights' metadata should say of it, as JSON takes it: ``guides``, if frozen nets judge."""
        ...

    def __call__(self, net: nn.Module, batch: Any) -> Outcome:
        """Run the net (in its own ``forward``, for other processes listen there) and judge what comes out.

        Args:
            net: what is trained, perhaps wrapped.
            batch: what the source made, on the net's device.
        """
        ...


class Source(Protocol):
    """Samples, planned first and made later.

    A plan is drawn from the seed and the epoch alone and costs next to nothing; a sample is made from its place in the
    plan alone. So a run can go on at any step, and each process makes only its own samples, and still all of it is
    what one process would have done in one go.
    """

    @property
    def fingerprint(self) -> str:
        """Changes with the data, so that a run can tell whether it is fed the same."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the weights' metadata should say of the data, as JSON takes it."""
        ...

    def __len__(self) -> int:
        """The samples of one epoch."""
        ...

    def plan(self, epoch: int) -> Sequence[Any]:
        """One entry for each sample of this epoch (counted from 1), in their order."""
        ...

    def make(self, entries: Sequence[Any]) -> Any:
        """The samples of these entries as one batch: a tensor, or a tuple or dict of tensors, on the processor."""
        ...


def guides_record(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The nets that guide as :meth:`Objective.describe` tells them, files by their names alone; nothing without any.

    >>> guides_record([{"name": "nets/yolo.pt", "sha256": "ab", "layers": [4]}, {"name": "road", "sha256": "cd"}])
    {'guides': [{'name': 'yolo.pt', 'sha256': 'ab'}, {'name': 'road', 'sha256': 'cd'}]}
    """
    guides = [
        {"name": Path(str(description["name"])).name, "sha256": description["sha256"]} for description in descriptions
    ]
    return {"guides": guides} if guides else {}
