"""ONNX files of any origin: what they find is what their graph says, and nothing about them is guessed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from scotopic import EnhancementStage, ScotopicError, attach, detach
from scotopic.adapters.contract import Detections, match_boxes
from scotopic.adapters.detectors import load_detector
from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.module import EnhancedModule
from scotopic.adapters.onnx_boxes import best_first, decode_yolox, suppress
from scotopic.files import sha256_of
from scotopic.pipeline.image import read_image, write_image

onnx = pytest.importorskip("onnx", reason='pip install "scotopic[onnx]"')
pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')

from scotopic.adapters.onnx import OnnxDetector, OnnxSegmenter  # noqa: E402
from scotopic.adapters.onnx_file import OnnxSpec, locate_onnx, read_onnx_spec  # noqa: E402

Build = Callable[[str], Any]

IMAGENET = InputSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), multiple=8)
CLASSES = ["road", "car", "sky"]
FLOAT, BYTES, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT16


def write_graph(path: Path, nodes: list[Any], weights: dict[str, np.ndarray], shape: list[Any], number: int) -> Path:
    """A graph from ``x`` to ``y``."""
    inputs = [onnx.helper.make_tensor_value_info("x", number, shape)]
    outputs = [onnx.ValueInfoProto(name="y")]
    held = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = onnx.helper.make_graph(nodes, "net", inputs, outputs, held)
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def constant(path: Path, output: np.ndarray, shape: list[Any] | None = None, number: int = FLOAT) -> Path:
    """A net that gives the same output whatever it sees."""
    node = onnx.helper.make_node("Identity", ["seen"], ["y"])
    return write_graph(path, [node], {"seen": output}, shape or [1, 3, 32, 32], number)


def convolution(path: Path, net: nn.Conv2d, *, nhwc: bool = False, labels: bool = False, number: int = FLOAT) -> Path:
    """The torch convolution of stride 2 as an ONNX file, its sides free."""
    make = onnx.helper.make_node
    assert net.bias is not None
    weights = {"w": net.weight.detach().numpy(), "b": net.bias.detach().numpy()}
    if number == HALF:
        weights = {name: value.astype(np.float16) for name, value in weights.items()}
    nodes, last = [], "x"
    if number == BYTES:
        nodes.append(make("Cast", [last], ["f"], to=FLOAT))
        last = "f"
    if nhwc:
        nodes.append(make("Transpose", [last], ["t"], perm=[0, 3, 1, 2]))
        last = "t"
    nodes.append(make("Conv", [last, "w", "b"], ["c"], strides=[2, 2]))
    if labels:
        nodes.append(make("ArgMax", ["c"], ["y"], axis=1, keepdims=0))
    else:
        nodes.append(
            make("Transpose" if nhwc else "Identity", ["c"], ["y"], **({"perm": [0, 2, 3, 1]} if nhwc else {}))
        )
    shape = [1, "h", "w", 3] if nhwc else ["n", 3, "h", "w"]
    return write_graph(path, nodes, weights, shape, number)


def stride_two(outputs: int = 3, scale: float = 1.0) -> nn.Conv2d:
    """A net whose classes all occur on noise."""
    torch.manual_seed(0)
    net = nn.Conv2d(3, outputs, 2, 2)
    nn.init.normal_(net.weight, std=scale)
    if net.bias is not None:
        with torch.no_grad():
            net.bias.copy_(-net.weight.sum((1, 2, 3)) * (0.5 if scale == 1 else 127))
    return net


@pytest.fixture
def spec() -> OnnxSpec:
    return OnnxSpec(InputSpec(size=(32, 32)), {0: "car", 1: "bus"}, "ultralytics")


def write_spec(path: Path, spec: OnnxSpec, **more: Any) -> Path:
    content = {"input": spec.input.to_dict(), "names": dict(spec.names), "outputs": spec.outputs, **more}
    path.write_text(yaml.safe_dump(content))
    return path


# ---- detection -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["yolo11n", "yolo26n"])
def exported(request: pytest.FixtureRequest, untrained: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that ultralytics exported; that of YOLO26 is end to end."""
    model = untrained(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    file = model.export(format="onnx", imgsz=96, verbose=False)
    return Path(shutil.move(file, folder / "net.onnx"))


def without_metadata(path: Path) -> Path:
    model = onnx.load(path)
    del model.metadata_props[:]
    bare = path.with_name("bare.onnx")
    onnx.save(model, bare)
    return bare


def test_the_boxes_are_those_of_ultralytics_own_runner(exported: Path, night: np.ndarray, day: np.ndarray) -> None:
    own = load_detector(exported, conf=1e-6)
    names = {i: str(i) for i in range(80)}
    spec = OnnxSpec(InputSpec(size=(96, 96), pad="center"), names, "ultralytics")
    other = load_detector(without_metadata(exported), conf=1e-6, spec=spec)
    assert isinstance(other, OnnxDetector)
    for picture in (night, day):
        expected, found = own.detect(picture)[0], other.detect(picture)[0]
        assert len(found) == len(expected) > 10
        one, two = (np.c_[d.boxes, d.scores * 1e3, d.labels] for d in (expected, found))
        one, two = (rows[np.lexsort(rows.round(3).T)] for rows in (one, two))
        np.testing.assert_allclose(two, one, atol=2e-3)
        assert (np.diff(found.scores) <= 0).all()
        assert found.boxes.dtype == found.scores.dtype == np.float64


def test_a_file_of_ultralytics_goes_to_ultralytics(exported: Path) -> None:
    assert locate_onnx(exported) == (exported, None)
    assert load_detector(exported).description["framework"].startswith("ultralytics")
    with pytest.raises(ScotopicError, match=r"net\.onnx was exported by ultralytics: load it by its path alone"):
        OnnxDetector(exported)


def test_yolox_is_decoded_as_its_paper_says(rng: np.random.Generator) -> None:
    height, width, classes = 64, 96, 3
    output = rng.normal(0, 1, (8 * 12 + 4 * 6 + 2 * 3, 5 + classes)).astype(np.float32)
    output[:, 4:] = rng.uniform(0, 1, output[:, 4:].shape)
    found, overlapping = decode_yolox(output, classes, (height, width))
    row = 0
    for stride in (8, 16, 32):
        for y in range(height // stride):
            for x in range(width // stride):
                cx, cy = (output[row, 0] + x) * stride, (output[row, 1] + y) * stride
                w, h = np.exp(output[row, 2]) * stride, np.exp(output[row, 3]) * stride
                expected = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                np.testing.assert_allclose(found.boxes[row], expected, rtol=1e-5, atol=1e-4)
                assert found.labels[row] == output[row, 5:].argmax()
                assert found.scores[row] == pytest.approx(output[row, 4] * output[row, 5:].max())
                row += 1
    assert row == len(found)
    assert overlapping


@pytest.mark.parametrize("iou", [0.0, 0.45, 0.7, 1.0])
def test_suppression_agrees_with_torchvision(iou: float, rng: np.random.Generator) -> None:
    from torchvision.ops import batched_nms

    for count in (1, 40, 400):
        corners = rng.uniform(-20, 100, (count, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(1, 60, (count, 2))], 1)
        scores, labels = rng.uniform(0, 1, count), rng.integers(0, 3, count)
        kept = batched_nms(torch.tensor(boxes), torch.tensor(scores), torch.tensor(labels), iou).numpy()
        found = best_first(suppress(Detections(boxes, scores, labels), iou), 0, count)
        np.testing.assert_array_equal(found.boxes, boxes[kept])
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert len(suppress(nothing, iou)) == 0


def test_boxes_come_back_to_the_picture(tmp_path: Path, spec: OnnxSpec) -> None:
    """Two boxes of one object, one of another class in the same place, one of too low a score."""
    rows = [[16, 16, 8, 8, 0.9, 0.1], [16, 16, 8, 7, 0.8, 0.1], [16, 16, 8, 8, 0.1, 0.7], [4, 4, 2, 2, 0.01, 0.0]]
    file = constant(tmp_path / "net.onnx", np.array(rows, np.float32).T[None])
    picture = np.zeros((32, 64, 3), np.uint8)
    for pad, expected in (("stretch", [24, 12, 40, 20]), ("center", [24, 8, 40, 24]), ("corner", [24, 24, 40, 32])):
        padded = replace(spec, input=InputSpec(size=(32, 32), pad=pad))  # type: ignore[arg-type]
        found, timing = OnnxDetector(file, padded, conf=0.05, iou=0.5).detect(picture)
        assert found.boxes.tolist() == [expected, expected]
        np.testing.assert_allclose(found.scores, [0.9, 0.7])
        assert found.labels.tolist() == [0, 1]
        assert set(timing) == {"preprocess", "inference", "postprocess"}
    assert OnnxDetector(file, spec, conf=0.05, iou=0.5, max_det=1).detect(picture)[0].labels.tolist() == [0]
    assert len(OnnxDetector(file, spec, conf=0.95).detect(picture)[0]) == 0


@pytest.fixture(scope="module")
def yolox(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec that names a YOLOX which really detects."""
    file = data_dir / "weights" / "yolox_nano.onnx"
    if not file.is_file():
        pytest.skip(f"no {file}: a trained YOLOX is needed")
    names = (data_dir / "coco128" / "classes.txt").read_text().split("\n")[:80]
    spec = OnnxSpec(InputSpec("bgr", 255, size=(416, 416), pad="corner"), class_list(names), "yolox")
    return write_spec(tmp_path_factory.mktemp("yolox") / "my_yolox.yaml", spec, file=str(file))


def class_list(names: list[str]) -> dict[int, str]:
    return dict(enumerate(names))


def test_a_real_yolox_finds_what_there_is(yolox: Path, data_dir: Path) -> None:
    """mAP on the 64 pictures is 0.36; red and blue exchanged it is 0.33, with another range 0."""
    detector = load_detector(yolox, conf=0.3, iou=0.5)
    assert detector.description["file"] == "yolox_nano.onnx"
    found_boxes, true_boxes = 0, 0
    for label in sorted((data_dir / "coco128" / "labels").glob("*.txt"))[:12]:
        picture = read_image(data_dir / "coco128" / "images" / f"{label.stem}.jpg")
        height, width = picture.shape[:2]
        rows = np.loadtxt(label, ndmin=2)
        sides = np.array([width, height])
        corners = np.concatenate(
            [(rows[:, 1:3] - rows[:, 3:] / 2) * sides, (rows[:, 1:3] + rows[:, 3:] / 2) * sides], 1
        )
        large = (corners[:, 2:] - corners[:, :2]).prod(1) > 0.04 * width * height
        truth = Detections(corners[large], np.ones(large.sum()), rows[large, 0].astype(int))
        true_boxes += len(truth)
        found_boxes += len(match_boxes(truth, detector.detect(picture)[0], 0.6))
    assert true_boxes > 10
    assert found_boxes / true_boxes > 0.7


# ---- segmentation ----------------------------------------------------------------------------------------------------


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


# ---- stages and files ------------------------------------------------------------------------------------------------


def test_an_enhancer_is_attached_and_taken_away(tmp_path: Path, night: np.ndarray, day: np.ndarray) -> None:
    file = convolution(tmp_path / "net.onnx", stride_two())
    net = OnnxSegmenter(file, OnnxSpec(IMAGENET, class_list(CLASSES), "segmentation"))
    bare = net.segment(night)[0].labels
    assert attach(net, "gamma[gamma=3]", where="source") is net
    stage = EnhancementStage("gamma[gamma=3]")
    for picture, passed in ((night, False), (day, True)):
        seen, timing = net.segment(picture)
        assert seen.gate_passed == passed
        assert timing["enhance"] > 0
        net.stage, expected = None, stage.process(picture).image
        np.testing.assert_array_equal(seen.labels, net.segment(expected)[0].labels)
        attach(net, stage, where="source")
    assert not np.array_equal(net.segment(night)[0].labels, bare)
    assert detach(net) is net
    np.testing.assert_array_equal(net.segment(night)[0].labels, bare)
    with pytest.raises(ScotopicError, match=r'net.onnx is exported, so nothing .* its graph: use where="source"'):
        attach(net, "gamma")


def test_the_stage_of_load_detector_gets_the_name(tmp_path: Path, spec: OnnxSpec, night: np.ndarray) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros((1, 6, 5), np.float32))
    write_image(tmp_path / "bright" / "other.png", night)
    stage = EnhancementStage(f"folder:{tmp_path / 'bright'}", gate="off")
    detector = load_detector(file, spec=spec, stage=stage)
    with pytest.raises(ScotopicError, match="night"):
        detector.detect(night, "night.jpg")
    with pytest.raises(ScotopicError, match='use where="source"'):
        load_detector(file, spec=spec, stage=stage, where="graph")


def test_a_spec_is_found_wherever_it_may_stand(tmp_path: Path, spec: OnnxSpec) -> None:
    (tmp_path / "models").mkdir()
    file = constant(tmp_path / "models" / "net.onnx", np.zeros((1, 6, 5), np.float32))
    far = write_spec(tmp_path / "far.yaml", spec, file="models/net.onnx")
    assert read_onnx_spec(far) == (spec, file)
    assert locate_onnx(far) == locate_onnx(file, far) == locate_onnx(file, spec) == (file, spec)
    with pytest.raises(
        ScotopicError, match=r"write net\.yaml beside it, with input: .* names: .* outputs: ultralytics"
    ):
        load_detector(file)
    write_spec(tmp_path / "models" / "net.yaml", replace(spec, names={0: "a", 1: "b"}))
    detector = load_detector(file)
    assert detector.names == {0: "a", 1: "b"}
    assert detector.description == {
        "file": "net.onnx",
        "sha256": sha256_of(file),
        "framework": detector.description["framework"],
        "task": "detect",
        "device": detector.description["device"],
        "settings": {
            "conf": 0.001,
            "iou": 0.7,
            "max_det": 300,
            "outputs": "ultralytics",
            "input": spec.input.to_dict(),
        },
    }


def test_weights_in_another_file_are_in_the_checksum(tmp_path: Path, spec: OnnxSpec) -> None:
    plain = constant(tmp_path / "plain.onnx", np.zeros((1, 6, 50), np.float32))
    checksums = []
    for value in (0, 1):
        model = onnx.load(plain)
        model.graph.initializer[0].CopyFrom(
            onnx.numpy_helper.from_array(np.full((1, 6, 50), value, np.float32), "seen")
        )
        file = tmp_path / "net.onnx"
        (tmp_path / "net.data").unlink(missing_ok=True)
        onnx.save(model, file, save_as_external_data=True, location="net.data", size_threshold=0)
        checksums.append((sha256_of(file), OnnxDetector(file, spec).description["sha256"]))
    assert checksums[0][0] == checksums[1][0]
    assert checksums[0][1] != checksums[1][1]
    (tmp_path / "net.data").unlink()
    with pytest.raises(ScotopicError, match=r"net\.onnx"):
        OnnxDetector(tmp_path / "net.onnx", spec)


@pytest.mark.parametrize(
    ("output", "shape", "change", "message"),
    [
        ((1, 7, 5), None, {}, r"shape \(1, 7, 5\) is not ultralytics' of 2 classes: expected is \(1, 6, N\)"),
        ((1, 6, 5), None, {"outputs": "yolox"}, r"not YOLOX's of 2 classes at 32x32: expected is \(1, 21, 7\)"),
        ((1, 6, 5), None, {"outputs": "segmentation"}, "is for segmentation, as its spec says"),
        ((1, 6, 5), None, {"names": {0: "a", 5: "b"}}, "gives the class id 1, which its names lack"),
        ((2, 6, 5), None, {}, r"gives an output of shape \(2, 6, 5\), not of one picture"),
        ((1, 6, 5), [1, 3, 48, 64], {}, r"takes pictures of one size only: write size: \[48, 64\] into its spec"),
        ((1, 6, 5), [4, 3, 32, 32], {}, "takes 4 pictures at a time: export it for one"),
        ((1, 6, 5), [1, 32, 32, 3], {}, r"shape \[1, 32, 32, 3\], which in nchw has no 3 colour channels"),
        ((1, 6, 5), [1, 3072], {}, r"shape \[1, 3072\], not a batch of pictures"),
    ],
)
def test_a_file_that_does_not_fit_its_spec_is_refused(
    output: tuple[int, ...],
    shape: list[Any] | None,
    change: dict[str, Any],
    message: str,
    spec: OnnxSpec,
    tmp_path: Path,
) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros(output, np.float32), shape)
    with pytest.raises(ScotopicError, match=message) as raised:
        OnnxDetector(file, replace(spec, **change))
    assert "net.onnx" in str(raised.value)
    assert "\n" not in str(raised.value)


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a]\noutputs: yolox", "my.yaml: the key 'input' is missing"),
        (
            "input: {}\nnames: [a]",
            "my.yaml: the key 'outputs' is missing: write one of ultralytics, yolox, segmentation",
        ),
        ("input: {}\noutputs: yolox", "my.yaml: names is empty"),
        ("input: {}\nnames: [a]\noutputs: yolo", "my.yaml: outputs 'yolo' is unknown: did you mean 'yolox'"),
        ("input: {}\nnames: [a]\noutputs: yolox\nconf: 1", "my.yaml: unknown key 'conf'"),
        ("input: {color: red}\nnames: [a]\noutputs: yolox", "my.yaml, input: color 'red' is not a choice"),
        ("input: {}\nnames: [a]\noutputs: yolox", "my.yaml: the key 'file' is missing"),
        ("input: {}\nnames: [a]\noutputs: yolox\nfile: 3", "my.yaml: file: 3 is not the path"),
        ("input: {}\nnames: [a]\noutputs: yolox\nfile: gone.onnx", r"my.yaml: no ONNX file at .*gone.onnx"),
    ],
)
def test_a_wrong_spec_is_said_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(ScotopicError, match=message) as raised:
        load_detector(tmp_path / "my.yaml")
    assert "\n" not in str(raised.value)


def test_missing_and_damaged_files_are_said_in_one_sentence(tmp_path: Path, spec: OnnxSpec) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "text.onnx").write_text("no graph")
    cut = constant(tmp_path / "cut.onnx", np.zeros((1, 6, 5000), np.float32))
    cut.write_bytes(cut.read_bytes()[:1000])
    for name, message in (
        ("gone.onnx", "no ONNX file at .*gone.onnx: check the path"),
        ("empty.onnx", "empty.onnx is not an ONNX file that can be read"),
        ("text.onnx", "text.onnx is not an ONNX file that can be read"),
        ("cut.onnx", "cut.onnx"),
    ):
        for given in (None, spec):
            with pytest.raises(ScotopicError, match=message) as raised:
                load_detector(tmp_path / name, spec=given)
            assert "\n" not in str(raised.value)
    with pytest.raises(ScotopicError, match=r"a spec belongs to an ONNX file, not to net\.pt"):
        load_detector("net.pt", spec=spec)


def test_a_device_that_is_not_there_is_said(tmp_path: Path, spec: OnnxSpec) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros((1, 6, 5), np.float32))
    assert OnnxDetector(file, spec, device="cpu").description["device"] == "cpu"
    for device, message in (("mps", "cannot use 'mps': use device='cpu'"), ("gpu9", "device 'gpu9' is unknown")):
        with pytest.raises(ScotopicError, match=message):
            OnnxDetector(file, spec, device=device)
