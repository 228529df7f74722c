"""Nets of ultralytics as modules that pass a gradient: loaded from the user's own file, without its predictor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..adapters.attach import detach
from ..adapters.input_spec import InputSpec
from ..adapters.ultralytics.setup import import_ultralytics
from ..errors import ScotopicError

PREFIX = "ultralytics:"


def load_network(file: str | Path) -> nn.Module:
    """The task model in a checkpoint of ultralytics, in float32; an enhancer that stands inside it is taken out.

    Args:
        file: ``.pt``; a pickle: load only files that you trust. An exported file cannot pass a gradient.

    Raises:
        ScotopicError: no such file, not a checkpoint, or a net that is no YOLO.
    """
    path = Path(file).expanduser()
    if path.suffix != ".pt":
        raise ScotopicError(f"cannot learn from {path}: only a checkpoint (.pt) of ultralytics passes a gradient")
    if not path.is_file():
        raise ScotopicError(f"no net at {path}: check the path")
    framework = import_ultralytics()
    try:
        model = framework.YOLO(str(path.resolve()))  # by its bare name, ultralytics would download another
        network: Any = detach(model).model
    except Exception as error:
        problem = str(error).strip().splitlines() or [type(error).__name__]
        raise ScotopicError(f"cannot load the net {path}: {problem[0]}") from error
    if "RTDETR" in type(network).__name__ or not hasattr(network, "save"):
        raise ScotopicError(f"{path} holds {type(network).__name__}, whose layers cannot be read: give a YOLO")
    return network.float()


def input_of(network: Any) -> InputSpec:
    """Pictures go in at their own size, RGB in [0, 1], padded to what the deepest layer divides the sides by."""
    return InputSpec(multiple=max(int(network.stride.max()), 32))


def deep_layers(network: Any) -> list[int]:
    """The numbers of the last layer that the neck takes from the backbone, and of those that the head takes."""
    modules = list(network.model)
    head = len(modules) - 1
    neck = next((i for i, module in enumerate(modules) if isinstance(module, nn.Upsample)), head)
    ends = modules[head].f
    ends = [ends] if isinstance(ends, int) else list(ends)
    return sorted({max((i for i in network.save if i < neck), default=0), *(end % head for end in ends)})


class ClassMaps(nn.Module):
    """A net of ultralytics as one that gives logits of classes, (N, C, h, w), with one class more for a detector.

    - A net for ``semantic`` gives maps itself.
    - A detector, or a net for instances or poses, has class scores at every cell of its grids. With the score z of each
      class before its sigmoid and 0 for the background in the front, the softmax is the distribution that those
      independent scores have where at most one class is present: with one class it is the sigmoid itself. The grids are
      laid over one another at the finest, and the surest score counts.

    >>> ClassMaps.refusal("yolo11n-cls.pt", "classify")
    "yolo11n-cls.pt is a net for 'classify', which has no classes at places: give one for 'semantic' or 'detect'"
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        from ultralytics.nn.modules.head import Detect, SemanticSegment

        held: Any = network
        head = held.model[-1]
        if not isinstance(head, (Detect, SemanticSegment)):
            raise ScotopicError(self.refusal(name, str(getattr(held, "task", type(head).__name__))))
        self.network = network
        self.detects = isinstance(head, Detect)

    @staticmethod
    def refusal(name: str, task: str) -> str:
        return f"{name} is a net for {task!r}, which has no classes at places: give one for 'semantic' or 'detect'"

    def forward(self, x: Tensor) -> Tensor:
        output = self.network(x)
        if not self.detects:
            return output
        found = _predictions(output)
        grids = [tuple(level.shape[-2:]) for level in found["feats"]]
        levels = found["scores"].split([height * width for height, width in grids], dim=2)
        maps = [
            F.interpolate(scores.unflatten(2, grid), grids[0], mode="nearest")
            for scores, grid in zip(levels, grids, strict=True)
        ]
        surest = torch.stack(maps).amax(dim=0)
        return torch.cat([torch.zeros_like(surest[:, :1]), surest], dim=1)


def _predictions(output: Any) -> dict[str, Any]:
    """The raw predictions of a Detect head; those of many anchors to one object, where a head has both."""
    found = output[1]
    return found.get("one2many") or found.get("one2one") or found
