"""KinD, EnlightenGAN, DeepUPE and LLNet, whose weights are not to be had: the architectures, written down once more."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.contract import Enhancer
from scotopic.pipeline.enhancers.learned.deepupe import DeepUPE
from scotopic.pipeline.enhancers.learned.enlightengan import EnlightenGAN
from scotopic.pipeline.enhancers.learned.kind import KinD
from scotopic.pipeline.enhancers.learned.llnet import LLNet
from scotopic.pipeline.registry import create_enhancer, enhancer_info

from .conftest import State

WITHOUT_WEIGHTS = ("kind", "enlightengan", "deepupe", "llnet")


def stirred(net: Enhancer, deviation: float = 0.05) -> Enhancer:
    """With parameters so large that no layer can be missed, the same every time."""
    generator = torch.Generator().manual_seed(11)
    for name, value in net.state_dict().items():
        if "running_var" in name:
            value += torch.rand(value.shape, generator=generator)
        elif value.is_floating_point():
            value += torch.randn(value.shape, generator=generator) * deviation
    return net.eval()


def conv(state: State, name: str, x: Tensor, padding: int = 1, stride: int = 1) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), padding=padding, stride=stride)


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_says_where_weights_are_and_under_which_licence(name: str) -> None:
    with pytest.raises(ScotopicError) as refusal:
        create_enhancer(name)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{name} has no weights that can be fetched: ")
    assert "licence" in sentence
    assert f"{name}[" in sentence
    assert "weights=random gives an untrained net" in sentence
    assert enhancer_info(name).commercial is not True


def test_parameters_of_table_2() -> None:
    """KinD has 1.8 % less than the table says; its docstring tells."""
    for net, millions in ((KinD(weights="random"), 8.160), (EnlightenGAN(weights="random"), 8.637)):
        assert abs(sum(p.numel() for p in net.parameters()) / (millions * 1e6) - 1) < 0.02


def kind_oracle(state: State, x: Tensor, ratio: float) -> Tensor:
    def act(name: str, y: Tensor) -> Tensor:
        return F.leaky_relu(conv(state, name, y), 0.01)

    def up(name: str, y: Tensor) -> Tensor:
        return F.leaky_relu(F.conv_transpose2d(y, state[f"{name}.weight"], state[f"{name}.bias"], stride=2), 0.01)

    d = "decom_net."
    c0 = act(d + "conv_input", x)
    c1 = act(d + "conv_r1", F.max_pool2d(c0, 2))
    c2 = act(d + "conv_r2", F.max_pool2d(c1, 2))
    c3 = act(d + "conv_r3", torch.cat([c1, up(d + "deconv_r1", c2)], 1))
    c4 = act(d + "conv_r4", torch.cat([c0, up(d + "deconv_r2", c3)], 1))
    reflectance = conv(state, d + "conv_r5", c4).sigmoid()
    light = conv(state, d + "conv_i2", torch.cat([c4, act(d + "conv_i1", c0)], 1)).sigmoid()

    r = "restore_net."
    levels = [torch.cat([reflectance, light], 1)]
    for k in range(1, 6):
        y = levels[-1] if k == 1 else F.max_pool2d(levels[-1], 2)
        levels.append(act(f"{r}conv{k}_2", act(f"{r}conv{k}_1", y)))
    y = levels[5]
    for k in range(6, 10):
        y = torch.cat([levels[10 - k], up(f"{r}upv{k}", y)], 1)
        y = act(f"{r}conv{k}_2", act(f"{r}conv{k}_1", y))
    restored = conv(state, r + "conv10_1", y, padding=0).sigmoid()

    y = torch.cat([light, torch.full_like(light, ratio)], 1)
    for k in (1, 2, 3):
        y = act(f"illum_net.conv_i{k}", y)
    return restored * conv(state, "illum_net.conv_i4", y).sigmoid()


def test_kind_is_the_ports_computation() -> None:
    net = stirred(KinD(weights="random", ratio=3), 0.02)
    x = torch.rand(1, 3, 48, 32)
    with torch.inference_mode():
        expected = kind_oracle(dict(net.state_dict()), x, 3)
        assert float(expected.std()) > 0.005
        torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-5)


def test_kind_loads_the_three_files_of_the_port(tmp_path: Path) -> None:
    """In which plain layers bear no further name, and the others are wrapped together with their activation."""
    net = stirred(KinD(weights="random"))
    files = {}
    for part in ("decom", "restore", "illum"):
        state = {}
        for key, value in getattr(net, f"{part}_net").state_dict().items():
            layer, _, kind = key.rpartition(".")
            plain = layer in ("conv_r5", "conv_i2" if part == "decom" else "conv_i4", "conv10_1")
            wrapped = "" if plain else ".deconv_relu.0" if layer.startswith(("deconv", "upv")) else ".conv_relu.0"
            state[f"{layer}{wrapped}.{kind}"] = value
        files[part] = tmp_path / f"{part}_net.pth"
        torch.save(state, files[part])
    loaded = create_enhancer("kind", **files)
    assert loaded.fingerprint() == net.fingerprint()
    with pytest.raises(ScotopicError, match="decom_net, illum_net without restore_net"):
        create_enhancer("kind", decom=files["decom"], illum=files["illum"])


@pytest.mark.parametrize("ratio", [0, -1, float("nan"), 1000, True, "5"])
def test_kind_refuses_ratios_that_make_no_sense(ratio: object) -> None:
    with pytest.raises(ScotopicError, match="ratio="):
        create_enhancer("kind", weights="random", ratio=ratio)


def enlightengan_oracle(state: State, x: Tensor) -> Tensor:
    def layer(name: str, y: Tensor) -> Tensor:
        y = F.leaky_relu(conv(state, f"conv{name}", y), 0.2)
        if name == "9_2":
            return y
        mean, variance, weight, bias = (
            state[f"bn{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean) / (variance + 1e-5).sqrt() * weight + bias

    signed = x * 2 - 1
    red, green, blue = (signed + 1).unbind(1)
    grey = (1 - (0.299 * red + 0.587 * green + 0.114 * blue) / 2).unsqueeze(1)
    greys = [grey]
    for _ in range(4):
        greys.append(F.max_pool2d(greys[-1], 2))
    skips, y = [], torch.cat([signed, grey], 1)
    for k in range(1, 5):
        y = layer(f"{k}_2", layer(f"{k}_1", y))
        skips.append(y * greys[k - 1])
        y = F.max_pool2d(y, 2)
    y = layer("5_2", layer("5_1", y) * greys[4])
    for k in range(6, 10):
        y = conv(state, f"deconv{k - 1}", F.interpolate(y, scale_factor=2, mode="bilinear"))
        y = layer(f"{k}_2", layer(f"{k}_1", torch.cat([y, skips[9 - k]], 1)))
    return (signed + grey * conv(state, "conv10", y, padding=0)) / 2 + 0.5


def test_enlightengan_is_the_published_computation() -> None:
    net = stirred(EnlightenGAN(weights="random"), 0.02)
    x = torch.rand(1, 3, 48, 32)
    with torch.inference_mode():
        expected = enlightengan_oracle(dict(net.state_dict()), x)
        assert float((expected - x).abs().mean()) > 0.005
        torch.testing.assert_close(net(x), expected.clamp(0, 1), rtol=0, atol=1e-4)


def test_enlightengan_has_the_layers_of_its_authors_file(tmp_path: Path) -> None:
    """Whose names, as torch.nn.DataParallel saves them, load as they are."""
    net = EnlightenGAN(weights="random")
    names = {key.partition(".")[0] for key in net.state_dict()}
    blocks = {f"{kind}{level}_{number}" for kind in ("conv", "bn") for level in range(1, 10) for number in (1, 2)}
    assert names == blocks - {"bn9_2"} | {"deconv5", "deconv6", "deconv7", "deconv8", "conv10"}
    torch.save({f"module.{key}": value for key, value in net.state_dict().items()}, tmp_path / "200_net_G_A.pth")
    assert EnlightenGAN(weights=tmp_path / "200_net_G_A.pth").fingerprint() == net.fingerprint()


def slice_by_hand(grid: Tensor, level: float, row: int, column: int, size: tuple[int, int]) -> Tensor:
    """One picture's grid (12, 8, 16, 16) at one pixel, by the eight neighbours: (3, 4)."""
    places = [(row + 0.5) * 16 / size[0] - 0.5, (column + 0.5) * 16 / size[1] - 0.5, level * 8 - 0.5]
    matrix = torch.zeros(12)
    for corner in range(8):
        share, cell = 1.0, []
        for axis, (place, last) in enumerate(zip(places, (15, 15, 7), strict=True)):
            low = int(torch.tensor(place).floor())
            near = low + (corner >> axis & 1)
            share *= 1 - abs(place - near)
            cell.append(min(max(near, 0), last))
        matrix += share * grid[:, cell[2], cell[0], cell[1]]
    return matrix.view(4, 3).T


