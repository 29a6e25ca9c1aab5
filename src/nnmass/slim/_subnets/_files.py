"""Families as a kind of slimmed network that can be saved: one file holds all levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from nnmass.slim._subnets._family import SubnetFamily


def settings_of(model: nn.Module) -> dict[str, object] | None:
    """`SubnetFamily.to_dict`; ``None`` for a network that is no family."""
    return model.to_dict() if isinstance(model, SubnetFamily) else None


def base_of(model: nn.Module) -> nn.Module:
    """The network that the levels were chosen in, which knows its own name if it has a spec."""
    assert isinstance(model, SubnetFamily)  # `settings_of` says so
    return model.model


def restored(model: nn.Module, settings: Mapping[str, Any]) -> nn.Module:
    """The family of ``model`` with these levels; its weights are read afterwards."""
    return SubnetFamily.from_dict(settings, model)
