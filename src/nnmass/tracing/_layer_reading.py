"""The weight layers of a network, in the order of its forward pass, beside its topology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from nnmass.tracing._topology import Topology
from nnmass.tracing._trace import read
from nnmass.tracing._weight_layer import WeightLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReading:
    """A network as its weight layers and its topology.

    Attributes:
        topology: What `trace` gives.
        layers: In the order of the forward pass.
        calls: Calls of norms and activations, by PyTorch's name of the operation.
        unused: Parameters that take no part in the forward pass, by the path of their module.
    """

    topology: Topology
    layers: tuple[WeightLayer, ...]
    calls: Mapping[str, int] = field(hash=False)
    unused: Mapping[str, int] = field(hash=False)


def trace_layers(
    model: nn.Module, input_shape: Sequence[int] | Sequence[Sequence[int]], *, name: str = ""
) -> LayerReading:
    """What `trace` reads, and the weight layers one by one; the model is left as it was.

    Args:
        model: Any module, on any device.
        input_shape: Shape of one input without the batch, or a list of shapes.
        name: What the network is called; its class unless told.

    Raises:
        TraceError: As `trace`.

    Source:
        Ours.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10))
        >>> [str(layer) for layer in trace_layers(model, (3, 8, 8)).layers]
        ['3x3 convolution 3 -> 8 of stride 2', 'linear layer 72 -> 10']
    """
    topology, _, recording = read(model, input_shape, name=name, output=None)
    return LayerReading(
        topology=topology,
        layers=topology.layers,
        calls=topology.calls,
        unused=recording.unused,
    )
