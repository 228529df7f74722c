"""study make and study score from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..photographs import write_pairs
from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs")


def answers(out: Path, path: Path, answer: Callable[[list[str]], dict[str, Any]]) -> Path:
    """A participant's file, as the page writes it."""
    key = json.loads((out / "key.json").read_text())
    head = {"format": "picture-study-answers", "participant": path.stem, "sheet": 0, "mode": key["settings"]["mode"]}
    given = [{**answer(question), "seconds": 1.0} for question in key["sheets"][0]]
    path.write_text(json.dumps({**head, "study": key["study"], "fingerprint": key["fingerprint"], "answers": given}))
    return path


def test_preferences(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = scotopic("study", "make", pictures, "--enhancers", "none,gamma[gamma=2.0],clahe", "-o", out)
    assert made.status == 0, made.err
    assert "4 pictures, 3 enhancers" in made.out
    assert "12 questions (all there are)" in made.out
    files = [
        answers(out, tmp_path / f"{name}.json", lambda q, name=name: {"left": q[0], "right": q[1], "choice": name})
        for name in ("left", "right", "equal")
    ]
    scored = scotopic("study", "score", out, *files, "-o", tmp_path / "scores")
    assert scored.status == 0, scored.err
    for words in ("participants: 3, answers: 36", "preferred to average, %", "gamma[gamma=2.0]", "2,000 bootstrap"):
        assert words in scored.out
    # One always chose the left, one the right: all is even.
    record = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert [row["score"] for row in record["rows"]] == pytest.approx([0.5] * 3)
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == ["scores.csv", "scores.json", "scores.md"]


def test_stars_by_a_preset(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    preset = tmp_path / "study.yaml"
    preset.write_text("enhancers: [none, clahe]\nmode: stars\nquestions: 4\nseed: 5\n")
    out = tmp_path / "out"
    made = scotopic("study", "make", pictures, "--config", preset, "-o", out)
    assert made.status == 0, made.err
    assert "4 questions (one of 4 sheets, drawn at random)" in made.out
    file = answers(out, tmp_path / "a.json", lambda question: {"image": question[0], "stars": 3})
    scored = scotopic("study", "score", out, file)
    assert scored.status == 0, scored.err
    assert "mean opinion score" in scored.out
    assert "3.00" in (out / "scores.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "out"), "--enhancers is missing"),
        (("--enhancers", "none,gamma"), "--out is missing"),
        (("--enhancers", "none,gamma", "-o", "out", "--questions", "0"), "questions"),
        (("--enhancers", "none,gamma,clahe", "-o", "out", "--questions", "2"), "more than the 2 questions"),
    ],
)
def test_what_make_needs(
    scotopic: Command, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...],
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    outcome = scotopic("study", "make", pictures, *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err


def test_what_score_needs(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert scotopic("study", "make", pictures, "--enhancers", "none,gamma", "-o", out).status == 0
    (tmp_path / "cut.json").write_text('{"format"')
    for folder, file, sentence in (
        (out, tmp_path / "cut.json", "cut.json is cut off or damaged"),
        (out, tmp_path / "absent.json", "no answers at"),
        (pictures, tmp_path / "cut.json", "no study at"),
    ):
        outcome = scotopic("study", "score", folder, file)
        assert outcome.status == 1
        assert sentence in outcome.err
        assert "Traceback" not in outcome.err
    assert not (out / "scores.json").exists()
