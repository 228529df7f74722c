"""A training that is killed with SIGKILL goes on as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scotopic.configs.train_schema import TrainSettings
from scotopic.training.trainer import train_enhancer

from .settings import changed

pytestmark = pytest.mark.usefixtures("one_thread")


def train_until_killed(settings: TrainSettings, out: Path, where: str, count: int) -> None:
    preset = out.with_suffix(".yaml")
    preset.write_text(settings.model_dump_json())  # JSON is YAML
    script = Path(__file__).with_name("killed_training.py")
    command = [sys.executable, script, preset, out, where, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not (out / "sgz.safetensors").exists()


def checkpoint_of(out: Path) -> tuple[int, int]:
    """Whole epochs, and steps of the one after them."""
    content = torch.load(out / "sgz.checkpoint.pt", weights_only=True)
    return len(content["history"]), content["step"]


@pytest.mark.parametrize(
    ("where", "count", "every", "reached"),
    [
        ("step", 9, 2, (2, 2)),  # three steps an epoch: killed in the last step of the third
        ("save", 3, None, (2, 0)),  # killed while the third epoch is written down
    ],
)
def test_a_killed_run_goes_on_to_the_same_bits(
    quick_settings: TrainSettings, tmp_path: Path, where: str, count: int, every: int | None, reached: tuple[int, int]
) -> None:
    settings = changed(quick_settings, checkpoint_every=every)
    straight = train_enhancer(quick_settings, tmp_path / "straight")
    train_until_killed(settings, tmp_path / "killed", where, count)
    assert checkpoint_of(tmp_path / "killed") == reached
    resumed = train_enhancer(settings, tmp_path / "killed")
    assert resumed.read_bytes() == straight.read_bytes()
    tables = [(tmp_path / name / "sgz.csv").read_text() for name in ("killed", "straight")]
    assert tables[0] == tables[1]
