"""What the answers say: preference or mean opinion, with intervals over people and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ...configs.study_schema import Preference, Rating, StudyKey
from ...errors import ScotopicError
from ...files import sha256_of
from ..comparison import Progress
from ..environment import environment
from .answers import Participant, read_answers
from .bradley_terry import PRIOR, fit_bradley_terry, groups, win_probability
from .make import read_key

RESAMPLES = 2000
"""Bootstrap samples behind an interval."""
LEVEL = 0.95
_SHARE = {"left": 1.0, "equal": 0.5, "right": 0.0}


def score_study(
    folder: str | Path,
    files: Sequence[str | Path],
    progress: Progress = lambda name, done, total: None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Score a study from its key and the answers of its participants.

    A/B: strengths by Bradley and Terry, shown as the probability of being preferred to an average enhancer of the
    study (strength 0), a tie counting half. Stars: the mean opinion score. Intervals are percentiles of a bootstrap
    that draws participants and pictures anew, both with replacement (A. B. Owen: The pigeonhole bootstrap, 2007, which
    is rather too wide than too narrow); seeded by the study's seed.

    Args:
        folder: where the study was made.
        files: of the answers.
        progress: called with ("bootstrap", samples done, samples in all).
        resamples: bootstrap samples.

    Returns:
        The content of ``scores.json``: ``rows`` has one entry for each enhancer, the best first, with ``score`` and
        ``interval``; ``notes`` says what a reader must know.

    Raises:
        ScotopicError: no such study, its page is another one, or a file of answers is no good.

    Example::

        score_study("out", ["answers-1.json", "answers-2.json"])["rows"][0]["enhancer"]
    """
    key = read_key(folder)
    page = Path(folder) / "study.html"
    if page.exists() and sha256_of(page) != key.page_sha256:
        raise ScotopicError(f"{page} is not the page that key.json was written with: put the two together again")
    participants, notes = read_answers(key, files)
    if key.settings.mode == "ab":
        rows, compared, own_notes = _preferences(key, participants, progress, resamples)
    else:
        rows, own_notes = _opinions(key, participants, resamples)
        compared = []
    people, pictures = len(participants), len(key.pictures)
    return {
        "study": key.study,
        "fingerprint": key.fingerprint,
        "mode": key.settings.mode,
        "data": key.data,
        "pictures": pictures,
        "answers": sum(len(p.answers) for p in participants),
        "resamples": resamples,
        "level": LEVEL,
        "seed": key.settings.seed,
        "rows": sorted(rows, key=lambda row: -row["score"] if row["score"] is not None else 1e9),
        "pairs": compared,
        "participants": [_about(p) for p in participants],
        "notes": [*_about_intervals(people, pictures, resamples), *own_notes, *notes, *_odd(participants)],
        "environment": environment(),
    }


