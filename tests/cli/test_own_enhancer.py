"""The page on enhancers of one's own: its file, its commands and its entry point work as they stand there."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic import ScotopicError, create_enhancer
from scotopic.pipeline.image import read_image, write_image
from scotopic.pipeline.registry import ENTRY_POINT_GROUP

from ..photographs import write_pairs
from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def page(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page, with its file written into the working folder."""
    text = (repository / "docs" / "own_enhancer.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(blocks(text, "python")[0])
    return text


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def command(page: str, words: str) -> list[str]:
    """The command line on the page that begins with these words, as a shell reads it."""
    (line,) = re.findall(rf"^    scotopic ({words} .*)$", page, re.MULTILINE)
    return shlex.split(line)


def test_the_commands_on_the_page(scotopic: Command, page: str) -> None:
    dark = np.full((8, 9, 3), 16, np.uint8)
    write_image("night/dark.png", dark)
    outcome = scotopic(*command(page, "enhance"))
    assert outcome.status == 0, outcome.err
    level = 16 / 255
    assert read_image("bright/dark.png")[0, 0, 0] == round(255 * (level + 0.8 * level * (1 - level)))
    pairs = write_pairs(Path("pairs"), count=2)
    compare = [str(pairs) if word == "lol" else word for word in command(page, "compare quality")]
    outcome = scotopic(*compare)
    assert outcome.status == 0, outcome.err
    rows = json.loads(Path("out/results.json").read_text())["rows"]
    assert [row["enhancer"] for row in rows] == ["none", "sgz", "./mine.py:Lift"]
    assert rows[2]["metrics"]["PSNR"] > rows[0]["metrics"]["PSNR"]


def test_the_code_on_the_page(page: str) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python")[1:]:
        exec(compile(block, "docs/own_enhancer.md", "exec"), names)
    assert names["bright"].shape == (2, 3, 5, 7)


def test_the_entry_point_on_the_page(page: str) -> None:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    (block,) = blocks(page, "toml")
    assert toml.loads(block)["project"]["entry-points"].keys() == {ENTRY_POINT_GROUP}


def test_what_tells_that_an_enhancer_has_changed(page: str) -> None:
    """Its file does; the page says that a file which it reads does not."""
    code = Path("mine.py").read_text().replace("1.0) ->", 'float(open("amount.txt").read())) ->')
    Path("amount.txt").write_text("1")
    Path("mine.py").write_text(code)
    first = create_enhancer("./mine.py:Lift").fingerprint()
    Path("amount.txt").write_text("0.5")
    assert create_enhancer("./mine.py:Lift").fingerprint() == first
    Path("mine.py").write_text(code + "# changed\n")
    assert create_enhancer("./mine.py:Lift").fingerprint() != first
    with pytest.raises(ScotopicError, match="has no parameter 'amont': did you mean 'amount'"):
        create_enhancer("./mine.py:Lift[amont=2]")
