"""The adapter of pyiqa.

pyiqa itself is not installed for the tests (it pulls in much, and downloads weights): what stands in its place is a
module with the interface that pyiqa documents, ``list_models()`` and ``create_metric(name, device=...)``, whose metrics
are modules with ``metric_mode`` ("FR" or "NR") and ``lower_better``, called with (N, 3, H, W) in [0, 1]. Whether pyiqa
keeps to that is not tested here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from scotopic.configs.schema import QualitySettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare_quality import compare_quality
from scotopic.eval.pyiqa_metrics import PyiqaMetric

from ..photographs import write_pairs


class Metric(nn.Module):
    """Brightness, or the distance from a reference, times a weight that stands for what pyiqa downloads."""

    def __init__(self, mode: str, lower_better: bool, weight: float) -> None:
        super().__init__()
        self.metric_mode, self.lower_better = mode, lower_better
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, target: torch.Tensor, ref: torch.Tensor | None = None) -> torch.Tensor:
        assert target.ndim == 4, "Input must be 4D tensor (B, C, H, W)"
        assert target.min() >= 0, "Input must be normalized to [0, 1]"
        assert target.max() <= 1, "Input must be normalized to [0, 1]"
        assert target.shape[-1] >= 16, "too small"
        value = target if ref is None else (target - ref).abs()
        return (self.weight * value).mean((1, 2, 3)).detach()


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The stand-in; what it gives are the weights, by name."""
    weights = {"unique": 2.0, "musiq": 3.0, "dists": 1.0, "fid": 1.0, "maniqa": 1.0}

    def create_metric(metric_name: str, as_loss: bool = False, device: Any = None, **options: Any) -> Metric:
        if metric_name == "maniqa":
            raise OSError("We couldn't connect to 'https://huggingface.co'\nsecond line")
        reference = metric_name == "dists"
        return Metric("FR" if reference else "NR", reference, weights[metric_name])

    module: Any = ModuleType("pyiqa")
    module.list_models = lambda: list(weights)
    module.create_metric = create_metric
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    return weights


def test_values_and_directions(pyiqa: dict[str, float]) -> None:
    grey, white = np.full((16, 20, 3), 51, np.uint8), np.full((16, 20, 3), 255, np.uint8)
    unique, dists = PyiqaMetric("unique"), PyiqaMetric("dists")
    assert (unique.name, unique.needs_reference, unique.higher_is_better) == ("unique (pyiqa)", False, True)
    assert unique(grey) == pytest.approx(0.4)
    assert (dists.needs_reference, dists.higher_is_better) == (True, False)
    assert dists(grey, white) == pytest.approx(0.8)
    assert "rises with quality" in unique.note
    assert "falls with quality" in dists.note
    with pytest.raises(ScotopicError, match=r"dists \(pyiqa\) needs a reference"):
        dists(grey)
    with pytest.raises(ScotopicError, match=r"unique \(pyiqa\) has no value for the picture: too small"):
        unique(grey[:, :8])


def test_the_fingerprint_follows_the_weights(pyiqa: dict[str, float]) -> None:
    before = PyiqaMetric("unique").fingerprint()
    assert PyiqaMetric("unique").fingerprint() == before
    pyiqa["unique"] = 2.5
    assert PyiqaMetric("unique").fingerprint() != before


def test_in_a_comparison(pyiqa: dict[str, float], tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", count=2)
    settings = QualitySettings.model_validate({"gate": "off", "pyiqa": "unique, dists,unique"})
    assert settings.pyiqa == ["unique", "dists"]
    record = compare_quality(pairs, ["gamma[gamma=2.0]"], tmp_path / "out", settings=settings).record
    none, undone = (row["metrics"] for row in record["rows"])
    assert list(none) == ["PSNR", "SSIM", "MSE", "dists (pyiqa)", "unique (pyiqa)"]
    assert undone["unique (pyiqa)"] > none["unique (pyiqa)"]
    assert undone["dists (pyiqa)"] < none["dists (pyiqa)"] / 10
    assert record["data"]["higher_is_better"]["dists (pyiqa)"] is False
    assert len(record["settings"]["parameters"]["unique (pyiqa)"]["parameters"]) == 64


def test_alone_on_pictures_without_references(pyiqa: dict[str, float], tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", count=2)
    settings = QualitySettings(gate="off", pyiqa=["unique", "dists"])
    alone = compare_quality(pairs / "low", [], tmp_path / "alone", settings=settings).record
    assert list(alone["rows"][0]["metrics"]) == ["unique (pyiqa)"]
    assert any("PSNR, SSIM, dists (pyiqa) and MSE are left out" in note for note in alone["data"]["notes"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("uniqe", "pyiqa has no metric 'uniqe': did you mean 'unique'"),
        ("fid", "compares whole sets, not pictures"),
        (
            "maniqa",
            r"cannot make its metric maniqa \(We couldn't connect to 'https://huggingface.co'\): it downloads the "
            "weights on first use",
        ),
    ],
)
def test_bad_names_and_no_network(pyiqa: dict[str, float], name: str, sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        PyiqaMetric(name)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ScotopicError, match=r'metrics of --pyiqa need the package \'pyiqa\': .*"scotopic\[iqa\]"'):
        PyiqaMetric("unique")
