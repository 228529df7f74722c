"""Several processes beside each other do what one does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from scotopic.configs.train_schema import TrainSettings
from scotopic.training.trainer import train_enhancer

from .settings import changed

pytestmark = pytest.mark.usefixtures("one_thread")


def test_two_processes_do_what_one_does(quick_settings: TrainSettings, tmp_path: Path) -> None:
    """Five pictures in batches of four: of the last one, a single picture, the second process has nothing."""
    settings = changed(quick_settings, batch=4, epochs=3, sheet_every=3)
    alone = load_file(train_enhancer(settings, tmp_path / "one"))
    preset = tmp_path / "quick.yaml"
    preset.write_text(settings.model_dump_json())  # JSON is YAML
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, "-m", "scotopic.cli", "train", "enhancer", "--config", preset, "-o", tmp_path / "two"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to") == 1
    together = load_file(tmp_path / "two" / "sgz.safetensors")
    assert max(float((together[key] - alone[key]).abs().max()) for key in alone) < 1e-5
    tables = [(tmp_path / name / "sgz.csv").read_text().splitlines() for name in ("one", "two")]
    for row, other in zip(*tables, strict=True):
        numbers = [[float(cell) for cell in line.split(",")] for line in (row, other) if not line.startswith("epoch")]
        assert not numbers or numbers[1] == pytest.approx(numbers[0], rel=1e-3, abs=1e-9)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(
        path.name for path in (tmp_path / "two").iterdir()
    )
