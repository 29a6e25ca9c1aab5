"""Batch norms folded into the convolutions before them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nnmass.errors import SpecError
from nnmass.nets import generator_for

_TOLERANCE = 1e-4  # of the largest output; float32 gives some 1e-6


@runtime_checkable
class ScalesFilters(Protocol):
    """A convolution of ours that a norm can be folded into."""

    def scale_filters(self, scale: Tensor, shift: Tensor) -> None:
        """Multiply each output channel by ``scale`` and add ``shift``."""


def fold_batch_norm(model: nn.Module, input_shape: Sequence[int]) -> nn.Module:
    """A copy of ``model`` for inference, without the batch norms that follow a convolution.

    A norm is folded where it alone reads what the convolution gives, as one run shows. What comes
    out is compared with the model's own output.

    Args:
        model: Any network, with weights; it is left as it was.
        input_shape: Of one input, without the batch.

    Returns:
        The copy in evaluation mode, `torch.nn.Identity` in place of each folded norm.

    Raises:
        SpecError: The model is on the meta device, cannot be run on such an input, or the copy
            does not compute what the model computes.

    Source:
        The fusion is PyTorch's (``torch.nn.utils.fusion``); finding the pairs is ours.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        >>> fold_batch_norm(net, (3, 8, 8))
        Sequential(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
          (1): Identity()
          (2): ReLU()
        )
    """
    folded = copy.deepcopy(model).eval()
    x = _example(folded, input_shape)
    wanted, pairs = _watched(folded, x)
    for conv, norm in pairs.items():
        _fold(folded, conv, norm)
    if not pairs:
        return folded
    with torch.no_grad():
        given = [leaf for leaf in tree_leaves(folded(x)) if isinstance(leaf, Tensor)]
    for own, other in zip(wanted, given, strict=True):
        error = (own - other).abs().max().item() / max(own.abs().max().item(), 1e-12)
        if not error < _TOLERANCE:
            raise SpecError(
                f"folding {len(pairs)} batch norms of {type(model).__name__} changes its output by "
                f"{error:.1e} of the largest value: it uses a layer in a way that one run does not "
                "show. Use it as it is (fold_bn=False)"
            )
    return folded


def _example(model: nn.Module, input_shape: Sequence[int]) -> Tensor:
    first = next(model.parameters(), None)
    if first is None:
        return torch.ones(2, *input_shape)
    if first.is_meta:
        raise SpecError("a network on the meta device has no weights to fold norms into")
    x = torch.randn((2, *input_shape), generator=generator_for(0, "fold"))
    return x.to(first.device, first.dtype)


def _watched(model: nn.Module, x: Tensor) -> tuple[list[Tensor], dict[str, str]]:
    """The outputs on ``x``, and for each convolution the norm that alone reads it, by path."""
    readers = _Readers()
    with torch.no_grad(), _calls_seen(model, readers), readers:
        try:
            result = model(x)
        except Exception as error:
            raise SpecError(
                f"{type(model).__name__} could not be run on an input of {tuple(x.shape[1:])}: "
                f"{error}; check input_shape"
            ) from error
    outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
    ends = {id(output) for output in outputs}
    pairs = {}
    for key, (path, _) in readers.made.items():
        norm = readers.norm_of.get(key)
        is_alone = readers.times[key] == 1 and key not in ends
        if norm is not None and is_alone and readers.calls[path] == readers.calls[norm] == 1:
            pairs[path] = norm
    return outputs, pairs


class _Readers(TorchDispatchMode):
    """How often each tensor is read, by identity; the outputs of convolutions are kept alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.times: Counter[int] = Counter()
        self.made: dict[int, tuple[str, Tensor]] = {}  # alive, so that no identity is used again
        self.norm_of: dict[int, str] = {}
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        for leaf in tree_leaves((args, kwargs or {})):
            if isinstance(leaf, Tensor):
                self.times[id(leaf)] += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def _calls_seen(model: nn.Module, readers: _Readers) -> Iterator[None]:
    """Hooks on convolutions and norms, taken off afterwards."""
    handles = []
    for path, module in model.named_modules():
        if _takes_norms(module):
            handles.append(module.register_forward_hook(_made_by(path, readers)))
        elif type(module) is nn.BatchNorm2d and module.running_mean is not None:
            handles.append(module.register_forward_pre_hook(_read_by(path, readers)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _takes_norms(module: nn.Module) -> bool:
    return type(module) is nn.Conv2d or isinstance(module, ScalesFilters)


def _made_by(path: str, readers: _Readers) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        readers.calls[path] += 1
        readers.made[id(output)] = (path, output)
        readers.times[id(output)] = 0  # what was there before had this address, and is gone
        readers.norm_of.pop(id(output), None)

    return hook


def _read_by(path: str, readers: _Readers) -> Any:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        readers.calls[path] += 1
        if id(inputs[0]) in readers.made:
            readers.norm_of[id(inputs[0])] = path

    return hook


@torch.no_grad()
def _fold(model: nn.Module, conv_path: str, norm_path: str) -> None:
    conv, norm = model.get_submodule(conv_path), model.get_submodule(norm_path)
    assert isinstance(norm, nn.BatchNorm2d)  # only these were watched
    assert norm.running_mean is not None  # and only with statistics
    assert norm.running_var is not None
    if isinstance(conv, nn.Conv2d):
        _replace(model, conv, fuse_conv_bn_eval(conv, norm))
    elif isinstance(conv, ScalesFilters):
        scale = torch.rsqrt(norm.running_var + norm.eps)
        scale = scale if norm.weight is None else scale * norm.weight
        shift = -norm.running_mean * scale
        conv.scale_filters(scale, shift if norm.bias is None else shift + norm.bias)
    _replace(model, norm, nn.Identity())


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """In every place that has it."""
    paths = [path for path, m in model.named_modules(remove_duplicate=False) if m is old]
    for path in paths:
        model.set_submodule(path, new)
