"""`scotopic bench` from the command line to the exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scotopic.eval.bench_enhancer import Probe

from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of their own are tested where they are made."""
    monkeypatch.setattr(Probe, "run", Probe.measure)


def test_bench(scotopic: Command, tmp_path: Path) -> None:
    outcome = scotopic(
        "bench", "--enhancers", "gamma,clahe", "--sizes", "64x48,40x30", "--batch-sizes", "1,2", "--rounds", 3,
        "--threads", 1, "--budget", "10s", "-o", tmp_path,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    for word in ("made-up night", "1 thread on", "ms (middle half)", "GFLOPs", "memory MB", "pass", "written to"):
        assert word in outcome.out
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert len(rows) == 3 * 2 * 2
    assert {row["within_budget"] for row in rows} == {True, None}
    assert (tmp_path / "results.csv").is_file()
    assert (tmp_path / "results.md").is_file()


def test_over_budget_gives_status_1_and_all_rows(scotopic: Command, tmp_path: Path) -> None:
    arguments = ("--sizes", "64x48", "--rounds", 3, "--budget", "0.00001ms", "-o", tmp_path)
    outcome = scotopic("bench", "--enhancers", "gamma,clahe", *arguments)
    assert outcome.status == 1
    assert "over the budget of 0.00001ms: none, gamma, clahe" in outcome.out
    assert outcome.out.count("FAIL") == 3
    assert outcome.err == ""


def test_missing_weights_give_status_1(scotopic: Command, tmp_path: Path) -> None:
    outcome = scotopic("bench", "--enhancers", "kind,gamma", "--sizes", "64x48", "--rounds", 3, "-o", tmp_path)
    assert outcome.status == 1
    assert "kind is skipped: " in outcome.out
    record = json.loads((tmp_path / "results.json").read_text())
    assert [row["enhancer"] for row in record["rows"]] == ["none", "gamma"]
    assert [skip["enhancer"] for skip in record["skipped"]] == ["kind"]


def test_behind_the_shipped_net(scotopic: Command, tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch")
    outcome = scotopic(
        "bench", "--enhancers", "gamma", "--sizes", "64x64", "--rounds", 3, "--model", "road", "-o", tmp_path
    )
    assert outcome.status == 0, outcome.err
    for word in ("before road", "letterbox ms (share)", "inference ms (share)"):
        assert word in outcome.out


def test_a_preset(scotopic: Command, tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("enhancers: [gamma, clahe]\nsizes: [64x48, 40x30]\nbatch_sizes: 1\nrounds: 3\nbudget: 10s\n")
    outcome = scotopic("bench", "--config", preset, "--enhancers", "he", "-o", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [(row["enhancer"], row["width"]) for row in record["rows"]] == [
        ("none", 64), ("he", 64), ("none", 40), ("he", 40),
    ]  # fmt: skip
    assert record["settings"]["budget_ms"] == 10_000


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--out": None}, "--out is missing"),
        ({"--budget": "33"}, "budget: write a time above zero with its unit, such as 33ms or 0.5s, not '33'"),
        ({"--budget": "0ms"}, "budget: write a time above zero"),
        ({"--budget": "33ms", "--batch-sizes": "2"}, "a budget go by single pictures"),
        ({"--sizes": "0x0"}, "a size has 1 to 16384 pixels each way"),
        ({"--sizes": "640"}, "sizes: write WIDTHxHEIGHT"),
        ({"--sizes": ","}, "a size has 1 to"),
        ({"--batch-sizes": "0"}, "a batch has at least one picture"),
        ({"--batch-sizes": "two"}, "batch_sizes: write whole numbers"),
        ({"--rounds": 1}, "rounds"),
        ({"--threads": 0}, "threads"),
        ({"--enhancers": "clah"}, "did you mean 'clahe'"),
        ({"--enhancers": ","}, "--enhancers names none"),
        ({"--device": "toaster"}, "device 'toaster' cannot be used"),
        ({"--model": "nothing.pt"}, "no detector at nothing.pt"),
        ({"--model": "raod"}, "no segmentation net 'raod'"),
        ({"--data": "nowhere"}, "no image or folder at nowhere"),
        ({"--data": "text.txt"}, "text.txt is not an image"),
        ({"--out": "text.txt"}, "a file is in the way"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello")
    options = {"--enhancers": "gamma", "--sizes": "64x48", "--out": "out", **changed}
    arguments = [part for option, value in options.items() if value is not None for part in (option, value)]
    outcome = scotopic("bench", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.startswith("scotopic: ")
    assert outcome.err.count("\n") == 1


def test_help_reads_well(scotopic: Command) -> None:
    outcome = scotopic("bench", "--help")
    assert outcome.status == 0
    for word in ("--batch-sizes", "--budget", "--sizes", "--model"):
        assert word in outcome.out
