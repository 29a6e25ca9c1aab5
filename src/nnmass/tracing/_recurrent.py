"""Recurrent layers as the one operation that they are in a model's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from nnmass.tracing._operations import RECURRENT
from nnmass.tracing._recorder import Recorder

_OPERATIONS = {getattr(torch, name): getattr(torch.ops.aten, name) for name in RECURRENT}


class WholeRecurrences(TorchFunctionMode):
    """Gives ``nn.LSTM`` and the like to the recorder as a whole.

    Without it PyTorch takes them apart before the recorder sees them: a hundred tokens would be a
    hundred layers, one behind the other.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """The function itself, or what the recorder makes of the recurrent layer."""
        operation = _OPERATIONS.get(func)
        if operation is None:
            return func(*args, **(kwargs or {}))
        # After (input, states, weights) or, for packed sequences, (data, sizes, states, weights).
        is_packed = isinstance(args[3], list | tuple)
        overload = operation.data if is_packed else operation.input
        with _disable_current_modes():
            return self._recorder.__torch_dispatch__(overload, types, args, kwargs)
