"""``attach`` and ``detach`` for any torch module, or any callable, that says how it wants its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..files import sha256_of
from ..pipeline.contract import being_traced, check_batch, check_image, to_batch
from ..pipeline.stage import EnhancementStage
from .contract import Segmentation
from .input_spec import Geometry, InputSpec, class_names
from .module_parts import Function, Normalisation, Stopwatch, Wrapper, evaluating, parameters_sha256
from .staging import process_as


class EnhancedModule(Wrapper):
    """A net with an enhancer ahead and its own normalisation between the two.

    Called with float RGB (N, 3, H, W) in [0, 1], it gives what the net gives; pictures go to :meth:`segment`.

    Attributes:
        net, enhancement, where: see :class:`~scotopic.adapters.module_parts.Wrapper`; with an enhancer at the source
            only :meth:`segment` is left.
        spec: how the net wants its pictures.
        names: class id -> name; empty where nobody gave any.
        file: the weights, for the record, while they are as they were loaded; else None.

    >>> from scotopic import attach, detach
    >>> net = nn.Conv2d(3, 2, 1)
    >>> night = attach(net, "gamma[gamma=2.0]", spec=InputSpec(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)))
    >>> dark = torch.full((1, 3, 4, 4), 0.0625)
    >>> torch.equal(night(dark), net((dark.sqrt() - 0.5) / 0.25))
    True
    >>> detach(night) is net
    True
    """

    def __init__(self, net: nn.Module, spec: InputSpec, names: Mapping[int, str] | None = None) -> None:
        super().__init__(net)
        self.names: Mapping[int, str] = dict(names or {})
        self.file: Path | None = None
        self.spec = spec

    @property
    def spec(self) -> InputSpec:
        return self.normalisation.spec

    @spec.setter
    def spec(self, spec: InputSpec) -> None:
        weight = next((p for p in self.net.parameters() if p.is_floating_point()), torch.zeros(0))
        self.normalisation = Normalisation(spec).to(weight.device, weight.dtype)

    def resize_to(self, size: tuple[int, int] | None) -> None:
        """Let :meth:`segment` scale pictures to ``size``, (height, width); see :meth:`InputSpec.at_size`."""
        self.spec = self.spec.at_size(size)

    def enhance(self, x: Tensor) -> Tensor:
        """What the net is going to see, before it is normalised: float RGB (N, 3, H, W) in [0, 1], in and out."""
        if self.in_graph is not None:
            return self.in_graph(x).clamp(0, 1)
        return (x if being_traced() else check_batch(x)).clamp(0, 1)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """float RGB (N, 3, H, W) in [0, 1], not normalised -> what the net returns.

        Raises:
            ScotopicError: another range, shape or dtype; or the enhancer works on pictures (``where="source"``).
        """
        self.refuse_at_source("segment(image)")
        return self.net(self.normalisation(self.enhance(x)), *args, **kwargs)

    def segment(self, image: np.ndarray, name: str | None = None) -> tuple[Segmentation, dict[str, float]]:
        """Label the pixels of one picture; see :class:`~scotopic.adapters.contract.Segmenter`.

        The net is in eval mode while this runs, and afterwards as it was.
        """
        check_image(image)
        timing: dict[str, float] = {}
        watch = Stopwatch(self.device)
        gate_passed: bool | None = None
        if self.at_source is not None:
            staged = process_as(self.at_source, image, "rgb", name)
            image, gate_passed = staged.image, not staged.enhanced
            timing["enhance"] = watch.lap()
        with evaluating(self), torch.inference_mode():
            x, geometry = self.prepare(image)
            timing["preprocess"] = watch.lap()
            if self.in_graph is not None:
                gate_passed = self.in_graph.passed(x)[0]
                x = self.enhance(x)
                timing["enhance"] = watch.lap()
            output = self._run(x)
            timing["inference"] = watch.lap()
            labels = geometry.labels_of(self.logits_of(output)[0])
            timing["postprocess"] = watch.lap()
        return Segmentation(labels, gate_passed), timing

    def _run(self, x: Tensor) -> Any:
        try:
            return self.net(self.normalisation(x))
        except ScotopicError:
            raise
        except (RuntimeError, ValueError) as error:  # torch has both for pictures that are too small for a net
            size = "x".join(map(str, x.shape[-2:]))
            problem = str(error).strip().splitlines()[0]
            raise ScotopicError(
                f"cannot run {type(self.net).__name__} on {size} (height x width): {problem}"
            ) from error

    def prepare(self, image: np.ndarray) -> tuple[Tensor, Geometry]:
        """uint8 RGB (H, W, 3) -> float RGB (1, 3, h, w) in [0, 1] at a size that the net takes, and where it lies."""
        geometry = self.spec.geometry(*image.shape[:2])
        return to_batch(geometry.fit(image), self.device), geometry

    def logits_of(self, output: Any) -> Tensor:
        """The scores (N, C, h, w) in what the net returned: a tensor, its ``"out"``, or its first."""
        if isinstance(output, Mapping) and "out" in output:
            output = output["out"]
        elif isinstance(output, (tuple, list)) and output:
            output = output[0]
        if not isinstance(output, Tensor) or output.ndim != 4:
            found = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
            raise ScotopicError(
                f"{type(self.net).__name__} is no segmentation net: it should give (N, classes, h, w), not {found}"
            )
        return output if self.spec.layout == "nchw" else output.permute(0, 3, 1, 2)

    @property
    def framework(self) -> str:
        """Name and version of what the net is made with."""
        return f"torch {torch.__version__}"

    @property
    def description(self) -> dict[str, Any]:
        """For the record; without ``file``, ``sha256`` is that of the net's parameters as they are now."""
        return {
            "file": self.file.name if self.file else type(self.net).__name__,
            "sha256": sha256_of(self.file) if self.file else parameters_sha256(self.net),
            "framework": self.framework,
            "task": "semantic",
            "device": str(self.device),
            "settings": {"input": self.spec.to_dict()},
            **self.held(),
        }


def attach(
    model: Any,
    stage: EnhancementStage,
    where: str,
    *,
    train_enhancer: bool = False,
    spec: InputSpec | None = None,
    names: object = None,
) -> nn.Module:
    """See :func:`scotopic.attach`; ``model`` is a module or callable, or one that is wrapped already."""
    if isinstance(model, EnhancedModule):
        if spec is not None:
            model.spec = spec
        wrapper = model
    elif spec is None:
        kind = type(model).__name__
        raise ScotopicError(
            f"{kind} does not say how it wants its pictures: give spec=InputSpec(...) with color, range, mean and std"
        )
    else:
        wrapper = EnhancedModule(model if isinstance(model, nn.Module) else Function(model), spec)
    if names is not None:
        wrapper.names = class_names(names)
    wrapper.put(stage, where, train_enhancer)
    return wrapper


def detach(model: Any) -> Any:
    """See :func:`scotopic.detach`: the net itself."""
    if not isinstance(model, Wrapper):
        return model
    model.put(None)
    return model.net.function if isinstance(model.net, Function) else model.net
