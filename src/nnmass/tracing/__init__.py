"""Any ``nn.Module`` to its skip topology: cells, mass, parameters, multiply-adds."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.tracing._cell import Link as Link
from nnmass.tracing._cell import TracedCell as TracedCell
from nnmass.tracing._mac_count import MacCount as MacCount
from nnmass.tracing._topology import Topology as Topology

if TYPE_CHECKING:
    from nnmass.tracing._channel_reading import ChannelList as ChannelList
    from nnmass.tracing._channel_reading import ChannelReading as ChannelReading
    from nnmass.tracing._channel_reading import ChannelUse as ChannelUse
    from nnmass.tracing._channel_reading import trace_channels as trace_channels
    from nnmass.tracing._layer_reading import LayerReading as LayerReading
    from nnmass.tracing._layer_reading import trace_layers as trace_layers
    from nnmass.tracing._paths import ModulePaths as ModulePaths
    from nnmass.tracing._rules import register_rule as register_rule
    from nnmass.tracing._rules import unregister_rule as unregister_rule
    from nnmass.tracing._step import Step as Step
    from nnmass.tracing._step import tensors_in as tensors_in
    from nnmass.tracing._trace import trace as trace
    from nnmass.tracing._weight_layer import LayerShape as LayerShape
    from nnmass.tracing._weight_layer import WeightLayer as WeightLayer

__getattr__ = lazy_names(
    __name__,
    {
        "ChannelList": "nnmass.tracing._channel_reading",
        "ChannelReading": "nnmass.tracing._channel_reading",
        "ChannelUse": "nnmass.tracing._channel_reading",
        "LayerReading": "nnmass.tracing._layer_reading",
        "LayerShape": "nnmass.tracing._weight_layer",
        "ModulePaths": "nnmass.tracing._paths",
        "Step": "nnmass.tracing._step",
        "register_rule": "nnmass.tracing._rules",
        "tensors_in": "nnmass.tracing._step",
        "trace": "nnmass.tracing._trace",
        "trace_channels": "nnmass.tracing._channel_reading",
        "trace_layers": "nnmass.tracing._layer_reading",
        "unregister_rule": "nnmass.tracing._rules",
        "WeightLayer": "nnmass.tracing._weight_layer",
    },
)
