"""Any ``nn.Module`` to its skip topology: cells, mass, parameters, multiply-adds."""

from nnmass.tracing._cell import Link as Link
from nnmass.tracing._cell import TracedCell as TracedCell
from nnmass.tracing._mac_count import MacCount as MacCount
from nnmass.tracing._topology import Topology as Topology
