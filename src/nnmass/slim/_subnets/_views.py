"""A network of other widths on the weights of the full one: slices, taken anew at every call."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Runs = tuple[tuple[int, int], ...]
"""Positions along an axis as starts and lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """How a module differs in a view.

    Attributes:
        slices: For a parameter by its name, the positions along its first axes.
        attributes: Other values of plain attributes (``in_channels``).
        private: Holds tensors in place of the module's own: its buffers, and its parameters if it
            has any.
    """

    slices: Mapping[str, tuple[Runs, ...]] = field(default_factory=dict)
    attributes: Mapping[str, int] = field(default_factory=dict)
    private: nn.Module | None = None


def view_of(model: nn.Module, narrowings: Mapping[str, Narrowing]) -> nn.Module:
    """A second tree of modules for ``model``, with all its tensors and some narrowed modules.

    Modules keep their own ``forward``. What holds no narrowed module is in both trees; the others
    are copied without tensors and look theirs up in ``model``, also after ``model.to(..)``. The
    training flags are those of ``model``.

    Args:
        model: The full network.
        narrowings: By the path of the module.
    """
    opened = _opened(model, narrowings)
    kept = [module for module in model.modules() if id(module) not in opened]
    tensors = (*model.parameters(), *model.buffers())
    memo: dict[int, Any] = {id(thing): thing for thing in (*kept, *tensors)}
    view = copy.deepcopy(model, memo)
    by_id = {id(model.get_submodule(path)): plan for path, plan in narrowings.items()}
    for module in opened.values():
        _narrow(memo[id(module)], module, by_id.get(id(module), Narrowing()))
    return view


def _opened(model: nn.Module, paths: Iterable[str]) -> dict[int, nn.Module]:
    """The modules at ``paths``, also under other names, and all that hold them, by identity."""
    narrowed = {id(model.get_submodule(path)) for path in paths}
    opened = {id(model): model}
    for path, module in model.named_modules(remove_duplicate=False):
        if id(module) in narrowed:
            parts = path.split(".")
            for end in range(1, len(parts) + 1):
                holder = model.get_submodule(".".join(parts[:end]))
                opened[id(holder)] = holder
    return opened


def _narrow(twin: nn.Module, module: nn.Module, plan: Narrowing) -> None:
    state = twin.__dict__
    # The dictionaries themselves are shared, so that what replaces a tensor is seen here too.
    state["_parameters"], state["_buffers"] = module._parameters, module._buffers
    if plan.private is not None:
        state["_buffers"] = plan.private._buffers
        if plan.private._parameters:
            state["_parameters"] = plan.private._parameters
    state.update(plan.attributes)
    state["_full"], state["_slices"] = module, dict(plan.slices)
    kind: Any = type(module)  # for mypy a class of modules has no hash
    twin.__class__ = _view_class(kind, tuple(sorted(plan.slices)))


@cache
def _view_class(kind: Any, sliced: tuple[str, ...]) -> type[nn.Module]:
    """``kind``, whose named parameters are slices and whose training flag is the full module's."""
    body = {name: _slice_property(name) for name in sliced}
    own = {"training": property(_training, _set_training), "__module__": kind.__module__}
    made: type[nn.Module] = type(kind.__name__, (kind,), body | own)
    return made


def _training(module: nn.Module) -> bool:
    return bool(module.__dict__["_full"].training)


def _set_training(module: nn.Module, mode: bool) -> None:
    module.__dict__["_full"].training = mode


def _slice_property(name: str) -> property:
    def read(module: nn.Module) -> Tensor | None:
        tensor: Tensor | None = module._parameters[name]
        if tensor is not None:
            for axis, runs in enumerate(module.__dict__["_slices"][name]):
                tensor = _taken(tensor, axis, runs)
        return tensor

    return property(read)


def _taken(tensor: Tensor, axis: int, runs: Runs) -> Tensor:
    """A prefix is a view without a copy; several runs are joined, faster than a gather."""
    parts = [tensor.narrow(axis, start, length) for start, length in runs]
    return parts[0] if len(parts) == 1 else torch.cat(parts, axis)


def runs_of(positions: npt.NDArray[np.int64]) -> Runs:
    """Ascending positions as runs.

    Example:
        >>> runs_of(np.array([0, 1, 2, 7, 8]))
        ((0, 3), (7, 2))
    """
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    starts = [0, *breaks.tolist()]
    ends = [*breaks.tolist(), len(positions)]
    return tuple((int(positions[a]), b - a) for a, b in zip(starts, ends, strict=True))


def plain_copy(view: nn.Module, *, meta: bool = False) -> nn.Module:
    """The network of ``view`` with tensors of its own, and modules of the model's classes.

    Args:
        view: Of `view_of`, or a plain network.
        meta: Narrowed tensors have shapes and no values, the others may be the model's own: for
            tracing only.
    """
    twins = [module for module in view.modules() if "_full" in module.__dict__]
    shared = list(view.parameters()) + list(view.buffers()) if meta else []
    own = [tensor for twin in twins for tensor in _tensors(twin)]
    fulls = [twin.__dict__["_full"] for twin in twins]
    memo: dict[int, Any] = {id(thing): thing for thing in (*shared, *own, *fulls)}
    plain = copy.deepcopy(view, memo)
    for twin in twins:
        _fill(memo[id(twin)], twin, meta=meta)
    return plain.eval()


def _tensors(module: nn.Module) -> list[Tensor]:
    values = (*module._parameters.values(), *module._buffers.values())
    return [tensor for tensor in values if tensor is not None]


@torch.no_grad()
def _fill(plain: nn.Module, twin: nn.Module, *, meta: bool) -> None:
    def own(tensor: Tensor) -> Tensor:
        is_index = not tensor.is_floating_point()  # tracing needs its values
        return tensor.to("meta") if meta and not is_index else tensor.clone().contiguous()

    plain.__class__ = type(twin).__mro__[1]
    state = plain.__dict__
    del state["_full"], state["_slices"]
    state["training"] = False
    state["_parameters"] = {
        name: None if full is None else nn.Parameter(own(getattr(twin, name)), full.requires_grad)
        for name, full in twin._parameters.items()
    }
    state["_buffers"] = {
        name: None if buffer is None else own(buffer) for name, buffer in twin._buffers.items()
    }
