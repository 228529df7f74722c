"""What every enhancer promises, and the one place where input is checked."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ScotopicError
from .sources import source_files

Kind = Literal["identity", "point", "histogram", "retinex", "supervised", "unsupervised", "zero-shot", "files"]
Cost = Literal["cheap", "moderate", "heavy"]

# Floats that a resize or a codec leaves a hair outside [0, 1] are not worth an error; they are clamped.
RANGE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class EnhancerInfo:
    """What people want to know about a method before they use it.

    Attributes:
        name: the name in the registry.
        summary: one sentence.
        paper: authors and title; empty where there is none.
        year: year of publication.
        kind: the family of the method.
        learned: whether it has trained parameters.
        params: number of parameters of the default architecture.
        code_licence: licence of the authors' code (ours is Apache-2.0).
        weights_licence: licence of the default weights; empty where there are none.
        commercial: whether the weights may be used commercially, True where there are none; None where nobody says.
        needs_weights: whether it refuses to run without weights.
        cost: rough class of cost for a 1280x720 picture on a CPU: under 50 ms, under a second, more.
        in_graph: whether ``forward`` consists of torch operations only, so that it can stand inside a network
            (differentiable, exportable). The others work on pictures ahead of the network.
    """

    name: str
    summary: str
    paper: str = ""
    year: int | None = None
    kind: Kind = "point"
    learned: bool = False
    params: int = 0
    code_licence: str = ""
    weights_licence: str = ""
    commercial: bool | None = None
    needs_weights: bool = False
    cost: Cost = "cheap"
    in_graph: bool = True


def check_batch(x: object) -> Tensor:
    """Return ``x`` if it is a float RGB batch (N, 3, H, W) in [0, 1], else say what is wrong with it.

    Raises:
        ScotopicError: a ValueError which names the dtype, shape or value that is wrong.

    >>> check_batch(torch.zeros(1, 3, 4, 4)).shape
    torch.Size([1, 3, 4, 4])
    >>> check_batch(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: an enhancer takes a float tensor in [0, 1], not torch.uint8: divide by 255 first
    """
    if not isinstance(x, Tensor):
        raise ScotopicError(
            f"an enhancer takes a float tensor (N, 3, H, W), not {type(x).__name__}: use enhance() for uint8 pictures"
        )
    if not x.is_floating_point():
        raise ScotopicError(f"an enhancer takes a float tensor in [0, 1], not {x.dtype}: divide by 255 first")
    shape = tuple(x.shape)
    if x.ndim != 4:
        raise ScotopicError(f"an enhancer takes a batch (N, 3, H, W), not shape {shape}: add the missing dimension")
    if x.shape[1] != 3:
        raise ScotopicError(f"an enhancer takes 3 colour channels (RGB), not {x.shape[1]} (shape {shape})")
    if x.numel() == 0:
        raise ScotopicError(f"an enhancer cannot take an empty batch (shape {shape})")
    low, high = torch.aminmax(x.detach())
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        raise ScotopicError("an enhancer takes finite values, but the batch holds NaN or inf")
    if float(low) < -RANGE_TOLERANCE or float(high) > 1 + RANGE_TOLERANCE:
        raise ScotopicError(
            f"an enhancer takes values in [0, 1], but the batch spans [{float(low):.4g}, {float(high):.4g}]: "
            "divide 8-bit values by 255"
        )
    return x


def check_image(image: object) -> np.ndarray:
    """Return ``image`` if it is a uint8 RGB picture (H, W, 3), else say what is wrong with it.

    Raises:
        ScotopicError: a ValueError which names the dtype or shape that is wrong.

    >>> check_image(np.zeros((2, 5), np.uint8))
    Traceback (most recent call last):
    scotopic.errors.ScotopicError: enhance() takes a uint8 RGB picture (H, W, 3), not shape (2, 5)
    """
    if not isinstance(image, np.ndarray):
        raise ScotopicError(f"enhance() takes a uint8 RGB array (H, W, 3), not {type(image).__name__}")
    if image.dtype != np.uint8:
        raise ScotopicError(f"enhance() takes a uint8 RGB picture (H, W, 3), not dtype {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ScotopicError(f"enhance() takes a uint8 RGB picture (H, W, 3), not shape {image.shape}")
    if image.size == 0:
        raise ScotopicError(f"enhance() cannot take an empty picture (shape {image.shape})")
    return image


class Enhancer(nn.Module):
    """Dark pixels to bright pixels, pixel for pixel.

    A subclass sets ``info`` and writes :meth:`transform`; it may replace :meth:`enhance` by something faster that
    gives the same picture to one grey level.

    ``forward(x)``: float RGB (N, 3, H, W) in [0, 1] to the same shape, dtype and device, in [0, 1].
    ``enhance(image)``: uint8 RGB (H, W, 3) to a new uint8 RGB (H, W, 3).
    Any H, W >= 1; the output is never cropped, shifted or resized; the input is never changed.

    >>> class Half(Enhancer):
    ...     info = EnhancerInfo(name="half", summary="Halves the darkness.")
    ...     def transform(self, x):
    ...         return (1 + x) / 2
    >>> Half()(torch.zeros(1, 3, 1, 1)).flatten().tolist()
    [0.5, 0.5, 0.5]
    >>> Half().enhance(np.zeros((1, 1, 3), np.uint8)).tolist()
    [[[128, 128, 128]]]
    """

    info: ClassVar[EnhancerInfo]

    @abstractmethod
    def transform(self, x: Tensor) -> Tensor:
        """The method itself, on a float RGB batch (N, 3, H, W) in [0, 1] that has been checked; unclamped."""
        raise NotImplementedError(f"{type(self).__name__} has no transform()")

    def forward(self, x: Tensor) -> Tensor:
        """Check, transform, clamp. Float RGB (N, 3, H, W) in [0, 1] -> the same.

        Raises:
            ScotopicError: the batch has the wrong dtype, shape or range, or holds NaN or inf.
        """
        return self.run(x if being_traced() else check_batch(x))

    def run(self, x: Tensor) -> Tensor:
        """:meth:`forward` without the checks of content, which a network's own graph cannot afford."""
        weight = next(self.parameters(), None)
        own = x if weight is None else x.to(weight.dtype)
        return self.transform(own).to(x.dtype).clamp(0, 1)

    def enhance(self, image: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> a new uint8 RGB (H, W, 3).

        Raises:
            ScotopicError: the picture has the wrong dtype or shape.
        """
        check_image(image)
        weight = next(self.parameters(), None)
        batch = to_batch(image, device=None if weight is None else weight.device)
        with torch.inference_mode():
            return to_image(self.run(batch))

    def enhance_named(self, image: np.ndarray, name: str) -> np.ndarray:
        """:meth:`enhance` for a picture whose file name is known; only ``folder:DIR`` looks at the name."""
        return self.enhance(image)

    def check_files(self, files: Sequence[Path]) -> None:
        """Make sure that :meth:`enhance_named` can tell the files of a set apart; only ``folder:DIR`` has to.

        Raises:
            ScotopicError: it cannot.
        """

    def fingerprint(self) -> str:
        """SHA-256 over this method's source files and its parameters: another value, another picture.

        The files are those of :func:`~scotopic.pipeline.sources.source_files`. Arguments of the constructor are not in
        it; they stand in the name, as in ``gamma[gamma=2.2]``.
        """
        try:
            source = b"".join(path.read_bytes() for path in source_files(type(self)))
        except OSError:
            source = b""
        digest = hashlib.sha256(source or repr(type(self)).encode())  # typed into a prompt: there is no file
        for key, value in self.state_dict().items():
            digest.update(key.encode())
            digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def check_class(cls: object, origin: str) -> None:
    """Raise a ScotopicError unless ``cls``, which comes from ``origin``, is an enhancer that says what it is."""
    if not (isinstance(cls, type) and issubclass(cls, Enhancer)):
        raise ScotopicError(f"{origin} is not a subclass of scotopic.Enhancer")
    if not isinstance(getattr(cls, "info", None), EnhancerInfo):
        raise ScotopicError(f"{origin} has no info: give the class an attribute info = EnhancerInfo(...)")


def being_traced() -> bool:
    """Whether a graph is being recorded, so that Python must not look at values."""
    return torch.jit.is_tracing() or torch.jit.is_scripting() or torch.compiler.is_compiling()


def to_batch(image: np.ndarray, device: torch.device | None = None) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [0, 1]."""
    # torch warns about read-only memory, which frames of a video decoder or of a cache often are.
    own = np.ascontiguousarray(image) if image.flags.writeable else image.copy()
    tensor = torch.from_numpy(own).to(device)
    return tensor.permute(2, 0, 1).unsqueeze(0).float().div_(255)


def to_image(batch: Tensor) -> np.ndarray:
    """float (1, 3, H, W) in [0, 1] -> uint8 (H, W, 3), rounded to the nearest grey level."""
    scaled = batch[0].detach().float().mul(255).round_().clamp_(0, 255).to(torch.uint8)
    return scaled.permute(1, 2, 0).contiguous().cpu().numpy()  # numpy would take twice as long to turn it
