"""Which mask belongs to which picture, in every layout, and what each value of it means."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.configs.checks import validate
from scotopic.configs.data_schema import ClassList, SegmentationData, list_data_presets, load_data_preset
from scotopic.errors import ScotopicError
from scotopic.eval.datasets import IGNORED, load_detection_dataset, load_segmentation_dataset
from scotopic.eval.datasets.cityscapes_labels import CATEGORIES, CLASSES, label_id_values, train_id_values
from scotopic.eval.datasets.segmentation import CAMVID, read_class_list

Mask = Callable[..., Path]
README_TRAIN_IDS = {
    **{7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9},
    **{23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18},
}


@pytest.fixture
def mask() -> Mask:
    """Write an 8-bit grey PNG of the standard picture's size, its first pixels as given, the rest the last of them."""

    def write(path: Path, *values: int, size: tuple[int, int] = (40, 20)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full(size[0] * size[1], values[-1], np.uint8)
        pixels[: len(values)] = values
        Image.fromarray(pixels.reshape(size[::-1])).save(path)
        return path

    return write


@pytest.fixture
def cityscapes(tmp_path: Path, picture, mask: Mask) -> Path:
    """The published tree: two cities in val, one in train."""
    root = tmp_path / "cityscapes"
    frames = {"val": ["frankfurt_000000_000294", "frankfurt_000001_000019", "munster_000000_000019"]}
    for split, names in {**frames, "train": ["aachen_000000_000019"]}.items():
        for name in names:
            city = name.split("_")[0]
            picture(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
            mask(root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", 7, 33, 26, 0)
            mask(root / "gtFine" / split / city / f"{name}_gtFine_color.png", 1)
    return root


def _ids(dataset) -> list[str]:
    return [sample.id for sample in dataset.samples]


def _first_pixels(dataset, count: int, number: int = 0) -> list[int]:
    return dataset.read_mask(dataset.samples[number]).ravel()[:count].tolist()


def test_train_ids_are_those_of_the_readme() -> None:
    values = label_id_values()
    assert {id_: index for id_, index in values.items() if index != IGNORED} == README_TRAIN_IDS
    assert set(values) == {*range(34), IGNORED}
    assert train_id_values() == {**{index: index for index in range(19)}, IGNORED: IGNORED}


@pytest.mark.parametrize("grouping", [7, 8])
def test_groupings(grouping: int) -> None:
    values, names = label_id_values(grouping), list(CATEGORIES)
    for category, ids in CATEGORIES.items():
        for id_, evaluated in ids.items():
            counts = grouping == 8 or evaluated
            assert values[id_] == (names.index(category) if counts else IGNORED), (category, id_)
    by_train_id = train_id_values(grouping)
    assert [by_train_id[index] for index in range(19)] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6]


@pytest.mark.parametrize(
    ("split", "ids"),
    [
        ("val", ["frankfurt_000000_000294", "frankfurt_000001_000019", "munster_000000_000019"]),
        ("train", ["aachen_000000_000019"]),
        ("city=frankfurt", ["frankfurt_000000_000294", "frankfurt_000001_000019"]),
    ],
)
def test_cityscapes(cityscapes: Path, split: str, ids: list[str]) -> None:
    dataset = load_segmentation_dataset(cityscapes, split)
    assert _ids(dataset) == ids
    assert dataset.name == f"cityscapes:{split}"
    assert dataset.classes == CLASSES
    assert dataset.issues.lines() == []
    assert dataset.samples[0].attributes["city"] == ids[0].split("_")[0]
    assert _first_pixels(dataset, 4) == [0, 18, 13, IGNORED]
    labels = dataset.read_mask(dataset.samples[0])
    assert (labels.dtype, labels.shape) == (np.int64, (20, 40))


def test_cityscapes_by_category(cityscapes: Path, write) -> None:
    preset = "name: mine\nformat: cityscapes\nroot: cityscapes\nsplit: val\ngrouping: {}\nclass_map: {{sky: null}}\n"
    dataset = load_segmentation_dataset(write(cityscapes.parent / "p.yaml", preset.format(7)))
    assert dataset.name == "mine:val"
    assert dataset.class_map == {"sky": None}
    assert dataset.classes == ("flat", "construction", "object", "nature", "sky", "human", "vehicle")
    assert _first_pixels(dataset, 4) == [0, 6, 6, IGNORED]
    with_void = load_segmentation_dataset(write(cityscapes.parent / "p.yaml", preset.format(8)))
    assert with_void.classes == (*dataset.classes, "void")
    assert _first_pixels(with_void, 4) == [0, 6, 6, 7]
    assert with_void.fingerprint() != dataset.fingerprint()


def test_cityscapes_train_ids_count_where_label_ids_are_missing(cityscapes: Path, mask: Mask) -> None:
    folder = cityscapes / "gtFine" / "val" / "munster"
    mask(folder / "munster_000000_000019_gtFine_labelTrainIds.png", 5, 255)
    assert _first_pixels(load_segmentation_dataset(cityscapes, "city=munster"), 2) == [0, 18]
    (folder / "munster_000000_000019_gtFine_labelIds.png").unlink()
    assert _first_pixels(load_segmentation_dataset(cityscapes, "city=munster"), 2) == [5, IGNORED]


def test_several_splits_and_none_chosen(cityscapes: Path) -> None:
    with pytest.raises(ScotopicError, match=r"several splits: choose one with --split: train, val$"):
        load_segmentation_dataset(cityscapes)
    with pytest.raises(ScotopicError, match=r"no split 'vall': it has train, val, city=aachen, city=frankfurt"):
        load_segmentation_dataset(cityscapes, "vall")


def test_flat_cityscapes_and_missing_pairs(tmp_path: Path, picture, mask: Mask, write) -> None:
    root = tmp_path / "dark"
    for name in ("ulm_0", "ulm_1"):
        picture(root / "images" / f"{name}_leftImg8bit.png")
    for name in ("ulm_1", "ulm_2"):
        mask(root / "labels" / f"{name}_gtFine_labelIds.png", 7)
    dataset = load_segmentation_dataset(root)
    assert _ids(dataset) == ["ulm_1"]
    assert dataset.issues.as_dict() == {
        "images_without_mask": {"count": 1, "names": ["ulm_0_leftImg8bit.png"]},
        "masks_without_image": {"count": 1, "names": ["ulm_2_gtFine_labelIds.png"]},
    }
    assert dataset.issues.lines() == [
        "Images without a mask are left out: 1 (ulm_0_leftImg8bit.png).",
        "Masks without an image are left out: 1 (ulm_2_gtFine_labelIds.png).",
    ]
    write(root / "mine.txt", "ulm_0\nulm_1\nulm_9\n")
    chosen = load_segmentation_dataset(root, "mine")
    assert _ids(chosen) == ["ulm_1"]
    assert chosen.issues.images_without_mask == ["ulm_0_leftImg8bit.png"]
    assert chosen.issues.masks_without_image == ["ulm_9"]
    (root / "images" / "ulm_1_leftImg8bit.png").unlink()
    with pytest.raises(ScotopicError, match=r"none of the 1 images of .* has a mask, such as .*ulm_0_leftImg8bit"):
        load_segmentation_dataset(root)


def test_the_same_frame_in_two_folders_has_two_ids(tmp_path: Path, picture, mask: Mask) -> None:
    for folder in ("gamma", "lowlight"):
        picture(tmp_path / folder / "images" / "ulm_0_leftImg8bit.png")
        mask(tmp_path / folder / "labels" / "ulm_0_gtFine_labelIds.png", 7)
    assert _ids(load_segmentation_dataset(tmp_path, "city=ulm")) == ["gamma/ulm_0", "lowlight/ulm_0"]
    assert _ids(load_segmentation_dataset(tmp_path, "lowlight")) == ["ulm_0"]


def test_linked_folders_are_followed(cityscapes: Path, tmp_path: Path) -> None:
    for name in ("leftImg8bit", "gtFine"):
        (tmp_path / "links" / name).mkdir(parents=True)
        (tmp_path / "links" / name / "val").symlink_to(cityscapes / name / "val")
    assert len(load_segmentation_dataset(tmp_path / "links", "val")) == 3


@pytest.fixture
def acdc(tmp_path: Path, picture, mask: Mask) -> Path:
    for place in ("night/train", "night/val", "fog/val"):
        name = f"GP01_frame_{place.replace('/', '')}"
        picture(tmp_path / "rgb_anon" / place / "GP01" / f"{name}_rgb_anon.png")
        mask(tmp_path / "gt" / place / "GP01" / f"{name}_gt_labelTrainIds.png", 13, 255)
    picture(tmp_path / "rgb_anon" / "night" / "val_ref" / "GP01" / "GP01_frame_nightval_rgb_ref_anon.png")
    return tmp_path


@pytest.mark.parametrize(
    ("split", "ids"),
    [
        ("night/val", ["nightval"]),
        ("night", ["nighttrain", "nightval"]),
        ("val", ["fogval", "nightval"]),
        ("condition=fog", ["fogval"]),
        ("sequence=GP01", ["fogval", "nighttrain", "nightval"]),
    ],
)
def test_acdc(acdc: Path, split: str, ids: list[str]) -> None:
    dataset = load_segmentation_dataset(acdc, split)
    assert _ids(dataset) == [f"GP01_frame_{name}" for name in ids]
    assert dataset.issues.lines() == []
    assert _first_pixels(dataset, 2) == [13, IGNORED]


def test_acdc_label_ids_and_attributes(acdc: Path, mask: Mask) -> None:
    mask(acdc / "gt/night/val/GP01/GP01_frame_nightval_gt_labelIds.png", 33, 1)
    dataset = load_segmentation_dataset(acdc, "night/val")
    assert _first_pixels(dataset, 2) == [18, IGNORED]
    assert dataset.samples[0].attributes == {"condition": "night", "split": "val", "sequence": "GP01"}


def test_dark_zurich(tmp_path: Path, picture, mask: Mask) -> None:
    picture(tmp_path / "rgb_anon/val/night/GOPR0356/GOPR0356_frame_000321_rgb_anon.png")
    picture(tmp_path / "rgb_anon/val_ref/day/GOPR0356_ref/GOPR0356_frame_000321_ref_rgb_anon.png")
    mask(tmp_path / "gt/val/night/GOPR0356/GOPR0356_frame_000321_gt_labelTrainIds.png", 10)
    for split in ("val", "night", "night/val"):
        dataset = load_segmentation_dataset(tmp_path, split)
        assert _ids(dataset) == ["GOPR0356_frame_000321"]
        assert dataset.samples[0].attributes == {"condition": "night", "split": "val", "sequence": "GOPR0356"}
    with pytest.raises(ScotopicError, match=r"none of the 1 images .* in val_ref has a mask"):
        load_segmentation_dataset(tmp_path, "val_ref")


def test_bdd(tmp_path: Path, picture, mask: Mask) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "images" / "10k" / split / f"{split}-1.jpg")
        mask(tmp_path / "labels" / "sem_seg" / "masks" / split / f"{split}-1.png", 18, 255)
        mask(tmp_path / "labels" / "sem_seg" / "colormaps" / split / f"{split}-1.png", 77)
    dataset = load_segmentation_dataset(tmp_path, "val")
    assert _ids(dataset) == ["val-1"]
    assert dataset.classes == CLASSES
    assert _first_pixels(dataset, 2) == [18, IGNORED]


def test_camvid_as_segnet_publishes_it(tmp_path: Path, picture, mask: Mask) -> None:
    for split, name in (("train", "0001TP_006690"), ("test", "Seq05VD_f00000")):
        picture(tmp_path / split / f"{name}.png")
        mask(tmp_path / f"{split}annot" / f"{name}.png", 10, 11)
    dataset = load_segmentation_dataset(tmp_path, "sequence=0001TP")
    assert _ids(dataset) == ["0001TP_006690"]
    assert dataset.classes == CAMVID
    assert _first_pixels(dataset, 2) == [10, IGNORED]
    assert _ids(load_segmentation_dataset(tmp_path, "test")) == ["Seq05VD_f00000"]


@pytest.fixture
def plain(tmp_path: Path, picture, mask: Mask, write) -> Path:
    """Pictures and masks side by side, in folders of two splits."""
    root = tmp_path / "street"
    for split, name in (("a", "one.x"), ("b", "two")):
        picture(root / "images" / split / f"{name}.jpg")
        mask(root / "masks" / split / f"{name}.png", 0, 1, 2, 255)
    write(root / "classes.txt", "road\nvoid\nsky\n")
    return root


def test_plain_folders(plain: Path, write) -> None:
    dataset = load_segmentation_dataset(plain, "a")
    assert (_ids(dataset), dataset.classes) == (["one.x"], ("road", "sky"))
    assert _first_pixels(dataset, 4) == [0, IGNORED, 1, IGNORED]
    write(plain / "luma.csv", "name,mean_luma,split,sequence\none.x,9,dark,s1\ntwo,9,dark,s2\n")
    assert _ids(load_segmentation_dataset(plain, "dark")) == ["one.x", "two"]
    assert _ids(load_segmentation_dataset(plain, "sequence=s2")) == ["two"]


def test_class_list_in_yaml(plain: Path, write) -> None:
    write(plain / "classes.yaml", "names: [sky, way]\nids: {0: way, 1: way, 255: sky}\nignore: [2]\n")
    dataset = load_segmentation_dataset(plain, "a")
    assert dataset.classes == ("sky", "way")
    assert _first_pixels(dataset, 4) == [1, 1, IGNORED, 0]
    write(plain / "classes.yaml", "names: [road, car, sky]\nignore: [car]\n")
    dataset = load_segmentation_dataset(plain, "a")
    assert (dataset.classes, _first_pixels(dataset, 4)) == (("road", "sky"), [0, IGNORED, 1, IGNORED])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a, b, a]", "names the class 'a' twice"),
        ("names: [road]\nids: {7: raod}", r"gives 'raod', which is not among its names: did you mean 'road'"),
        ("names: [road]\nignore: [sky]", "gives 'sky', which is not among its names"),
        ("names: [void]", "names 0 classes that count"),
        ("names: [road]\nids: {70000: road}", "gives the id 70000, which no mask can hold"),
        ("names: []", "names: .*at least 1 item"),
        ("nmaes: [road]", r"unknown key 'nmaes' \(did you mean 'names'"),
    ],
)
def test_class_list_that_makes_no_sense(tmp_path: Path, write, text: str, message: str) -> None:
    with pytest.raises(ScotopicError, match=rf"classes\.yaml.*{message}"):
        read_class_list(write(tmp_path / "classes.yaml", text + "\n"))


