"""What SGZ and sgz_task cost: beside straight PyTorch, a detector, at 4K. ``python -m benchmarks.speed --help``."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from scotopic import create_enhancer
from scotopic.adapters.ultralytics.setup import threads_kept
from scotopic.cli.console import say, show_table
from scotopic.eval.bench_enhancer import Probe
from scotopic.eval.bench_pictures import night
from scotopic.eval.efficiency import milliseconds, spread, take_turns
from scotopic.eval.report.bench_tables import middle_half
from scotopic.pipeline.contract import Enhancer

Row = list[str]
HEADINGS = ["what", "median ms (middle half), least", "ratio", "bar", ""]


@dataclass(frozen=True)
class Bars:
    """What an enhancer promises.

    Attributes:
        faster: how many times, than the straight network of SGZ at 1200x900.
        share: for each runtime of a detector the largest part of its time, in per cent.
    """

    faster: float
    share: Mapping[str, float]


BARS = {"sgz_task": Bars(faster=40, share={"PyTorch": 8})}
TURN = 150
"""Milliseconds."""
CURVE_BARS = Bars(faster=100, share={"PyTorch": 3, "ONNX Runtime": 6})


def interleaved_ms(
    functions: Mapping[str, Callable[[], object]], rounds: int, turn: float = 0
) -> dict[str, list[float]]:
    """For each name the milliseconds of every call; when its turn comes one call, or as many as last ``turn`` ms."""
    turns = take_turns({name: partial(_timed, call, turn) for name, call in functions.items()}, rounds)
    return {name: [time for times in each for time in times] for name, each in turns.items()}


def _timed(call: Callable[[], object], turn: float, number: int) -> list[float]:
    times = [milliseconds(call)]
    while sum(times) < turn:
        times.append(milliseconds(call))
    return times


def shown(times: list[float]) -> str:
    """The median, the range of the middle half, and the minimum, which is nearest to a quiet machine."""
    return f"{middle_half(spread(times))}, {min(times):.3g}"


def bars_of(name: str) -> Bars:
    return BARS.get(name, CURVE_BARS)


def straight(net: Any, image: np.ndarray) -> np.ndarray:
    """The published inference as it is written there: float32, a factor of 1/12, eight times x + r (x^2 - x).

    Args:
        net: the curve net, whose layers are taken one by one.
        image: uint8 RGB (H, W, 3), H and W multiples of 12.
    """
    with torch.inference_mode():
        x = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]
        small = F.interpolate(x, scale_factor=1 / 12, mode="bilinear")
        x1 = F.relu(net.e_conv1(small))
        x2 = F.relu(net.e_conv2(x1))
        x3 = F.relu(net.e_conv3(x2))
        x4 = F.relu(net.e_conv4(x3))
        x5 = F.relu(net.e_conv5(torch.cat([x3, x4], 1)))
        x6 = F.relu(net.e_conv6(torch.cat([x2, x5], 1)))
        r = torch.tanh(net.e_conv7(torch.cat([x1, x6], 1)))
        r = F.interpolate(r, scale_factor=12, mode="bilinear", align_corners=True)
        for _ in range(8):
            x = x + r * (torch.pow(x, 2) - x)
        return (x[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()


def against_the_straight_network(names: Sequence[str], rounds: int) -> list[Row]:
    """uint8 to uint8 at 1200x900, all in turns with the straight network of SGZ.

    Turns are equally long: PyTorch's threads wait busily for some milliseconds after a call, and its temporaries push
    everything else out of the caches, which would weigh on a single call of what comes next.
    """
    sgz, picture = create_enhancer("sgz"), night(900, 1200)
    nets = {name: create_enhancer(name) for name in names}
    enhance = {name: partial(net.enhance, picture) for name, net in nets.items()}
    times = interleaved_ms({"straight": lambda: straight(sgz, picture), **enhance}, rounds, turn=TURN)
    rows = [["1200x900, straight eager PyTorch", shown(times["straight"]), "", "", ""]]
    for name, net in nets.items():
        apart = int(np.abs(Enhancer.enhance(net, picture).astype(int) - net.enhance(picture)).max())
        ratio, bar = statistics.median(times["straight"]) / statistics.median(times[name]), bars_of(name).faster
        least = min(times["straight"]) / min(times[name])
        what = f"1200x900, {name} (grey levels apart from the module: {apart})"
        faster = f"{ratio:.0f}x faster; of the least {least:.0f}x"
        rows.append([what, shown(times[name]), faster, f"{bar:.0f}x", verdict(ratio >= bar)])
    return rows


def beside_a_detector(names: Sequence[str], model: Path, rounds: int) -> list[Row]:
    """At 640x640: the share of the detector's time."""
    from ultralytics import YOLO  # the extra [yolo]

    picture = night(640, 640)

    def predict(yolo: Any) -> Callable[[], object]:
        return lambda: yolo.predict(picture, imgsz=640, device="cpu", verbose=False)

    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / model.name
        own.write_bytes(model.read_bytes())  # the export lands beside it
        with threads_kept():
            exported = YOLO(own).export(format="onnx", imgsz=640, verbose=False)
            detectors = {"PyTorch": predict(YOLO(own)), "ONNX Runtime": predict(YOLO(exported, task="detect"))}
            for first in detectors.values():  # sets threads
                first()
        enhance = {name: partial(create_enhancer(name).enhance, picture) for name in names}
        times = interleaved_ms({**detectors, **enhance}, rounds, turn=TURN)
    rows = [[f"640x640, {model.stem}.predict in {runtime}", shown(times[runtime]), "", "", ""] for runtime in detectors]
    for name in names:
        rows.append([f"640x640, {name}", shown(times[name]), "", "", ""])
        for runtime, bar in bars_of(name).share.items():
            share = 100 * statistics.median(times[name]) / statistics.median(times[runtime])
            rows.append(["", "", f"{share:.1f} % of {runtime}", f"{bar} %", verdict(share <= bar)])
    return rows