def _preferences(
    key: StudyKey, participants: Sequence[Participant], progress: Progress, resamples: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Rows, pairs and notes of a study with two pictures a question."""
    names, count = key.enhancers, len(key.enhancers)
    wins = np.zeros((len(participants), len(key.pictures), count, count))  # a tie is half a win for both
    ties = np.zeros((count, count))
    for person, picture, answer in _each(key, participants):
        assert isinstance(answer, Preference)
        left, right = (names.index(key.codes[code].enhancer) for code in (answer.left, answer.right))
        wins[person, picture, left, right] += _SHARE[answer.choice]
        wins[person, picture, right, left] += 1 - _SHARE[answer.choice]
        ties[left, right] += answer.choice == "equal"
        ties[right, left] += answer.choice == "equal"
    total = wins.sum((0, 1))
    strengths = fit_bradley_terry(total)
    sums = resampled_sums(wins.reshape(*wins.shape[:2], -1), key.settings.seed, resamples)
    samples = np.empty((resamples, count))
    for number, drawn in enumerate(sums.reshape(-1, count, count)):
        samples[number] = fit_bradley_terry(drawn, start=strengths)
        progress("bootstrap", number + 1, resamples)
    won, lost, tied = (total - ties / 2).sum(1), (total - ties / 2).sum(0), ties.sum(1)
    rows = []
    for e, name in enumerate(names):
        rows.append(
            {
                "enhancer": name,
                "score": float(win_probability(strengths)[e]),
                "interval": _interval(win_probability(samples)[:, e]),
                "strength": float(strengths[e]),
                "strength_interval": _interval(samples[:, e]),
                "votes": int(won[e] + tied[e] + lost[e]),
                "preferred": int(won[e]),
                "equal": int(tied[e]),
                "not_preferred": int(lost[e]),
            }
        )
    compared = [
        {
            "enhancers": [names[i], names[j]],
            "first_preferred": int(total[i, j] - ties[i, j] / 2),
            "equal": int(ties[i, j]),
            "second_preferred": int(total[j, i] - ties[i, j] / 2),
        }
        for i in range(count)
        for j in range(i + 1, count)
    ]
    return rows, compared, _about_strengths(names, total)


def _about_strengths(names: Sequence[str], total: np.ndarray) -> list[str]:
    """Whether the votes say enough for the model."""
    notes = [
        "The score is the probability of being preferred to an average enhancer of this study (Bradley-Terry, the mean "
        f"strength is 0), a tie counting half; each enhancer is given {PRIOR:g} tie in addition, which keeps strengths "
        "finite. It says nothing of enhancers outside the study."
    ]
    parts = [[names[e] for e in group] for group in groups(total)]
    if len(parts) > 1:
        listed = " | ".join(", ".join(part) for part in parts)
        notes.append(f"No answer compares one of these groups with another, so their order means nothing: {listed}.")
    for e, name in enumerate(names):
        votes = total[e].sum() + total[:, e].sum()
        if votes and total[:, e].sum() == 0:
            notes.append(f"{name} was preferred every time: how far it is ahead cannot be told, only that it is.")
        elif votes and total[e].sum() == 0:
            notes.append(f"{name} was never preferred: how far it is behind cannot be told, only that it is.")
        elif not votes:
            notes.append(f"{name} was judged by nobody: its score is the prior's.")
    return notes


def _opinions(
    key: StudyKey, participants: Sequence[Participant], resamples: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and notes of a study with stars."""
    names = key.enhancers
    stars = np.zeros((len(participants), len(key.pictures), 2 * len(names)))  # sums of stars, and how many
    given = np.zeros((len(names), 5), dtype=int)
    for person, picture, answer in _each(key, participants):
        assert isinstance(answer, Rating)
        e = names.index(key.codes[answer.image].enhancer)
        stars[person, picture, e] += answer.stars
        stars[person, picture, len(names) + e] += 1
        given[e, answer.stars - 1] += 1
    sums, counts = np.split(stars.sum((0, 1)), 2)
    sampled_sums, sampled_counts = np.split(resampled_sums(stars, key.settings.seed, resamples), 2, axis=1)
    rows = []
    for e, name in enumerate(names):
        drawn = sampled_counts[:, e] > 0
        rows.append(
            {
                "enhancer": name,
                "score": float(sums[e] / counts[e]) if counts[e] else None,
                "interval": _interval(sampled_sums[drawn, e] / sampled_counts[drawn, e]) if counts[e] else None,
                "votes": int(counts[e]),
                "stars": given[e].tolist(),
            }
        )
    notes = ["The score is the mean opinion score: the mean of 1 (bad) to 5 (excellent) stars."]
    notes += [f"{name} was judged by nobody." for e, name in enumerate(names) if not counts[e]]
    return rows, notes


def _each(key: StudyKey, participants: Sequence[Participant]) -> Iterator[tuple[int, int, Preference | Rating]]:
    """(number of the participant, number of the picture, answer)."""
    place = {id_: number for number, id_ in enumerate(key.pictures)}
    for person, participant in enumerate(participants):
        for answer in participant.answers:
            code = answer.left if isinstance(answer, Preference) else answer.image
            yield person, place[key.codes[code].picture], answer


def resampled_sums(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """Sums over participants and pictures, both drawn with replacement: float (U, P, K) -> (resamples, K)."""
    people, pictures, _ = values.shape
    rng = np.random.default_rng([seed, 13])
    times_person = rng.multinomial(people, np.full(people, 1 / people), size=resamples)
    times_picture = rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=resamples)
    of_people = np.tensordot(times_person, values, axes=1)
    return np.einsum("bp,bpk->bk", times_picture, of_people)


def _interval(values: np.ndarray) -> list[float]:
    tail = (1 - LEVEL) / 2
    return np.quantile(values, [tail, 1 - tail]).tolist()


def _about(participant: Participant) -> dict[str, Any]:
    """How one participant answered; the organiser decides what to make of it."""
    answers = participant.answers
    counts: dict[str, int] = {}
    for answer in answers:
        what = answer.choice if isinstance(answer, Preference) else str(answer.stars)
        counts[what] = counts.get(what, 0) + 1
    return {
        "participant": participant.id,
        "file": participant.file.name,
        "answers": len(answers),
        "asked": participant.asked,
        "given": dict(sorted(counts.items())),
        "median_seconds": median(answer.seconds for answer in answers) if answers else None,
    }


def _about_intervals(people: int, pictures: int, resamples: int) -> list[str]:
    notes = [
        f"Intervals: {LEVEL:.0%} percentile, {resamples:,} bootstrap samples over {people} participants and {pictures} "
        "pictures."
    ]
    alone = [what for what, number in (("one participant", people), ("one picture", pictures)) if number == 1]
    if alone:
        notes.append(f"With {' and '.join(alone)} the intervals cannot know how others differ: they are too narrow.")
    return notes


def _odd(participants: Sequence[Participant]) -> list[str]:
    """Sentences on participants who stopped early, or whose answers say nothing."""
    notes = []
    for participant in participants:
        about = _about(participant)
        if about["answers"] < about["asked"]:
            notes.append(f"{about['file']}: {about['answers']} of {about['asked']} questions are answered.")
        if about["answers"] >= 10 and len(about["given"]) == 1:
            notes.append(f"{about['file']}: every answer is '{next(iter(about['given']))}'; consider leaving it out.")
    return notes
