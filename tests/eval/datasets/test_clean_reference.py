"""Truth from the model's own view of the originals: agreement with itself is perfect, and darkness costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scotopic.configs.schema import EvaluationSettings, SegmentationSettings
from scotopic.errors import ScotopicError
from scotopic.eval.compare import compare_detection, compare_segmentation
from scotopic.eval.datasets.clean_reference import clean_detections, clean_segmentation
from scotopic.eval.datasets.pictures import PictureSet, load_pictures
from scotopic.eval.datasets.sample import DetectionDataset
from scotopic.eval.report.tables import heading
from scotopic.pipeline.image import read_image, write_image

from ...scenes import color_net, write_scenes
from ..conftest import BrightSquares


def brightened(folder: Path, root: Path) -> PictureSet:
    """The dark pictures below ``root`` as ``low``, and as ``high`` what they would be in good light."""
    for path in sorted(root.glob("images/*.png")):
        image = read_image(path)
        write_image(folder / "low" / path.name, image)
        write_image(folder / "high" / path.name, np.minimum(image.astype(int) * 6, 255).astype(np.uint8))
    return load_pictures(folder)


@pytest.fixture
def squares(dark_squares: DetectionDataset, tmp_path: Path) -> PictureSet:
    return brightened(tmp_path / "pairs", dark_squares.root)


@pytest.fixture
def scenes(tmp_path: Path) -> PictureSet:
    return brightened(tmp_path / "pairs", write_scenes(tmp_path / "scenes"))


def test_boxes_are_those_of_the_originals(squares: PictureSet, dark_squares: DetectionDataset, tmp_path: Path) -> None:
    done: list[int] = []
    dataset = clean_detections(squares, BrightSquares(), progress=lambda number, total: done.append(number))
    assert done == [1, 2, 3, 4, 5, 6]
    assert dataset.classes == ("red", "blue")
    for ours, labelled in zip(dataset.samples, dark_squares.samples, strict=True):
        assert ours.id == labelled.id
        assert ours.image.parent.name == "low"
        np.testing.assert_allclose(ours.boxes, labelled.boxes, atol=1e-4)
        assert ours.labels.tolist() == labelled.labels.tolist()
    settings = EvaluationSettings(gate="off")
    rows = compare_detection(
        lambda stage: BrightSquares(), dataset, ["gamma"], tmp_path / "out", settings=settings
    ).rows
    assert [row["metrics"]["mAP"] for row in rows] == pytest.approx([0, 1])


def test_the_model_agrees_with_itself_where_nothing_was_darkened(squares: PictureSet, tmp_path: Path) -> None:
    bright = load_pictures(squares.root / "high", squares.root / "high")
    dataset = clean_detections(bright, BrightSquares())
    settings = EvaluationSettings(gate="off")
    rows = compare_detection(lambda stage: BrightSquares(), dataset, [], tmp_path / "out", settings=settings).rows
    assert rows[0]["metrics"]["mAP"] == pytest.approx(1)


def test_the_score_decides_what_is_true(squares: PictureSet) -> None:
    """The red squares have 900 pixels and score 0.59, the blue ones 600 and 0.56."""
    assert sum(len(s.labels) for s in clean_detections(squares, BrightSquares(), 0.5).samples) == 12
    only_red = clean_detections(squares, BrightSquares(), 0.57)
    assert {label for sample in only_red.samples for label in sample.labels.tolist()} == {0}
    with pytest.raises(ScotopicError, match=r"finds nothing in the 6 originals of pairs at a score of 0.9 or more"):
        clean_detections(squares, BrightSquares(), 0.9)


def test_the_heading_and_the_record_say_whose_truth_it_is(squares: PictureSet, tmp_path: Path) -> None:
    class Named(BrightSquares):
        def __init__(self) -> None:
            super().__init__()
            self.description = {"file": "squares.pt", "sha256": "0123456789abcdef" * 4}

    dataset = clean_detections(squares, Named())
    name = "pairs [truth: what squares.pt (sha256 0123456789ab) itself finds in the originals at score >= 0.25]"
    assert dataset.name == name
    record = compare_detection(
        lambda stage: Named(), dataset, [], tmp_path / "out", settings=EvaluationSettings(gate="off")
    ).record
    assert record["data"]["name"] == name
    assert heading(record).startswith(name)
    assert record["model"]["sha256"] == "0123456789abcdef" * 4


def test_masks_are_those_of_the_originals(scenes: PictureSet, tmp_path: Path) -> None:
    net = color_net()
    dataset = clean_segmentation(scenes, net, tmp_path / "out" / "truth")
    assert dataset.classes == ("ground", "lamp", "pool", "fog")
    for sample, picture in zip(dataset.samples, scenes.samples, strict=True):
        assert picture.reference
        seen = net.segment(read_image(picture.reference))[0].labels
        np.testing.assert_array_equal(dataset.read_mask(sample), seen)
        assert {1, 2} < set(np.unique(seen).tolist())
    settings = SegmentationSettings(gate="off")
    record = compare_segmentation(
        lambda stage: color_net(), dataset, ["gamma"], tmp_path / "out", settings=settings
    ).record
    assert [row["metrics"]["mIoU"] for row in record["rows"]] == pytest.approx(
        [record["rows"][0]["metrics"]["mIoU"], 1]
    )
    assert record["rows"][0]["metrics"]["mIoU"] < 0.4
    assert "itself sees in the originals]" in heading(record)


def test_classes_of_like_meaning_stay_apart(scenes: PictureSet, tmp_path: Path) -> None:
    """A palm and a tree are both vegetation to the lists of meanings, and are joined between different sets."""
    net = color_net()
    net.names = {0: "tree", 1: "palm", 2: "plant", 3: "fog"}
    dataset = clean_segmentation(scenes, net, tmp_path / "truth")
    record = compare_segmentation(
        lambda stage: net, dataset, [], tmp_path / "out", settings=SegmentationSettings(gate="off")
    ).record
    assert record["data"]["categories"] == ["tree", "palm", "plant", "fog"]


def test_what_cannot_be_taken_for_truth_is_one_sentence(squares: PictureSet, tmp_path: Path) -> None:
    class Enhanced(BrightSquares):
        def __init__(self) -> None:
            super().__init__()
            self.description = {"file": "squares.pt", "enhancer": "sgz"}

    with pytest.raises(ScotopicError, match=r"squares.pt holds the enhancer 'sgz'.*give the bare model"):
        clean_detections(squares, Enhanced())
    with pytest.raises(ScotopicError, match=r"the original of 0 in .*low is not known: give a set made by"):
        clean_detections(load_pictures(squares.root / "low"), BrightSquares())
    high = squares.root / "high" / "3.png"
    write_image(high, read_image(high)[:-1])
    with pytest.raises(ScotopicError, match=r"3.png has 128x96 pixels, its original .*3.png 128x95"):
        clean_detections(squares, BrightSquares())
    high.write_bytes(b"no picture")
    with pytest.raises(ScotopicError, match=r"high/3.png is not an image"):
        clean_detections(squares, BrightSquares())
