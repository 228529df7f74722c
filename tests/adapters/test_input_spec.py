"""What a net expects of its input, and the way back to the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from scotopic import ScotopicError
from scotopic.adapters.geometry import Geometry
from scotopic.adapters.input_spec import InputSpec, class_names, read_input_spec

SIDES = st.integers(1, 300)
FITS = ("stretch", "center", "corner")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "grb"}, "color 'grb' is not a choice: use 'rgb' or 'bgr'"),
        ({"range": 256}, "range 256 is not a choice: use 1.0 or 255.0"),
        ({"layout": "chw"}, "layout 'chw'"),
        ({"pad": "left"}, "pad 'left'"),
        ({"size": 640}, r"size 640 is not \(height, width\)"),
        ({"size": (0, 4)}, "size"),
        ({"size": (4, True)}, "size"),
        ({"multiple": 0}, "multiple 0 is not a whole number"),
        ({"multiple": 1.5}, "multiple 1.5"),
        ({"size": (4, 4), "multiple": 2}, "give size or multiple"),
        ({"mean": 0.5}, "mean 0.5 is not three numbers"),
        ({"mean": (0.5, 0.5)}, "three numbers"),
        ({"mean": (0.5, 0.5, float("nan"))}, "three numbers"),
        ({"std": (1, 0, 1)}, "not positive"),
        ({"std": ("1", 1, 1)}, "three numbers"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScotopicError, match=message):
        InputSpec(**options)
    with pytest.raises(ScotopicError, match=rf"^net\.yaml: .*{message}"):
        InputSpec.from_dict(options, "net.yaml")


def test_values_by_hand() -> None:
    frame = np.zeros((1, 2, 3), np.uint8)
    frame[0, 0] = (255, 51, 0)
    rgb = InputSpec(mean=(0.5, 0.1, 0.0), std=(0.5, 1.0, 2.0)).values(frame)
    np.testing.assert_allclose(rgb[0, :, 0, 0], [1.0, 0.1, 0.0], atol=1e-6)
    bgr = InputSpec(color="bgr", range=255, mean=(1.0, 2.0, 3.0), layout="nhwc").values(frame)
    np.testing.assert_allclose(bgr[0, 0, 0], [-1.0, 49.0, 252.0], atol=1e-4)
    assert rgb.shape == (1, 3, 1, 2)
    assert bgr.shape == (1, 1, 2, 3)
    assert rgb.dtype == bgr.dtype == np.float32


def test_the_range_does_not_depend_on_the_picture() -> None:
    """A picture of nothing but 0 and 1 is scaled like any other."""
    frame = np.ones((2, 2, 3), np.uint8)
    np.testing.assert_allclose(InputSpec().values(frame), 1 / 255, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.integers(1, 64))
def test_a_multiple_pads_right_and_below_only(height: int, width: int, multiple: int) -> None:
    geometry = InputSpec(multiple=multiple).geometry(height, width)
    assert all(
        side % multiple == 0 and 0 <= side - own < multiple
        for side, own in zip(geometry.frame, (height, width), strict=True)
    )
    image = np.full((height, width, 3), 7, np.uint8)
    frame = geometry.fit(image)
    assert (frame[:height, :width] == 7).all()
    assert (frame[height:] == 114).all()
    assert (frame[:, width:] == 114).all()
    labels = np.zeros(geometry.frame, np.int64)
    labels[height:], labels[:, width:] = 1, 1
    assert not geometry.labels_to_picture(labels).any()


@settings(max_examples=100, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(FITS))
def test_boxes_come_back(height: int, width: int, rows: int, columns: int, pad: Any) -> None:
    """The whole picture's box, put into the frame, is again the whole picture's."""
    geometry = InputSpec(size=(rows, columns), pad=pad).geometry(height, width)
    frame = geometry.fit(np.zeros((height, width, 3), np.uint8))
    assert frame.shape == (rows, columns, 3)
    (top, left), (down, across) = geometry.offset, geometry.gain
    box = np.array([[left, top, left + width * across, top + height * down]])
    np.testing.assert_allclose(geometry.boxes_to_picture(box), [[0, 0, width, height]], atol=1e-6)
    assert (geometry.boxes_to_picture(np.add(box, [-9, -9, 9, 9])) == [[0, 0, width, height]]).all()
    assert geometry.labels_to_picture(np.zeros((rows, columns), np.uint8)).shape == (height, width)


def test_a_letterbox_lies_where_ultralytics_puts_it() -> None:
    from ultralytics.data.augment import LetterBox

    rng = np.random.default_rng(0)
    for height, width in ((37, 80), (80, 37), (64, 64), (101, 33), (7, 300)):
        image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        ours = InputSpec(size=(64, 96), pad="center").geometry(height, width).fit(image)
        np.testing.assert_array_equal(ours, LetterBox((64, 96), auto=False)(image=image))


def test_labels_are_taken_from_logits_at_the_picture_s_size() -> None:
    """Not resized as labels: between two classes the border lies where the logits cross, to the pixel."""
    torch.manual_seed(0)
    geometry = InputSpec(multiple=8).geometry(20, 30)
    logits = torch.randn(5, 6, 8)  # a quarter of the frame's 24x32
    whole = F.interpolate(logits[None], (24, 32), mode="bilinear", align_corners=False)[0]
    np.testing.assert_array_equal(geometry.labels_of(logits), whole[:, :20, :30].argmax(0).numpy())
    np.testing.assert_array_equal(geometry.labels_of(logits.numpy()), geometry.labels_of(logits))


def test_one_logit_is_positive_where_the_class_is() -> None:
    geometry = Geometry((1, 3), (1, 3), (1.0, 1.0), (1, 3))
    assert geometry.labels_of(np.array([[[-1.0, 0.5, 2.0]]])).tolist() == [[0, 1, 1]]


def test_labels_and_logits_agree_where_nothing_is_scaled() -> None:
    geometry = InputSpec(size=(10, 10), pad="center").geometry(4, 10)
    labels = np.arange(100).reshape(10, 10) % 7
    logits = F.one_hot(torch.tensor(labels)).permute(2, 0, 1)
    np.testing.assert_array_equal(geometry.labels_to_picture(labels), labels[3:7])
    np.testing.assert_array_equal(geometry.labels_of(logits), labels[3:7])


def test_another_size_keeps_the_aspect() -> None:
    spec = InputSpec(multiple=32, mean=(0.5, 0.5, 0.5)).at_size((64, 96))
    assert spec.size == (64, 96)
    assert spec.mean == (0.5, 0.5, 0.5)
    assert spec.at_size((64, 96)) == spec
    assert spec.at_size(None) == spec
    with pytest.raises(ScotopicError, match="this net takes pictures of 64 x 96"):
        spec.at_size((64, 64))


def test_the_file_beside_a_model(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: {color: bgr, range: 255, size: [32, 64], pad: corner}\nnames: [road, car]\noutputs: yolox\n"
    )
    spec, names, rest = read_input_spec(path)
    assert spec == InputSpec(color="bgr", range=255.0, size=(32, 64), pad="corner")
    assert names == {0: "road", 1: "car"}
    assert rest == {"outputs": "yolox"}
    path.write_text("names: {3: car}\n")
    with pytest.raises(ScotopicError, match="the key 'input' is missing"):
        read_input_spec(path)
    path.write_text("input: {sizes: [1, 1]}\n")
    with pytest.raises(ScotopicError, match=r"net\.yaml, input: unknown key 'sizes': did you mean 'size'"):
        read_input_spec(path)
    path.write_text("input: [rgb]\n")
    with pytest.raises(ScotopicError, match="has keys and values, not list"):
        read_input_spec(path)


@pytest.mark.parametrize("names", ["road", {"a": "b"}, {0: 1}, [1, 2], {-1: "a"}, {True: "a"}])
def test_names_that_are_none(names: Any) -> None:
    with pytest.raises(ScotopicError, match=r"net\.yaml: "):
        class_names(names, "net.yaml")


def test_names_keep_their_ids() -> None:
    assert class_names({"3": "car", 0: "road"}) == {3: "car", 0: "road"}
