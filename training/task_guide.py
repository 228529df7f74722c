"""What the training asks of a net that guides it by its task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor


class Guide(Protocol):
    """A frozen net that says how much worse it sees in the enhanced pictures than in the bright ones.

    Attributes:
        terms: the names of what it says, keys of :class:`~scotopic.configs.task_schema.TaskWeights`.
        description: for the record: ``name`` and ``sha256``.
    """

    terms: tuple[str, ...]
    description: dict[str, Any]

    def __call__(self, enhanced: Tensor, bright: Tensor, labels: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Judge enhanced pictures.

        Args:
            enhanced: float RGB (N, 3, H, W) in [0, 1].
            bright: the same pictures as they should be; no gradient goes there.
            labels: where the data has them, ``boxes`` (N, most, 5) or ``masks`` (N, H, W); see
                :mod:`~scotopic.training.task_labels`.

        Returns:
            Each of ``terms``, (N,): every picture by itself.
        """
        ...


def shrunk(pictures: Tensor, times: int) -> Tensor:
    """Float (N, C, H, W) -> (N, C, H // times, W // times): each pixel the mean of those that it stands for.

    >>> import torch
    >>> shrunk(torch.tensor([0.0, 1.0, 0.5, 0.5]).view(1, 1, 2, 2), 2).tolist()
    [[[[0.5]]]]
    """
    return F.avg_pool2d(pictures, times) if times > 1 else pictures
