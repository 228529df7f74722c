"""An enhancer as `scotopic bench` runs it, and its peak memory and operations, found in a process of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..errors import ScotopicError
from ..pipeline.contract import Enhancer, to_batch
from ..pipeline.registry import STAGE_OPTIONS, create_enhancer, enhancer_info, expand_specs, parse_spec
from ..pipeline.stage import EnhancementStage
from ..pipeline.weights.manifest import manifest
from .bench_pictures import night, pictures_at
from .efficiency import count_flops, count_parameters, peak_memory

WARM_UP_SIDE = 64


def expand(specs: Sequence[str]) -> list[str]:
    """As :func:`~scotopic.pipeline.registry.expand_specs`; ``none`` comes first.

    >>> expand(["*dce*", "gamma"])
    ['none', 'zero_dce', 'zero_dce_pp', 'gamma']
    """
    return list(dict.fromkeys(["none", *expand_specs(specs)]))


def build(spec: str) -> EnhancementStage:
    """The stage with this enhancer; the gate is off unless the spec says otherwise, so that it always works.

    Raises:
        MissingWeightsError: all is well but for the weights, which are not here or do not fit.
        ScotopicError: no such enhancer or parameter.
    """
    name, arguments = parse_spec(spec)
    options: dict[str, Any] = {"gate": "off"} | {key: arguments[key] for key in STAGE_OPTIONS if key in arguments}
    try:
        return EnhancementStage(spec, **options)
    except ScotopicError as error:
        entry = manifest().get(name)
        known = entry.enhancer if entry else name
        if ":" in name or not enhancer_info(known).needs_weights:
            raise
        own = {key: value for key, value in arguments.items() if key not in (*STAGE_OPTIONS, "weights")}
        EnhancementStage(create_enhancer(known, weights="random", **own), **options)  # is it the weights alone?
        raise MissingWeightsError(str(error)) from error


class MissingWeightsError(ScotopicError):
    """An enhancer that would run if its weights were here."""


def calls(enhancer: Enhancer, pictures: Sequence[np.ndarray], batch: int, device: torch.device) -> list[Callable]:
    """What is measured, for each picture: ``enhance`` on it, or ``forward`` on a batch that begins with it.

    Args:
        enhancer: on ``device`` already.
        pictures: uint8 RGB (H, W, 3) of one size.
        batch: 1 for ``enhance``, more for ``forward`` on float (batch, 3, H, W).
        device: of the batches.
    """
    if batch == 1:
        return [lambda image=image: enhancer.enhance(image) for image in pictures]

    def forward(x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return enhancer(x)

    tensors = [to_batch(image, device) for image in pictures]
    turned = [tensors[number:] + tensors[:number] for number in range(len(tensors))]
    batches = [torch.cat([order[place % len(order)] for place in range(batch)]) for order in turned]
    return [lambda x=x: forward(x) for x in batches]


@dataclass(frozen=True)
class Footprint:
    """What one call needs, apart from time.

    Attributes:
        parameters: trained numbers.
        flops: operations for one picture, None where there are none to count.
        flops_note: why there are none.
        memory_mb: growth at the peak, the output included, None where it cannot be measured.
        memory_note: why it cannot.
    """

    parameters: int
    flops: int | None
    flops_note: str | None
    memory_mb: float | None
    memory_note: str | None


@dataclass(frozen=True)
class Probe:
    """One enhancer, one size, one batch size: what the process of its own is told.

    Attributes:
        spec: of the enhancer.
        width, height: of the picture in pixels.
        batch: 1 for ``enhance``, more for ``forward``.
        device: such as ``cpu``.
        threads: of the processor.
        picture: its file; the made-up one where there is none.
    """

    spec: str
    width: int
    height: int
    batch: int
    device: str
    threads: int
    picture: str | None = None

    def run(self) -> Footprint:
        """Measure in a fresh process, where no other enhancer has left anything behind.

        Raises:
            ScotopicError: the enhancer failed there, or the process was killed, as it is when memory runs out.
        """
        command = [sys.executable, "-m", __name__, json.dumps(asdict(self))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode < 0:
            killed = "out of memory, most likely" if -done.returncode == signal.SIGKILL else "the crash is its own"
            raise ScotopicError(f"its process ended with signal {-done.returncode} ({killed})")
        lines = done.stdout.splitlines()
        answer: dict[str, Any] = json.loads(lines[-1]) if lines and done.returncode == 0 else {}
        if "failed" in answer or not answer:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ScotopicError(answer.get("failed", last))
        return Footprint(**answer)

    def measure(self) -> Footprint:
        """Measure in this process."""
        torch.set_num_threads(self.threads)
        cv2.setNumThreads(self.threads)
        device = torch.device(self.device)
        enhancer = build(self.spec).enhancer.to(device)
        picture = pictures_at([Path(self.picture)] if self.picture else [], self.width, self.height)
        # A tiny one goes first, so that what any call needs is there: compiled kernels, threads, libraries.
        calls(enhancer, [night(WARM_UP_SIDE, WARM_UP_SIDE)], self.batch, device)[0]()
        call = calls(enhancer, picture, self.batch, device)[0]
        try:
            memory, memory_note = round(peak_memory(call, device), 3), None
        except ScotopicError as error:
            memory, memory_note = None, str(error)
        flops, flops_note = _flops(enhancer, picture[0], device)
        return Footprint(count_parameters(enhancer), flops, flops_note, memory, memory_note)


def _flops(enhancer: Enhancer, picture: np.ndarray, device: torch.device) -> tuple[int | None, str | None]:
    """Operations of ``forward`` on one picture, or why there are none to count."""
    if not enhancer.info.in_graph:
        return None, "works outside PyTorch, where operations are not counted"
    flops = count_flops(enhancer, to_batch(picture, device))
    return (flops, None) if flops else (None, "has no convolution and no matrix product, which alone are counted")


def _answer(text: str) -> str:
    """What the process of its own says: the footprint, or why there is none, as JSON."""
    try:
        return json.dumps(asdict(Probe(**json.loads(text)).measure()))
    except (ScotopicError, RuntimeError, MemoryError) as error:
        return json.dumps({"failed": (str(error) or type(error).__name__).splitlines()[0]})


if __name__ == "__main__":
    print(_answer(sys.argv[1]))
