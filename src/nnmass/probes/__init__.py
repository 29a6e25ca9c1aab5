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
from nnmass.probes._layer_latency_result import LayerLatency as LayerLatency
from nnmass.probes._ldi_result import LDI as LDI
from nnmass.probes._ldi_result import LDIDraw as LDIDraw
from nnmass.probes._probed import Measured as Measured
from nnmass.probes._probed import ProbedNetwork as ProbedNetwork
from nnmass.probes._spectrum import LayerSpectrum as LayerSpectrum

if TYPE_CHECKING:
    from nnmass.probes._borrowed import BatchNorm as BatchNorm
    from nnmass.probes._catalogue import CATALOGUE as CATALOGUE
    from nnmass.probes._catalogue import ProbeInfo as ProbeInfo
    from nnmass.probes._catalogue import probe_info as probe_info
    from nnmass.probes._draws import Network as Network
    from nnmass.probes._flow import gradient_flow as gradient_flow
    from nnmass.probes._latency import latency as latency
    from nnmass.probes._layer_latency import layer_latencies as layer_latencies
    from nnmass.probes._ldi import ldi as ldi
    from nnmass.probes._machine import describe_device as describe_device
    from nnmass.probes._proxies._proxy import Proxy as Proxy
    from nnmass.probes._proxies._proxy_score import ProxyScore as ProxyScore
    from nnmass.probes._proxies._registry import PROXIES as PROXIES
    from nnmass.probes._proxies._score import score_proxies as score_proxies
    from nnmass.probes._sample import Pixels as Pixels
    from nnmass.probes._sample import noise_images as noise_images
    from nnmass.probes._sample import sample_images as sample_images
    from nnmass.probes._stopwatch import Stopwatch as Stopwatch
    from nnmass.probes._theory import isometry_theory as isometry_theory
    from nnmass.probes._theory_result import CellTheory as CellTheory
    from nnmass.probes._theory_result import IsometryTheory as IsometryTheory
    from nnmass.probes._theory_result import LayerTheory as LayerTheory
    from nnmass.probes._theory_result import ValueSpread as ValueSpread

__getattr__ = lazy_names(
    __name__,
    {
        "BatchNorm": "nnmass.probes._borrowed",
        "CATALOGUE": "nnmass.probes._catalogue",
        "CellTheory": "nnmass.probes._theory_result",
        "IsometryTheory": "nnmass.probes._theory_result",
        "LayerTheory": "nnmass.probes._theory_result",
        "Network": "nnmass.probes._draws",
        "PROXIES": "nnmass.probes._proxies._registry",
        "Pixels": "nnmass.probes._sample",
        "ProbeInfo": "nnmass.probes._catalogue",
        "Proxy": "nnmass.probes._proxies._proxy",
        "ProxyScore": "nnmass.probes._proxies._proxy_score",
        "ValueSpread": "nnmass.probes._theory_result",
        "gradient_flow": "nnmass.probes._flow",
        "isometry_theory": "nnmass.probes._theory",
        "latency": "nnmass.probes._latency",
        "Stopwatch": "nnmass.probes._stopwatch",
        "describe_device": "nnmass.probes._machine",
        "layer_latencies": "nnmass.probes._layer_latency",
        "ldi": "nnmass.probes._ldi",
        "noise_images": "nnmass.probes._sample",
        "probe_info": "nnmass.probes._catalogue",
        "sample_images": "nnmass.probes._sample",
        "score_proxies": "nnmass.probes._proxies._score",
    },
)
