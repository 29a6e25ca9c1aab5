"""Sparse networks as a kind of slimmed network that can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from nnmass.slim._sparse._record import RECORD, sparse_report
from nnmass.slim._sparse._sparsify import sparsify


def settings_of(model: nn.Module) -> dict[str, object] | None:
    """The arguments of `sparsify`; ``None`` for a network that it did not give."""
    return sparse_report(model).settings.to_dict() if hasattr(model, RECORD) else None


def restored(model: nn.Module, settings: Mapping[str, Any]) -> nn.Module:
    """``model`` made sparse with these arguments; its weights are read afterwards."""
    return sparsify(model, **settings)