def test_deepupe_slices_its_grid_pixel_by_pixel() -> None:
    net = stirred(DeepUPE(weights="random"), 0.02)
    assert isinstance(net, DeepUPE)
    x = torch.rand(1, 3, 24, 37)
    with torch.inference_mode():
        grid = net.coefficients(F.interpolate(x, size=(256, 256), mode="bilinear"))[0]
        levels, out = net.guide(x), net(x)
        for row, column in ((0, 0), (23, 36), (5, 30), (12, 17)):
            colour = x[0, :, row, column]
            matrix = slice_by_hand(grid, float(levels[0, 0, row, column]), row, column, (24, 37))
            light = torch.maximum((matrix[:, :3] @ colour + matrix[:, 3]).clamp(max=1), colour)
            torch.testing.assert_close(out[0, :, row, column], colour / light, rtol=0, atol=1e-5)
        assert bool((out >= x).all())


def test_deepupes_guide_is_a_curve_of_each_colour() -> None:
    guide = DeepUPE(weights="random").guide
    with torch.no_grad():
        grey = torch.linspace(0, 1, 9).expand(1, 3, 1, 9)
        torch.testing.assert_close(guide(grey)[:, :1], grey[:, :1])
        guide.slopes[:, 8] = -1  # from one half on, the curve is flat
        torch.testing.assert_close(guide(grey)[:, :1], grey[:, :1].clamp(max=0.5))


