"""Segmentation nets in ONNX files: label maps from logits, ids and halves, and the refusal of what does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic import ScotopicError
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.module import EnhancedModule
from scotopic.adapters.onnx import OnnxSegmenter
from scotopic.adapters.onnx_file import OnnxSpec

from .onnx_nets import (
    BYTES,
    CLASSES,
    FLOAT,
    HALF,
    IMAGENET,
    class_list,
    constant,
    convolution,
    onnx,
    stride_two,
    write_graph,
)


@pytest.mark.parametrize("size", [(40, 64), (37, 51)])
@pytest.mark.parametrize("kind", ["logits", "nhwc", "half"])
def test_labels_are_those_of_the_torch_net(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    net, picture = stride_two(), np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = EnhancedModule(net, IMAGENET, dict(enumerate(CLASSES))).segment(picture)[0].labels
    number = HALF if kind == "half" else FLOAT
    file = convolution(tmp_path / "net.onnx", net, nhwc=kind == "nhwc", number=number)
    given = replace(IMAGENET, layout="nhwc" if kind == "nhwc" else "nchw")
    seen, timing = OnnxSegmenter(file, OnnxSpec(given, class_list(CLASSES), "segmentation")).segment(picture)
    assert seen.labels.shape == size
    assert set(np.unique(expected)) == {0, 1, 2}
    assert (seen.labels == expected).mean() > (0.99 if kind == "half" else 0.9999)
    assert seen.gate_passed is None
    assert set(timing) == {"preprocess", "inference", "postprocess"}


def test_a_map_of_class_ids_is_taken_as_it_is(tmp_path: Path, rng: np.random.Generator) -> None:
    net = stride_two(scale=2.0)
    file = convolution(tmp_path / "net.onnx", net, labels=True, number=BYTES)
    segmenter = OnnxSegmenter(file, OnnxSpec(InputSpec("bgr", 255), class_list(CLASSES), "segmentation"))
    picture = rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)
    x = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None].float()
    small = net(x).argmax(1)[0].numpy()
    assert len(np.unique(small)) > 1
    np.testing.assert_array_equal(segmenter.segment(picture)[0].labels, small.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (np.array([[[1, 0], [0, 1]]], np.int64), [[1, 0], [0, 1]]),
        (np.array([[[[1, 0], [0, 1]]]], np.uint8), [[1, 0], [0, 1]]),
        (np.array([[[1, 0], [0, 1]]], np.float32), [[1, 0], [0, 1]]),
        (np.array([[[[3, -2], [-1, 2]]]], np.float32), [[1, 0], [0, 1]]),
        (np.array([[[[0, 5], [5, 0]], [[1, 0], [0, 1]]]], np.float32), [[1, 0], [0, 1]]),
    ],
    ids=["ids", "ids with a channel", "ids as floats", "one logit", "two logits"],
)
def test_every_form_of_output_is_understood(output: np.ndarray, expected: list[list[int]], tmp_path: Path) -> None:
    file = constant(tmp_path / "net.onnx", output)
    spec = OnnxSpec(InputSpec(size=(32, 32)), {0: "rest", 1: "road"}, "segmentation")
    labels = OnnxSegmenter(file, spec).segment(np.zeros((2, 2, 3), np.uint8))[0].labels
    assert labels.tolist() == expected


def test_what_does_not_fit_a_segmentation_net_is_refused(tmp_path: Path, spec: OnnxSpec) -> None:
    logits = constant(tmp_path / "net.onnx", np.zeros((1, 5, 2, 2), np.float32))
    with pytest.raises(ScotopicError, match="is a detector, as its spec says: outputs must be segmentation"):
        OnnxSegmenter(logits, spec)
    wanted = replace(spec, outputs="segmentation")
    with pytest.raises(
        ScotopicError, match=r"shape \(1, 5, 2, 2\) is not that of 2 classes: expected is \(1, 2, h, w\)"
    ):
        OnnxSegmenter(logits, wanted)
    ids = constant(tmp_path / "ids.onnx", np.full((1, 2, 2), 255, np.uint8))
    with pytest.raises(ScotopicError, match=r"ids\.onnx gives the class id 255, which its names lack"):
        OnnxSegmenter(ids, wanted)
    whole = constant(tmp_path / "bytes.onnx", np.zeros((1, 2, 2, 2), np.float32), number=BYTES)
    with pytest.raises(ScotopicError, match=r"bytes\.onnx takes whole numbers: its spec must have range: 255"):
        OnnxSegmenter(whole, wanted)


def test_a_picture_that_the_net_cannot_take_is_said(tmp_path: Path) -> None:
    """An odd side leaves the two branches with different sizes."""
    make = onnx.helper.make_node
    nodes = [
        make("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        make("MaxPool", ["x"], ["b"], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1]),
        make("Add", ["a", "b"], ["y"]),
    ]
    file = write_graph(tmp_path / "net.onnx", nodes, {}, [1, 3, "h", "w"], FLOAT)
    segmenter = OnnxSegmenter(file, OnnxSpec(InputSpec(), class_list(CLASSES), "segmentation"))
    segmenter.segment(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ScotopicError, match=r"cannot run .*net\.onnx on 11x9 pixels") as raised:
        segmenter.segment(np.zeros((9, 11, 3), np.uint8))
    assert "\n" not in str(raised.value)
    with pytest.raises(ScotopicError, match="uint8 RGB picture"):
        segmenter.segment(np.zeros((8, 8), np.uint8))
