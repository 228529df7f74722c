"""What SGZ costs: against the straight network, beside a detector, at 4K. ``python -m benchmarks.speed --help``."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from scotopic import create_enhancer
from scotopic.cli.console import say, show_table
from scotopic.eval.bench_enhancer import Probe
from scotopic.eval.bench_pictures import night
from scotopic.eval.efficiency import milliseconds, spread, take_turns
from scotopic.eval.report.bench_tables import middle_half

Row = list[str]
HEADINGS = ["what", "median ms (middle half)", "ratio", "bar", ""]


def interleaved_ms(functions: Mapping[str, Callable[[], object]], rounds: int, each: int = 1) -> dict[str, list[float]]:
    """For each name the milliseconds of every call; ``each`` calls when its turn comes."""
    turns = {name: partial(_timed, call) for name, call in functions.items()}
    return take_turns(turns, rounds, each=each)


def _timed(call: Callable[[], object], number: int) -> float:
    return milliseconds(call)


def shown(times: list[float]) -> str:
    """The median, and the range of the middle half."""
    return middle_half(spread(times))


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


def against_the_straight_network(name: str, rounds: int) -> list[Row]:
    """uint8 to uint8 at 1200x900: at least 100 times faster."""
    net, picture = create_enhancer(name), night(900, 1200)
    times = interleaved_ms(
        {"straight": lambda: straight(net, picture), "fused": lambda: net.enhance(picture)}, rounds, each=3
    )
    apart = int(np.abs(straight(net, picture).astype(int) - net.enhance(picture)).max())
    ratio = statistics.median(times["straight"]) / statistics.median(times["fused"])
    return [
        ["1200x900, straight eager PyTorch", shown(times["straight"]), "", "", ""],
        [
            f"1200x900, enhance() (grey levels apart: {apart})",
            shown(times["fused"]),
            f"{ratio:.0f}x faster",
            "100x",
            verdict(ratio >= 100),
        ],
    ]


def beside_a_detector(name: str, model: Path, rounds: int) -> list[Row]:
    """At 640x640: at most 3 % of the detector's time in PyTorch, 6 % of that in ONNX Runtime."""
    from ultralytics import YOLO  # the extra [yolo]

    net, picture = create_enhancer(name), night(640, 640)

    def predict(yolo: Any) -> Callable[[], object]:
        return lambda: yolo.predict(picture, imgsz=640, device="cpu", verbose=False)

    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / model.name
        own.write_bytes(model.read_bytes())  # the export lands beside it
        exported = YOLO(own).export(format="onnx", imgsz=640, verbose=False)
        functions = {
            "PyTorch": predict(YOLO(own)),
            "ONNX Runtime": predict(YOLO(exported, task="detect")),
            "fused": lambda: net.enhance(picture),
        }
        times = interleaved_ms(functions, rounds)
    rows = []
    cost = statistics.median(times["fused"])
    for runtime, bar in (("PyTorch", 3), ("ONNX Runtime", 6)):
        share = 100 * cost / statistics.median(times[runtime])
        cells = [shown(times[runtime]), f"enhance() is {share:.1f} %", f"{bar} %", verdict(share <= bar)]
        rows.append([f"640x640, {model.stem}.predict in {runtime}", *cells])
    return [*rows, ["640x640, enhance()", shown(times["fused"]), "", "", ""]]


def at_4k(name: str, rounds: int, threads: int) -> list[Row]:
    """3840x2160: at most 150 MB above input and output, and no more time for a pixel than at 1200x900."""
    growth = Probe(name, width=3840, height=2160, batch=1, device="cpu", threads=threads).run().memory_mb
    net, large, usual = create_enhancer(name), night(2160, 3840), night(900, 1200)
    times = interleaved_ms(
        {"large": lambda: net.enhance(large), "usual": lambda: net.enhance(usual)}, rounds=2 * rounds, each=3
    )
    memory = None if growth is None else growth - large.nbytes / 1e6  # the output is as large as the input
    pixels = large.size / usual.size
    ratio = statistics.median(times["large"]) / statistics.median(times["usual"]) / pixels
    return [
        [
            "3840x2160, enhance()",
            shown(times["large"]),
            f"{ratio:.2f} of the time for a pixel",
            "1",
            verdict(ratio <= 1),
        ],
        ["3840x2160, memory above input and output", "", *_memory(memory)],
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
    parser.add_argument("--enhancer", default="sgz", help="the name of a curve enhancer that shrinks pictures 12 times")
    parser.add_argument("--model", type=Path, help="a YOLO detector's .pt, to measure the share of its time")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = against_the_straight_network(options.enhancer, options.rounds)
    rows += at_4k(options.enhancer, options.rounds, options.threads)
    if options.model:
        rows += beside_a_detector(options.enhancer, options.model, 3 * options.rounds)
    else:
        say("without --model: no detector's time is measured")
    show_table(f"{options.enhancer} on {options.threads} threads, torch {torch.__version__}", HEADINGS, rows)


if __name__ == "__main__":
    main()
