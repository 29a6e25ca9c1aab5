"""Any module to its topology."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nnmass.errors import TraceError
from nnmass.tracing._cells import cells_of
from nnmass.tracing._graph import Node
from nnmass.tracing._notes import notes_of
from nnmass.tracing._outputs import Output
from nnmass.tracing._regions import count_layers, on_the_way
from nnmass.tracing._run import Recording, flattened_shapes, record
from nnmass.tracing._topology import Topology
from nnmass.tracing._weight_layer import WeightLayer


def trace(
    model: nn.Module,
    input_shape: Sequence[int] | Sequence[Sequence[int]],
    *,
    name: str = "",
    output: Output = None,
) -> Topology:
    """The skip topology of any network: cells, NN-Mass, parameters, multiply-adds.

    The model runs once, in evaluation mode, on an input that has a shape and no values: nothing is
    computed, weights are neither read nor needed (a model on the meta device will do), and the
    model is afterwards what it was: weights, buffers, flags, attributes; so are the global random
    generators.

    Args:
        model: Any module, on any device.
        input_shape: Shape of one input without the batch, such as ``(3, 224, 224)``; a list of
            shapes for a model that takes several.
        name: What the network is called in results and messages; its class unless told.
        output: Which output to follow, by its number or key, where there are several. Unless told
            the classification head: the first tensor with two axes.

    Returns:
        The topology. What could not be followed stands in ``notes``; where that lies inside a
        cell, the mass is ``nan``.

    Raises:
        TraceError: The model cannot be run on such an input, has no output that depends on it, or
            is no module. The message names the module and the operation.

    Source:
        Links, density and mass: Bhardwaj, Li, Marculescu, CVPR 2021. The rule for any graph is
        ours; on the paper's families it gives the released numbers (see docs/any-network.md).

    Example:
        >>> from torch import nn
        >>> class Block(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.conv1, self.conv2 = (nn.Conv2d(64, 64, 3, padding=1) for _ in range(2))
        ...     def forward(self, x):
        ...         return x + self.conv2(self.conv1(x).relu())
        >>> topology = trace(nn.Sequential(nn.Conv2d(3, 64, 3), Block()), (3, 32, 32))
        >>> topology.mass, topology.cells[0].chain
        (128.0, ('0', '1.conv1', '1.add'))
    """
    return read(model, input_shape, name=name, output=output)[0]


def read(
    model: nn.Module,
    input_shape: Sequence[int] | Sequence[Sequence[int]],
    *,
    name: str,
    output: Output,
) -> tuple[Topology, list[Node], Recording]:
    """`trace`, with the nodes between input and output and what else was recorded."""
    if not isinstance(model, nn.Module):
        raise TraceError(f"trace needs a torch.nn.Module, got {model!r:.80}; {_remedy(model)}")
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    name = name or type(model).__name__
    shapes = flattened_shapes(input_shape)
    recording = record(model, shapes, output=output, name=name)
    nodes = on_the_way(recording.nodes)
    if not any(node.kind in ("layer", "unread") for node in nodes):
        raise TraceError(
            f"{name} has no weight layer (convolution or linear) between its input and its output: "
            "there is nothing to score"
        )
    cells = cells_of(nodes)
    topology = Topology(
        name=name,
        input_shape=shapes[0] if len(shapes) == 1 else shapes,
        cells=cells,
        params=sum(parameter.numel() for parameter in model.parameters()),
        count=recording.recorder.tally.result(),
        depth=count_layers(nodes),
        n_nodes=len(nodes) - 1,  # the output is no node
        n_edges=sum(len(node.sources) for node in nodes[:-1]),
        notes=notes_of(recording, nodes, cells),
        layers=_layers(recording, nodes),
        calls=dict(recording.recorder.tally.calls),
    )
    return topology, nodes, recording


def _layers(recording: Recording, nodes: list[Node]) -> tuple[WeightLayer, ...]:
    on_the_way = {node.index for node in nodes}
    return tuple(
        WeightLayer(
            path=node.name,
            shape=node.shape,
            size=node.size or (),
            is_side=node.index not in on_the_way,
        )
        for node in recording.nodes
        if node.shape is not None
    )


def _remedy(model: object) -> str:
    """How to come to a module from what was given instead."""
    if isinstance(model, str):
        return "nnmass.open_network opens one by its name, and has it as .model"
    if isinstance(model, type):
        return f"call {model.__name__} to make one"
    if hasattr(model, "module"):
        return "of an exported program, take .module()"
    return "of a spec, nnmass.build makes one"
