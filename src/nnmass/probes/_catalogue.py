"""What can be measured of a network, and how each number is to be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc
from types import MappingProxyType
from typing import Any

from nnmass.errors import SpecError, did_you_mean
from nnmass.probes._flow import gradient_flow
from nnmass.probes._latency import latency
from nnmass.probes._ldi import ldi
from nnmass.probes._proxies._registry import PROXIES
from nnmass.probes._theory import isometry_theory

BASELINES = "baselines"
"""The probe that measures all of `nnmass.probes.PROXIES`."""

_HEADINGS = re.compile(r"^(Args|Returns|Raises|Example|Yields):$", re.MULTILINE)
_SOURCE = re.compile(r"^Source:$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeInfo:
    """One thing that can be measured.

    Attributes:
        name: As on the command line.
        probe: What to ask `nnmass probe` for: the name itself, or ``baselines``.
        measures: In one line.
        unit: Of the number; ``1`` where it has none.
        better: ``higher``, ``lower``, or what else a good number is.
        needs: What it reads besides the network.
        batch_norm: What batch norms do unless told otherwise; ``""`` where it does not matter.
        definition: Formula and conventions.
        source: The paper.
    """

    name: str
    probe: str
    measures: str
    unit: str
    better: str
    needs: str
    batch_norm: str
    definition: str
    source: str

    def to_dict(self) -> dict[str, str]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def _info(function: Callable[..., Any], **fields: str) -> ProbeInfo:
    """The definition and the source are those of the docstring of ``function``."""
    text = getdoc(function) or ""  # python -OO has none
    definition, _, after = _SOURCE.sub("\0", text, count=1).partition("\0")
    source = _HEADINGS.split(after)[0]
    told = {
        "definition": _unfolded(_HEADINGS.split(definition)[0]),
        "source": _in_one_line(source.replace("``", "")),
    }
    return ProbeInfo(**{**told, **fields})


def _unfolded(text: str) -> str:
    """Each paragraph and entry of a list in one line; formulas as they are; no code marks."""
    blocks = text.replace("``", "").strip().split("\n\n")
    return "\n\n".join(map(_unfolded_block, blocks))


def _unfolded_block(block: str) -> str:
    if block.startswith("- "):
        return "\n".join("- " + _in_one_line(item) for item in block[2:].split("\n- "))
    return block if block.startswith(" ") else _in_one_line(block)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _own() -> list[ProbeInfo]:
    return [
        _info(
            ldi,
            name="ldi",
            probe="ldi",
            measures="singular values of the Jacobian of each layer",
            unit="1",
            better="near 1",
            needs="images",
            batch_norm="batch",
        ),
        _info(
            gradient_flow,
            name="flow",
            probe="flow",
            measures="variance of activations and size of gradients by layer",
            unit="1",
            better="alike in all layers",
            needs="images and labels",
            batch_norm="batch",
        ),
        _info(
            latency,
            name="latency",
            probe="latency",
            measures="time of a forward pass: median and 95th percentile",
            unit="ms",
            better="lower",
            needs="shape of an image",
            batch_norm="running",
        ),
        _info(
            isometry_theory,
            name="theory",
            probe="theory",
            measures="singular values of the weights beside random-matrix theory",
            unit="1",
            better="near the law",
            needs="nothing",
            batch_norm="",
        ),
    ]


_NEEDS = {"shape": "shape of an image", "labels": "images and labels"}


def _proxies() -> list[ProbeInfo]:
    found = []
    for proxy in PROXIES.values():
        info = _info(
            proxy.compute,
            name=proxy.name,
            probe=BASELINES,
            measures=proxy.summary,
            unit=proxy.unit,
            better="higher" if proxy.higher_is_better else "lower",
            needs=_NEEDS.get(proxy.needs, proxy.needs),
            batch_norm=proxy.batch_norm or "",
            source=proxy.source,
        )
        found.append(info)
    return found


CATALOGUE: Mapping[str, ProbeInfo] = MappingProxyType(
    {info.name: info for info in (*_own(), *_proxies())}
)
"""Everything that can be measured, by name: the probes of their own, then the proxies."""


def probe_info(name: str) -> ProbeInfo:
    """What is known of the probe or proxy ``name``.

    Raises:
        SpecError: There is none of that name.

    Example:
        >>> probe_info("naswot").better
        'higher'
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name == BASELINES:
        raise SpecError(f"baselines are several numbers: show one of {', '.join(PROXIES)}")
    close = did_you_mean(str(name), CATALOGUE)
    raise SpecError(f"unknown probe {name!r}.{close} Known are {', '.join(CATALOGUE)}")
