"""Lists of indices in a model's code: they keep their values where the features have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_MAKERS = (torch.tensor, torch.as_tensor, torch.asarray)


class KeptIndices(TorchFunctionMode):
    """``x[:, [2, 0, 1]]`` and ``torch.tensor([2, 0, 1], device=x.device)`` make CPU tensors.

    PyTorch copies such lists to the device of ``x`` where no dispatch mode can see them: on the
    meta device, which channels are chosen would be lost.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """The function itself, with the lists among its indices as tensors."""
        kwargs = kwargs or {}
        if func in (Tensor.__getitem__, Tensor.__setitem__) and args[0].is_meta:
            args = (args[0], _kept(args[1]), *args[2:])
        elif func in _MAKERS and _is_on_meta(kwargs.get("device")) and _holds_integers(args):
            kwargs = {**kwargs, "device": "cpu"}
        return func(*args, **kwargs)


def _kept(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_kept, index))
    return torch.tensor(index, device="cpu") if isinstance(index, list) and index else index


def _is_on_meta(device: Any) -> bool:
    return device is not None and torch.device(device).type == "meta"


def _holds_integers(args: Any) -> bool:
    data = args[0] if args else None
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, int)
