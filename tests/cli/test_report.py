"""`scotopic report`, and the page that a comparison leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Outcome

pytest.importorskip("ultralytics", reason="needs the extra [yolo]")
Command = Callable[..., Outcome]


@pytest.fixture
def compared(scotopic: Command, data_dir: Path, tmp_path: Path) -> Path:
    """Three night images behind gamma, from the command line."""
    rows = (data_dir / "darkbdd" / "luma.csv").read_text().splitlines()[1:]
    few = tmp_path / "few.txt"
    few.write_text("\n".join([row.split(",")[0] for row in rows if row.endswith("dark")][:3]) + "\n")
    arguments = ("--model", data_dir / "weights" / "yolo11n_dequant.pt", "--data", data_dir / "darkbdd", "--split", few)
    out = tmp_path / "out"
    options = ("--enhancers", "none,gamma", "--imgsz", "320", "--pictures", "1")
    outcome = scotopic("compare", "detect", *arguments, *options, "-o", out)
    assert outcome.status == 0, outcome.err
    assert "report.html" in outcome.out
    return out


def test_a_comparison_leaves_its_page_and_more_make_one(scotopic: Command, compared: Path, tmp_path: Path) -> None:
    page = (compared / "report.html").read_text(encoding="utf-8")
    assert "Does enhancement help yolo11n_dequant on" in page
    assert len(page) < 5_000_000
    assert (compared / "plots" / "accuracy_latency.svg").is_file()
    assert (compared / "report_pictures" / "index.json").is_file()
    target = tmp_path / "both.html"
    outcome = scotopic("report", f"night={compared}", f"again={compared}", "-o", target)
    assert outcome.status == 0, outcome.err
    assert f"written to {target}" in outcome.out
    assert "All conditions" in target.read_text(encoding="utf-8")


def test_a_folder_without_results_is_one_sentence(scotopic: Command, tmp_path: Path) -> None:
    outcome = scotopic("report", tmp_path, "-o", tmp_path / "report.html")
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert "no results.json" in outcome.err
    assert not (tmp_path / "report.html").exists()
