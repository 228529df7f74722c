"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("adapters", "cli", "configs", "eval", "pipeline", "training")
EXTRAS = {"ultralytics": "yolo", "lap": "yolo", "onnx": "onnx", "onnxruntime": "onnx", "onnxscript": "onnx"}


def module_names() -> list[str]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    files += [ROOT / name for name in ("__init__.py", "errors.py", "files.py", "version.py")]
    names = (".".join(("scotopic", *path.relative_to(ROOT).with_suffix("").parts)) for path in files)
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith(".__main__"))


@pytest.mark.parametrize("name", module_names())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        pytest.skip(f'{name} needs {error.name}: pip install "scotopic[{EXTRAS[error.name]}]"')
    # Not by pytest --doctest-modules, which would import every module a second time, into a second registry.
    with np.printoptions(linewidth=75, formatter=None):  # ultralytics, once imported, changes how arrays are printed
        assert doctest.testmod(module).failed == 0
    assert sys.modules[name] is module


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    pipeline = (importlib.import_module(name) for name in module_names() if name.startswith("scotopic.pipeline."))
    assert sum(len(test.examples) for module in pipeline for test in finder.find(module)) > 30
