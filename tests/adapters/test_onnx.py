"""ONNX files of any origin: stages in front of them, specs that say what they mean, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic import EnhancementStage, ScotopicError, attach, detach
from scotopic.adapters.detectors import detector_files, load_detector
from scotopic.adapters.onnx import OnnxDetector, OnnxSegmenter
from scotopic.adapters.onnx_file import OnnxSpec, locate_onnx, read_onnx_spec
from scotopic.files import sha256_of
from scotopic.pipeline.image import write_image

from .onnx_nets import CLASSES, IMAGENET, class_list, constant, convolution, onnx, stride_two, write_spec


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


def test_a_file_that_names_its_enhancer_gets_no_second_one(tmp_path: Path, spec: OnnxSpec) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros((1, 6, 5), np.float32))
    written = onnx.load(file)
    onnx.helper.set_model_props(written, {"scotopic_enhancer": "sgz"})
    onnx.save(written, file)
    detector = OnnxDetector(file, spec)
    assert detector.description["enhancer"] == "sgz"
    with pytest.raises(ScotopicError, match=r"net\.onnx was exported with the enhancer 'sgz' in its graph: use it as"):
        attach(detector, "gamma", where="source")


def test_the_files_of_a_detector_in_onnx(tmp_path: Path, spec: OnnxSpec) -> None:
    file = constant(tmp_path / "net.onnx", np.zeros((1, 6, 50), np.float32))
    assert detector_files(file) == [file]
    onnx.save(onnx.load(file), file, save_as_external_data=True, location="net.data", size_threshold=0)
    beside = write_spec(tmp_path / "net.yaml", spec)
    assert detector_files(file) == [beside, file, tmp_path / "net.data"]
    elsewhere = write_spec(tmp_path / "mine.yaml", spec, file="net.onnx")
    assert [path.name for path in detector_files(elsewhere)] == ["mine.yaml", "net.onnx", "net.data"]


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
