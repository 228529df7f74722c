"""ONNX files of a few nodes, written for a test, and the specs beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from scotopic.adapters.input_spec import InputSpec
from scotopic.adapters.onnx_file import OnnxSpec

onnx = pytest.importorskip("onnx", reason='pip install "scotopic[onnx]"')
pytest.importorskip("onnxruntime", reason='pip install "scotopic[onnx]"')

IMAGENET = InputSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), multiple=8)
CLASSES = ["road", "car", "sky"]
FLOAT, BYTES, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT16


def write_graph(path: Path, nodes: list[Any], weights: dict[str, np.ndarray], shape: list[Any], number: int) -> Path:
    """A graph from ``x`` to ``y``."""
    inputs = [onnx.helper.make_tensor_value_info("x", number, shape)]
    outputs = [onnx.ValueInfoProto(name="y")]
    held = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = onnx.helper.make_graph(nodes, "net", inputs, outputs, held)
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def constant(path: Path, output: np.ndarray, shape: list[Any] | None = None, number: int = FLOAT) -> Path:
    """A net that gives the same output whatever it sees."""
    node = onnx.helper.make_node("Identity", ["seen"], ["y"])
    return write_graph(path, [node], {"seen": output}, shape or [1, 3, 32, 32], number)


def convolution(path: Path, net: nn.Conv2d, *, nhwc: bool = False, labels: bool = False, number: int = FLOAT) -> Path:
    """The torch convolution of stride 2 as an ONNX file, its sides free."""
    make = onnx.helper.make_node
    assert net.bias is not None
    weights = {"w": net.weight.detach().numpy(), "b": net.bias.detach().numpy()}
    if number == HALF:
        weights = {name: value.astype(np.float16) for name, value in weights.items()}
    nodes, last = [], "x"
    if number == BYTES:
        nodes.append(make("Cast", [last], ["f"], to=FLOAT))
        last = "f"
    if nhwc:
        nodes.append(make("Transpose", [last], ["t"], perm=[0, 3, 1, 2]))
        last = "t"
    nodes.append(make("Conv", [last, "w", "b"], ["c"], strides=[2, 2]))
    if labels:
        nodes.append(make("ArgMax", ["c"], ["y"], axis=1, keepdims=0))
    else:
        nodes.append(
            make("Transpose" if nhwc else "Identity", ["c"], ["y"], **({"perm": [0, 2, 3, 1]} if nhwc else {}))
        )
    shape = [1, "h", "w", 3] if nhwc else ["n", 3, "h", "w"]
    return write_graph(path, nodes, weights, shape, number)


def stride_two(outputs: int = 3, scale: float = 1.0) -> nn.Conv2d:
    """A net whose classes all occur on noise."""
    torch.manual_seed(0)
    net = nn.Conv2d(3, outputs, 2, 2)
    nn.init.normal_(net.weight, std=scale)
    if net.bias is not None:
        with torch.no_grad():
            net.bias.copy_(-net.weight.sum((1, 2, 3)) * (0.5 if scale == 1 else 127))
    return net


def write_spec(path: Path, spec: OnnxSpec, **more: Any) -> Path:
    content = {"input": spec.input.to_dict(), "names": dict(spec.names), "outputs": spec.outputs, **more}
    path.write_text(yaml.safe_dump(content))
    return path


def class_list(names: list[str]) -> dict[int, str]:
    return dict(enumerate(names))
