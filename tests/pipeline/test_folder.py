"""``folder:DIR``: ready-made pictures by file name, or one sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.pipeline.image import write_image
from scotopic.pipeline.registry import create_enhancer
from scotopic.pipeline.stage import EnhancementStage

DARK = np.full((6, 8, 3), 9, np.uint8)
READY = np.full((6, 8, 3), (200, 90, 30), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "theirs"
    write_image(path / "a.png", READY)
    write_image(path / "small.png", READY[:3])
    write_image(path / "two.png", READY)
    write_image(path / "two.bmp", READY)
    (path / "notes.txt").write_text("not a picture")
    (path / "frames.png").mkdir()
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "somewhere/else/a.jpeg", "a"])
def test_matches_by_name_without_suffix(folder: Path, name: str) -> None:
    assert np.array_equal(create_enhancer(f"folder:{folder}").enhance_named(DARK, name), READY)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.jpg", r"has no enhanced picture for absent\.jpg"),
        ("two.jpg", r"has 2 pictures for two\.jpg: keep one of them"),
        ("small.jpg", r"small\.png is 8x3 but small\.jpg is 8x6, .* enhance the picture at its own size"),
        ("frames.jpg", r"has no enhanced picture for frames\.jpg"),
        ("notes.jpg", r"has no enhanced picture for notes\.jpg"),
    ],
)
def test_says_why_there_is_no_picture(folder: Path, name: str, sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        create_enhancer(f"folder:{folder}").enhance_named(DARK, name)


def test_says_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"no folder .*absent: write folder:DIR"):
        create_enhancer(f"folder:{tmp_path / 'absent'}")
    with pytest.raises(ScotopicError, match="no images in"):
        create_enhancer(f"folder:{tmp_path}")
    with pytest.raises(ScotopicError, match="cannot build 'folder'"):
        create_enhancer("folder")


def test_refuses_files_that_it_cannot_tell_apart(folder: Path) -> None:
    ready, gamma = create_enhancer(f"folder:{folder}"), create_enhancer("gamma")
    apart = [Path("north/a.png"), Path("south/b.png"), Path("north/a.png")]  # one file twice is still one file
    ready.check_files(apart)
    for clash in ("south/a.png", "north/a.jpg"):
        with pytest.raises(ScotopicError, match=rf"north/a\.png and {clash} have the same: rename one of them"):
            ready.check_files([*apart, Path(clash)])
        gamma.check_files([*apart, Path(clash)])


def test_needs_names(folder: Path) -> None:
    enhancer = create_enhancer(f"folder:{folder}")
    with pytest.raises(ScotopicError, match="by file name, so it works on image files, not on bare arrays"):
        enhancer.enhance(DARK)
    with pytest.raises(ScotopicError, match="not on tensors"):
        enhancer(torch.zeros(1, 3, 4, 4))


def test_stands_in_a_stage(folder: Path) -> None:
    stage = EnhancementStage(f"folder:{folder}", color="bgr")
    assert np.array_equal(stage.process(DARK, "a.jpg").image, READY[..., ::-1])
    day = np.full((6, 8, 3), 140, np.uint8)
    assert stage.process(day, "absent.jpg").image is day


def test_fingerprint_changes_with_the_pictures(folder: Path) -> None:
    before = create_enhancer(f"folder:{folder}").fingerprint()
    assert create_enhancer(f"folder:{folder}").fingerprint() == before
    write_image(folder / "a.png", READY + 1)
    assert create_enhancer(f"folder:{folder}").fingerprint() != before
