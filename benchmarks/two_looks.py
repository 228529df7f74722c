"""Is it the light of a second look that helps, or that there are two? ``python -m benchmarks.two_looks --help``."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from torch import Tensor

from scotopic import EnhancementStage, Enhancer, EnhancerInfo, compare_detection, register_enhancer
from scotopic.adapters.contract import Detections, Detector
from scotopic.adapters.detectors import load_detector
from scotopic.adapters.shipped_detectors import input_size
from scotopic.adapters.two_looks import TwoLooks, merge
from scotopic.cli.console import progress_bars, say, show_table
from scotopic.configs.schema import DetectorSettings, EvaluationSettings
from scotopic.eval.report.tables import columns, table


@register_enhancer
class Mirror(Enhancer):
    """Enhances nothing: stands for a second look at the picture's mirror image."""

    info = EnhancerInfo(name="mirror", summary="The picture as it is; the second look is mirrored.", kind="identity")

    def transform(self, x: Tensor) -> Tensor:
        return x


class MirroredLook:
    """A detector that looks at a picture and at its mirror image, and keeps what either look found."""

    def __init__(self, detector: Detector, iou: float) -> None:
        self._detector, self._iou = detector, iou
        self.names, self.description = detector.names, detector.description

    def detect(self, image: np.ndarray, name: str | None = None) -> tuple[Detections, dict[str, float]]:
        first, timing = self._detector.detect(image, name)
        mirrored, _ = self._detector.detect(np.ascontiguousarray(image[:, ::-1]), name)
        boxes = mirrored.boxes.copy()
        boxes[:, [0, 2]] = image.shape[1] - mirrored.boxes[:, [2, 0]]
        return replace(merge(first, replace(mirrored, boxes=boxes), self._iou), gate_passed=False), timing


def main() -> None:
    """Compare two looks, the second at an enhanced or at a mirrored picture, with one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", default="street", help="detector: street or a file")
    parser.add_argument("--data", default="darkbdd", help="labelled set: a folder, a preset file, or a preset's name")
    parser.add_argument("--split", default="dark", help="which images of it")
    parser.add_argument("--enhancers", default="mirror,clahe,sgz_task", help="comma-separated names")
    parser.add_argument("--out", required=True, help="folder for the results; a run that was interrupted goes on there")
    options = parser.parse_args()
    settings = EvaluationSettings(gate="off", where="graph", imgsz=input_size(options.model))
    bare = load_detector(options.model, **settings.model_dump(include=set(DetectorSettings.model_fields)))

    def look(stage: EnhancementStage | None) -> Detector:
        if stage is None:
            return bare
        if isinstance(stage.enhancer, Mirror):
            return MirroredLook(bare, settings.iou)
        return TwoLooks(bare, stage, iou=settings.iou, max_det=settings.max_det)

    with progress_bars() as progress:
        compared = compare_detection(
            look,
            options.data,
            options.enhancers.split(","),
            options.out,
            split=options.split,
            settings=settings,
            progress=progress,
        )
    show_table("two looks against one", columns(compared.record), table(compared.record))
    say(f"written to {options.out}")


if __name__ == "__main__":
    main()
