"""Run the real entry point in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from ..scenes import NAMES, color_net, write_scenes


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str


@pytest.fixture
def scotopic(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call `scotopic ARGUMENTS...` and give its exit status and what it printed."""
    from scotopic.cli.entry import run

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["scotopic", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            run()
        except SystemExit as done:
            status = int(done.code or 0)
        printed = capsys.readouterr()
        return Outcome(status, printed.out, printed.err)

    return call


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The small net as an ONNX file, with the file beside it that says what it wants."""
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    path = tmp_path / "net.onnx"
    size = torch.export.Dim("height", min=2), torch.export.Dim("width", min=2)
    torch.onnx.export(
        color_net().net,
        (torch.zeros(1, 3, 8, 8),),
        path,
        dynamo=True,
        dynamic_shapes=({2: size[0], 3: size[1]},),
        external_data=False,
        verbose=False,
    )
    path.with_suffix(".yaml").write_text(
        f"outputs: segmentation\ninput: {{color: rgb, range: 1}}\nnames: {list(NAMES.values())}\n"
    )
    return path
