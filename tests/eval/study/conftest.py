"""Small studies, and participants who answer them as they are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.configs.study_schema import StudyKey, StudySettings
from scotopic.eval.datasets.pictures import load_pictures
from scotopic.eval.study.make import make_study

from ...photographs import write_pairs

Answer = Callable[[StudyKey, list[str]], dict[str, Any]]
ENHANCERS = ["none", "gamma", "clahe"]


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., tuple[StudyKey, Path]]:
    """Make a study of four pictures; the key, and the folder."""

    def make(enhancers: list[str] = ENHANCERS, **settings: Any) -> tuple[StudyKey, Path]:
        pictures = load_pictures(write_pairs(tmp_path / "pairs"))
        return make_study(pictures, enhancers, tmp_path / "study", StudySettings(**settings)), tmp_path / "study"

    return make


def prefer(*order: str) -> Answer:
    """A participant who prefers what comes first in the order."""

    def answer(key: StudyKey, question: list[str]) -> dict[str, Any]:
        left, right = (order.index(key.codes[code].enhancer) for code in question)
        return {"left": question[0], "right": question[1], "choice": "left" if left < right else "right", "seconds": 2}

    return answer


def write_answers(key: StudyKey, path: Path, answer: Answer, participant: str = "", sheet: int = 0) -> Path:
    """The file of a participant who answers a whole sheet, as the page writes it."""
    content = {
        "format": "picture-study-answers",
        "study": key.study,
        "fingerprint": key.fingerprint,
        "mode": key.settings.mode,
        "participant": participant or path.stem,
        "sheet": sheet,
        "started": "2026-01-02T03:04:05.678Z",
        "finished": "2026-01-02T03:14:05.678Z",
        "answers": [answer(key, question) for question in key.sheets[sheet]],
    }
    path.write_text(json.dumps(content))
    return path


def votes_of(strengths: np.ndarray, each: int, rng: np.random.Generator) -> np.ndarray:
    """Simulated wins (N, N) of enhancers with known strengths, ``each`` votes on each pair."""
    count = len(strengths)
    wins = np.zeros((count, count))
    for i in range(count):
        for j in range(i):
            wins[i, j] = rng.binomial(each, 1 / (1 + np.exp(strengths[j] - strengths[i])))
            wins[j, i] = each - wins[i, j]
    return wins