def at_4k(name: str, rounds: int, threads: int) -> list[Row]:
    """3840x2160: at most 150 MB above input and output, and no more time for a pixel than at 1200x900."""
    growth = Probe(name, width=3840, height=2160, batch=1, device="cpu", threads=threads).run().memory_mb
    net, large, usual = create_enhancer(name), night(2160, 3840), night(900, 1200)
    times = interleaved_ms(
        {"large": lambda: net.enhance(large), "usual": lambda: net.enhance(usual)}, rounds, turn=TURN
    )
    memory = None if growth is None else growth - large.nbytes / 1e6  # the output is as large as the input
    pixels = large.size / usual.size
    ratio = statistics.median(times["large"]) / statistics.median(times["usual"]) / pixels
    least = min(times["large"]) / min(times["usual"]) / pixels
    per_pixel = f"{ratio:.2f} of the time for a pixel; of the least {least:.2f}"
    return [
        [f"3840x2160, {name}", shown(times["large"]), per_pixel, "1", verdict(ratio <= 1)],
        [f"3840x2160, {name}, memory above input and output", "", *_memory(memory)],
    ]


def _memory(megabytes: float | None) -> Row:
    """The cells from the ratio on."""
    if megabytes is None:
        return ["not measured here", "150 MB", ""]
    return [f"{megabytes:.0f} MB", "150 MB", verdict(megabytes <= 150)]


def verdict(kept: bool) -> str:
    return "kept" if kept else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enhancers", nargs="+", default=["sgz", "sgz_task"], help="names, all measured in turns")
    parser.add_argument("--model", type=Path, help="a YOLO detector's .pt, to measure the share of its time")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    rows = against_the_straight_network(options.enhancers, options.rounds)
    for name in options.enhancers:
        rows += at_4k(name, options.rounds, options.threads)
    if options.model:
        rows += beside_a_detector(options.enhancers, options.model, options.rounds)
    else:
        say("without --model: no detector's time is measured")
    title = f"{', '.join(options.enhancers)} on {options.threads} threads, torch {torch.__version__}"
    show_table(title, HEADINGS, rows)


if __name__ == "__main__":
    main()
