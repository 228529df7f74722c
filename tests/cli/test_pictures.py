"""list, enhance, plot and what they say of bad input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from scotopic import create_enhancer
from scotopic.cli.main import app
from scotopic.pipeline.image import read_image, write_image

from .conftest import Outcome

Command = Callable[..., Outcome]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A dark one, a bright one in a subfolder, a 16-bit grey one and one with alpha."""
    folder = tmp_path / "night"
    rng = np.random.default_rng(0)
    write_image(folder / "dark.png", rng.integers(0, 60, (40, 50, 3)).astype(np.uint8))
    write_image(folder / "town" / "bright.jpg", rng.integers(120, 250, (30, 20, 3)).astype(np.uint8))
    cv2.imwrite(str(folder / "grey16.png"), rng.integers(0, 9000, (20, 20)).astype(np.uint16))
    cv2.imwrite(str(folder / "alpha.png"), rng.integers(0, 60, (20, 20, 4)).astype(np.uint8))
    return folder


def test_list_names_every_enhancer(scotopic: Command) -> None:
    outcome = scotopic("list")
    assert outcome.status == 0
    for word in ("none", "gamma", "clahe", "sgz", "folder", "10,561", "2022", "sgz-official", "MIT"):
        assert word in outcome.out
    assert "clahe" not in scotopic("list", "s*").out


def test_enhance_keeps_the_structure_and_the_gate_keeps_daylight(
    scotopic: Command, pictures: Path, tmp_path: Path
) -> None:
    outcome = scotopic("enhance", pictures, "-o", tmp_path / "out", "--enhancer", "gamma")
    assert outcome.status == 0, outcome.err
    assert "4 of 4 pictures" in outcome.out
    assert "1 of them untouched" in outcome.out
    dark = read_image(tmp_path / "out" / "dark.png")
    np.testing.assert_array_equal(dark, create_enhancer("gamma").enhance(read_image(pictures / "dark.png")))
    assert read_image(tmp_path / "out" / "grey16.png").shape == (20, 20, 3)
    assert (tmp_path / "out" / "town" / "bright.jpg").is_file()


