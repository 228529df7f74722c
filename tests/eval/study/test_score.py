"""From answer files to scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.configs.study_schema import StudyKey
from scotopic.errors import ScotopicError
from scotopic.eval.study.score import resampled_sums, score_study
from scotopic.eval.study.tables import write_scores

from .conftest import prefer, write_answers

Study = Callable[..., tuple[StudyKey, Path]]
FEW = 60


def row_of(scores: dict[str, Any], enhancer: str) -> dict[str, Any]:
    return next(row for row in scores["rows"] if row["enhancer"] == enhancer)


def equal(key: StudyKey, question: list[str]) -> dict[str, Any]:
    return {"left": question[0], "right": question[1], "choice": "equal", "seconds": 1.5}


def test_preferences(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    orders = [("clahe", "gamma", "none"), ("gamma", "clahe", "none"), ("clahe", "none", "gamma")]
    files = [write_answers(key, tmp_path / f"{n}.json", prefer(*order)) for n, order in enumerate(orders)]
    files.append(write_answers(key, tmp_path / "tied.json", equal))
    scores = score_study(folder, files, resamples=FEW)
    assert [row["enhancer"] for row in scores["rows"]] == ["clahe", "gamma", "none"]
    # 12 questions each, each enhancer in 8 of them; clahe leads the pair with gamma 2 to 1, and with none 3 to 0.
    best = row_of(scores, "clahe")
    assert (best["votes"], best["preferred"], best["equal"], best["not_preferred"]) == (32, 20, 8, 4)
    assert {"enhancers": ["gamma", "clahe"], "first_preferred": 4, "equal": 4, "second_preferred": 8} in scores["pairs"]
    for row in scores["rows"]:
        low, high = row["interval"]
        assert 0 < low <= row["score"] <= high < 1
    assert sum(row["strength"] for row in scores["rows"]) == pytest.approx(0, abs=1e-9)
    assert any("tied.json: every answer is 'equal'" in note for note in scores["notes"])
    assert scores["participants"][0]["given"].keys() == {"left", "right"}
    assert score_study(folder, files, resamples=FEW) == scores


def test_stars(study: Study, tmp_path: Path) -> None:
    key, folder = study(mode="stars")
    given = {"none": 1, "gamma": 3, "clahe": 4}

    def rate(more: int) -> Callable[[StudyKey, list[str]], dict[str, Any]]:
        return lambda key, question: {
            "image": question[0],
            "stars": given[key.codes[question[0]].enhancer] + more,
            "seconds": 1,
        }

    files = [write_answers(key, tmp_path / f"{more}.json", rate(more)) for more in (0, 1)]
    scores = score_study(folder, files, resamples=200)
    assert [(row["enhancer"], row["score"]) for row in scores["rows"]] == [
        ("clahe", 4.5),
        ("gamma", 3.5),
        ("none", 1.5),
    ]
    assert scores["rows"][0]["stars"] == [0, 0, 0, 4, 4]
    assert scores["rows"][0]["interval"] == [4, 5]  # two people, a star apart: all of that is people


def test_one_participant_is_told_apart(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    scores = score_study(
        folder, [write_answers(key, tmp_path / "a.json", prefer("clahe", "gamma", "none"))], resamples=FEW
    )
    notes = " ".join(scores["notes"])
    assert "With one participant" in notes
    assert "clahe was preferred every time" in notes
    assert "none was never preferred" in notes


def test_comparisons_that_do_not_hang_together(study: Study, tmp_path: Path) -> None:
    key, folder = study(["none", "gamma", "clahe", "auto_gamma"])
    path = write_answers(key, tmp_path / "a.json", prefer(*key.enhancers))
    content = json.loads(path.read_text())
    together = ({"none", "gamma"}, {"clahe", "auto_gamma"})
    content["answers"] = [
        answer
        for answer in content["answers"]
        if {key.codes[answer["left"]].enhancer, key.codes[answer["right"]].enhancer} in together
    ]
    path.write_text(json.dumps(content))
    notes = " ".join(score_study(folder, [path], resamples=FEW)["notes"])
    assert "none, gamma | clahe, auto_gamma" in notes
    assert "a.json: 8 of 24 questions are answered" in notes


def test_a_participant_counts_once(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    first = write_answers(key, tmp_path / "a.json", prefer("clahe", "gamma", "none"), participant="same")
    second = write_answers(key, tmp_path / "b.json", prefer("none", "gamma", "clahe"), participant="same")
    content = json.loads(second.read_text())
    second.write_text(json.dumps(content | {"answers": content["answers"][:5]}))
    scores = score_study(folder, [second, first], resamples=FEW)
    assert scores["answers"] == 12
    assert any("b.json and a.json are by one participant (same), with different answers: a.json is counted." in note
               for note in scores["notes"])  # fmt: skip


def test_the_bootstrap_draws_people_and_pictures() -> None:
    values = np.random.default_rng(1).normal(size=(6, 5, 2)) + np.arange(6)[:, None, None]
    sums = resampled_sums(values, seed=0, resamples=20_000)
    assert sums.mean(0) == pytest.approx(values.sum((0, 1)), rel=0.02)
    only_people = resampled_sums(values[:, :1].repeat(5, axis=1), seed=0, resamples=20_000)
    expected = 5 * np.sqrt(6) * values[:, 0].std(0)  # of a sum of six draws, five times over
    assert only_people.std(0) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fingerprint": "0" * 64, "study": "0badc0de"}, r"another study \(0badc0de\)"),
        ({"format": "something"}, "holds no answers of a study"),
        ({"mode": "stars"}, "a.json"),
        ({"sheet": 7}, "was changed"),
        ({"participant": ""}, "participant"),
        ({"answers": [{"left": "x", "right": "y", "choice": "left", "seconds": 1}]}, "answer 1 is to no question"),
        ({"answers": [{"left": "x"}]}, "answers.0.right' is missing"),
        ({"answers": []}, "hold no answer"),
    ],
)
def test_answers_that_do_not_fit(study: Study, tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    key, folder = study()
    path = write_answers(key, tmp_path / "a.json", equal)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ScotopicError, match=sentence):
        score_study(folder, [path], resamples=FEW)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[1]", b"null"])
def test_damaged_files(study: Study, tmp_path: Path, content: bytes) -> None:
    _, folder = study()
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ScotopicError, match=r"a\.json (is cut off or damaged|holds no answers)"):
        score_study(folder, [tmp_path / "a.json"])


def test_an_answer_given_twice(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    path = write_answers(key, tmp_path / "a.json", equal)
    content = json.loads(path.read_text())
    turned = {**content["answers"][0], "left": content["answers"][0]["right"], "right": content["answers"][0]["left"]}
    path.write_text(json.dumps(content | {"answers": [*content["answers"], turned]}))
    with pytest.raises(ScotopicError, match="answers a question twice"):
        score_study(folder, [path])


def test_another_page_beside_the_key(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    path = write_answers(key, tmp_path / "a.json", equal)
    (folder / "study.html").write_text("another")
    with pytest.raises(ScotopicError, match=r"study\.html is not the page"):
        score_study(folder, [path])
    with pytest.raises(ScotopicError, match="no study at"):
        score_study(tmp_path, [path])


def test_files(study: Study, tmp_path: Path) -> None:
    key, folder = study()
    files = [write_answers(key, tmp_path / f"{n}.json", prefer("clahe", "gamma", "none")) for n in range(2)]
    scores = score_study(folder, files, resamples=FEW)
    write_scores(scores, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["rows"] == scores["rows"]
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["enhancer"] for row in rows] == ["clahe", "gamma", "none"]
    assert float(rows[0]["low"]) == scores["rows"][0]["interval"][0]
    text = (tmp_path / "out" / "scores.md").read_text()
    assert "| clahe | " in text
    assert "a tie counting half" in text
