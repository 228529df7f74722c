"""Finished comparisons, made by the real engine on scenes that small detectors and nets can solve."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.configs.schema import EvaluationSettings, QualitySettings, SegmentationSettings
from scotopic.eval.compare import compare_detection, compare_segmentation
from scotopic.eval.compare_quality import compare_quality
from scotopic.eval.comparison import Comparison
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.eval.report.page_pictures import write_report_pictures
from scotopic.pipeline.image import write_image
from scotopic.pipeline.stage import EnhancementStage

from ...photographs import write_pairs
from ...scenes import color_net, write_scenes
from ..conftest import BrightSquares
from ..rare_squares import compare_rare_squares

ENHANCERS = ("gamma", "clahe", "he", "auto_gamma")
EVIL_CLASS = "</script><script>window.hacked=1</script><img src=x onerror=hacked=1>"
EVIL_FILE = "\"><img src=x onerror='window.hacked=1'>"


def write_squares(folder: Path, names: Sequence[str] = ("red", "blue"), stem: str = "picture") -> Path:
    """Six pictures, most of them too dark for the detector, with one red and one blue square each, as a YOLO set."""
    for number in range(6):
        level = 140 if number == 5 else 30 + 8 * number
        image = np.full((96, 128, 3), 4, np.uint8)
        x = 10 + 5 * number
        image[20:50, x : x + 30] = (level, 4, 4)
        image[60:80, 70:100] = (4, 4, level)
        write_image(folder / "images" / f"{stem}{number}.png", image)
        lines = [
            f"0 {(x + 15) / 128} {35 / 96} {30 / 128} {30 / 96}\n",
            f"1 {85 / 128} {70 / 96} {30 / 128} {20 / 96}\n",
        ]
        label = folder / "labels" / f"{stem}{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("".join(lines))
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    return folder


def compare_squares(
    folder: Path, out: Path, enhancers: Sequence[str] = ENHANCERS, names: Sequence[str] = ("red", "blue")
) -> Comparison:
    """Detection on such a set, with the page's pictures."""

    def load(stage: EnhancementStage | None) -> BrightSquares:
        detector = BrightSquares()
        detector.names = dict(enumerate(names))
        detector.description = {"file": "bright_squares.pt", "sha256": "5" * 64}
        return detector

    dataset = load_detection_dataset(folder)
    comparison = compare_detection(load, dataset, enhancers, out, settings=EvaluationSettings(gate="off"))
    write_report_pictures(comparison, dataset, 2)
    return comparison


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The results folders ``detect``, ``rare``, ``segment``, ``quality`` and ``evil``; to be read only."""
    root = tmp_path_factory.mktemp("finished")
    compare_squares(write_squares(root / "squares"), root / "detect")
    compare_rare_squares(root / "rare squares", root / "rare")
    evil = write_squares(root / "evil squares", (EVIL_CLASS, "blue"), EVIL_FILE)
    compare_squares(evil, root / "evil", ["gamma"], (EVIL_CLASS, "blue"))
    scenes = load_segmentation_dataset(write_scenes(root / "scenes"))

    def net(stage: EnhancementStage | None) -> Any:
        return color_net()

    comparison = compare_segmentation(
        net, scenes, ["gamma", "clahe"], root / "segment", settings=SegmentationSettings(gate="off")
    )
    write_report_pictures(comparison, scenes, 2)
    compare_quality(write_pairs(root / "pairs"), ENHANCERS, root / "quality", settings=QualitySettings(gate="off"))
    yield root
    shutil.rmtree(root)
