"""What a zero-cost proxy is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._borrowed import BatchNorm

Norms = BatchNorm | Literal["off"]
"""What batch norms do: see `nnmass.probes.BatchNorm`; ``off`` lets everything pass unchanged."""

Compute = Callable[[nn.Module, Tensor, Tensor | None], float]
"""Gives the value for a lent network, images (N, ...) and labels (N,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One zero-cost proxy: how it is computed and how its number is to be read.

    Attributes:
        name: As in tables and on the command line.
        summary: What it is, in one line.
        unit: Of the value; ``1`` where it has none.
        higher_is_better: Whether its authors expect a better network where it is higher.
        batch_norm: What batch norms do where it is defined: ``batch``, ``running`` or ``off``;
            ``None`` where that makes no difference.
        needs: What it reads: ``nothing`` but the network, the ``shape`` of an image, ``images``,
            or ``labels`` (and images).
        is_random: Whether it depends on the first weights, and so on the seed.
        source: The paper.
        compute: Gives the value; its docstring has the formula and where it differs from released
            code.
    """

    name: str
    summary: str
    unit: str
    higher_is_better: bool
    batch_norm: Norms | None
    needs: Literal["nothing", "shape", "images", "labels"]
    is_random: bool
    source: str
    compute: Compute


def checked_norms(batch_norm: Norms | None) -> Norms | None:
    """``batch_norm`` if there is such a mode.

    Raises:
        ProbeError: There is none.
    """
    known = (*get_args(BatchNorm), "off")
    if batch_norm is not None and batch_norm not in known:
        raise ProbeError(
            f"batch_norm must be one of {', '.join(map(repr, known))}, or None for each proxy's "
            f"own, got {batch_norm!r}"
        )
    return batch_norm
