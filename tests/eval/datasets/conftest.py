"""Small sets on disk, written as the tools of each format write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Picture = Callable[..., Path]
Write = Callable[[Path, str], Path]
WriteJson = Callable[[Path, Any], Path]


@pytest.fixture
def picture() -> Picture:
    """Write a grey picture, (width, height) and level given; ``orientation`` is the EXIF value."""

    def write(path: Path, size: tuple[int, int] = (40, 20), level: int = 90, orientation: int | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if orientation:
            exif[0x0112] = orientation
        Image.new("RGB", size, (level, level, level)).save(path, exif=exif)
        return path

    return write


@pytest.fixture
def write() -> Write:
    """Write a text file and the folders above it."""

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_json(write: Write) -> WriteJson:
    """Write a value as JSON."""
    return lambda path, value: write(path, json.dumps(value))
