"""What is a data set, which of its images are meant, and whether it is still the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from scotopic.errors import ScotopicError
from scotopic.eval.datasets import load_detection_dataset


@pytest.fixture
def folder(tmp_path: Path, picture, write) -> Path:
    root = tmp_path / "street"
    for name in "abcd":
        picture(root / "images" / f"{name}.jpg")
        write(root / "labels" / f"{name}.txt", "0 0.5 0.5 0.5 0.5\n")
    write(root / "classes.txt", "car\n")
    write(root / "luma.csv", "id,mean_luma,split,sequence\na,10,dark,s1\nb,20,dark,s2\nc,90,day,s2\ngone,9,dark,s9\n")
    write(root / "night.txt", "images/b.jpg\nc\n./images/d.jpg\n")
    return root


@pytest.mark.parametrize(
    ("split", "ids"), [("dark", "ab"), ("day", "c"), ("sequence=s2", "bc"), ("night", "bcd"), ("mean_luma=10", "a")]
)
def test_splits_beside_the_set(folder: Path, split: str, ids: str) -> None:
    dataset = load_detection_dataset(folder, split)
    assert [s.id for s in dataset.samples] == list(ids)
    assert dataset.name == f"street:{split}"
    assert dataset.issues.labels_without_image == (["gone"] if split == "dark" else [])


def test_list_file_anywhere(folder: Path, write) -> None:
    listed = write(folder.parent / "elsewhere" / "mine.txt", f"{folder / 'images' / 'a.jpg'}\nd.jpg\n")
    dataset = load_detection_dataset(folder, str(listed))
    assert [s.id for s in dataset.samples] == ["a", "d"]
    assert dataset.name == "street:mine"


def test_csv_with_a_name_column(folder: Path, write) -> None:
    write(folder / "luma.csv", "split,name\nevening,a\n")
    assert [s.id for s in load_detection_dataset(folder, "evening").samples] == ["a"]


def test_data_yaml_key_goes_before_csv(folder: Path, write) -> None:
    write(folder / "data.yaml", "val: images\ndark: night.txt\nnames: [car]\n")
    write(folder / "night.txt", "images/b.jpg\n./images/d.jpg\n")
    assert [s.id for s in load_detection_dataset(folder, "dark").samples] == ["b", "d"]
    assert [s.id for s in load_detection_dataset(folder, "day").samples] == ["c"]


def test_unknown_split_names_those_that_exist(folder: Path) -> None:
    with pytest.raises(ScotopicError, match=r"street has no split 'dawn': it has dark, day, night, .*sequence=s1"):
        load_detection_dataset(folder, "dawn")


def test_split_that_names_no_image_of_the_set(folder: Path, write) -> None:
    write(folder / "other.txt", "x\ny\n")
    with pytest.raises(ScotopicError, match=r"other\.txt lists 2 images for 'other', such as x; street has none"):
        load_detection_dataset(folder, "other")


def test_split_list_without_a_line(folder: Path, write) -> None:
    write(folder / "none.txt", "\n \n")
    with pytest.raises(ScotopicError, match=r"none\.txt lists no image: write one id, file name or path per line"):
        load_detection_dataset(folder, "none")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,split\na,é\n".encode("latin-1"), "is not UTF-8 text: save it as UTF-8"),
        (b'id,split\na,"' + b"x" * 200_000 + b'"\n', r"cannot be read as CSV \(field larger than field limit"),
    ],
)
def test_csv_that_cannot_be_read_matters_only_without_another_split(folder: Path, content: bytes, reason: str) -> None:
    (folder / "notes.csv").write_bytes(content)
    assert len(load_detection_dataset(folder, "night")) == 3
    assert len(load_detection_dataset(folder, "day")) == 1
    with pytest.raises(ScotopicError, match=rf"street has no split 'dawn'.*notes\.csv {reason}"):
        load_detection_dataset(folder, "dawn")


def test_ambiguous_splits(folder: Path, picture, write) -> None:
    write(folder / "second.csv", "id,split\na,dark\n")
    with pytest.raises(ScotopicError, match=r"ambiguous: luma\.csv and second\.csv"):
        load_detection_dataset(folder, "dark")
    for name in ("more", "most"):
        picture(folder / "images" / name / "b.jpg")
    (folder / "images" / "b.jpg").unlink()
    write(folder / "data.yaml", "val: images\nnames: [car]\n")
    with pytest.raises(ScotopicError, match="write its path in the set"):
        load_detection_dataset(folder, "sequence=s2")


def test_what_is_no_data_set(tmp_path: Path, write) -> None:
    with pytest.raises(ScotopicError, match=r"is no labelled detection set .* looked for yolo: data.yaml, or images/"):
        load_detection_dataset(tmp_path)
    with pytest.raises(ScotopicError, match="is no labelled detection set"):
        load_detection_dataset(write(tmp_path / "notes.md", "# notes"))
    with pytest.raises(ScotopicError, match="did you mean 'darkbdd'"):
        load_detection_dataset("darkbd")


def test_two_layouts_in_one_folder(folder: Path, write) -> None:
    write(folder / "Annotations" / "a.xml", "<annotation/>")
    with pytest.raises(ScotopicError, match=r"several formats \(yolo and voc\)"):
        load_detection_dataset(folder)


def test_preset_file(folder: Path, write) -> None:
    preset = write(
        folder.parent / "mine.yaml", "name: mine\nformat: yolo\nroot: street\nsplit: dark\nclass_map: {car: bus}\n"
    )
    dataset = load_detection_dataset(preset)
    assert (dataset.name, len(dataset), dataset.class_map) == ("mine:dark", 2, {"car": "bus"})
    assert len(load_detection_dataset(preset, "day")) == 1
    write(preset, "name: mine\nformat: voc\nroot: street\n")
    with pytest.raises(ScotopicError, match=r"says voc, but .*street has none: looked for Pascal VOC"):
        load_detection_dataset(preset)
    write(preset, "name: mine\nformat: yolo\nroot: nowhere\n")
    with pytest.raises(ScotopicError, match="where nothing is: put it there"):
        load_detection_dataset(preset)


def test_shipped_preset_finds_its_root_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(folder.parent))
    folder.rename(folder.parent / "darkbdd")
    assert len(load_detection_dataset("darkbdd")) == 4


def test_select(folder: Path, write) -> None:
    write(folder / "labels" / "b.txt", "0 0 0 1 1")
    dataset = load_detection_dataset(folder)
    chosen = dataset.select(["b", "a"])
    assert [s.id for s in chosen.samples] == ["a", "b"]
    assert chosen.issues.clipped == {"b": 1}
    assert dataset.select(["a"]).issues.clipped == {}
    with pytest.raises(ScotopicError, match="street has no image with the id 'q'"):
        dataset.select(["a", "q"])


def test_fingerprint_changes_with_pixels_boxes_labels_and_ids_only(folder: Path, picture, write) -> None:
    def fingerprint() -> str:
        return load_detection_dataset(folder).fingerprint()

    first = fingerprint()
    assert len(first) == 64
    assert fingerprint() == first
    moved = folder.rename(folder.parent / "moved")
    assert load_detection_dataset(moved).fingerprint() == first
    moved.rename(folder)

    seen = {first}
    for change in (
        lambda: picture(folder / "images" / "a.jpg", level=91),
        lambda: write(folder / "labels" / "a.txt", "0 0.5 0.5 0.5 0.6\n"),
        lambda: (folder / "images" / "d.jpg").unlink(),
        lambda: write(folder / "classes.txt", "bus\n"),
    ):
        change()
        seen.add(fingerprint())
    assert len(seen) == 5
