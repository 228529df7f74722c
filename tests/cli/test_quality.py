"""eval quality and compare quality from end to end, on generated pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ..photographs import write_brisque_model, write_niqe_parameters, write_pairs
from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs")


def test_compare(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--data", pairs, "--enhancers", "gamma[gamma=2.0],clahe", "-o", out, "--color", "luma", "--crop", 2)
    outcome = scotopic("compare", "quality", *arguments)
    assert outcome.status == 0, outcome.err
    for word in ("pairs, 4 images, gate off", "PSNR", "SSIM", "luma (BT.601)", "2 pixels", "--brisque FILE", "--niqe"):
        assert word in outcome.out
    assert "model ms" not in outcome.out
    record = json.loads((out / "results.json").read_text())
    assert record["settings"]["color"] == "luma"
    assert record["rows"][1]["metrics"]["PSNR"] > record["rows"][0]["metrics"]["PSNR"] + 20
    assert (out / "pictures" / "contact_sheet.jpg").is_file()
    again = scotopic("compare", "quality", *arguments)
    assert again.status == 0
    assert json.loads((out / "results.json").read_text())["rows"] == record["rows"]


def test_a_sheet_that_cannot_be_drawn_hides_no_figures(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "pictures" / "contact_sheet.jpg").mkdir(parents=True)
    outcome = scotopic("compare", "quality", "--data", pairs, "--enhancers", "gamma", "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "PSNR" in outcome.out
    assert outcome.out.endswith("results.json, results.csv, results.md\n")
    assert "contact_sheet.jpg: a folder is in the way" in outcome.err
    assert outcome.err.count("\n") == 1


def test_patterns_take_all_enhancers_that_fit(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    arguments = ("--data", pairs, "-o", tmp_path / "out", "--pictures", 0)
    outcome = scotopic("compare", "quality", *arguments, "--enhancers", "clahe,*gamma,gamma")
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "clahe", "auto_gamma", "gamma"]


def test_reference_and_parameters(scotopic: Command, tmp_path: Path) -> None:
    large = write_pairs(tmp_path / "large", count=2, width=200, height=110)
    outcome = scotopic(
        "compare", "quality", "--data", large / "low", "--reference", large / "high", "--enhancers", "clahe",
        "--match-mean", "--brisque", write_brisque_model(tmp_path / "svm.txt"),
        "--niqe", write_niqe_parameters(tmp_path / "niqe.npz"), "-o", tmp_path / "out", "--pictures", 0,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "BRISQUE does not penalise darkness" in outcome.out
    assert "scaled to the mean luma" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(record["rows"][1]["metrics"]) == ["PSNR", "SSIM", "MSE", "BRISQUE", "NIQE"]
    assert not (tmp_path / "out" / "pictures").exists()


def test_eval_has_the_gate_on(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    outcome = scotopic(
        "eval", "quality", "--data", pairs / "high", "--reference", pairs / "high", "--enhancer", "gamma",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "gate auto" in outcome.out
    assert "none: 4 pictures equal their references" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(record["rows"][1]["passed_by_gate"]) == 4


def test_a_preset(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        f"data: {pairs}\nenhancers: [gamma, 'clahe']\ncolor: luma\nmatch_mean: true\ncrop: 3\npictures: 1\ngate: off\n"
    )
    outcome = scotopic("compare", "quality", "--config", preset, "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (record["settings"]["match_mean"], record["settings"]["crop"]) == (True, 3)
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma", "clahe"]


def test_lpips(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("lpips", reason="needs the extra [lpips]")
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    torch.save(models.squeezenet1_1(weights=None).state_dict(), tmp_path / "squeeze.pth")
    outcome = scotopic(
        "compare", "quality", "--data", pairs, "--enhancers", "gamma[gamma=2.0]", "--lpips", tmp_path / "squeeze.pth",
        "-o", tmp_path / "out", "--pictures", 0,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert "LPIPS 0.1 with SqueezeNet 1.1" in outcome.out
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    none, undone = (row["metrics"]["LPIPS"] for row in record["rows"])
    assert undone < none / 10
    assert list(record["settings"]["parameters"]["LPIPS"]) == ["squeeze.pth"]


def test_against_an_earlier_comparison(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    """What stands for the mAP here is the order of PSNR, so that the correlation is perfect."""
    arguments = ("compare", "quality", "--data", pairs, "--enhancers", "gamma[gamma=2.0],clahe,he", "--pictures", 0)
    assert scotopic(*arguments, "-o", tmp_path / "looks").status == 0
    record = json.loads((tmp_path / "looks" / "results.json").read_text())
    assert not (tmp_path / "looks" / "correlation.json").exists()
    by_psnr = sorted(record["rows"], key=lambda row: row["metrics"]["PSNR"])
    rows = [{**row, "metrics": {"mAP": 0.1 * place}} for place, row in enumerate(by_psnr)]
    earlier = {**record, "task": "detect", "model": {"file": "net.pt"}, "rows": rows}
    (tmp_path / "sees").mkdir()
    (tmp_path / "sees" / "results.json").write_text(json.dumps(earlier))
    outcome = scotopic(*arguments, "-o", tmp_path / "looks", "--against", tmp_path / "sees")
    assert outcome.status == 0, outcome.err
    assert "Spearman with mAP" in outcome.out
    assert "correlation.json" in outcome.out
    written = json.loads((tmp_path / "looks" / "correlation.json").read_text())
    assert written["found"][0]["metric"] == "PSNR"
    assert written["found"][0]["spearman"] == pytest.approx(1)
    assert written["enhancers"] == ["none", "gamma[gamma=2.0]", "clahe", "he"]


def test_an_image_that_fails_gives_status_1(scotopic: Command, pairs: Path, tmp_path: Path) -> None:
    (pairs / "high" / "1.png").write_bytes(b"no picture")
    outcome = scotopic("compare", "quality", "--data", pairs, "--enhancers", "gamma", "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "gamma: 1 failed images are left out of its means: 1." in outcome.out


@pytest.mark.parametrize("command", ["eval", "compare"])
def test_help_reads_well(scotopic: Command, command: str) -> None:
    outcome = scotopic(command, "quality", "--help")
    assert outcome.status == 0
    for word in ("--reference", "--split", "--match-mean", "--brisque", "--niqe", "--lpips", "--pyiqa"):
        assert word in outcome.out


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--data": None}, "--data is missing: give --data lol"),
        ({"--out": None}, "--out is missing"),
        ({"--data": "lool"}, "did you mean 'lol'"),
        ({"--lpips": "missing.pth"}, "no LPIPS backbone at missing.pth"),
        ({"--against": "nowhere"}, "no results at nowhere"),
        ({"--against": "text.txt"}, "text.txt is not JSON"),
        ({"--split": "dark"}, "pairs without labels, which have no splits"),
        ({"--data": "pairs/low"}, "there is nothing to measure on low"),
        ({"--reference": "nowhere"}, "no folder of reference pictures at nowhere"),
        ({"--enhancers": "none,clah"}, "did you mean 'clahe'"),
        ({"--enhancers": "*qqq"}, "no enhancer fits '*qqq': see scotopic list"),
        ({"--enhancers": ","}, "--enhancers names none: give names such as none,clahe,sgz"),
        ({"--brisque": "missing.yml"}, "no BRISQUE model at missing.yml"),
        ({"--niqe": "text.txt"}, "text.txt does not hold NIQE's"),
        ({"--crop": -1}, "crop"),
        ({"--crop": 20}, "SSIM needs pictures of at least 11x11"),
        ({"--out": "text.txt"}, "a file is in the way"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command,
    pairs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, object],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello")
    options = {"--data": pairs, "--out": "out", "--enhancers": "none", **changed}
    arguments = [part for option, value in options.items() if value is not None for part in (option, value)]
    outcome = scotopic("compare", "quality", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.startswith("scotopic: ")
    assert outcome.err.count("\n") == 1
