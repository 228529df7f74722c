"""A segmentation net with its enhancer and its normalisation as one ONNX file."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from ..errors import ScotopicError, missing_extra
from ..files import whole_file, write_text
from .enhancer_record import METADATA_KEY
from .input_spec import InputSpec
from .module import EnhancedModule
from .module_parts import evaluating

OPSET = 17


def export_onnx(model: EnhancedModule, path: str | Path) -> Path:
    """Write enhancer, normalisation and net into one ONNX file, and beside it the YAML file that says what it takes.

    The file takes float32 RGB (N, 3, H, W) in [0, 1], named ``image``, and gives ``logits`` (N, classes, h, w). N, H
    and W are free, unless the net takes one size only. Its metadata name the enhancer. ``load_segmenter`` takes it;
    :func:`~scotopic.adapters.parity.check_segmentation_export` compares it with the model.

    Args:
        model: what ``attach`` gave, with ``names``.
        path: ends in ``.onnx``.

    Returns:
        ``path``.

    Raises:
        ScotopicError: no wrapped segmentation net, an enhancer that works on pictures, or a net that has no ONNX form.

    Example::

        night = attach(smp.Unet("resnet34", classes=11), "sgz", names=CLASSES)
        export_onnx(night, "night.onnx")
    """
    path = Path(path).expanduser()
    if not isinstance(model, EnhancedModule):
        raise ScotopicError(f"cannot export {type(model).__name__}: give the segmentation net that attach() returned")
    if model.at_source is not None:
        name = model.at_source.enhancer.info.name
        raise ScotopicError(f"{name!r} works on whole pictures and has no place in a file: attach one inside the graph")
    if path.suffix != ".onnx":
        raise ScotopicError(f"cannot write {path}: the name of an ONNX file ends in .onnx")
    if not model.names:
        raise ScotopicError("an exported net tells its classes: give attach(..., names=[...])")
    _refuse_fixed_grids(model.net)
    spec = exported_spec(model.spec)
    try:
        import onnx  # the exporter needs it, too, and says so less clearly
    except ModuleNotFoundError:
        raise missing_extra("onnx", "onnx", "ONNX files") from None
    dynamic = {0: "batch"} if spec.size else {0: "batch", 2: "height", 3: "width"}
    example = torch.full((1, 3, *example_size(spec)), 0.1, device=model.device)  # dark, so that no gate is closed
    with evaluating(model), torch.no_grad(), warnings.catch_warnings(), whole_file(path) as temporary:
        warnings.simplefilter("ignore")  # the tracer's, about every size that a net looks at
        try:
            torch.onnx.export(
                _Logits(model),
                (example,),
                str(temporary),
                dynamo=False,  # which takes a second where the other exporter takes twenty
                opset_version=OPSET,
                input_names=["image"],
                output_names=["logits"],
                dynamic_axes={"image": dynamic, "logits": dynamic},
            )
        except Exception as error:  # the exporter has many kinds, without a common one
            problem = str(error).strip().splitlines()[0].split(". ")[0]
            raise ScotopicError(f"{type(model.net).__name__} has no ONNX form: {problem}") from error
        name = "none" if model.stage is None else model.stage.enhancer.info.name
        if name != "none":  # so that nobody puts a second one in front
            written = onnx.load(str(temporary), load_external_data=False)
            onnx.helper.set_model_props(written, {METADATA_KEY: name})
            onnx.save(written, str(temporary))
    described: dict[str, Any] = {
        "outputs": "segmentation",
        "input": spec.to_dict(),
        "names": dict(model.names),
    }
    write_text(path.with_suffix(".yaml"), yaml.safe_dump(described, sort_keys=False, allow_unicode=True))
    return path


def exported_spec(spec: InputSpec) -> InputSpec:
    """What the file takes: normalisation, channel order and layout are inside.

    >>> exported_spec(InputSpec(color="bgr", range=255.0, mean=(1.0, 2.0, 3.0), multiple=32))
    InputSpec(color='rgb', range=1.0, layout='nchw', size=None, multiple=32, pad='stretch', mean=(0.0, 0.0, 0.0), \
std=(1.0, 1.0, 1.0))
    """
    return InputSpec(size=spec.size, multiple=spec.multiple, pad=spec.pad)


def example_size(spec: InputSpec, rows: int = 4, columns: int = 5) -> tuple[int, int]:
    """(height, width) that a net takes, ``rows`` and ``columns`` times the least that it needs."""
    unit = math.lcm(spec.multiple, 32)
    return spec.size or (rows * unit, columns * unit)


def _refuse_fixed_grids(net: nn.Module) -> None:
    """ONNX has no pooling to a grid of fixed size from any size; the exporter would say so on a thousand lines."""
    grids = [part.output_size for part in net.modules() if isinstance(part, nn.AdaptiveAvgPool2d)]
    if any(grid not in (1, (1, 1)) for grid in grids):
        raise ScotopicError(
            f"{type(net).__name__} pools to a grid of fixed size, which ONNX cannot do: take another architecture"
        )


class _Logits(nn.Module):
    """A net that returns a dictionary or a tuple returns its logits alone."""

    def __init__(self, model: EnhancedModule) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        return self.model.logits_of(self.model(image))