def test_llnet_averages_overlapping_patches() -> None:
    net = stirred(LLNet(weights="random"), 0.003)
    state = net.state_dict()
    x = torch.rand(1, 3, 20, 23)
    with torch.inference_mode():
        wide = F.pad(x, (15, 15, 15, 15), mode="replicate")[0]
        total, count = torch.zeros_like(wide), torch.zeros_like(wide)
        for top in range(0, wide.shape[1] - 16, 3):
            for left in range(0, wide.shape[2] - 16, 3):
                y = wide[:, top : top + 17, left : left + 17].reshape(-1)
                for layer in range(6):
                    y = (state[f"layers.{layer}.weight"].flatten(1) @ y + state[f"layers.{layer}.bias"]).sigmoid()
                total[:, top : top + 17, left : left + 17] += y.view(3, 17, 17)
                count[:, top : top + 17, left : left + 17] += 1
        torch.testing.assert_close(net(x)[0], (total / count)[:, 15:35, 15:38], rtol=0, atol=1e-5)


def test_llnet_has_the_authors_layers() -> None:
    shapes = [tuple(value.shape[:2]) for key, value in LLNet(weights="random").state_dict().items() if "weight" in key]
    assert shapes == [(2000, 3), (1900, 2000), (1800, 1900), (1900, 1800), (2000, 1900), (867, 2000)]
