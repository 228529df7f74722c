"""`iat`: illumination-adaptive transformer (Cui et al., BMVC 2022)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters
from .tiles import CACHED_TILE, in_tiles

WIDTH = 16
REACH = 11
"""Pixels that the local branch sees on each side: 1, then 3 (3x3 and 5x5) in each of three blocks, then 1."""
QUERIES = 10
"""One for gamma, nine for the colour matrix."""
GLOBAL_WIDTH = 64
HEADS = 4


@register_enhancer
class IAT(Enhancer):
    """A local branch that multiplies and adds per pixel, a global one that gives a colour matrix and a gamma.

    ``y = clamp(M (x * multiply + add)) ** gamma`` (eq. 3 of the paper). The local branch is convolutional at full
    resolution, 16 channels wide; the global one lets ten learned queries attend to the picture shrunk four times.
    Without gradients the local branch, which needs by far the most memory, works tile by tile, with the same result;
    the global one always sees the whole picture.

    Args:
        weights: a path, a name in the manifest, a URL, or ``"random"`` for an untrained net, which starts as the
            identity plus noise. The default are the authors' for LOL-v1 (Apache-2.0), downloaded when first used.
        tile: pixels along a side of a tile of the local branch; 0 takes the picture whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that cannot be had, are damaged, or made for another net.

    >>> net = IAT(weights="random").eval()
    >>> tuple(net(torch.rand(2, 3, 13, 7)).shape)
    (2, 3, 13, 7)
    """

    info = EnhancerInfo(
        name="iat",
        summary="Per-pixel maps by convolutions, a gamma and a colour matrix by attention.",
        paper="Cui et al.: You Only Need 90K Parameters to Adapt Light: a Light Weight Transformer (BMVC)",
        year=2022,
        kind="supervised",
        learned=True,
        params=91_154,
        code_licence="Apache-2.0",
        weights_licence="Apache-2.0",
        commercial=True,
        needs_weights=True,
        cost="heavy",
    )

    def __init__(self, weights: str | Path = "iat-lol_v1", *, tile: int = CACHED_TILE) -> None:
        super().__init__()
        check_count("tile", tile, 0)
        self.tile = tile
        self.local_net = LocalBranch()
        self.global_net = GlobalBranch()
        fill_parameters(self, weights, _initialise)
        if weights == "random":
            nn.init.ones_(self.local_net.get_parameter("mul_end.0.bias"))

    def transform(self, x: Tensor) -> Tensor:
        gamma, matrix = self.global_net(x)
        local = in_tiles(self.local_net, x, REACH, self.tile)
        coloured = torch.einsum("nij,njhw->nihw", matrix, local)
        # Not from 0, where the power has no finite gradient; 1e-8, the authors' bound, is 0 in half precision.
        return coloured.clamp(max(1e-8, torch.finfo(x.dtype).tiny), 1.0) ** gamma[:, None, None, None]


class ColourNorm(nn.Module):
    """A learned matrix across the channels, then a scale and a shift of each: (N, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))
        self.color = nn.Parameter(torch.eye(channels))

    def forward(self, x: Tensor) -> Tensor:
        # All of it is one 1x1 convolution.
        scale = self.alpha.reshape(-1, 1)
        return F.conv2d(x, (scale * self.color)[:, :, None, None], self.beta.reshape(-1))


class FeedForward(nn.Module):
    """Two layers with GELU between them."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.fc1 = first
        self.fc2 = second

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class LocalBlock(nn.Module):
    """A transformer block with convolutions in place of attention: (N, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = ColourNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.attn = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        self.norm2 = ColourNorm(channels)
        self.mlp = FeedForward(nn.Conv2d(channels, 4 * channels, 1), nn.Conv2d(4 * channels, channels, 1))
        self.gamma_1 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-4))
        self.gamma_2 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-4))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pos_embed(x)
        x = x + self.gamma_1 * self.conv2(self.attn(self.conv1(self.norm1(x))))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class LocalBranch(nn.Module):
    """(N, 3, H, W) -> ``x * multiply + add`` of the same shape, with a map each, per pixel and channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.mul_blocks = nn.Sequential(*(LocalBlock(WIDTH) for _ in range(3)))
        self.add_blocks = nn.Sequential(*(LocalBlock(WIDTH) for _ in range(3)))
        self.mul_end = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1))
        self.add_end = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        features = F.leaky_relu(self.conv1(x), 0.2)
        multiply = F.relu(self.mul_end(self.mul_blocks(features) + features))
        add = torch.tanh(self.add_end(self.add_blocks(features) + features))
        return x * multiply + add


class QueryAttention(nn.Module):
    """Learned queries look at all positions: (N, L, C) -> (N, QUERIES, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q = nn.Parameter(torch.ones(1, QUERIES, channels))
        self.k = nn.Linear(channels, channels, bias=False)
        self.v = nn.Linear(channels, channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            y.unflatten(2, (HEADS, -1)).transpose(1, 2)
            for y in (self.q.to(x.dtype).expand(x.shape[0], -1, -1), self.k(x), self.v(x))
        )
        return self.proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class QueryBlock(nn.Module):
    """(N, C, H, W) -> (N, QUERIES, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = nn.LayerNorm(channels)
        self.attn = QueryAttention(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = FeedForward(nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        x = self.attn(self.norm1((x + self.pos_embed(x)).flatten(2).transpose(1, 2)))
        return x + self.mlp(self.norm2(x))


class Embedding(nn.Module):
    """(N, 3, H, W) -> (N, GLOBAL_WIDTH, H/4, W/4), rounded up."""

    def __init__(self) -> None:
        super().__init__()
        half = GLOBAL_WIDTH // 2
        self.proj = nn.Sequential(
            nn.Conv2d(3, half, 3, stride=2, padding=1),
            nn.BatchNorm2d(half),
            nn.GELU(),
            nn.Conv2d(half, GLOBAL_WIDTH, 3, stride=2, padding=1),
            nn.BatchNorm2d(GLOBAL_WIDTH),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class GlobalBranch(nn.Module):
    """(N, 3, H, W) -> gamma (N,) and the colour matrix (N, 3, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma_base = nn.Parameter(torch.ones(1))
        self.color_base = nn.Parameter(torch.eye(3))
        self.conv_large = Embedding()
        self.generator = QueryBlock(GLOBAL_WIDTH)
        self.gamma_linear = nn.Linear(GLOBAL_WIDTH, 1)
        self.color_linear = nn.Linear(GLOBAL_WIDTH, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        answers = self.generator(self.conv_large(x))
        gamma = self.gamma_linear(answers[:, 0]).squeeze(1) + self.gamma_base
        matrix = self.color_linear(answers[:, 1:]).reshape(-1, 3, 3) + self.color_base
        return gamma, matrix


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02) without bias: the maps and the matrix start near the identity."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
