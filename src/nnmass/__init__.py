"""nnmass: which convolutional network to train, told before any training.

The public names load on first use; importing the package imports neither torch nor numpy.
"""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass._version import __version__ as __version__

if TYPE_CHECKING:
    from nnmass import audit as audit
    from nnmass import data as data
    from nnmass import errors as errors
    from nnmass import probes as probes
    from nnmass import recognition as recognition
    from nnmass import report as report
    from nnmass import slim as slim
    from nnmass import studies as studies
    from nnmass import tracing as tracing
    from nnmass import train as train
    from nnmass.design import design as design
    from nnmass.nets import build as build
    from nnmass.nets import export_onnx as export_onnx
    from nnmass.nets import load as load
    from nnmass.nets import match_networks as match_networks
    from nnmass.nets import open_network as open_network
    from nnmass.nets import save as save
    from nnmass.probes import ldi as ldi
    from nnmass.recognition import recognise as recognise
    from nnmass.specs import parse as parse
    from nnmass.topology import Cell as Cell
    from nnmass.topology import MassRule as MassRule
    from nnmass.topology import cell_mass as cell_mass
    from nnmass.topology import link_cap_for_mass as link_cap_for_mass
    from nnmass.topology import mean_singular_value as mean_singular_value
    from nnmass.tracing import trace as trace

_ROOMS = (
    "audit",
    "data",
    "design",
    "errors",
    "nets",
    "probes",
    "recognition",
    "report",
    "runs",
    "slim",
    "specs",
    "studies",
    "topology",
    "tracing",
    "train",
)
_SOURCES = {
    "Cell": "nnmass.topology",
    "MassRule": "nnmass.topology",
    "cell_mass": "nnmass.topology",
    "link_cap_for_mass": "nnmass.topology",
    "mean_singular_value": "nnmass.topology",
    "parse": "nnmass.specs",
    "build": "nnmass.nets",
    "export_onnx": "nnmass.nets",
    "load": "nnmass.nets",
    "match_networks": "nnmass.nets",
    "open_network": "nnmass.nets",
    "save": "nnmass.nets",
    "ldi": "nnmass.probes",
    "recognise": "nnmass.recognition",
    "trace": "nnmass.tracing",
    **{room: f"nnmass.{room}" for room in _ROOMS},
}

__getattr__ = lazy_names(__name__, _SOURCES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_SOURCES} - {"TYPE_CHECKING", "lazy_names"})
