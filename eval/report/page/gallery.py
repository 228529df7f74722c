"""The pictures of a page, as good and as many as the page's size allows."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from ..page_pictures import FOLDER, QUALITY, WIDTH
from .league import difference_of
from .results import Results


@dataclass(frozen=True)
class Detail:
    """How good, and how many."""

    width: int
    quality: int
    count: int
    enhancers: int | None = None


LADDER = (
    Detail(WIDTH, QUALITY, 99),
    Detail(800, 70, 99),
    Detail(720, 66, 4),
    Detail(640, 62, 4),
    Detail(640, 60, 3),
    Detail(640, 58, 2),
    Detail(560, 55, 2),
    Detail(560, 55, 2, 12),
    Detail(560, 52, 2, 8),
    Detail(560, 52, 1, 8),
    Detail(480, 50, 1, 5),
    Detail(480, 50, 1, 2),
)
"""Tried from the top until the pictures fit."""
SAMPLE = 8
"""Pictures that the size of all is guessed from."""


@dataclass(frozen=True)
class Gallery:
    """What the page's script draws.

    Attributes:
        data: ``{"images": {key: data URI}, "conditions": [{"name", "task", "classes", "enhancers": [...]}]}``.
        enhancers: those that have pictures, for each condition.
        left_out: a sentence, if something had to be.
    """

    data: Mapping[str, Any] = field(default_factory=lambda: {"images": {}, "conditions": []})
    enhancers: Sequence[Sequence[str]] = ()
    left_out: str = ""


def choose_pictures(conditions: Sequence[Results], room: int) -> Gallery:
    """The best step of the ladder whose pictures take at most ``room`` bytes of the page.

    Args:
        conditions: comparisons of models; those without ``report_pictures/`` have no pictures.
        room: bytes.
    """
    indexes = [_index(results) for results in conditions]
    if not any(index["pictures"] for index in indexes):
        return Gallery(enhancers=[[] for _ in conditions])
    for detail in LADDER:
        if _about(conditions, indexes, detail) > 1.15 * room:
            continue  # far too much; most steps need not be encoded to know it
        gallery = _gallery(conditions, indexes, detail, room)
        if gallery is not None:
            return gallery
    empty = [{**index, "pictures": []} for index in indexes]
    nothing = _gallery(conditions, empty, LADDER[-1], room) or Gallery(enhancers=[[] for _ in conditions])
    return Gallery(
        nothing.data, nothing.enhancers, "No picture fits into the page's size; they lie in report_pictures/."
    )


def _index(results: Results) -> dict[str, Any]:
    try:
        index = json.loads((results.folder / FOLDER / "index.json").read_text(encoding="utf-8"))
        return {"task": results.task, "pictures": [], **index}
    except (OSError, ValueError, TypeError):
        return {"task": results.task, "pictures": []}


def _about(conditions: Sequence[Results], indexes: Sequence[Mapping[str, Any]], detail: Detail) -> float:
    """Bytes, guessed from a few of the pictures."""
    pairs = [
        (results.folder / FOLDER, entry)
        for results, index in zip(conditions, indexes, strict=True)
        for entry in _kept(results, index["pictures"], detail)
    ]
    paths = list(dict.fromkeys(folder / entry[part] for folder, entry in pairs for part in ("original", "enhanced")))
    few = paths[:: max(1, len(paths) // SAMPLE)]
    if not few:
        return 0.0
    return len(paths) * sum(len(_picture(path, detail.width, detail.quality)) for path in few) / len(few)


def _gallery(
    conditions: Sequence[Results], indexes: Sequence[Mapping[str, Any]], detail: Detail, room: int
) -> Gallery | None:
    """A gallery in this detail; None where it would not fit."""
    images: dict[str, str] = {}
    described, names, dropped, used = [], [], 0, 0
    for number, (results, index) in enumerate(zip(conditions, indexes, strict=True)):
        kept = _kept(results, index["pictures"], detail)
        dropped += len(index["pictures"]) - len(kept)
        shown = []
        for entry in kept:
            for key, uri in _encoded(number, results.folder / FOLDER, entry, detail):
                used += 0 if key in images else len(uri) + len(key) + 8
                images[key] = uri
            shown.append(_described(number, entry))
            if used > room:
                return None
        described.append({"task": index["task"], "classes": index.get("classes", []), "pictures": shown})
        names.append(list(dict.fromkeys(entry["enhancer"] for entry in shown)))
    data = {"images": images, "conditions": described}
    if len(json.dumps(data, ensure_ascii=True)) * 1.02 > room:
        return None
    total = sum(len(index["pictures"]) for index in indexes)
    left_out = f"To keep the page small, {dropped} of {total} pairs of pictures are left out; they lie in {FOLDER}/."
    return Gallery(data, names, left_out if dropped else "")


def _kept(results: Results, pictures: Sequence[Mapping[str, Any]], detail: Detail) -> list[Mapping[str, Any]]:
    """The first ranks, best enhancer first; where not all have room, the two ends of the table."""
    values = {row["enhancer"]: difference_of(results, row).value for row in results.rows[1:]}
    ranked = sorted(values, key=lambda name: -1e9 if (v := values[name]) is None else v, reverse=True)
    if detail.enhancers is not None and len(ranked) > detail.enhancers:
        worst = detail.enhancers // 3
        ranked = ranked[: detail.enhancers - worst] + ranked[len(ranked) - worst :]
    places = {name: place for place, name in enumerate(ranked)}
    kept = [entry for entry in pictures if entry["enhancer"] in places and entry["rank"] <= detail.count]
    return sorted(kept, key=lambda entry: (places[entry["enhancer"]], entry["kind"], entry["rank"]))


def _encoded(number: int, folder: Path, entry: Mapping[str, Any], detail: Detail) -> Iterator[tuple[str, str]]:
    for part in ("original", "enhanced"):
        yield f"{number}/{entry[part]}", _picture(folder / entry[part], detail.width, detail.quality)
    for name in (entry.get("maps") or {}).values():
        yield f"{number}/{name}", _map(folder / name)


def _described(number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Names of files become keys of images."""
    keys = {part: f"{number}/{entry[part]}" for part in ("original", "enhanced")}
    maps = {part: f"{number}/{name}" for part, name in (entry.get("maps") or {}).items()}
    return {**entry, **keys, **({"maps": maps} if maps else {})}


@lru_cache(maxsize=4096)
def _picture(path: Path, width: int, quality: int) -> str:
    """A WebP file as it is, or made smaller."""
    data = path.read_bytes()
    if (width, quality) != (WIDTH, QUALITY):
        with Image.open(io.BytesIO(data)) as image:
            small = image.convert("RGB")
        small.thumbnail((width, 10 * width))
        stream = io.BytesIO()
        small.save(stream, "WEBP", quality=quality, method=4)
        data = stream.getvalue()
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")


@lru_cache(maxsize=4096)
def _map(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
