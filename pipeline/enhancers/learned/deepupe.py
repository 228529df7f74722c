"""`deepupe`: underexposed photo enhancement by illumination estimation (Wang et al., CVPR 2019)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...contract import Enhancer, EnhancerInfo, being_traced
from ...registry import register_enhancer
from .checks import check_count
from .loading import fill_parameters, no_weights
from .tiles import spans

SIZE = 256
"""Height and width of the shrunken picture that the coefficients come from."""
BINS = 8
"""Levels of brightness in the bilateral grid, which has 16x16 places."""
WIDTH = 64
TILE = 128
"""Twelve coefficients of so many pixels stay in the processor's cache."""
KNOTS = 16
"""Of the curves that make the guide."""


@register_enhancer
class DeepUPE(Enhancer):
    """The picture divided by its illumination, which a bilateral grid of affine colour transforms gives.

    A net sees the picture at 256x256, joins local and global features, and fills a grid of 16x16 places and 8 levels
    of brightness with 3x4 matrices. Each pixel takes its matrix from the grid, by its place and its brightness in a
    learned guide, and the matrix makes its illumination ``S`` of its colour (section 3.2 of the paper; the grid is that
    of HDRNet, Gharbi et al., SIGGRAPH 2017). The result is ``I / clamp(S, I, 1)``: no pixel becomes darker.

    The global part always sees the whole picture, shrunk; the rest is done pixel by pixel, so tiles change nothing.

    Args:
        weights: a path, a URL, or ``"random"`` for an untrained net. There are none to download: the authors' are a
            TensorFlow checkpoint. To convert it, turn its kernels by (3, 2, 0, 1), transpose its dense weights, and
            save a dict of them by the names of ``state_dict()``.
        tile: pixels along a side of the tiles in which a large picture is divided; 0 takes it whole.

    Raises:
        ScotopicError: ``tile`` is out of range; weights that are missing, damaged, or made for another net.

    >>> net = DeepUPE(weights="random")
    >>> sum(p.numel() for p in net.parameters())
    998816
    """

    info = EnhancerInfo(
        name="deepupe",
        summary="The picture divided by an illumination that a bilateral grid of colour transforms gives.",
        paper="Wang et al.: Underexposed Photo Enhancement Using Deep Illumination Estimation (CVPR)",
        year=2019,
        kind="supervised",
        learned=True,
        params=998_816,
        code_licence="Apache-2.0",
        weights_licence="none stated",
        commercial=None,
        needs_weights=True,
        cost="moderate",
    )

    def __init__(self, weights: str | Path | None = None, *, tile: int = TILE) -> None:
        super().__init__()
        if weights is None:
            raise no_weights(
                "deepupe",
                "its authors' are a TensorFlow checkpoint (github.com/dvlab-research/DeepUPE, licence of the weights: "
                "none stated), to be converted as the documentation of DeepUPE says",
            )
        check_count("tile", tile, 0)
        self.tile = tile
        self.coefficients = Coefficients()
        self.guide = Guide()
        fill_parameters(self, weights, _initialise)
        if weights == "random":
            with torch.no_grad():  # the constant of each matrix: an even illumination of 0.9
                self.coefficients.prediction.get_parameter("bias").view(4, 3, BINS)[3] = 0.9

    def transform(self, x: Tensor) -> Tensor:
        grid = self.coefficients(F.interpolate(x, size=(SIZE, SIZE), mode="bilinear"))
        rows, columns = (shares(length, grid.shape[-1], x) for length in x.shape[-2:])
        if self.tile == 0 or being_traced() or torch.is_grad_enabled():
            return x / self._illumination(x, grid, rows, columns)
        out = torch.empty_like(x)
        for top, bottom in spans(x.shape[-2], self.tile):
            for left, right in spans(x.shape[-1], self.tile):
                part = x[:, :, top:bottom, left:right]
                light = self._illumination(part, grid, rows[top:bottom], columns[left:right])
                out[:, :, top:bottom, left:right] = part / light
        return out

    def _illumination(self, x: Tensor, grid: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """(N, 3, h, w), a part of the picture -> its illumination, never below the colour itself.

        Args:
            x: the part.
            grid: (N, 12, BINS, 16, 16), that of the whole picture.
            rows: (h, 16), how much each place of the grid counts for each row of the part.
            columns: (w, 16), for each column.
        """
        level = (self.guide(x) * BINS - 0.5).clamp(0, BINS - 1)
        matrix = torch.zeros_like(x[:, :1])
        for number in range(BINS):
            plane = rows @ grid[:, :, number] @ columns.T
            matrix = torch.addcmul(matrix, plane, (1 - (level - number).abs()).clamp(min=0))
        matrix = matrix.unflatten(1, (4, 3))
        light = (matrix[:, :3] * x.unsqueeze(2)).sum(1) + matrix[:, 3]
        return torch.maximum(light.clamp(max=1), x).clamp(min=1e-4)


def shares(length: int, places: int, like: Tensor) -> Tensor:
    """How much each of the grid's places counts for each of ``length`` pixels, in linear interpolation.

    >>> shares(4, 2, torch.zeros(1)).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    # Not in half precision, which cannot tell the columns of a large picture apart.
    pixels = torch.arange(length, device=like.device, dtype=torch.float32)
    position = ((pixels + 0.5) * places / length - 0.5).clamp(0, places - 1)
    place = torch.arange(places, device=like.device, dtype=torch.float32)
    return (1 - (position[:, None] - place).abs()).clamp(min=0).to(like.dtype)


class Coefficients(nn.Module):
    """The shrunken picture (N, 3, 256, 256) -> the grid (N, 12, BINS, 16, 16); 12 is 4 inputs by 3 outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.splat = nn.Sequential(*relu_layers((3, 8, 16, 32, WIDTH), stride=2))
        stages = (*relu_layers((WIDTH, WIDTH), stride=2), *relu_layers((WIDTH,) * 6))
        again = (*relu_layers((WIDTH, WIDTH), stride=2), *relu_layers((WIDTH,) * 6))
        self.overall = nn.Sequential(*stages, *again)
        self.dense = nn.Sequential(
            nn.Linear(16 * WIDTH, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, WIDTH)
        )
        self.local = nn.Sequential(
            *relu_layers((WIDTH, WIDTH)), *(nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False) for _ in range(5))
        )
        self.prediction = nn.Conv2d(WIDTH, 12 * BINS, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.splat(x)
        # Channels last, as TensorFlow flattens them.
        overall = self.dense(self.overall(features).permute(0, 2, 3, 1).flatten(1))
        joined = F.relu(self.local(features) + overall[:, :, None, None])
        return self.prediction(joined).unflatten(1, (12, BINS))


def relu_layers(widths: tuple[int, ...], stride: int = 1) -> list[nn.Module]:
    """3x3 convolutions from each width to the next, each with ReLU; TensorFlow pads only below and to the right of
    what a stride of 2 halves."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        pad = nn.ZeroPad2d((0, 1, 0, 1)) if stride == 2 else nn.ZeroPad2d(1)
        layers += [pad, nn.Conv2d(before, after, 3, stride), nn.ReLU()]
    return layers


class Guide(nn.Module):
    """A brightness of its own making: (N, 3, H, W) -> (N, 1, H, W) in [0, 1].

    A matrix across the colours, a curve of straight pieces for each, and a weighted sum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.shifts = nn.Parameter(torch.linspace(0, 1, KNOTS + 1)[:-1].repeat(3, 1))
        self.slopes = nn.Parameter(torch.zeros(3, KNOTS))
        self.mixing = nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.slopes[:, 0] = 1

    def forward(self, x: Tensor) -> Tensor:
        colours = self.colours(x)
        curved = torch.zeros_like(colours)
        for shift, slope in zip(self.shifts.unbind(1), self.slopes.unbind(1), strict=True):
            curved = curved + slope[:, None, None] * F.relu(colours - shift[:, None, None])
        return self.mixing(curved).clamp(0, 1)


def _initialise(module: nn.Module) -> None:
    """The guide starts as the mean of the colours, the rest as usual for ReLU, with weak coefficients."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, Guide):
        nn.init.dirac_(module.colours.weight)
        nn.init.constant_(module.mixing.weight, 1 / 3)
    if isinstance(module, Coefficients):
        nn.init.normal_(module.prediction.weight, 0.0, 0.01)
