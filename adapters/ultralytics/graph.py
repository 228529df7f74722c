"""The stage inside an ultralytics network: seen by prediction, validation, training, export and the saved file.

A task model (``DetectionModel`` and its kin) is given a subclass of its own class whose ``predict()`` first runs the
stage. ``predict()`` is the one method through which every forward pass goes, that of the loss included (which skips
forward hooks); test-time augmentation calls the parent's, so the picture is enhanced once.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.nn.tasks import BaseModel
from ultralytics.utils.ops import Profile

from ...pipeline.contract import being_traced
from ...pipeline.stage import EnhancementStage
from .setup import import_ultralytics

import_ultralytics()  # a saved model brings this module in by itself


@dataclass(frozen=True)
class Passage:
    """One batch on its way through the stage: (N, 3, H, W) before and after, in the stage's colour order."""

    before: Tensor
    after: Tensor
    seconds: float

    def gate_passed(self, stage: EnhancementStage) -> list[bool]:
        """For each frame, whether the gate found it bright and let it pass as it was."""
        return [not enhanced for enhanced in stage.frames_to_enhance(self.before).flatten().tolist()]


class StageInGraph(nn.Module):
    """The stage as a part of a network whose input is RGB in [0, 1].

    Args:
        stage: what runs.
        trainable: whether it learns when the network does. If not, it stays in eval mode and gets no gradient,
            whatever a trainer does with ``requires_grad``.
    """

    def __init__(self, stage: EnhancementStage, trainable: bool = False) -> None:
        super().__init__()
        self.stage = stage
        self.trainable = trainable
        self.watched = False
        self.last: Passage | None = None

    def forward(self, x: Tensor) -> Tensor:
        learns = torch.is_grad_enabled() and (self.trainable or x.requires_grad)
        ordered = x if self.stage.color == "rgb" else x.flip(1)
        with torch.set_grad_enabled(learns):
            if self.watched and not being_traced():
                with Profile(device=x.device) as watch:
                    out = self.stage.run(ordered)
                self.last = Passage(ordered.detach(), out.detach(), watch.dt)
            else:
                out = self.stage.run(ordered)
        return out if self.stage.color == "rgb" else out.flip(1)

    def train(self, mode: bool = True) -> StageInGraph:
        super().train(mode and self.trainable)
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> StageInGraph:
        """Follow the network to another device, but stay in full precision.

        ultralytics halves every model that it saves: a frozen enhancer would come back rounded.
        """

        def keep_precision(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        super()._apply(keep_precision, recurse)
        return self


class EnhancedModel(BaseModel):
    """A task model that enhances its input; see :func:`put_in_graph`."""

    enhancement: StageInGraph
    plain_class: ClassVar[type[BaseModel]]

    def predict(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        return super().predict(self.enhancement(x), *args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Saved as "the plain class, enhanced": the subclass is made at run time and has no name that pickle could find.
        return _blank_enhanced, (self.plain_class,), self.__dict__


def put_in_graph(model: Any, enhancement: StageInGraph) -> None:
    """Make a task model run ``enhancement`` on its input; one that it has is replaced."""
    if not isinstance(model, EnhancedModel):
        model.__class__ = _enhanced_class(type(model))
    weight = next(model.parameters())
    # Trainers complain about every parameter that they find frozen; a frozen stage is frozen by other means.
    model.enhancement = enhancement.to(weight.device).requires_grad_(True).train(model.training)


def take_out_of_graph(model: Any) -> StageInGraph | None:
    """Give a task model its own class back. Returns what stood in it, None if nothing did."""
    if not isinstance(model, EnhancedModel):
        return None
    enhancement, plain_class = model.enhancement, model.plain_class
    del model.enhancement
    cast(Any, model).__class__ = plain_class
    return enhancement


@cache
def _enhanced_class(plain_class: type[BaseModel]) -> type[EnhancedModel]:
    return type(f"Enhanced{plain_class.__name__}", (EnhancedModel, plain_class), {"plain_class": plain_class})


def _blank_enhanced(plain_class: type[BaseModel]) -> EnhancedModel:
    cls = _enhanced_class(plain_class)
    return cls.__new__(cls)


class GraphTrainer(BaseTrainer):
    """Trains the network with the stage in it, also where the weights it starts from bring none."""

    enhancement: ClassVar[StageInGraph]

    def get_model(self, *args: Any, **kwargs: Any) -> Any:
        model = super().get_model(*args, **kwargs)
        if not (self.resume and isinstance(model, EnhancedModel)):  # what is resumed has its own, as trained so far
            put_in_graph(model, deepcopy(self.enhancement))
        return model


_load = BaseModel.load


def _load_with_enhancement(self: BaseModel, weights: Any, verbose: bool = True) -> None:
    """``BaseModel.load``, which hands over the enhancer too.

    Every trainer builds a new net from YAML and loads the old one's weights into it. ultralytics has no hook there, and
    without one a checkpoint that holds an enhancer would lose it without a word when its training is continued.
    """
    _load(self, weights, verbose)
    donor = (weights.get("ema") or weights["model"]) if isinstance(weights, dict) else weights
    if isinstance(donor, EnhancedModel) and not isinstance(self, EnhancedModel):
        put_in_graph(self, deepcopy(donor.enhancement))


BaseModel.load = _load_with_enhancement
