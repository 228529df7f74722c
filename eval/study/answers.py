"""The files that participants handed over: read, checked against the study, and counted once each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...configs.checks import validate
from ...configs.study_schema import Preference, Preferences, Rating, Ratings, StudyKey
from ...errors import ScotopicError


@dataclass(frozen=True)
class Participant:
    """What one participant answered.

    Attributes:
        id: the random word that the page gave to the participant.
        file: where the answers stand.
        answers: in the order in which they were given.
        asked: how many questions the participant's sheet had.
    """

    id: str
    file: Path
    answers: tuple[Preference | Rating, ...]
    asked: int


def read_answers(key: StudyKey, files: Sequence[str | Path]) -> tuple[list[Participant], list[str]]:
    """Read and check the answers of all participants.

    A participant who comes twice counts once, with the more complete file.

    Args:
        key: of the study.
        files: as the page saved them.

    Returns:
        The participants in the order of the files, and sentences that name those who came twice.

    Raises:
        ScotopicError: no file, or one that is damaged, incomplete in itself, or of another study.
    """
    if not files:
        raise ScotopicError("no answers: give the files that the participants saved")
    notes: list[str] = []
    found: dict[str, Participant] = {}
    for path in map(Path, files):
        participant = _read(key, path)
        other = found.get(participant.id)
        if other is not None:
            kept = max(other, participant, key=lambda one: len(one.answers))
            same = "the same answers" if other.answers == participant.answers else "different answers"
            notes.append(
                f"{other.file.name} and {path.name} are by one participant ({participant.id}), with {same}: "
                f"{kept.file.name} is counted."
            )
            participant = kept
        found[participant.id] = participant
    if not any(participant.answers for participant in found.values()):
        raise ScotopicError(f"{', '.join(p.file.name for p in found.values())} hold no answer: nothing to score")
    return list(found.values()), notes


def _read(key: StudyKey, path: Path) -> Participant:
    content = _content(path)
    if content.get("format") != "picture-study-answers":
        raise ScotopicError(f"{path} holds no answers of a study: give the files that the participants saved")
    study = content.get("fingerprint")
    if study != key.fingerprint:
        other = content.get("study") if content.get("study") != key.study else "of the same short name"
        raise ScotopicError(f"{path} belongs to another study ({other}), not to {key.study}: leave it out")
    schema = Preferences if key.settings.mode == "ab" else Ratings
    given = validate(schema, content, str(path))
    if given.mode != key.settings.mode or given.sheet >= len(key.sheets):
        raise ScotopicError(f"{path} was changed after it was saved: ask the participant for the file once more")
    sheet = {tuple(sorted(question)) for question in key.sheets[given.sheet]}
    asked = [_question(answer) for answer in given.answers]
    for number, question in enumerate(asked, start=1):
        if question not in sheet:
            raise ScotopicError(f"{path}: answer {number} is to no question of its sheet: ask for the file once more")
    if len(set(asked)) < len(asked):
        raise ScotopicError(f"{path} answers a question twice: ask the participant for the file once more")
    return Participant(given.participant, path, tuple(given.answers), len(sheet))


def _question(answer: Preference | Rating) -> tuple[str, ...]:
    """Of a sheet, whichever side the pictures were on."""
    return tuple(sorted((answer.left, answer.right))) if isinstance(answer, Preference) else (answer.image,)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editor puts a mark before pasted text
    except FileNotFoundError:
        raise ScotopicError(f"no answers at {path}: check the path") from None
    except OSError as error:
        raise ScotopicError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ScotopicError(f"{path} is cut off or damaged: ask the participant for the file once more") from None
    if not isinstance(content, dict):
        raise ScotopicError(f"{path} holds no answers of a study: give the files that the participants saved")
    return content
