"""A curve enhancer in training: what it makes of a picture, and the curve parameters that did it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from ..pipeline.enhancers.learned.curve import CurveEnhancer
from ..pipeline.registry import create_enhancer, enhancer_class, list_enhancers, parse_spec


class CurveNet(nn.Module):
    """An enhancer that tells its curve parameters, too, which a loss wants to see.

    >>> from scotopic import create_enhancer
    >>> net = CurveNet(create_enhancer("zero_dce", weights="random"))
    >>> enhanced, factor = net(torch.rand(1, 3, 8, 9))
    >>> tuple(enhanced.shape), tuple(factor.shape)
    ((1, 3, 8, 9), (1, 24, 8, 9))
    """

    def __init__(self, enhancer: CurveEnhancer) -> None:
        super().__init__()
        self.enhancer = enhancer

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float RGB (N, 3, H, W) in [0, 1] -> the same, enhanced, and the parameters (N, 3 or 24, H, W) in (-1, 1)."""
        image, factor = self.enhancer.steer(x)
        return image.to(x.dtype).clamp(0, 1), factor.to(x.dtype)


def make_curve_net(spec: str, weights: str, seed: int) -> CurveNet:
    """Build the enhancer that ``spec`` names for training; the caller's random numbers are left as they are.

    Args:
        spec: name and parameters, as in ``sgz[scale_factor=1]``.
        weights: ``random`` for an untrained net, or what to start from.
        seed: of an untrained net's parameters.

    Raises:
        ScotopicError: it is no curve enhancer, or does more than its curves; weights that are missing or do not fit.
    """
    _check_spec(spec)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        enhancer = create_enhancer(spec, weights=weights)
    assert isinstance(enhancer, CurveEnhancer)
    net = CurveNet(enhancer)
    # A subclass may do more than its curves, and that would be trained without a word as if it were not there.
    picture = torch.linspace(0, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
    with torch.no_grad():
        if not torch.allclose(net(picture)[0], enhancer(picture), atol=1e-5):
            raise ScotopicError(f"cannot train {spec!r}: it does more than its curves; {_trainable()}")
    return net.train()


def make_enhancer_at_work(net: CurveNet, spec: str) -> CurveEnhancer:
    """A copy of the net as users meet it, with the scale factor and the restraint that it has at work."""
    name, arguments = _at_work(spec)
    with torch.random.fork_rng(devices=[]):
        enhancer = create_enhancer(name, weights="random", **arguments)
    assert isinstance(enhancer, CurveEnhancer)
    enhancer.load_state_dict(net.enhancer.state_dict())
    return enhancer


def spec_at_work(spec: str, weights: Path) -> str:
    """What names the trained net as users meet it.

    Args:
        spec: of the enhancer in training.
        weights: the file that the training wrote.

    Raises:
        ScotopicError: no spec can hold that path.

    >>> spec_at_work("sgz[scale_factor=1,convolution=tc]", Path("out/sgz.safetensors"))
    'sgz[weights=out/sgz.safetensors,convolution=tc]'
    """
    if set(",[]") & set(str(weights)):
        raise ScotopicError(f"{weights} cannot stand in the name of an enhancer: choose a folder without , [ and ]")
    name, arguments = _at_work(spec)
    return f"{name}[{','.join(f'{key}={value}' for key, value in {'weights': weights, **arguments}.items())}]"


def _at_work(spec: str) -> tuple[str, dict[str, Any]]:
    name, arguments = parse_spec(spec)
    for name_in_training in ("scale_factor", "restraint"):
        arguments.pop(name_in_training, None)
    return name, arguments


def _check_spec(spec: str) -> None:
    name, arguments = parse_spec(spec)
    kind: Any = enhancer_class(name) if ".py:" in name or name in list_enhancers() else None
    if not (isinstance(kind, type) and issubclass(kind, CurveEnhancer)):
        raise ScotopicError(f"cannot train {spec!r}: only curve enhancers learn from these losses; {_trainable()}")
    if "weights" in arguments:
        raise ScotopicError(f"cannot train {spec!r}: say what to start from as start, not as the enhancer's weights")


def _trainable() -> str:
    return "use " + ", ".join(n for n in list_enhancers() if issubclass(enhancer_class(n), CurveEnhancer))
