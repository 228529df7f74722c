"""RetinexNet against the port's computation, written down once more, and the picture of the SGZ authors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scotopic.errors import ScotopicError
from scotopic.pipeline.enhancers.learned.retinexnet import RetinexNet
from scotopic.pipeline.image import read_image
from scotopic.pipeline.registry import create_enhancer

from .conftest import State, assert_sensible, read_published, window

Published = Callable[[str], Path]


def straight_line(decom: State, relight: State, x: Tensor) -> Tensor:
    """Height and width are multiples of 8."""

    def conv(state: State, name: str, y: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        y = F.pad(y, (weight.shape[-1] // 2,) * 4, mode="replicate")
        return F.conv2d(y, weight, state[f"{name}.bias"], stride=stride)

    def up(y: Tensor, times: int) -> Tensor:
        return y.repeat_interleave(times, 2).repeat_interleave(times, 3)

    y = conv(decom, "net1_conv0", torch.cat([x.max(1, keepdim=True).values, x], 1))
    for i in range(0, 10, 2):
        y = conv(decom, f"net1_convs.{i}", y).relu()
    y = conv(decom, "net1_recon", y).sigmoid()
    reflectance, full = y[:, :3], conv(relight, "net2_conv0_1", y)
    half = conv(relight, "net2_conv1_1", full, 2).relu()
    quarter = conv(relight, "net2_conv1_2", half, 2).relu()
    eighth = conv(relight, "net2_conv1_3", quarter, 2).relu()
    up1 = conv(relight, "net2_deconv1_1", torch.cat([up(eighth, 2), quarter], 1)).relu()
    up2 = conv(relight, "net2_deconv1_2", torch.cat([up(up1, 2), half], 1)).relu()
    up3 = conv(relight, "net2_deconv1_3", torch.cat([up(up2, 2), full], 1)).relu()
    fused = torch.cat([up(up1, 4), up(up2, 2), up3], 1)
    fused = F.conv2d(fused, relight["net2_fusion.weight"], relight["net2_fusion.bias"])
    return (reflectance * conv(relight, "net2_output", fused)).clamp(0, 1)


@pytest.fixture
def parts(published: Published) -> dict[str, Path]:
    return {part: published(f"retinexnet_pt_{part}.tar") for part in ("decom", "relight")}


def test_is_the_ports_computation(parts: dict[str, Path], dark_pictures: dict[str, np.ndarray]) -> None:
    net = create_enhancer("retinexnet", **parts)
    decom, relight = (read_published(path) for path in parts.values())
    for name in ("2", "Dark7"):
        x = window(dark_pictures[name], 120, 96)
        with torch.inference_mode():
            assert float((net(x) - straight_line(decom, relight, x)).abs().max()) < 1e-5


def test_sizes_that_are_no_multiples_are_padded_and_cropped(parts: dict[str, Path]) -> None:
    net = create_enhancer("retinexnet", **parts)
    x = torch.rand(1, 3, 45, 51) * 0.3
    whole = F.pad(x, (0, 5, 0, 3), mode="replicate")
    with torch.inference_mode():
        assert torch.equal(net(x), net(whole)[..., :45, :51])


def test_is_like_the_picture_of_the_sgz_authors(data_dir: Path, parts: dict[str, Path]) -> None:
    """Theirs comes from the TensorFlow weights, the port was trained anew: alike, not the same."""
    dark, theirs = (
        read_image(data_dir / "sgz_samples" / name)[600:1032, 800:1376] for name in ("Dark7.jpg", "Retinex7.jpg")
    )
    ours = create_enhancer("retinexnet", **parts).enhance(dark)
    assert abs(ours.mean() / theirs.mean() - 1) < 0.15
    small = [cv2.resize(p.astype(np.float32), (36, 27), interpolation=cv2.INTER_AREA) for p in (ours, theirs)]
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.9


def test_brightens_a_real_picture(parts: dict[str, Path], dark_pictures: dict[str, np.ndarray]) -> None:
    dark = dark_pictures["7"][::2, ::2]
    assert_sensible(dark, create_enhancer("retinexnet", **parts).enhance(dark))


def test_one_file_for_both_nets(parts: dict[str, Path], tmp_path: Path) -> None:
    net = create_enhancer("retinexnet", **parts)
    torch.save(net.state_dict(), tmp_path / "both.pth")
    assert create_enhancer("retinexnet", weights=tmp_path / "both.pth").fingerprint() == net.fingerprint()
    spec = f"retinexnet[decom={parts['decom']},relight={parts['relight']}]"
    assert create_enhancer(spec).fingerprint() == net.fingerprint()


def test_one_part_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScotopicError, match=r"decom without relight: give all of decom=FILE,relight=FILE"):
        RetinexNet(decom=tmp_path / "decom.tar")


def test_parts_that_are_swapped_are_refused(parts: dict[str, Path]) -> None:
    with pytest.raises(ScotopicError, match="does not fit RetinexNet"):
        RetinexNet(decom=parts["relight"], relight=parts["decom"])


def test_parameters_of_table_2() -> None:
    count = sum(p.numel() for p in RetinexNet(weights="random").parameters())
    assert count == 555_205
    assert abs(count / 0.555e6 - 1) < 0.02
