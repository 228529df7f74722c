"""Learning to undo darkness as far as frozen nets need it, with what is known of real darkness beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...configs.loss_schema import LossSettings
from ...configs.restore_schema import RestoreSettings
from ...configs.task_schema import TaskWeights
from ..losses import EnhancementLosses
from ..task_guide import Guide
from .contract import Outcome, guides_record
from .restore import Restore, restoration


class RestoreForTask:
    """Three things in one sum, of which the last two may be absent.

    - What :class:`~scotopic.training.objectives.restore.Restore` asks, times its weight.
    - What frozen nets see: the terms of each sample as the one net says that it falls to, so that several nets cost no
      more than one. The mean over the samples is in the long run the mean over the nets.
    - The losses of SGZ, of real dark pictures beside the darkened ones; there the original is all that there is.

    Args:
        restore: see :class:`~scotopic.configs.restore_schema.RestoreSettings`.
        guides: the nets.
        weights: of their terms.
        losses: which losses count, and how much; None: none.
        semantics: for the semantic loss among them, see :class:`~scotopic.training.objectives.zero_shot.ZeroShot`.
    """

    def __init__(
        self,
        restore: RestoreSettings,
        guides: Sequence[Guide] = (),
        weights: TaskWeights | None = None,
        losses: LossSettings | None = None,
        semantics: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.restore = restore
        self.guides = guides
        offered = {term for guide in guides for term in guide.terms}
        asked = (weights or TaskWeights()).model_dump()
        self.weights: dict[str, float] = {name: asked[name] for name in asked if asked[name] and name in offered}
        self.losses = None if losses is None else EnhancementLosses(losses)
        self.semantics = semantics

    @property
    def figures(self) -> tuple[str, ...]:
        """The errors, the terms and the losses that count, unweighted, and the mean of the curve parameters."""
        errors, factor = Restore.figures[:-1], Restore.figures[-1]
        return (*errors, *self.weights, *(() if self.losses is None else self.losses.names), factor)

    def describe(self) -> dict[str, Any]:
        """The nets that judge."""
        semantic = getattr(self.semantics, "description", None)
        return guides_record([*(guide.description for guide in self.guides), *([semantic] if semantic else [])])

    def __call__(self, net: nn.Module, batch: Mapping[str, Tensor]) -> Outcome:
        """Judge what ``net`` makes of a batch of :class:`~scotopic.training.task_samples.TaskSamples`."""
        dark, bright = batch["dark"], batch["bright"]
        if self.losses is None:
            enhanced, factor = net(dark)
            return self._outcome(enhanced, bright, factor, batch, {})
        # One run for both, for the other processes wait for one.
        images, factors = net(torch.cat([dark, batch["real_dark"]]))
        (enhanced, real), (factor, real_factor) = (both.split(len(dark)) for both in (images, factors))
        losses = self.losses(real, batch["real_dark"], real_factor, self.semantics)
        return self._outcome(enhanced, bright, factor, batch, losses)

    def _outcome(
        self, enhanced: Tensor, bright: Tensor, factor: Tensor, batch: Mapping[str, Tensor], losses: dict[str, Tensor]
    ) -> Outcome:
        total, errors = restoration(enhanced, bright, factor, self.restore)
        terms = self._terms(enhanced, bright, batch)
        for name, term in terms.items():
            total = total + self.weights[name] * term
        if self.losses is not None:
            total = total + self.losses.total(losses)
        return Outcome(total, (*errors, *terms.values(), *losses.values(), factor.detach().mean()))

    def _terms(self, enhanced: Tensor, bright: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean over the samples of each term; 0 for a sample whose net has no such term."""
        sums = dict.fromkeys(self.weights, enhanced.new_zeros(()))
        labels = {name: batch[name] for name in ("boxes", "masks") if name in batch}
        for number, guide in enumerate(self.guides):
            rows = (batch["turn"] % len(self.guides) == number).nonzero()[:, 0]
            if len(rows):
                said = guide(enhanced[rows], bright[rows], {name: label[rows] for name, label in labels.items()})
                for name in sums.keys() & said.keys():
                    sums[name] = sums[name] + said[name].sum()
        return {name: value / len(enhanced) for name, value in sums.items()}
