"""The stage: colour order, gate, strength, pads, export, training."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Enhancer, EnhancerInfo, to_batch, to_image
from scotopic.pipeline.enhancers.learned.sgz import SGZ
from scotopic.pipeline.gate import DarknessGate, VideoGate
from scotopic.pipeline.registry import create_enhancer
from scotopic.pipeline.stage import EnhancementStage, blend, letterbox_pads

PAD = 114


class RedOnly(Enhancer):
    """Brightens the first channel alone, so that a swap of channels shows."""

    info = EnhancerInfo(name="red-only", summary="Red.")

    def transform(self, x: Tensor) -> Tensor:
        return torch.cat((x[:, :1] + 0.5, x[:, 1:]), 1)


@pytest.fixture
def night(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 60, (40, 56, 3), np.uint8)


@pytest.fixture
def day(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(60, 256, (40, 56, 3), np.uint8)


def framed(picture: np.ndarray, top: int, bottom: int, left: int, right: int) -> np.ndarray:
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)), constant_values=PAD)


def test_rgb_and_bgr_are_told_apart(night: np.ndarray) -> None:
    expected = night.copy()
    expected[..., 0] = np.minimum(night[..., 0] + 127.5 + 1e-3, 255).round()
    rgb = EnhancementStage(RedOnly(), color="rgb")
    bgr = EnhancementStage(RedOnly(), color="bgr")
    assert np.abs(rgb.process(night).image.astype(int) - expected).max() <= 1
    swapped = np.ascontiguousarray(night[..., ::-1])
    assert np.array_equal(bgr.process(swapped).image[..., ::-1], rgb.process(night).image)
    x = to_batch(night)
    assert torch.equal(bgr(x.flip(1)).flip(1), rgb(x))
    assert np.abs(to_image(rgb(x)).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_process_and_forward_agree(night: np.ndarray, color: Any, strength: float) -> None:
    stage = EnhancementStage("gamma", color=color, strength=strength)
    assert np.abs(to_image(stage(to_batch(night))).astype(int) - stage.process(night).image).max() <= 1


def test_the_gate_lets_day_pass_bit_identical(day: np.ndarray) -> None:
    stage = EnhancementStage("clahe", color="bgr")
    result = stage.process(day)
    assert result.image is day
    assert not result.enhanced
    assert result.darkness is not None
    assert result.darkness.dark_share == result.opening == 0
    assert result.timing_ms.keys() == {"gate"}
    x = to_batch(day)
    out = stage(x)
    assert torch.equal(out, x)
    assert out.data_ptr() != x.data_ptr()


def test_night_is_enhanced_and_timed(night: np.ndarray) -> None:
    before = night.copy()
    result = EnhancementStage("gamma", strength=0.5).process(night)
    assert result.enhanced
    assert result.image.mean() > night.mean() + 20
    assert result.timing_ms.keys() == {"gate", "enhance", "blend"}
    assert min(result.timing_ms.values()) >= 0
    assert np.array_equal(night, before)


def test_gate_off_enhances_the_day_too(day: np.ndarray) -> None:
    stage = EnhancementStage("gamma", gate="off")
    result = stage.process(day)
    assert result.enhanced
    assert result.darkness is None
    assert result.image.mean() > day.mean()
    assert float(stage(to_batch(day)).mean()) > day.mean() / 255


def test_frames_of_a_batch_are_judged_by_themselves(night: np.ndarray, day: np.ndarray) -> None:
    stage = EnhancementStage("gamma")
    x = torch.cat((to_batch(night), to_batch(day)))
    out = stage(x)
    assert torch.equal(out[1], x[1])
    assert torch.equal(out[:1], stage(x[:1]))
    assert float((out[0] - x[0]).mean()) > 0.1


@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_strength_blends(night: np.ndarray, color: Any) -> None:
    stages = {s: EnhancementStage("gamma", strength=s, color=color) for s in (0, 0.5, 1)}
    full = create_enhancer("gamma").enhance(night)
    assert np.array_equal(stages[0].process(night).image, night)
    assert np.array_equal(stages[1].process(night).image, full)
    half = (night.astype(float) + full) / 2
    assert np.abs(stages[0.5].process(night).image - half).max() <= 0.5
    x = to_batch(night)
    assert torch.equal(stages[0](x), x)
    torch.testing.assert_close(stages[0.5](x), (x + stages[1](x)) / 2)


def test_blend_takes_all_levels() -> None:
    black, white = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)
    assert blend(white, black, 0.2).max() == 204
    assert blend(black, white, 0.2).max() == 51


@pytest.mark.parametrize("pads", [(12, 13, 0, 0), (0, 0, 9, 8), (5, 0, 0, 7), (3, 4, 5, 6), (0, 0, 0, 0)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_letterbox_pads_stay_as_they_are(
    night: np.ndarray, pads: tuple[int, int, int, int], dtype: torch.dtype
) -> None:
    top, _, left, _ = pads
    x = to_batch(framed(night, *pads)).to(dtype)
    out = EnhancementStage("gamma", color="bgr")(x)
    content = torch.zeros(x.shape[-2:], dtype=torch.bool)
    content[top : top + 40, left : left + 56] = True
    assert torch.equal(out[..., ~content], x[..., ~content])
    assert float((out - x)[..., content].float().mean()) > 0.1


def test_pads_are_counted_from_the_edges() -> None:
    picture = np.full((20, 20, 3), 30, np.uint8)
    picture[10] = PAD  # a grey line across the road
    picture[0, 5:] = PAD  # an edge that is not wholly grey
    assert not letterbox_pads(to_batch(picture)).any()
    assert int(letterbox_pads(to_batch(framed(picture, 2, 0, 0, 0))).sum()) == 40


def test_a_neighbouring_grey_is_no_pad() -> None:
    for level, is_pad in ((113, False), (114, True), (115, False)):
        picture = np.full((6, 4, 3), 20, np.uint8)
        picture[:2] = level
        assert bool(letterbox_pads(to_batch(picture)).any()) == is_pad


@pytest.mark.parametrize("gate", ["auto", "off"])
def test_a_picture_of_pads_alone_stays(gate: Any) -> None:
    x = torch.full((2, 3, 32, 32), PAD / 255)
    assert torch.equal(EnhancementStage("gamma", gate=gate)(x), x)


def test_output_stays_in_range_where_the_input_is_a_hair_outside() -> None:
    x = torch.linspace(-5e-4, 1 + 5e-4, 3 * 16 * 16).view(1, 3, 16, 16)
    for stage in (EnhancementStage("gamma"), EnhancementStage("gamma", gate="off", strength=0.3)):
        out = stage(x)
        assert float(out.min()) >= 0
        assert float(out.max()) <= 1


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (1, 9), (31, 33)], ids=str)
def test_any_size(size: tuple[int, int], rng: np.random.Generator) -> None:
    picture = rng.integers(0, 40, (*size, 3), np.uint8)
    for name in ("none", "gamma", "clahe", "sgz[weights=random]"):
        stage = EnhancementStage(name)
        assert stage.process(picture).image.shape == picture.shape
        assert stage(to_batch(picture)).shape == (1, 3, *size)


def test_options_may_stand_in_the_name() -> None:
    stage = EnhancementStage("gamma[gamma=1.8,gate=off,strength=0.7,color=bgr]")
    assert (stage.gate, stage.strength, stage.color) == (None, 0.7, "bgr")
    assert vars(stage.enhancer)["gamma"] == 1.8


def test_gate_of_ones_own(day: np.ndarray) -> None:
    gate = DarknessGate(intercept=100)
    assert EnhancementStage("gamma", gate=gate).process(day).opening == 1


def test_gate_from_a_file(day: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "open.yaml"
    file.write_text(yaml.safe_dump(asdict(DarknessGate(intercept=100))))
    for stage in (EnhancementStage("gamma", gate=str(file)), EnhancementStage(f"gamma[gate={file}]")):
        assert stage.process(day).enhanced


@pytest.fixture
def dusk(rng: np.random.Generator) -> np.ndarray:
    """A frame for which the gate is about half open."""
    gate, noise = DarknessGate(), rng.random((40, 56, 3))
    pictures = ((noise * top).astype(np.uint8) for top in range(150, 100, -1))
    return next(picture for picture in pictures if 0.3 < gate.opening(gate.measure(picture)) < 0.7)


@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_dusk_is_blended(dusk: np.ndarray, day: np.ndarray, night: np.ndarray, color: Any) -> None:
    picture = dusk if color == "rgb" else np.ascontiguousarray(dusk[..., ::-1])
    stage = EnhancementStage("gamma", color=color, strength=0.8)
    result = stage.process(picture)
    assert result.enhanced
    full = create_enhancer("gamma").enhance(picture).astype(float)
    assert np.abs(result.image - (picture + 0.8 * result.opening * (full - picture))).max() <= 1
    x = torch.cat([to_batch(frame) for frame in (picture, day, night)])
    out = stage(x)
    assert stage.frames_to_enhance(x).flatten().tolist() == [True, False, True]
    assert np.abs(to_image(out[:1]).astype(int) - result.image).max() <= 1
    assert torch.equal(out[1], x[1])
    whole = EnhancementStage("gamma", color=color)
    assert torch.equal(whole(x)[2], whole(x[2:])[0]), "a frame at full strength does not mind its neighbours"


def test_in_a_video_the_gate_remembers(day: np.ndarray, night: np.ndarray) -> None:
    stage = EnhancementStage("gamma")
    assert stage.gate is not None
    video = VideoGate(stage.gate, dwell=4)
    found = [stage.process(frame, video=video).opening for frame in [day, *[night] * 6, *[day] * 6]]
    assert found == [0, 0, 0, 0, 0.25, 0.5, 0.75, 0.5, 0.25, 0, 0, 0, 0]
    assert stage.process(day).opening == 0
    assert stage.process(night).opening == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"enhancer": 3}, "takes an Enhancer or the name of one, not int"),
        ({"enhancer": nn.Identity()}, "not Identity"),
        ({"enhancer": "gama"}, "did you mean 'gamma'"),
        ({"enhancer": "gamma[strenth=1]"}, "no parameter 'strenth'"),
        ({"color": "RGB"}, "colour order 'RGB' is unknown: use 'rgb' or 'bgr'"),
        ({"gate": "on"}, "gate 'on' is unknown: use 'auto' or 'off', or the YAML file"),
        ({"gate": False}, "gate False is unknown"),
        ({"strength": 1.5}, r"strength 1\.5 is not a number in \[0, 1\]"),
        ({"strength": -0.1}, "strength"),
        ({"strength": float("nan")}, "strength nan"),
        ({"strength": True}, "strength True"),
        ({"strength": "0.5"}, "strength '0.5'"),
        ({"enhancer": "gamma[gate=maybe]"}, "gate 'maybe' is unknown"),
    ],
    ids=str,
)
def test_bad_options_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScotopicError, match=sentence):
        EnhancementStage(**{"enhancer": "gamma", **options})


def test_bad_input_is_named() -> None:
    stage = EnhancementStage("gamma")
    with pytest.raises(ScotopicError, match="divide 8-bit values by 255"):
        stage(torch.full((1, 3, 4, 4), 80.0))
    with pytest.raises(ScotopicError, match="NaN"):
        stage(torch.full((1, 3, 4, 4), float("nan")))
    with pytest.raises(ScotopicError, match="float32"):
        stage.process(np.zeros((4, 4, 3), np.float32))


def test_run_takes_whatever_is_in_memory() -> None:
    junk = torch.full((1, 3, 32, 32), float("nan"))
    assert EnhancementStage("gamma").run(junk).shape == junk.shape


def test_gradients_reach_the_enhancer_from_dark_frames_only(night: np.ndarray, day: np.ndarray) -> None:
    torch.manual_seed(0)
    stage = EnhancementStage(SGZ(weights="random"))
    assert not any(module.training for module in stage.modules())
    stage.train()
    stage(to_batch(night)).sum().backward()
    gradients = [p.grad for p in stage.parameters()]
    assert all(g is not None and bool(torch.isfinite(g).all()) and float(g.abs().max()) > 0 for g in gradients)
    stage.zero_grad()
    x = torch.cat((to_batch(night), to_batch(day))).requires_grad_()
    stage(x)[1].sum().backward()
    assert x.grad is not None
    inside = (x[1] > 0) & (x[1] < 1)  # clamping has no gradient at the ends
    assert bool((x.grad[1][inside] == 1).all())
    assert all(g is None or not g.any() for g in (p.grad for p in stage.parameters()))


def test_stays_the_same_after_saving(night: np.ndarray) -> None:
    stage = EnhancementStage(SGZ(weights="random"), color="bgr", strength=0.6)
    other = copy.deepcopy(stage)
    for parameter in other.parameters():
        parameter.data.zero_()
    other.load_state_dict(stage.state_dict())
    assert torch.equal(other(to_batch(night)), stage(to_batch(night)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_onnx_has_the_gate_and_the_pads_inside(
    night: np.ndarray, day: np.ndarray, exporter: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnxscript", reason='pip install "scotopic[onnx]"')
    onnxruntime = pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')
    torch.manual_seed(2)
    enhancer = SGZ(weights="random")
    for parameter in enhancer.parameters():
        parameter.data.normal_(0, 0.3)
    stage = EnhancementStage(enhancer, color="bgr", strength=0.8)
    file = tmp_path / "stage.onnx"
    example = torch.cat((to_batch(night), to_batch(day)))
    if exporter == "dynamo":
        free = torch.export.Dim.DYNAMIC
        shapes = ({0: free, 2: free, 3: free},)
        torch.onnx.export(stage, (example,), file, input_names=["in"], dynamic_shapes=shapes, verbose=False)
    else:
        axes = {"in": {0: "batch", 2: "height", 3: "width"}}
        torch.onnx.export(stage, (example,), file, input_names=["in"], dynamic_axes=axes, dynamo=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pads = (3, 4, 5, 6)
    frames = [framed(night, *pads), framed(day, *pads), framed(night // 2, *pads)]
    other = torch.cat([to_batch(frame) for frame in frames])
    (out,) = session.run(None, {"in": other.numpy()})
    with torch.no_grad():
        expected = stage(other)
    assert np.abs(out - expected.numpy()).max() < 1e-4
    assert np.array_equal(out[1], other[1].numpy())
    assert np.array_equal(out[0, :, :3], other[0, :, :3].numpy())
    assert np.abs(out[0] - other[0].numpy()).mean() > 0.01


@pytest.mark.parametrize("pads", [(3, 0, 0, 0), (0, 5, 0, 0), (4, 4, 0, 0), (0, 0, 6, 2), (20, 0, 0, 0)])
@pytest.mark.parametrize("gate", ["auto", "off"])
def test_process_keeps_letterbox_pads_as_forward_does(pads: tuple[int, int, int, int], gate: Any) -> None:
    top, bottom, left, right = pads
    image = np.random.default_rng(1).integers(0, 60, (40, 48, 3)).astype(np.uint8)
    padded = np.pad(image, ((top, bottom), (left, right), (0, 0)), constant_values=114)
    stage = EnhancementStage("gamma", gate=gate)
    result = stage.process(padded)
    expected = to_image(stage(to_batch(padded)))
    assert np.abs(result.image.astype(int) - expected).max() <= 1
    assert result.enhanced
    inside = (slice(top, top + 40), slice(left, left + 48))
    np.testing.assert_array_equal(result.image[inside], stage.process(image).image)
    outside = np.ones(padded.shape[:2], bool)
    outside[inside] = False
    assert (result.image[outside] == 114).all()


def test_an_option_given_twice_must_be_the_same() -> None:
    assert EnhancementStage("gamma[strength=0.5]", strength=0.5).strength == 0.5
    with pytest.raises(ScotopicError, match=r"argument strength=0\.8 differ"):
        EnhancementStage("gamma[strength=0.5]", strength=0.8)
