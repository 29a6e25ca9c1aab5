"""Batch norms that let everything pass."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch.overrides import TorchFunctionMode


def norms_off(is_off: bool) -> AbstractContextManager[object]:
    """A block in which batch norms return what they read, if ``is_off``.

    The call itself is caught, so that a norm with a built-in activation (timm has such) keeps the
    activation.
    """
    return _NormsOff() if is_off else nullcontext()


class _NormsOff(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The input of a batch norm; ``func`` of everything else."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "batch_norm":
            return args[0] if args else kwargs["input"]
        return func(*args, **kwargs)