def test_what_the_gate_leaves_alone_is_copied(scotopic: Command, tmp_path: Path, rng: np.random.Generator) -> None:
    """Byte for byte: 16 bits, alpha, EXIF and a JPEG's detail stay."""
    folder = tmp_path / "day"
    folder.mkdir()
    cv2.imwrite(str(folder / "deep.png"), rng.integers(30_000, 65_536, (20, 20, 3)).astype(np.uint16))
    cv2.imwrite(str(folder / "alpha.png"), rng.integers(120, 250, (20, 20, 4)).astype(np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(rng.integers(120, 250, (20, 30, 3)).astype(np.uint8)).save(folder / "turned.jpg", exif=turned)
    outcome = scotopic("enhance", folder, "-o", tmp_path / "out", "--enhancer", "gamma")
    assert outcome.status == 0, outcome.err
    assert "3 of them untouched" in outcome.out
    for path in folder.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_enhance_with_our_own_weights(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    outcome = scotopic("enhance", pictures / "dark.png", "-o", tmp_path / "out", "--enhancer", "sgz[strength=0.9]")
    assert outcome.status == 0, outcome.err
    assert read_image(tmp_path / "out" / "dark.png").mean() > 1.3 * read_image(pictures / "dark.png").mean()


def test_one_bad_picture_does_not_stop_the_others(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    (pictures / "empty.jpg").write_bytes(b"")
    whole = (pictures / "town" / "bright.jpg").read_bytes()
    (pictures / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (pictures / "text.png").write_text("not a picture")
    outcome = scotopic("enhance", pictures, "-o", tmp_path / "out", "--enhancer", "gamma")
    assert outcome.status == 1
    assert "4 of 7 pictures" in outcome.out
    for word in ("empty.jpg is empty", "cut.jpg is truncated", "text.png is not an image"):
        assert word in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.jpg", "-o", "out"], "no image or folder at nowhere.jpg"),
        ([".", "-o", "out"], "no images in ."),
        (["dark.png"], "--out is missing"),
        (["dark.png", "-o", "out", "--enhancer", "gama"], "did you mean 'gamma'"),
        (["dark.png", "-o", "out", "--enhancer", "gamma[gama=2]"], "has no parameter 'gama'"),
        (["dark.png", "-o", "out", "--enhancer", "sgz[weights=none.pth]"], "no weights file at none.pth"),
        (["dark.png", "-o", "out", "--strength", "2"], "strength 2.0 is not a number in [0, 1]"),
        (["dark.png", "-o", "file"], "a file is in the way"),
        (["dark.png", "-o", "out.mp4"], "pictures are written into a folder, and out.mp4 would be a file"),
        (["dark.png", "-o", "bright.png"], "and bright.png would be a file: give a folder"),
        (["dark.png", "-o", "out", "--live", "queue"], "--live is for cameras and streams, and there is none"),
        (["dark.png", "-o", "."], "all pictures lie in the output folder"),
        (["dark.png", "-o", "out", "--config", "nonsense"], "no preset 'nonsense'"),
        (["dark.png", "-o", "out", "--config", "bad.yaml"], "unknown key 'enhanser' (did you mean 'enhancer'?"),
    ],
)
def test_bad_input_is_one_sentence(
    scotopic: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "bad.yaml").write_text("enhanser: gamma\n")
    write_image(tmp_path / "dark.png", np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(folder if arguments[0] == "." else tmp_path)
    outcome = scotopic("enhance", *arguments)
    assert outcome.status == 1
    assert sentence in outcome.err
    assert outcome.err.startswith("scotopic: ")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out" / "dark.png").exists()


def test_a_preset_gives_values_and_the_command_line_wins(scotopic: Command, tmp_path: Path) -> None:
    write_image(tmp_path / "dark.png", np.full((8, 8, 3), 16, np.uint8))
    (tmp_path / "mine.yaml").write_text(f"enhancer: gamma[gamma=2.0]\nout: {tmp_path / 'out'}\nstrength: 0.5\n")
    assert scotopic("enhance", tmp_path / "dark.png", "--config", tmp_path / "mine.yaml").status == 0
    assert read_image(tmp_path / "out" / "dark.png")[0, 0, 0] == 40
    assert scotopic("enhance", tmp_path / "dark.png", "--config", tmp_path / "mine.yaml", "--strength", 1).status == 0
    assert read_image(tmp_path / "out" / "dark.png")[0, 0, 0] == 64


def test_plot_factor(scotopic: Command, pictures: Path, tmp_path: Path) -> None:
    figure = tmp_path / "factor.png"
    assert scotopic("plot", "factor", pictures / "dark.png", "-o", figure).status == 0
    assert read_image(figure).shape[1] > 1000
    outcome = scotopic("plot", "factor", pictures / "dark.png", "-o", figure, "--enhancer", "gamma")
    assert outcome.status == 1
    assert "no enhancement factor" in outcome.err


def test_results_are_not_enhanced_again(scotopic: Command, pictures: Path) -> None:
    for _ in range(2):
        outcome = scotopic("enhance", pictures, "-o", pictures / "out", "--enhancer", "gamma")
        assert "4 of 4 pictures" in outcome.out
    assert not (pictures / "out" / "out").exists()


def test_ctrl_c_before_anything_is_loaded() -> None:
    code = "import os, signal, sys; from scotopic.cli import entry; " + (
        "sys.meta_path.insert(0, type('Hit', (), {'find_spec': lambda self, name, *a: "
        "os.kill(os.getpid(), signal.SIGINT) if name == 'torch' else None})()); entry.run()"
    )
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "scotopic: interrupted; what is finished is kept\n"


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 60, (300, 300, 3)).astype(np.uint8)
    write_image(tmp_path / "dark.png", noise)
    command = f"ulimit -f 20; exec {sys.executable} -m scotopic.cli enhance dark.png -o out --enhancer gamma"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_help_reads_well(scotopic: Command) -> None:
    for words in ([], ["eval", "detect"], ["compare", "detect"], ["data", "darkbdd"], ["run"], ["enhance"], ["demo"]):
        outcome = scotopic(*words, "--help")
        assert outcome.status == 0
        assert "Usage" in outcome.out


def test_help_keeps_its_brackets(scotopic: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command's help has what was written for it, such as name[key=value]."""
    monkeypatch.setenv("COLUMNS", "1000")  # so that nothing is folded
    waiting: list[tuple[list[str], Any]] = [([], get_command(app))]
    bracketed = 0
    while waiting:
        words, command = waiting.pop()
        waiting += [([*words, name], below) for name, below in getattr(command, "commands", {}).items()]
        printed = " ".join(scotopic(*words, "--help").out.split())
        for part in (command, *command.params):
            for paragraph in filter(None, (getattr(part, "help", None) or "").split("\n\n")):
                assert " ".join(paragraph.split()) in printed
                bracketed += "[" in paragraph
    assert bracketed >= 5


def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    """A real process gets a real signal while it works; what it wrote before is whole."""
    for number in range(400):
        write_image(tmp_path / "night" / f"{number:03}.png", np.zeros((300, 400, 3), np.uint8))
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "scotopic.cli",
        "enhance",
        str(tmp_path / "night"),
        "-o",
        str(out),
        "--enhancer",
        "clahe",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(out.glob("[0-9]*.png")):
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    finished = list(out.iterdir())
    assert 0 < len(finished) < 400
    assert all(read_image(path).shape == (300, 400, 3) for path in finished)
