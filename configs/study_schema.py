"""A study of how pictures look to people: its settings, its key, and the answers of one participant."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .schema import Settings

Mode = Literal["ab", "stars"]
Choice = Literal["left", "right", "equal"]


class StudySettings(Settings):
    """What an organiser chooses beside the pictures and the enhancers.

    >>> StudySettings().questions
    60
    """

    mode: Mode = Field(
        default="ab", description="ab asks which of two pictures is preferred, stars gives each picture 1 to 5 stars"
    )
    questions: int = Field(default=60, ge=1, le=500, description="most questions for one participant")
    seed: int = Field(default=0, ge=0, description="seed of codes, sides and sheets")


class StudyPreset(Settings):
    """`scotopic study make --config`."""

    enhancers: str | list[str] | None = None
    out: str | None = None
    mode: Mode | None = None
    questions: int | None = None
    seed: int | None = None


class CodedPicture(Settings):
    """What stands behind a code on the page."""

    picture: str
    enhancer: str


class StudyKey(Settings):
    """``key.json``, which the organiser keeps.

    Attributes:
        study: the study's short name, the beginning of its fingerprint.
        fingerprint: SHA-256 (hexadecimal) over all that a participant is shown.
        page_sha256: of ``study.html``.
        settings: of the organiser.
        data: name of the set of pictures.
        enhancers: in the order in which they were given.
        pictures: ids.
        codes: code of a picture on the page -> what it is.
        sheets: the questions of a participant, who draws one sheet; a question is one code or two.
        environment: where and with what the study was made.
    """

    study: str
    fingerprint: str
    page_sha256: str
    settings: StudySettings
    data: str
    enhancers: list[str]
    pictures: list[str]
    codes: dict[str, CodedPicture]
    sheets: list[list[list[str]]]
    environment: dict[str, object]


class Preference(Settings):
    """An answer to "Which picture do you prefer?"."""

    left: str
    right: str
    choice: Choice
    seconds: float = Field(ge=0)


class Rating(Settings):
    """An answer to "How good does this picture look?"."""

    image: str
    stars: Annotated[int, Field(ge=1, le=5, strict=True)]
    seconds: float = Field(ge=0)


class Answers(BaseModel):
    """The file that a participant hands over, but for the answers themselves; later pages may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    format: Literal["picture-study-answers"]
    study: str
    fingerprint: str
    mode: Mode
    participant: str = Field(min_length=1, max_length=64)
    sheet: int = Field(ge=0)


class Preferences(Answers):
    """Of a study with the mode ``ab``."""

    answers: list[Preference]


class Ratings(Answers):
    """Of a study with the mode ``stars``."""

    answers: list[Rating]
