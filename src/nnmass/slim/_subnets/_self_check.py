"""Whether the levels of a family compute what they should, on one random input."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from nnmass._evaluating import evaluating
from nnmass._randomness import drawing_from
from nnmass.errors import TraceError
from nnmass.nets import generator_for
from nnmass.slim._subnets._groups import ChannelGroups
from nnmass.slim._subnets._masks import masked
from nnmass.slim._subnets._reorder import Orders, old_positions

_TOLERANCE = 1e-4  # of the largest value; float32 gives some 1e-6
_ROUNDINGS = 16  # of the number format, where that is coarser
_N_IMAGES = 2  # one would be lost in networks that squeeze


@dataclass(slots=True)
class Seen:
    """What layers and norms gave in one run, by path, and the network's outputs.

    Attributes:
        given: In the order of the run.
        outputs: What was returned.
    """

    given: dict[str, Tensor] = field(default_factory=dict)
    outputs: tuple[Tensor, ...] = ()


def example_input(net: nn.Module, input_shape: Sequence[int]) -> Tensor | None:
    """A random input for ``net``; ``None`` if that has no values to compute with."""
    tensors = [*net.parameters(), *net.buffers()]
    if any(tensor.is_meta for tensor in tensors):
        return None
    x = torch.randn((_N_IMAGES, *input_shape), generator=generator_for(0, "self-check"))
    floating = [tensor for tensor in tensors if tensor.is_floating_point()]
    return x.to(floating[0].device, floating[0].dtype) if floating else x


def observe(net: nn.Module, paths: Sequence[str], x: Tensor, *, name: str) -> Seen:
    """Run ``net`` in evaluation mode; it and the global generators are left as they were.

    Raises:
        TraceError: It fails; the message has the module that failed.
    """
    seen, inside = Seen(), list[str]()
    handles = []
    for path, module in net.named_modules():
        handles.append(module.register_forward_pre_hook(lambda m, i, p=path: inside.append(p)))
        handles.append(module.register_forward_hook(_recorder(seen, inside, path, path in paths)))
    try:
        with torch.no_grad(), drawing_from(0), evaluating(net), _exact():
            result = net(x)
    except Exception as error:
        where = inside[-1] if inside and inside[-1] else "the network itself"
        raise TraceError(
            f"{name} fails in {where}: {error}. An operation there counts on a number of channels "
            "that tracing did not see: give its groups all channels in every level"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    seen.outputs = tuple(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
    return seen


def _recorder(seen: Seen, inside: list[str], path: str, is_wanted: bool) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        inside.pop()
        if is_wanted and isinstance(output, Tensor):
            seen.given[path] = output.clone()  # an activation may work in place

    return hook


@contextlib.contextmanager
def _exact() -> Iterator[None]:
    """Without TF32, whose rounding is as large as what is looked for."""
    was = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = was


def check_order(
    before: Seen, net: nn.Module, groups: ChannelGroups, orders: Orders, x: Tensor, *, name: str
) -> None:
    """The reordered ``net`` computes what it computed before.

    Raises:
        TraceError: It does not; the message has the first layer that differs.
    """
    after = observe(net, list(before.given), x, name=f"{name} with its channels in another order")
    rows = {layer.path: orders[layer.makes] for layer in groups.layers}
    rows |= {norm.path: old_positions(norm.reads, orders) for norm in groups.norms}
    _compare(before, after, rows, net, f"{name} with its channels in another order")


def check_level(
    net: nn.Module,
    view: nn.Module,
    groups: ChannelGroups,
    counts: npt.NDArray[np.int64],
    x: Tensor,
    *,
    name: str,
) -> None:
    """A level computes what the full network computes whose other channels are zero.

    Raises:
        TraceError: It does not; the message has the first layer that differs.
    """
    paths = groups.paths
    with masked(net, groups, counts):
        wanted = observe(net, paths, x, name=f"{name} with channels set to zero")
    found = observe(view, paths, x, name=name)
    rows = {layer.path: np.arange(counts[layer.makes]) for layer in groups.layers}
    rows |= {norm.path: norm.reads.kept(counts) for norm in groups.norms}
    _compare(wanted, found, rows, net, name)


def _compare(
    wanted: Seen,
    found: Seen,
    rows: Mapping[str, npt.NDArray[np.int64]],
    net: nn.Module,
    name: str,
) -> None:
    for path, tensor in wanted.given.items():
        axis = tensor.ndim - 1 if isinstance(net.get_submodule(path), nn.Linear) else 1
        index = torch.from_numpy(rows[path]).to(tensor.device)
        _same(tensor.index_select(axis, index), found.given.get(path), path, name)
    for own, other in zip(wanted.outputs, found.outputs, strict=True):
        _same(own, other, "the output", name)


def _same(own: Tensor, other: Tensor | None, path: str, name: str) -> None:
    if other is not None and own.shape == other.shape and not own.is_floating_point():
        return
    if other is None or own.shape != other.shape:
        shape = None if other is None else tuple(other.shape)
        reason = f"the shape {shape}, not {tuple(own.shape)}"
    else:
        most = max(_TOLERANCE, _ROUNDINGS * torch.finfo(own.dtype).eps)
        own, other = own.double(), other.double()
        error = (own - other).abs().max().item() / max(own.abs().max().item(), 1e-12)
        if error < most:
            return
        reason = f"values that differ by {error:.1e} of the largest"
    raise TraceError(
        f"{name}: {path} has {reason}, compared with the full network: its channels are coupled "
        "in a way that tracing did not see. Give their groups all channels in every level"
    )
