"""``attach`` for models of segmentation_models_pytorch, and a folder that holds net, enhancer and preprocessing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import ScotopicError, missing_extra
from ..files import output_folder, whole_file, write_json
from ..pipeline.stage import EnhancementStage
from . import module
from .enhancer_record import stage_from_record, stage_record
from .input_spec import InputSpec, class_names
from .module import EnhancedModule

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


class EnhancedSegmentationModel(EnhancedModule):
    """A model of segmentation_models_pytorch with an enhancer ahead; see :class:`EnhancedModule`.

    ``save_pretrained(folder)`` and ``from_pretrained(folder)`` keep the net, the enhancer and the preprocessing
    together; no file is downloaded.

    Example::

        night = attach(smp.Unet("resnet34", classes=11), "sgz", names=["sky", "road", ...])
        night.save_pretrained("night")
        labels = EnhancedSegmentationModel.from_pretrained("night").segment(image)[0].labels
    """

    @property
    def framework(self) -> str:
        smp = import_smp()
        return f"segmentation_models_pytorch {smp.__version__}"

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` (net, enhancer, mean and deviation) and ``config.json`` (all else).

        Raises:
            ScotopicError: the folder cannot be written, or the net or enhancer is one that no name builds again.
        """
        from safetensors.torch import save_file

        net: Any = self.net
        architecture = type(net).__name__
        if getattr(import_smp(), architecture, None) is not type(net):
            raise ScotopicError(f"{architecture} is not an architecture of smp's own: save its state_dict")
        arguments = {key: value for key, value in net.config.items() if not key.startswith("_")}
        config = {
            "architecture": architecture,
            "arguments": {**arguments, "encoder_weights": None},
            "enhancer": None if self.stage is None else stage_record(self.stage),
            "where": self.where,
            "train_enhancer": self.enhancement is not None and self.enhancement.trainable,
            "input": self.spec.to_dict(),
            "names": self.names,
        }
        folder = output_folder(folder)
        tensors = {key: value.detach().cpu().contiguous().clone() for key, value in self.state_dict().items()}
        with whole_file(folder / WEIGHTS_FILE) as temporary:
            save_file(tensors, temporary, metadata={"format": "pt"})
        write_json(folder / CONFIG_FILE, config)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> EnhancedSegmentationModel:
        """Load what :meth:`save_pretrained` wrote, in eval mode.

        Raises:
            ScotopicError: no such folder, or a file in it is missing or damaged.
        """
        folder = Path(folder).expanduser()
        config = _read_config(folder / CONFIG_FILE)
        source = str(folder / CONFIG_FILE)
        try:
            net = _build(config["architecture"], config["arguments"], source)
            spec = InputSpec.from_dict(config["input"], source)
            record, where, trainable = config["enhancer"], config["where"], config["train_enhancer"]
            names = class_names(config["names"], source)
        except KeyError as error:
            raise ScotopicError(f"{source}: the key {error} is missing: was it written by save_pretrained?") from None
        wrapper = cls(net, spec, names)
        if record is not None:
            wrapper.put(stage_from_record(record, source), where, bool(trainable))
        _load_weights(wrapper, folder / WEIGHTS_FILE)
        return wrapper.eval()

    def logits_of(self, output: Any) -> Any:
        config = getattr(self.net, "config", {})
        activation = config.get("activation")
        if activation is not None and (config.get("classes") == 1 or str(activation).startswith("argmax")):
            raise ScotopicError(f"this net ends in {activation!r}, not in logits: build it with activation=None")
        return super().logits_of(output)


def attach(
    model: Any,
    stage: EnhancementStage,
    where: str,
    *,
    train_enhancer: bool = False,
    spec: InputSpec | None = None,
    names: object = None,
) -> nn.Module:
    """See :func:`scotopic.attach`. Without ``spec``, the preprocessing of the encoder's weights is taken."""
    if isinstance(model, EnhancedSegmentationModel):
        spec = None if spec is None else _with_stride(spec, model.net)
        return module.attach(model, stage, where, train_enhancer=train_enhancer, spec=spec, names=names)
    config = getattr(model, "config", None)
    if not isinstance(config, dict) or not hasattr(model, "encoder"):
        raise ScotopicError(f"cannot attach to {type(model).__name__}: give a whole model, such as smp.Unet(...)")
    if config.get("in_channels") != 3:
        raise ScotopicError(f"an enhancer works on RGB, but this model takes {config.get('in_channels')} channels")
    wrapper = EnhancedSegmentationModel(model, _with_stride(spec or preprocessing_of(model), model))
    wrapper.names = {i: str(i) for i in range(config["classes"] + (config["classes"] == 1))}
    return module.attach(wrapper, stage, where, train_enhancer=train_enhancer, names=names)


