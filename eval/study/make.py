"""Make a study: enhance the pictures, hide which is which, and write the page and its key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ...configs.checks import validate
from ...configs.study_schema import CodedPicture, StudyKey, StudySettings
from ...errors import ScotopicError
from ...files import output_folder, write_json, write_text
from ...pipeline.image import read_image
from ...pipeline.stage import EnhancementStage
from ..comparison import Progress
from ..datasets.pictures import PictureSet
from ..environment import environment
from .design import make_sheets
from .page import render_page

PAGE_MB = 30
"""A page may have this many megabytes (1e6 bytes): mailed or opened on a phone, it should not hurt."""
SIDES = (1200, 1024, 896, 768, 640, 512, 384)
"""Pixels of the longer side; the largest is taken with which the page is small enough."""
JPEG_QUALITY = 90
_BASE64 = 4 / 3


def make_study(
    pictures: PictureSet,
    enhancers: Sequence[str],
    out: str | Path,
    settings: StudySettings | None = None,
    progress: Progress = lambda name, done, total: None,
) -> StudyKey:
    """Write ``study.html``, which people answer, and ``key.json``, which says what they saw, into ``out``.

    The gate is off and the strength full, so that the enhancers themselves are judged. All pictures of a study are
    scaled to the same longer side after they were enhanced, never up, and stored as JPEG.

    Args:
        pictures: what is shown.
        enhancers: names or specs; ``none`` shows the picture as it is.
        out: folder; making the same study again changes nothing in it.
        settings: mode, questions for each participant, seed.
        progress: called with (enhancer, pictures done, pictures in all).

    Raises:
        ScotopicError: there are too few enhancers or questions, a picture cannot be enhanced, the page would be too
            large, or ``out`` holds another study.

    Example::

        make_study(load_pictures("lime"), ["none", "clahe", "sgz"], "out", StudySettings(mode="ab"))
    """
    settings = settings or StudySettings()
    specs = list(dict.fromkeys(enhancers))
    _check_counts(specs, settings)
    folder = output_folder(out)
    shown = _scaled(_enhanced(pictures, specs, progress))
    code_of = {what: _code(what, file, settings.seed) for what, file in shown.items()}
    ids = [sample.id for sample in pictures.samples]
    design = make_sheets(len(specs), len(ids), settings.mode == "ab", settings.questions, settings.seed)
    sheets = [[[code_of[ids[number], specs[e]] for e in group] for number, group in sheet] for sheet in design]
    # In the order of the codes, which says nothing of enhancers and pictures.
    data = {
        "mode": settings.mode,
        "sheets": sheets,
        "pictures": dict(sorted((code, shown[what]) for what, code in code_of.items())),
    }
    fingerprint = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    _refuse_another_study(folder, fingerprint)
    html = render_page({"study": fingerprint[:8], "fingerprint": fingerprint, **data})
    key = StudyKey(
        study=fingerprint[:8],
        fingerprint=fingerprint,
        page_sha256=hashlib.sha256(html.encode()).hexdigest(),
        settings=settings,
        data=pictures.name,
        enhancers=specs,
        pictures=ids,
        codes={code: CodedPicture(picture=id_, enhancer=spec) for (id_, spec), code in code_of.items()},
        sheets=sheets,
        environment=environment(),
    )
    write_json(folder / "key.json", key.model_dump(mode="json"))
    write_text(folder / "study.html", html)
    return key


def _check_counts(specs: Sequence[str], settings: StudySettings) -> None:
    pairs = settings.mode == "ab"
    needed = len(specs) * (len(specs) - 1) // 2 if pairs else len(specs)
    if len(specs) < 2:
        raise ScotopicError(f"a study needs two enhancers or more, not {len(specs)}: none,clahe for example")
    if needed > settings.questions:
        what = f"{needed} pairs" if pairs else f"{needed} pictures of each scene"
        raise ScotopicError(
            f"{len(specs)} enhancers make {what}, more than the {settings.questions} questions of a participant: "
            f"name fewer enhancers, or give --questions {needed}"
        )


def _enhanced(pictures: PictureSet, specs: Sequence[str], progress: Progress) -> dict[tuple[str, str], np.ndarray]:
    """(picture, enhancer) -> uint8 RGB, no larger than any page shows it."""
    enhanced = {}
    for spec in specs:
        stage = EnhancementStage(spec, gate="off")
        for number, sample in enumerate(pictures.samples, start=1):
            image = stage.process(read_image(sample.image), sample.image.name).image
            enhanced[sample.id, spec] = _fit(image, SIDES[0])
            progress(spec, number, len(pictures))
    return enhanced


def _fit(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _scaled(images: Mapping[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], str]:
    """All pictures as JPEG in base64, at the largest size with which they fit on a page."""
    megabytes = 0.0
    for side in SIDES:
        files = {what: _jpeg(_fit(image, side)) for what, image in images.items()}
        megabytes = _BASE64 * sum(map(len, files.values())) / 1e6
        if megabytes <= PAGE_MB:
            return {what: base64.b64encode(file).decode() for what, file in files.items()}
    raise ScotopicError(
        f"{len(images)} pictures make a page of {megabytes:.0f} MB even at {SIDES[-1]} pixels, more than {PAGE_MB}: "
        "give fewer pictures, or fewer enhancers"
    )


def _jpeg(image: np.ndarray) -> bytes:
    """Without any metadata, by which a participant could tell enhancers apart."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ScotopicError(f"cannot store a picture of {image.shape[1]}x{image.shape[0]} pixels as JPEG: scale it")
    return data.tobytes()


def _code(what: tuple[str, str], file: str, seed: int) -> str:
    """A word that tells nothing, and another one in each study."""
    return hashlib.sha256(f"{seed} {what} {file}".encode()).hexdigest()[:12]


def read_key(folder: str | Path) -> StudyKey:
    """The key of a study in the folder where it was made.

    Raises:
        ScotopicError: there is none, or it is damaged.
    """
    path = Path(folder) / "key.json"
    try:
        return validate(StudyKey, json.loads(path.read_text(encoding="utf-8")), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise ScotopicError(
            f"no study at {folder}: give the folder where `scotopic study make` wrote key.json"
        ) from None
    except OSError as error:
        raise ScotopicError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        if isinstance(error, ScotopicError):
            raise
        raise ScotopicError(f"{path} is damaged: put back the file that `scotopic study make` wrote") from None


def _refuse_another_study(folder: Path, fingerprint: str) -> None:
    """Answers without their key are worth nothing, so a key is never overwritten by another one."""
    if (folder / "key.json").exists() and read_key(folder).fingerprint != fingerprint:
        raise ScotopicError(f"{folder} holds another study, whose answers need its key: choose another folder")