def test_two_pictures_of_one_mask(plain: Path, picture) -> None:
    picture(plain / "images" / "b" / "two.png")
    with pytest.raises(ScotopicError, match=r"two\.jpg and .*two\.png would share one mask"):
        load_segmentation_dataset(plain, "b")


def test_mask_of_another_size(plain: Path, mask: Mask) -> None:
    mask(plain / "masks" / "b" / "two.png", 0, size=(20, 40))
    dataset = load_segmentation_dataset(plain, "b")
    with pytest.raises(ScotopicError, match=r"two\.png has 20x40 pixels, but its image .*two\.jpg has 40x20"):
        dataset.read_mask(dataset.samples[0])


def test_turned_picture_has_the_size_of_its_mask(plain: Path, picture, mask: Mask) -> None:
    picture(plain / "images" / "b" / "two.jpg", orientation=6)
    mask(plain / "masks" / "b" / "two.png", 0, size=(20, 40))
    dataset = load_segmentation_dataset(plain, "b")
    assert dataset.read_mask(dataset.samples[0]).shape == (40, 20)


def test_ids_outside_the_list_are_named(plain: Path, mask: Mask, cityscapes: Path) -> None:
    mask(plain / "masks" / "b" / "two.png", 9, 0, 7, 7)
    dataset = load_segmentation_dataset(plain, "b")
    with pytest.raises(ScotopicError, match=r"two\.png holds ids without a class: 7, 9; name them in .*classes\.txt"):
        dataset.read_mask(dataset.samples[0])
    mask(cityscapes / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png", *range(100))
    dataset = load_segmentation_dataset(cityscapes, "train")
    with pytest.raises(ScotopicError, match=r"34, 35, .* 41 and 58 more; Cityscapes has the label ids 0 to 33"):
        dataset.read_mask(dataset.samples[0])


def test_unreadable_picture_is_reported_and_keeps_its_mask(plain: Path) -> None:
    (plain / "images" / "b" / "two.jpg").write_bytes(b"no picture")
    dataset = load_segmentation_dataset(plain, "b")
    assert dataset.issues.lines() == ["Images that cannot be read: 1 (two)."]
    assert dataset.issues.of({"other"}).lines() == []
    assert dataset.read_mask(dataset.samples[0]).shape == (20, 40)


def test_select_and_fingerprint(cityscapes: Path, mask: Mask, tmp_path: Path) -> None:
    dataset = load_segmentation_dataset(cityscapes, "val")
    assert _ids(dataset.select(["munster_000000_000019"])) == ["munster_000000_000019"]
    with pytest.raises(ScotopicError, match=r"no image with the id 'munster_000000_000018': did you mean 'munster"):
        dataset.select(["munster_000000_000018"])
    before = dataset.fingerprint()
    cityscapes.rename(tmp_path / "elsewhere")
    moved = load_segmentation_dataset(tmp_path / "elsewhere", "val")
    assert moved.fingerprint() == before
    mask(moved.samples[0].mask, 8)
    assert moved.fingerprint() != before


def test_a_dataset_reaches_other_processes(cityscapes: Path) -> None:
    dataset = load_segmentation_dataset(cityscapes, "train")
    copy = pickle.loads(pickle.dumps(dataset))
    assert _first_pixels(copy, 3) == [0, 18, 13]


def test_presets_of_the_other_task_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    with pytest.raises(ScotopicError, match=r"darkbdd describes boxes for detection \(yolo\), not masks.*camvid"):
        load_segmentation_dataset("darkbdd")
    with pytest.raises(ScotopicError, match=r"camvid describes masks for segmentation \(masks\), not boxes.*darkbdd"):
        load_detection_dataset("camvid")
    assert {"acdc-night", "camvid", "cityscapes", "darkcityscape"} <= set(list_data_presets("segment"))
    assert set(list_data_presets("segment")).isdisjoint(list_data_presets("detect"))
    with pytest.raises(ScotopicError, match=r"'cityscape' is not a choice \(did you mean 'cityscapes'"):
        load_data_preset(write(tmp_path / "p.yaml", "name: a\nformat: cityscape\nroot: .\n"))


def test_presets_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_DATA", str(tmp_path))
    with pytest.raises(ScotopicError, match=r"the preset camvid has its data at .*camvid, where nothing is"):
        load_segmentation_dataset("camvid")
    (tmp_path / "camvid").mkdir()
    with pytest.raises(ScotopicError, match=r"the preset camvid says masks, but .*camvid has none: looked for images/"):
        load_segmentation_dataset("camvid")
    with pytest.raises(ScotopicError, match=r"no segmentation set at camvd: .*did you mean 'camvid'"):
        load_segmentation_dataset("camvd")
    with pytest.raises(ScotopicError, match=r"is no labelled segmentation set that is known here; looked for cityscap"):
        load_segmentation_dataset(tmp_path / "camvid")


def test_groupings_of_other_sets_are_refused() -> None:
    for format_, grouping in (("masks", 7), ("camvid", 8), ("bdd-semantic", 8)):
        entries = {"name": "a", "format": format_, "root": ".", "grouping": grouping}
        with pytest.raises(ScotopicError, match="grouping"):
            validate(SegmentationData, entries, "p.yaml")
    assert ClassList(names=["a"]).ignore == []
