"""What a wrapper around a net is made of: the stage ahead of it, its normalisation, and some tools."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..pipeline.contract import being_traced
from ..pipeline.stage import EnhancementStage
from .input_spec import InputSpec


class StageAhead(nn.Module):
    """The stage ahead of a net, on RGB in [0, 1].

    Args:
        stage: what runs.
        trainable: whether it learns when the net does. If not, it stays in eval mode and gets no gradient, also where
            somebody unfreezes everything; a gradient still passes through it to an input that asks for one.
    """

    def __init__(self, stage: EnhancementStage, trainable: bool = False) -> None:
        super().__init__()
        self.stage = stage
        self.trainable = trainable
        self._as_found = [parameter.requires_grad for parameter in stage.parameters()]
        stage.requires_grad_(trainable)
        self.train(trainable)

    def forward(self, x: Tensor) -> Tensor:
        if being_traced() or self.trainable or x.requires_grad:
            return self._run(x)
        with torch.no_grad():
            return self._run(x)

    def _run(self, x: Tensor) -> Tensor:
        return self.stage(x) if self.stage.color == "rgb" else self.stage(x.flip(1)).flip(1)

    def passed(self, x: Tensor) -> list[bool]:
        """For each frame of a batch, whether the gate finds it bright and lets it pass as it is."""
        ordered = x if self.stage.color == "rgb" else x.flip(1)
        return [not enhanced for enhanced in self.stage.frames_to_enhance(ordered).flatten().tolist()]

    def train(self, mode: bool = True) -> StageAhead:
        return super().train(mode and self.trainable)

    def release(self) -> EnhancementStage:
        """The stage as it was found, for somebody who takes it elsewhere."""
        for parameter, asked in zip(self.stage.parameters(), self._as_found, strict=True):
            parameter.requires_grad_(asked)
        return self.stage.eval()


class Normalisation(nn.Module):
    """RGB in [0, 1] -> what a net wants: channel order, range, mean and deviation, layout. Nothing looks at values.

    >>> want = InputSpec(color="bgr", range=255.0, mean=(1.0, 2.0, 3.0), std=(2.0, 2.0, 2.0))
    >>> Normalisation(want)(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten().tolist()
    [-0.5, -1.0, 126.0]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        ordered = x.to(self.mean.dtype) if self.spec.color == "rgb" else x.to(self.mean.dtype).flip(1)
        mean, std = self.mean, self.std
        if mean.device != x.device:  # ahead of a function, which has no parameters that say where it works
            mean, std = mean.to(x.device), std.to(x.device)
        normal = (ordered * self.spec.range - mean) / std
        return normal if self.spec.layout == "nchw" else normal.permute(0, 2, 3, 1)


class Function(nn.Module):
    """A callable that is no module, as one."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class Wrapper(nn.Module):
    """A net, and a stage that can be put ahead of it and taken away.

    Attributes:
        net: the net that was wrapped.
        enhancement: the stage ahead of it; None without one.
        where: ``"graph"``: the stage works inside ``forward``; ``"source"``: on whole pictures, ahead of everything.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.enhancement: StageAhead | None = None
        self.where = "graph"
        self.training = net.training

    @property
    def stage(self) -> EnhancementStage | None:
        """What stands ahead of the net."""
        return self.enhancement.stage if self.enhancement else None

    @property
    def in_graph(self) -> StageAhead | None:
        """The stage, if it works inside ``forward``."""
        return self.enhancement if self.where == "graph" else None

    @property
    def at_source(self) -> EnhancementStage | None:
        """The stage, if it works on whole pictures."""
        return self.stage if self.where == "source" else None

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        return next((tensor.device for tensor in chain(self.net.parameters(), self.buffers())), torch.device("cpu"))

    def put(self, stage: EnhancementStage | None, where: str = "graph", train_enhancer: bool = False) -> None:
        """Put a stage ahead of the net in the place of the one that is there; None leaves none."""
        if self.enhancement is not None:
            self.enhancement.release()
        self.enhancement = None if stage is None else StageAhead(stage.to(self.device), train_enhancer)
        self.where = where
        if self.enhancement is not None:
            self.enhancement.train(self.training)

    def held(self) -> dict[str, str]:
        """For the record: the enhancer, where there is one."""
        return {} if self.stage is None else {"enhancer": self.stage.enhancer.info.name}

    def refuse_at_source(self, instead: str) -> None:
        """Raise a ScotopicError in ``forward`` if the enhancer works on whole pictures."""
        if self.at_source is not None:
            name = self.at_source.enhancer.info.name
            raise ScotopicError(f"the enhancer {name!r} stands ahead of whole pictures: use {instead}")


class Stopwatch:
    """Milliseconds between two calls of :meth:`lap`, with the work that a GPU still has to do."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = time.perf_counter()

    def lap(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        passed, self._start = (now - self._start) * 1000, now
        return passed


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards each part is in the mode in which it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def parameters_sha256(module: nn.Module) -> str:
    """SHA-256 over names and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for key, value in module.state_dict().items():
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
