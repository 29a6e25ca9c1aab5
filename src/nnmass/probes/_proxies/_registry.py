"""The proxies by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nnmass.probes._proxies._costs import macs, params
from nnmass.probes._proxies._fisher import fisher
from nnmass.probes._proxies._gradients import grad_norm, grasp, snip
from nnmass.probes._proxies._jacob_cov import jacob_cov
from nnmass.probes._proxies._naswot import naswot
from nnmass.probes._proxies._proxy import Proxy
from nnmass.probes._proxies._synflow import synflow
from nnmass.probes._proxies._zico import zico

_ABDELFATTAH = "Abdelfattah et al., ICLR 2021 (arXiv:2101.08134)"


def _baseline(name: str, **fields: object) -> Proxy:
    """One that neither weights nor images change."""
    made = {"batch_norm": None, "is_random": False, "higher_is_better": True}
    return Proxy(name=name, **{**made, **fields})  # type: ignore[arg-type]


def _random(name: str, **fields: object) -> Proxy:
    """One that the first weights change; with the statistics of the batch unless told."""
    made = {
        "batch_norm": "batch",
        "is_random": True,
        "higher_is_better": True,
        "unit": "1",
        "needs": "labels",
    }
    return Proxy(name=name, **{**made, **fields})  # type: ignore[arg-type]


_ALL = (
    _baseline(
        "params",
        summary="number of parameters",
        unit="params",
        needs="nothing",
        source="baseline",
        compute=params,
    ),
    _baseline(
        "macs",
        summary="multiply-adds of one image",
        unit="macs",
        needs="shape",
        source="baseline",
        compute=macs,
    ),
    _random(
        "grad_norm",
        summary="sum over layers of the norm of the gradient by the weights",
        source=_ABDELFATTAH,
        compute=grad_norm,
    ),
    _random(
        "snip",
        summary="sum of |weight x gradient|",
        unit="nats",
        source="Lee, Ajanthan, Torr, ICLR 2019 (arXiv:1810.02340)",
        compute=snip,
    ),
    _random(
        "grasp",
        summary="sum of -(Hessian x gradient) x weight",
        unit="nats^2",
        source="Wang, Zhang, Grosse, ICLR 2020 (arXiv:2002.07376)",
        compute=grasp,
    ),
    _random(
        "synflow",
        summary="log of the sum of weight x gradient, absolute weights, an image of ones",
        batch_norm="off",
        needs="shape",
        source="Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020 (arXiv:2006.05467)",
        compute=synflow,
    ),
    _random(
        "fisher",
        summary="sum over channels of (activation x gradient)^2",
        unit="nats^2",
        source="Turner et al., ICLR 2020 (arXiv:1906.04113)",
        compute=fisher,
    ),
    _random(
        "jacob_cov",
        summary="how little the input gradients of the images are correlated",
        needs="images",
        source="Mellor, Turner, Storkey, Crowley, 2020 (arXiv:2006.04647v1)",
        compute=jacob_cov,
    ),
    _random(
        "naswot",
        summary="log det of the kernel of rectifier patterns",
        needs="images",
        source="Mellor, Turner, Storkey, Crowley, ICML 2021 (arXiv:2006.04647)",
        compute=naswot,
    ),
    _random(
        "zico",
        summary="sum over layers of log of mean |gradient| over its deviation between batches",
        source="Li, Yang, Bhardwaj, Marculescu, ICLR 2023 (arXiv:2301.11300)",
        compute=zico,
    ),
)

PROXIES: Mapping[str, Proxy] = MappingProxyType({proxy.name: proxy for proxy in _ALL})
"""Zero-cost proxies by name, the two baselines first."""
