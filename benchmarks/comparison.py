"""How much of a comparison's time its detector takes. ``python -m benchmarks.comparison --help``."""

from __future__ import annotations

from scotopic.cli.process import tune_process

tune_process()  # as the command does, and as it does before torch is imported

# ruff: disable[E402]
import argparse
import tempfile
import time

import cv2
import numpy as np
import torch

from scotopic import compare_detection
from scotopic.adapters.contract import Detections, Detector
from scotopic.adapters.detectors import load_detector
from scotopic.cli.console import say, show_table
from scotopic.configs.schema import DetectorSettings, EvaluationSettings

# ruff: enable[E402]

CHEAP = ["gamma", "auto_gamma", "clahe", "he", "wthe", "bpdhe", "sgz", "zero_dce_pp", "sgz_task", "sci"]
BAR = 90
"""Per cent."""


class Clocked:
    """A detector, and the seconds that were spent in it."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.names, self.description = detector.names, detector.description
        self.seconds = 0.0

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        start = time.perf_counter()
        try:
            return self._detector.detect(image, name)
        finally:
            self.seconds += time.perf_counter() - start


def main() -> None:
    """Time a comparison of ten cheap enhancers, the intervals included, and print where the time went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", default="street", help="detector: street or a file")
    parser.add_argument("--data", default="darkbdd", help="labelled set: a folder, a preset file, or a preset's name")
    parser.add_argument("--split", default="dark", help="which images of it, or all")
    parser.add_argument("--enhancers", default=",".join(CHEAP), help="comma-separated names beside none")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch, OpenCV and the engine")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    settings = EvaluationSettings(gate="off", imgsz=640)
    clocked = Clocked(load_detector(options.model, **settings.model_dump(include=set(DetectorSettings.model_fields))))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        compared = compare_detection(
            lambda stage: clocked,
            options.data,
            options.enhancers.split(","),
            folder,
            split=None if options.split == "all" else options.split,
            settings=settings,
        )
        whole = time.perf_counter() - start
    images = sum(row["images"] for row in compared.rows)
    enhancing = sum(row["images"] * row["timing_ms"].get("enhance", 0) for row in compared.rows) / 1000
    spent = {
        "detector": clocked.seconds,
        "enhancing (from medians)": enhancing,
        "rest": whole - clocked.seconds - enhancing,
    }
    say(f"{len(compared.rows)} rows of {compared.rows[0]['images']} images, {whole:.0f} seconds")
    show_table(
        "",
        ["", "seconds", "ms an image", "share"],
        [
            [name, f"{seconds:.1f}", f"{1000 * seconds / images:.1f}", f"{100 * seconds / whole:.0f} %"]
            for name, seconds in spent.items()
        ],
    )
    say(f"the detector takes {100 * clocked.seconds / whole:.0f} % (bar {BAR})")


if __name__ == "__main__":
    main()
