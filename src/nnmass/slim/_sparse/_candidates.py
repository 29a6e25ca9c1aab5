"""Which layers of a network can become sparse, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.conv import _ConvNd

from nnmass.errors import SpecError, did_you_mean
from nnmass.slim._sparse._layer import PSConv2d

KERNELS = (3, 5, 7)
Layer = _ConvNd | nn.Linear | PSConv2d


@dataclass(frozen=True, slots=True)
class Candidate:
    """A convolution or linear layer.

    Attributes:
        paths: All paths under which the network has it.
        module: The layer.
        reason: Why it stays dense; empty where it can be replaced.
    """

    paths: tuple[str, ...]
    module: Layer
    reason: str


def candidates_of(model: nn.Module, keep_dense: Sequence[str]) -> tuple[Candidate, ...]:
    """Every convolution and linear layer of ``model``, in the order of its modules.

    Raises:
        SpecError: A pattern of ``keep_dense`` matches none.
    """
    found: dict[Layer, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, Layer):
            found.setdefault(module, []).append(path)
    _check_patterns(keep_dense, [path for paths in found.values() for path in paths])
    first = next((m for m in found if isinstance(m, _ConvNd | PSConv2d)), None)
    users = Counter(id(module.weight) for module in found)
    candidates = []
    for module, paths in found.items():
        reason = _named(paths, keep_dense) or _reason(module, is_first=module is first)
        if not reason and users[id(module.weight)] > 1:
            reason = "its weight is that of another layer too"
        candidates.append(Candidate(tuple(paths), module, reason))
    return tuple(candidates)


def _check_patterns(patterns: Sequence[str], paths: Sequence[str]) -> None:
    for pattern in patterns:
        if not isinstance(pattern, str) or not any(fnmatchcase(path, pattern) for path in paths):
            close = did_you_mean(str(pattern), paths)
            raise SpecError(
                f"keep_dense names {pattern!r}, but no convolution or linear layer has such a path."
                f"{close} There are {len(paths)}, the first is {paths[0] if paths else None!r}"
            )


def _named(paths: Sequence[str], patterns: Sequence[str]) -> str:
    for pattern in patterns:
        if any(fnmatchcase(path, pattern) for path in paths):
            return f"named by keep_dense ({pattern})"
    return ""


def _reason(module: Layer, *, is_first: bool) -> str:
    if isinstance(module, nn.Linear):
        return "linear layer"
    if isinstance(module, PSConv2d):
        return "sparse already"
    if is_first:
        return "first convolution"
    if type(module) is not nn.Conv2d:
        return f"{type(module).__name__}, not a plain Conv2d"
    return _reason_of_shape(module)


def _reason_of_shape(module: nn.Conv2d) -> str:
    height, width = module.kernel_size
    if height == width == 1:
        return "1x1 kernel"
    if module.groups == module.in_channels > 1:
        return "depthwise"
    if module.groups > 1:
        return f"{module.groups} groups"
    if height != width or height not in KERNELS:
        return f"{height}x{width} kernel, not 3x3, 5x5 or 7x7"
    if module.padding_mode != "zeros":
        return f"padding mode {module.padding_mode}"
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
        return "has hooks, which would be lost"
    return ""


def reasons_of(candidates: Sequence[Candidate]) -> Mapping[str, int]:
    """How many layers stay dense for each reason."""
    return Counter(candidate.reason for candidate in candidates if candidate.reason)
