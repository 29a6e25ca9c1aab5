"""Measuring a network at its start: layer Jacobians, gradient flow, baselines, latency."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.probes._flow_layer import FlowDraw as FlowDraw
from nnmass.probes._flow_layer import FlowLayer as FlowLayer
from nnmass.probes._flow_result import GradientFlow as GradientFlow
from nnmass.probes._flow_spread import LayerFlow as LayerFlow
from nnmass.probes._flow_spread import Spread as Spread
from nnmass.probes._latency_result import BatchLatency as BatchLatency
from nnmass.probes._latency_result import Latency as Latency
from nnmass.probes._ldi_result import LDI as LDI
from nnmass.probes._ldi_result import LDIDraw as LDIDraw
from nnmass.probes._spectrum import LayerSpectrum as LayerSpectrum

if TYPE_CHECKING:
    from nnmass.probes._borrowed import BatchNorm as BatchNorm
    from nnmass.probes._draws import Network as Network
    from nnmass.probes._flow import gradient_flow as gradient_flow
    from nnmass.probes._latency import latency as latency
    from nnmass.probes._ldi import ldi as ldi
    from nnmass.probes._proxies._proxy import Proxy as Proxy
    from nnmass.probes._proxies._proxy_score import ProxyScore as ProxyScore
    from nnmass.probes._proxies._registry import PROXIES as PROXIES
    from nnmass.probes._proxies._score import score_proxies as score_proxies
    from nnmass.probes._theory import isometry_theory as isometry_theory
    from nnmass.probes._theory_result import CellTheory as CellTheory
    from nnmass.probes._theory_result import IsometryTheory as IsometryTheory
    from nnmass.probes._theory_result import LayerTheory as LayerTheory
    from nnmass.probes._theory_result import ValueSpread as ValueSpread

__getattr__ = lazy_names(
    __name__,
    {
        "BatchNorm": "nnmass.probes._borrowed",
        "CellTheory": "nnmass.probes._theory_result",
        "IsometryTheory": "nnmass.probes._theory_result",
        "LayerTheory": "nnmass.probes._theory_result",
        "Network": "nnmass.probes._draws",
        "ValueSpread": "nnmass.probes._theory_result",
        "isometry_theory": "nnmass.probes._theory",
        "ldi": "nnmass.probes._ldi",
        "gradient_flow": "nnmass.probes._flow",
        "latency": "nnmass.probes._latency",
        "PROXIES": "nnmass.probes._proxies._registry",
        "Proxy": "nnmass.probes._proxies._proxy",
        "ProxyScore": "nnmass.probes._proxies._proxy_score",
        "score_proxies": "nnmass.probes._proxies._score",
    },
)
