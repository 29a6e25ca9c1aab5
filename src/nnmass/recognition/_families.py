"""The families by the function that proposes specs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from nnmass.recognition._dense import dense_cnns, dense_cnns_depthwise, dense_mlps
from nnmass.recognition._densenet import densenets
from nnmass.recognition._mobilenet_v2 import mobilenet_v2s
from nnmass.recognition._residual import resnets, resnexts, wide_resnets
from nnmass.recognition._seen import Seen
from nnmass.recognition._vgg import vggs
from nnmass.specs import Spec

Candidates = Callable[[Seen], Iterator[Spec]]
"""Proposes specs for a network, or raises `UnlikeError`. It may be wrong: all are compared."""

CANDIDATES: Mapping[str, Candidates] = {
    "resnet": resnets,
    "wide-resnet": wide_resnets,
    "resnext": resnexts,
    "mobilenet-v2": mobilenet_v2s,
    "vgg": vggs,
    "densenet": densenets,
    "dense-cnn": dense_cnns,
    "dense-cnn-dw": dense_cnns_depthwise,
    "dense-mlp": dense_mlps,
}
