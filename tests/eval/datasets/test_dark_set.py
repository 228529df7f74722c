"""Dark sets on disk: the same bit for bit, labels untouched, resumed, and read as the source is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.errors import ScotopicError
from scotopic.eval.datasets.dark_manifest import DarkManifest, read_dark_manifest
from scotopic.eval.datasets.dark_pairs import ORIGINALS
from scotopic.eval.datasets.dark_set import JOURNAL, DarkSet, build_dark_set
from scotopic.eval.datasets.dark_source import find_dark_source
from scotopic.eval.datasets.darkcityscape import build_darkcityscape
from scotopic.eval.datasets.load import load_detection_dataset
from scotopic.eval.datasets.recipes import LowLight, parse_recipe, seed_of
from scotopic.eval.datasets.segmentation import load_segmentation_dataset
from scotopic.files import sha256_of
from scotopic.pipeline.image import read_image, write_image

Write = Callable[[Path, str], Path]


@pytest.fixture
def photograph(rng: np.random.Generator) -> Callable[[Path], Path]:
    """Write a small coloured picture, another one each time."""

    def write(path: Path) -> Path:
        coarse = rng.integers(20, 250, (4, 5, 3)).astype(np.uint8)
        write_image(path, coarse.repeat(6, axis=0).repeat(8, axis=1))
        return path

    return write


@pytest.fixture
def detection(tmp_path: Path, photograph: Callable[[Path], Path], write: Write) -> Path:
    """A YOLO set of five JPEGs, of which two are in the split dusk."""
    root = tmp_path / "street"
    for number in range(5):
        photograph(root / "images" / f"{number}.jpg")
        write(root / "labels" / f"{number}.txt", f"{number % 2} 0.5 0.5 0.25 0.{number + 1}\n")
    write(root / "classes.txt", "car\nbus\n")
    write(root / "luma.csv", "id,split\n0,dusk\n1,noon\n3,dusk\n")
    return root


@pytest.fixture
def masks(tmp_path: Path, photograph: Callable[[Path], Path], write: Write) -> Path:
    """CamVid's way: images/<split>, labels/<split>, classes.txt."""
    root = tmp_path / "camvid"
    for split in ("test", "val"):
        for number in range(3):
            photograph(root / "images" / split / f"{split}{number}.jpg")
            mask = root / "labels" / split / f"{split}{number}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((24, 40), number % 2, np.uint8)).save(mask)
    write(root / "classes.txt", "sky\nroad\n")
    return root


@pytest.fixture
def cityscapes(tmp_path: Path, photograph: Callable[[Path], Path]) -> Path:
    root = tmp_path / "cityscapes"
    for split, city, count in (("train", "aachen", 1), ("val", "munster", 2), ("val", "frankfurt", 3)):
        for number in range(count):
            frame = f"{split}/{city}/{city}_000000_{number:06}"
            photograph(root / "leftImg8bit" / f"{frame}_leftImg8bit.png")
            mask = root / "gtFine" / f"{frame}_gtFine_labelIds.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((24, 40), 7, np.uint8)).save(mask)
    return root


def build(source: Path, out: Path, spec: str = "lowlight", split: str | None = None, seed: int = 0) -> DarkSet:
    return build_dark_set(find_dark_source(source, split), out, parse_recipe(spec), seed=seed)


