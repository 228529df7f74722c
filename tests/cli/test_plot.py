"""`scotopic plot`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scotopic.pipeline.image import read_image, write_image

from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_curve(scotopic: Command, tmp_path: Path, suffix: str) -> None:
    figure = tmp_path / f"curve.{suffix}"
    outcome = scotopic("plot", "curve", "-o", figure)
    assert outcome.status == 0, outcome.err
    assert f"written to {figure}" in outcome.out
    assert figure.stat().st_size > 10_000


@pytest.mark.parametrize("spec", ["sgz", "zero_dce[weights=random]", "zero_dce_pp[weights=random]"])
def test_factor_of_every_curve_enhancer(scotopic: Command, tmp_path: Path, spec: str) -> None:
    write_image(tmp_path / "dark.png", np.full((30, 40, 3), 20, np.uint8))
    outcome = scotopic("plot", "factor", tmp_path / "dark.png", "-o", tmp_path / "factor.png", "--enhancer", spec)
    assert outcome.status == 0, outcome.err
    assert read_image(tmp_path / "factor.png").shape[1] > 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["curve", "-o", "curve.doc"], "cannot write curve.doc"),
        (["factor", "dark.png", "-o", "factor.doc"], "cannot write factor.doc"),
        (["factor", "nothing.png"], "no image at nothing.png"),
        (["factor", "dark.png", "--enhancer", "gamma"], "use sgz or sgz_task or zero_dce or zero_dce_pp"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "dark.png", np.full((8, 8, 3), 20, np.uint8))
    outcome = scotopic("plot", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["dark.png"]
