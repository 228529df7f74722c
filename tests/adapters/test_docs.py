"""The pages for users: every line of code on them runs, in the order in which it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

# A training of a minute and a detector that sees would be the same code with other numbers.
SHORTER = {
    r"epochs=\d+": 'epochs=1, imgsz=64, batch=2, plots=False, device="cpu", exist_ok=True',
    r'export\(format="onnx"\)': 'export(format="onnx", imgsz=96)',
}


def test_the_code_on_the_page_runs(
    repository: Path,
    tmp_path: Path,
    untrained: Callable[[str], Any],
    tiny_set: Path,
    night: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    untrained("yolo11n").save(tmp_path / "yolo11n.pt")
    cv2.imwrite(str(tmp_path / "night.jpg"), night)
    (tmp_path / "data.yaml").write_text(tiny_set.read_text())
    page = (repository / "docs" / "ultralytics.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 7
    names: dict[str, Any] = {}
    for block in blocks:
        for long, short in SHORTER.items():
            block = re.sub(long, short, block)
        exec(compile(block, "docs/ultralytics.md", "exec"), names)
    assert names["report"].agrees()
    assert names["again"].model.enhancement.trainable
    assert names["result"].speed["enhance"] > 0


def test_the_code_on_the_page_about_segmentation_runs(repository: Path, tmp_path: Path, night: np.ndarray) -> None:
    for package in ("segmentation_models_pytorch", "torchvision", "onnxruntime"):
        pytest.importorskip(package, reason='pip install "scotopic[seg,onnx]"')
    cv2.imwrite(str(tmp_path / "night.jpg"), night)
    page = (repository / "docs" / "segmentation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 9
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/segmentation.md", "exec"), names)
    assert names["report"].agrees()
    assert names["labels"].shape == night.shape[:2]
    assert names["again"].stage.enhancer.info.name == "sgz"


def test_the_code_on_the_page_about_two_looks_runs(
    repository: Path, tmp_path: Path, untrained: Callable[[str], Any], night: np.ndarray
) -> None:
    untrained("yolo11n").save(tmp_path / "yolo11n.pt")
    cv2.imwrite(str(tmp_path / "night.jpg"), night)
    page = (repository / "docs" / "two_looks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/two_looks.md", "exec"), names)
    assert names["milliseconds"]["second look"] > 0
    assert len(names["found"].boxes) == len(names["found"].scores)