def checksums(folder: Path) -> dict[str, str]:
    """Of all that belongs to the set; where its originals lie on this machine does not."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ORIGINALS)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


@pytest.mark.parametrize("spec", ["gamma", "lightness", "exposure", "lowlight[severity=severe]"])
def test_two_builds_are_the_same_bit_for_bit(spec: str, detection: Path, tmp_path: Path) -> None:
    build(detection, tmp_path / "a", spec, seed=3)
    build(detection, tmp_path / "b", spec, seed=3)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")


def test_a_manifest_makes_the_same_set_again(detection: Path, tmp_path: Path) -> None:
    first = build(detection, tmp_path / "a", "lowlight[severity=mild,photons=900]", "dusk", seed=11)
    moved = detection.rename(tmp_path / "elsewhere")
    wanted = read_dark_manifest(tmp_path / "a")
    again = build_dark_set(find_dark_source(moved, wanted.split), tmp_path / "b", manifest=wanted)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")
    assert again.manifest == first.manifest
    checked = build_dark_set(find_dark_source(moved, wanted.split), tmp_path / "b", manifest=wanted)
    assert checked.kept == 2


def test_the_manifest_says_how_each_picture_was_made(detection: Path, tmp_path: Path) -> None:
    made = build(detection, tmp_path / "dark", "lowlight", seed=4).manifest
    assert made == DarkManifest.model_validate(json.loads((tmp_path / "dark" / "manifest.json").read_text()))
    assert set(made.versions) == {"scotopic", "numpy", "opencv", "pillow"}
    for image in made.images:
        assert sha256_of(detection / image.source) == image.source_sha256
        assert sha256_of(tmp_path / "dark" / image.image) == image.sha256
        bright = read_image(detection / image.source)
        dark, drawn = LowLight().apply(bright, seed_of(4, Path(image.source).with_suffix("").as_posix()))
        assert image.drawn == drawn
        assert dark.mean(axis=(0, 1)) @ [0.299, 0.587, 0.114] == pytest.approx(image.mean_luma, abs=0.01)
        assert np.abs(read_image(tmp_path / "dark" / image.image).astype(int) - dark).mean() < 4


def test_a_picture_comes_out_the_same_whatever_else_is_in_the_set(detection: Path, tmp_path: Path) -> None:
    whole = build(detection, tmp_path / "whole", "lowlight").manifest.images
    part = build(detection, tmp_path / "part", "lowlight", "dusk").manifest.images
    assert [image.source for image in part] == ["images/0.jpg", "images/3.jpg"]
    assert {image.sha256 for image in part} < {image.sha256 for image in whole}
    assert len({image.drawn["horizon"] for image in whole}) == 5


def test_another_seed_draws_other_noise(detection: Path, tmp_path: Path) -> None:
    first, second = (build(detection, tmp_path / str(seed), "exposure", seed=seed).manifest.images for seed in (0, 1))
    assert all(a.sha256 != b.sha256 for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("spec", "suffix"), [("gamma", ".png"), ("exposure", ".jpg"), ("gamma[quality=80]", ".jpg")])
def test_a_dark_detection_set_is_read_as_its_source(spec: str, suffix: str, detection: Path, tmp_path: Path) -> None:
    build(detection, tmp_path / "dark", spec)
    for split in (None, "dusk"):
        bright, dark = (load_detection_dataset(folder, split) for folder in (detection, tmp_path / "dark"))
        assert dark.issues.lines() == bright.issues.lines()
        assert dark.classes == bright.classes
        for one, other in zip(bright.samples, dark.samples, strict=True):
            assert (one.id, one.boxes.tolist(), one.labels.tolist()) == (
                other.id,
                other.boxes.tolist(),
                other.labels.tolist(),
            )
            assert other.image.suffix == suffix
            assert read_image(other.image).mean() < 0.8 * read_image(one.image).mean()


def test_labels_are_the_same_files_with_the_same_rights(masks: Path, tmp_path: Path) -> None:
    label = masks / "labels" / "test" / "test1.png"
    label.chmod(0o444)
    build(masks, tmp_path / "dark", "gamma", "test")
    for name in ("labels/test/test1.png", "classes.txt"):
        assert (tmp_path / "dark" / name).read_bytes() == (masks / name).read_bytes()
        assert (tmp_path / "dark" / name).samefile(masks / name)
    assert label.stat().st_mode & 0o777 == 0o444
    assert not (tmp_path / "dark" / "labels" / "val").exists()
    bright, dark = (load_segmentation_dataset(folder, "test") for folder in (masks, tmp_path / "dark"))
    assert [sample.id for sample in dark.samples] == [sample.id for sample in bright.samples]
    assert dark.read_mask(dark.samples[1]).tolist() == bright.read_mask(bright.samples[1]).tolist()


def test_labels_are_copied_where_nothing_can_be_linked(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    build(masks, tmp_path / "dark", "gamma", "test")
    copy = tmp_path / "dark" / "classes.txt"
    assert copy.read_bytes() == (masks / "classes.txt").read_bytes()
    assert not copy.samefile(masks / "classes.txt")


def test_where_labels_name_whole_files_the_names_stay(
    tmp_path: Path, photograph: Callable[[Path], Path], write_json: Callable[..., Path]
) -> None:
    root = tmp_path / "coco"
    photograph(root / "images" / "a.jpg")
    write_json(
        root / "annotations.json",
        {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 24}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 8]}],
            "categories": [{"id": 1, "name": "car"}],
        },
    )
    for source, out in ((root, "folder"), (root / "annotations.json", "file")):
        build(source, tmp_path / out, "gamma")
        dark = load_detection_dataset(tmp_path / out).samples[0]
        assert dark.image.name == "a.jpg"
        assert dark.image.read_bytes()[1:4] == b"PNG"  # nothing is lost, whatever the suffix says


def test_a_data_yaml_with_a_path_does_not_lead_back(detection: Path, tmp_path: Path, write: Write) -> None:
    write(detection / "data.yaml", f"path: {detection}\nval: images\nnames: [car, bus]\n")
    made = build(detection, tmp_path / "dark", "gamma").manifest
    assert made.rewritten == ["data.yaml"]
    dark = load_detection_dataset(tmp_path / "dark")
    assert all(sample.image.is_relative_to(tmp_path / "dark") for sample in dark.samples)
    write(detection / "data.yaml", f"val: {detection}/images\nnames: [car, bus]\n")
    with pytest.raises(ScotopicError, match="would lead back to the bright pictures: make it relative"):
        find_dark_source(detection)


def test_a_folder_of_pictures_without_labels(tmp_path: Path, photograph: Callable[[Path], Path]) -> None:
    for name in ("a.png", "b/c.bmp"):
        photograph(tmp_path / "photos" / name)
    build(tmp_path / "photos", tmp_path / "dark", "gamma")
    assert sorted(checksums(tmp_path / "dark")) == ["a.png", "b/c.png", "manifest.json"]
    with pytest.raises(ScotopicError, match="has no splits: leave --split out"):
        find_dark_source(tmp_path / "photos", "val")


def test_an_interrupted_run_goes_on_where_it_stopped(detection: Path, tmp_path: Path) -> None:
    build(detection, tmp_path / "whole", "lowlight")

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    source, out = find_dark_source(detection), tmp_path / "dark"
    with pytest.raises(KeyboardInterrupt):
        build_dark_set(source, out, LowLight(), progress=interrupt)
    assert not (out / "manifest.json").exists()
    (out / "images" / "1.jpg").write_bytes(b"cut off")
    with pytest.raises(ScotopicError, match="another dark set that was not finished"):
        build_dark_set(source, out, LowLight(), seed=1)
    assert build_dark_set(source, out, LowLight()).kept == 2
    assert not (out / JOURNAL).exists()
    assert checksums(out) == checksums(tmp_path / "whole")


def test_a_finished_set_is_checked_and_repaired(detection: Path, tmp_path: Path) -> None:
    build(detection, tmp_path / "dark", "gamma")
    before = checksums(tmp_path / "dark")
    (tmp_path / "dark" / "images" / "2.png").unlink()
    assert build(detection, tmp_path / "dark", "gamma").kept == 4
    assert checksums(tmp_path / "dark") == before
    with pytest.raises(ScotopicError, match="holds another dark set, street by gamma"):
        build(detection, tmp_path / "dark", "gamma[gamma=2]")


def test_unreadable_pictures_are_left_out_and_named(detection: Path, tmp_path: Path) -> None:
    (detection / "images" / "2.jpg").write_bytes(b"no picture")
    made = build(detection, tmp_path / "dark", "gamma").manifest
    assert made.unreadable == ["images/2.jpg"]
    assert len(made.images) == 4


def test_the_first_frames_of_cityscapes_by_name(cityscapes: Path, tmp_path: Path) -> None:
    made = build_darkcityscape(cityscapes, tmp_path / "dark", count=4).manifest
    assert made.spec() == "lightness[lightness=0.1]"
    assert [Path(image.image).name[:16] for image in made.images] == [
        "frankfurt_000000",
        "frankfurt_000000",
        "frankfurt_000000",
        "munster_000000_0",
    ]
    dark = load_segmentation_dataset(tmp_path / "dark", "val")
    assert len(dark) == 4
    assert not dark.issues.lines()
    assert int(dark.read_mask(dark.samples[0])[0, 0]) == 0  # road
    build_darkcityscape(cityscapes, tmp_path / "same", manifest=read_dark_manifest(tmp_path / "dark"))
    assert checksums(tmp_path / "same") == checksums(tmp_path / "dark")
    with pytest.raises(ScotopicError, match="has 5 validation frames with masks, not 150: ask for at most 5"):
        build_darkcityscape(cityscapes, tmp_path / "more")
    with pytest.raises(ScotopicError, match="is no Cityscapes folder: looked for leftImg8bit"):
        build_darkcityscape(tmp_path / "nothing", tmp_path / "more")


def test_wrong_folders_are_one_sentence(detection: Path, tmp_path: Path, write: Write) -> None:
    for out, message in (
        (detection, "is the source itself: choose another"),
        (detection / "dark", "lie one in the other: choose an output folder beside it"),
        (tmp_path, "lie one in the other"),
        (write(tmp_path / "other" / "file.txt", "x").parent, "is not empty and holds no dark set"),
        (tmp_path / "other" / "file.txt", "a file is in the way"),
        (tmp_path / "other" / "file.txt" / "below", "a file is in the way"),
    ):
        with pytest.raises(ScotopicError, match=message):
            build(detection, out, "gamma")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScotopicError, match=r"no pictures in .*empty: looked for"):
        find_dark_source(tmp_path / "empty")
    with pytest.raises(ScotopicError, match="no data set at"):
        find_dark_source(tmp_path / "nowhere")


def test_boxes_and_masks_in_one_folder_are_ambiguous(masks: Path, write: Write) -> None:
    write(masks / "labels" / "test" / "test0.txt", "0 0.5 0.5 0.5 0.5")
    with pytest.raises(ScotopicError, match=r"holds boxes \(yolo\) and masks \(masks\)"):
        find_dark_source(masks, "test")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path, photograph: Callable[[Path], Path]) -> None:
    for suffix in ("png", "bmp"):
        photograph(tmp_path / "photos" / f"a.{suffix}")
    with pytest.raises(ScotopicError, match=r"a.bmp and a.png of .* would both be a.png: rename one"):
        build(tmp_path / "photos", tmp_path / "dark", "gamma")


def test_a_manifest_that_does_not_fit_is_one_sentence(
    detection: Path, tmp_path: Path, photograph: Callable[[Path], Path], write_json: Callable[..., Path]
) -> None:
    build(detection, tmp_path / "dark", "exposure")
    text = (tmp_path / "dark" / "manifest.json").read_text()

    def again(change: Callable[[dict], object], folder: Path = detection) -> None:
        entries = json.loads(text)
        change(entries)
        wanted = read_dark_manifest(write_json(tmp_path / "changed.json", entries))
        build_dark_set(find_dark_source(folder), tmp_path / "again", manifest=wanted)

    with pytest.raises(
        ScotopicError, match=r"0\.jpg comes out otherwise than the manifest says, with the same versions"
    ):
        again(lambda m: m["images"][0].update(sha256="0" * 64))
    with pytest.raises(ScotopicError, match=r"otherwise than the manifest says: it was made with numpy 1.0, install"):
        again(lambda m: (m["images"][0].update(sha256="0" * 64), m["versions"].update(numpy="1.0")))
    with pytest.raises(ScotopicError, match="leads out of the set"):
        again(lambda m: m["images"][0].update(image="../0.jpg"))
    with pytest.raises(ScotopicError, match="no recipe 'expo'"):
        again(lambda m: m.update(recipe="expo"))
    with pytest.raises(ScotopicError, match="names no picture"):
        again(lambda m: m.update(images=[]))
    with pytest.raises(ScotopicError, match="leave --recipe out"):
        build_dark_set(
            find_dark_source(detection),
            tmp_path / "again",
            parse_recipe("gamma"),
            manifest=read_dark_manifest(tmp_path / "dark"),
        )
    photograph(detection / "images" / "0.jpg")
    with pytest.raises(ScotopicError, match="has other content than the manifest says"):
        again(lambda m: None)
    (detection / "images" / "4.jpg").unlink()
    with pytest.raises(ScotopicError, match=r"lacks 1 of the 5 pictures of the manifest, such as images/4\.jpg"):
        again(lambda m: None)
