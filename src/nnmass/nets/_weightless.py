"""Building somebody's network without memory for its weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

_logger = logging.getLogger(__name__)


def without_weights(make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` returns, on the meta device; on the CPU if it can be built nowhere else.

    Some networks compute their own widths, or which channels they choose, with tensors; these have
    no values on the meta device. So the second try puts only those tensors there that layers make
    for their weights, and index buffers keep their values.

    Args:
        make: Builds the network; called up to three times. What it raises on the CPU is raised.
    """
    for place in (torch.device("meta"), _WeightsOnMeta()):
        try:
            with place:
                model = make()
            if not _has_lost_indices(model):
                return _floats_to_meta(model)
        except Exception as error:  # whatever it was: if it is the caller's, it comes again
            _logger.info("not built within %s: %r", place, error)
    return make()


def _has_lost_indices(model: nn.Module) -> bool:
    return any(
        buffer.is_meta and buffer.ndim and not buffer.is_floating_point()
        for buffer in model.buffers()
    )


def _floats_to_meta(model: nn.Module) -> nn.Module:
    return model._apply(lambda t: t.to("meta") if t.is_floating_point() else t)


class _WeightsOnMeta(TorchFunctionMode):
    """Inside it, tensors to be filled later go to the meta device, computed ones do not."""

    _to_be_filled = (torch.empty, torch.zeros, torch.ones)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """``func`` itself, on another device where it only makes room."""
        kwargs = kwargs or {}
        if func in self._to_be_filled and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)