detach = module.detach


def preprocessing_of(model: Any) -> InputSpec:
    """The preprocessing that belongs to the weights with which a model's encoder began.

    It is read from timm's table, or from the file that came with the weights; nothing is downloaded.

    Raises:
        ScotopicError: the encoder began with random weights, or the file is not there.
    """
    config = model.config
    encoder, weights = config["encoder_name"], config["encoder_weights"]
    remedy = "give spec=InputSpec(mean=..., std=...), the one that the net was trained with"
    if weights is None:
        raise ScotopicError(f"the encoder {encoder} was built without pretrained weights: {remedy}")
    found = _from_timm(model.encoder) or _from_cache(encoder, weights)
    if found is None:
        raise ScotopicError(f"the preprocessing of {encoder} ({weights}) is not on this machine: {remedy}")
    white = float(max(found.get("input_range") or (0, 1)))
    color = "bgr" if str(found.get("input_space", "RGB")).upper() == "BGR" else "rgb"
    return InputSpec(color=color, range=white, mean=tuple(found["mean"]), std=tuple(found["std"]))


def import_smp() -> Any:
    """Import segmentation_models_pytorch.

    Raises:
        ScotopicError: it is not installed.
    """
    try:
        import segmentation_models_pytorch
    except ModuleNotFoundError as error:
        if error.name != "segmentation_models_pytorch":
            raise
        raise missing_extra("segmentation-models-pytorch", "seg", "Segmentation nets") from None
    return segmentation_models_pytorch


def _with_stride(spec: InputSpec, model: Any) -> InputSpec:
    """Sides must be divisible by what the encoder divides them by, whoever wrote the spec."""
    if spec.size is not None:
        return spec
    return replace(spec, multiple=math.lcm(spec.multiple, int(getattr(model.encoder, "output_stride", 32))))


def _from_timm(encoder: Any) -> dict[str, Any] | None:
    """For encoders that timm makes ("tu-..."), whose preprocessing stands in timm's own table."""
    from segmentation_models_pytorch import encoders
    from timm.models import get_pretrained_cfg

    kinds = tuple(getattr(encoders, name) for name in ("TimmUniversalEncoder", "TimmViTEncoder"))
    settings = get_pretrained_cfg(encoder.name) if isinstance(encoder, kinds) else None
    return None if settings is None else {"mean": settings.mean, "std": settings.std}


def _from_cache(encoder: str, weights: str) -> dict[str, Any] | None:
    """For smp's own encoders: ``config.json``, which is fetched together with the weights."""
    from huggingface_hub import try_to_load_from_cache
    from segmentation_models_pytorch.encoders import encoders

    settings = encoders.get(encoder, {}).get("pretrained_settings", {}).get(weights)
    if settings is None:
        return None
    file = try_to_load_from_cache(settings["repo_id"], CONFIG_FILE, revision=settings["revision"])
    return _read_config(Path(file)) if isinstance(file, str) else None


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScotopicError(f"no net at {path.parent}: a folder written by save_pretrained has {path.name}") from None
    except (OSError, ValueError) as error:
        raise ScotopicError(f"cannot read {path} ({error}): copy the folder again") from None
    if not isinstance(config, dict):
        raise ScotopicError(f"{path} holds no settings: copy the folder again")
    return config


def _build(architecture: Any, arguments: Any, source: str) -> nn.Module:
    smp = import_smp()
    kind = getattr(smp, str(architecture), None)
    if not (isinstance(kind, type) and issubclass(kind, smp.base.SegmentationModel)):
        raise ScotopicError(f"{source}: segmentation_models_pytorch has no architecture {architecture!r}: update it")
    try:
        return kind(**{**arguments, "encoder_weights": None})
    except Exception as error:  # of the library and of timm, which have no common one
        raise ScotopicError(f"{source}: cannot build {architecture} with these arguments: {error}") from error


def _load_weights(wrapper: nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        wrapper.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ScotopicError(f"no weights at {path}: copy the folder again") from None
    except (OSError, SafetensorError) as error:
        raise ScotopicError(f"cannot read the weights {path} ({error}): copy the folder again") from None
    except RuntimeError:
        raise ScotopicError(f"the weights {path} do not fit {CONFIG_FILE} beside them: they are no pair") from None
