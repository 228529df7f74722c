"""Zero-DCE and Zero-DCE++ against the published computation, written down once more, and the authors' picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.pipeline.enhancers.learned.zero_dce import ZeroDCE
from scotopic.pipeline.enhancers.learned.zero_dce_pp import ZeroDCEPlusPlus
from scotopic.pipeline.image import read_image
from scotopic.pipeline.registry import create_enhancer

from .conftest import State, assert_sensible, read_published, window

Published = Callable[[str], Path]
FILES = {"zero_dce": "zerodce_epoch99.pth", "zero_dce_pp": "zerodcepp_epoch99.pth"}


def seven_layers(conv: Callable[[int, Tensor], Tensor], x: Tensor) -> Tensor:
    x1 = conv(1, x).relu()
    x2 = conv(2, x1).relu()
    x3 = conv(3, x2).relu()
    x4 = conv(4, x3).relu()
    x5 = conv(5, torch.cat([x3, x4], 1)).relu()
    x6 = conv(6, torch.cat([x2, x5], 1)).relu()
    return conv(7, torch.cat([x1, x6], 1)).tanh()


def zero_dce(state: State, x: Tensor) -> Tensor:
    maps = seven_layers(lambda i, y: F.conv2d(y, state[f"e_conv{i}.weight"], state[f"e_conv{i}.bias"], padding=1), x)
    for i in range(8):
        x = x + maps[:, 3 * i : 3 * i + 3] * (torch.pow(x, 2) - x)
    return x


def zero_dce_pp(state: State, x: Tensor) -> Tensor:
    """Height and width are multiples of 12."""

    def conv(i: int, y: Tensor) -> Tensor:
        depth = state[f"e_conv{i}.depth_conv.weight"]
        y = F.conv2d(y, depth, state[f"e_conv{i}.depth_conv.bias"], padding=1, groups=depth.shape[0])
        return F.conv2d(y, state[f"e_conv{i}.point_conv.weight"], state[f"e_conv{i}.point_conv.bias"])

    small = F.interpolate(x, scale_factor=1 / 12, mode="bilinear", align_corners=False)
    factor = F.interpolate(seven_layers(conv, small), scale_factor=12, mode="bilinear", align_corners=True)
    for _ in range(8):
        x = x + factor * (torch.pow(x, 2) - x)
    return x


@pytest.mark.parametrize(("name", "oracle"), [("zero_dce", zero_dce), ("zero_dce_pp", zero_dce_pp)])
def test_is_the_published_computation(
    name: str, oracle: Callable[[State, Tensor], Tensor], published: Published, dark_pictures: dict[str, np.ndarray]
) -> None:
    path = published(FILES[name])
    net = create_enhancer(name, weights=path)
    for picture in dark_pictures.values():
        x = window(picture)
        with torch.inference_mode():
            assert float((net(x) - oracle(read_published(path), x)).abs().max()) < 1e-5


@pytest.mark.parametrize(("name", "oracle"), [("zero_dce", zero_dce), ("zero_dce_pp", zero_dce_pp)])
def test_every_layer_stands_where_it_should(name: str, oracle: Callable[[State, Tensor], Tensor]) -> None:
    """Trained layers can be all but silent, large random ones are not."""
    torch.manual_seed(7)
    net = create_enhancer(name, weights="random")
    for parameter in net.parameters():
        parameter.data.normal_(0, 0.1 if name == "zero_dce" else 0.3)
    x = torch.rand(2, 3, 36, 60)
    with torch.inference_mode():
        expected = oracle(dict(net.state_dict()), x)
        assert float((expected - x).abs().mean()) > 0.05
        torch.testing.assert_close(net(x), expected.clamp(0, 1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_brightens_real_pictures(name: str, published: Published, dark_pictures: dict[str, np.ndarray]) -> None:
    net = create_enhancer(name, weights=published(FILES[name]))
    for picture in dark_pictures.values():
        assert_sensible(picture, net.enhance(picture))


def test_zero_dce_is_the_authors_picture(data_dir: Path, published: Published) -> None:
    dark, theirs = (read_image(data_dir / "sgz_samples" / name) for name in ("Dark7.jpg", "ZeroDCE7.jpg"))
    assert dark.shape == theirs.shape
    dark, theirs = (picture[432:-432, 576:-576] for picture in (dark, theirs))  # the middle takes a quarter of the time
    ours = create_enhancer("zero_dce", weights=published(FILES["zero_dce"])).enhance(dark)
    assert abs(ours.mean() - theirs.mean()) < 1
    # Both files have been through JPEG, so single pixels differ; areas of 16x16 do not.
    small = [cv2.resize(p.astype(np.float32), (72, 54), interpolation=cv2.INTER_AREA) for p in (ours, theirs)]
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.999


@pytest.mark.parametrize(("cls", "count"), [(ZeroDCE, 79_416), (ZeroDCEPlusPlus, 10_561)])
def test_parameters_of_table_2(cls: type[ZeroDCE] | type[ZeroDCEPlusPlus], count: int) -> None:
    assert sum(p.numel() for p in cls(weights="random").parameters()) == count


def test_large_pictures_go_through_tile_by_tile() -> None:
    """With the same result, and without ever holding the whole picture's features."""
    torch.manual_seed(7)
    net = ZeroDCE(weights="random").eval()
    for parameter in net.parameters():
        parameter.data.normal_(0, 0.1)
    x = torch.rand(1, 3, 1400, 210) * 0.4
    heights: list[int] = []
    net.e_conv7.register_forward_hook(lambda _module, _inputs, output: heights.append(output.shape[2]))
    with torch.no_grad():
        out = net(x)
    assert len(heights) == 3
    assert max(heights) < 500
    whole = net._apply_curves(x)
    torch.testing.assert_close(out, whole.clamp(0, 1), rtol=0, atol=1e-5)
