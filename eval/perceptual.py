"""How different two pictures look to a network that was trained to see: LPIPS, with a backbone of the user's own."""

from __future__ import annotations

import pickle
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ..errors import ScotopicError, missing_extra

_BACKBONES = {
    # The package's name -> torchvision's builder, and how the record calls it.
    "alex": ("alexnet", "AlexNet"),
    "vgg": ("vgg16", "VGG16"),
    "squeeze": ("squeezenet1_1", "SqueezeNet 1.1"),
}


class Lpips:
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al. 2018): the distance, 0 for equal pictures.

    The package ``lpips`` of its authors computes it and brings its linear layers along. The backbone below them is a
    file of torchvision's, so that nothing is downloaded; figures of different backbones do not compare.

    Args:
        weights: torchvision's state dict (``.pth``) of AlexNet, VGG16 or SqueezeNet 1.1; which one, its shapes tell.

    Raises:
        ScotopicError: the package is missing, there is no such file, or it is something else.
    """

    name: ClassVar[str] = "LPIPS"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, weights: str | Path) -> None:
        try:
            import lpips
        except ImportError:
            raise missing_extra("lpips", "lpips", "LPIPS scores") from None
        path = Path(weights).expanduser()
        state = _read_state(path, weights)
        kind = _kind_of(state, weights)
        self.backbone = _BACKBONES[kind][1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls torchvision by names that go out of use
            network: Any = lpips.LPIPS(net=kind, pnet_rand=True, verbose=False)
        # The package cuts the backbone into slices, whose layers keep their numbers: slice2.3.weight is features.3's.
        network.net.load_state_dict(
            {key: state[f"features.{key.split('.', 1)[1]}"] for key in network.net.state_dict()}
        )
        self._network = network.eval()
        self.files = (path,)
        self.note = (
            f"LPIPS {network.version} with {self.backbone} (package lpips {version('lpips')}) is over RGB whatever the "
            "colour of the others; it falls with quality."
        )

    def __call__(self, image: np.ndarray, reference: np.ndarray) -> float:
        """The distance of two pictures.

        Args:
            image: RGB (H, W, 3), 0..255, uint8 or float.
            reference: the same size.

        Raises:
            ScotopicError: they are smaller than the backbone can take.
        """
        try:
            with torch.inference_mode():
                distance = self._network(_tensor(image), _tensor(reference))
        except RuntimeError:
            height, width = image.shape[:2]
            raise ScotopicError(f"LPIPS cannot take a picture of {width}x{height} pixels") from None
        return float(distance)


def _tensor(image: np.ndarray) -> torch.Tensor:
    """RGB 0..255 (H, W, 3) -> float32 (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.asarray(image, np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def _read_state(path: Path, given: str | Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ScotopicError(f"no LPIPS backbone at {given}: check the path") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ScotopicError(f"{given} is not a state dict that PyTorch can read: {reason}") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ScotopicError(f"{given} does not hold a state dict: give torchvision's file as it is downloaded")
    return state


def _kind_of(state: dict[str, torch.Tensor], given: str | Path) -> str:
    """Whose layers the state dict has."""
    from torchvision import models

    found = {key: value.shape for key, value in state.items() if key.startswith("features.")}
    for kind, (builder, _) in _BACKBONES.items():
        with torch.device("meta"):  # shapes alone
            model = getattr(models, builder)(weights=None)
        wanted = {key: value.shape for key, value in model.state_dict().items() if key.startswith("features.")}
        if found == wanted:
            return kind
    names = ", ".join(name for _, name in _BACKBONES.values())
    raise ScotopicError(f"{given} is none of the backbones of LPIPS: give torchvision's state dict of {names}")
