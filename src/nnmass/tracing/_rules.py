"""The rules for all operations, and how a user adds one for an own operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnmass.errors import SpecError
from nnmass.tracing import _layers, _moves, _pointwise
from nnmass.tracing._step import Rule, Step, is_pointwise

_BUILT_IN: dict[str, Rule] = {**_layers.RULES, **_moves.RULES, **_pointwise.RULES}


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A user's rule, with a count of multiply-adds and the kind that they count as."""

    rule: Rule
    macs: Callable[[Step], int] | None
    kind: str


_OWN: dict[str, OwnRule] = {}


def register_rule(
    operation: str, rule: Rule, *, macs: Callable[[Step], int] | None = None, kind: str = "own"
) -> None:
    """Tell `nnmass.trace` how channels go through an operation of your own.

    A rule for one of PyTorch's operations replaces the built-in one.

    Args:
        operation: Its name, ``"library::operation"`` (``"aten::relu"`` or ``"relu"`` for
            PyTorch's own).
        rule: Called with a `Step`; returns ``step.passes()`` (each channel is made from itself),
            ``step.layer(axes=(1,), size=..)`` (a weight layer), ``step.join()`` (an addition of
            feature maps) or ``step.mix("why")`` (channels are mixed otherwise), or ``None`` where
            the output holds no features. For several outputs, a list of these.
        macs: Multiply-adds of a call, if it has any.
        kind: What they count as in `MacCount.by_kind`.

    Raises:
        SpecError: ``operation`` is no name, or ``rule`` cannot be called.

    Source:
        Ours.

    Example:
        >>> import torch, nnmass
        >>> @torch.library.custom_op("doctest::twice", mutates_args=())
        ... def twice(x: torch.Tensor) -> torch.Tensor:
        ...     return x * 2
        >>> _ = twice.register_fake(torch.empty_like)
        >>> nnmass.tracing.register_rule("doctest::twice", lambda step: step.passes())
        >>> class Block(torch.nn.Sequential):
        ...     def forward(self, x):
        ...         return x + twice(super().forward(x))
        >>> block = Block(torch.nn.Conv2d(4, 4, 1), torch.nn.Conv2d(4, 4, 1))
        >>> nnmass.trace(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), block), (3, 8, 8)).mass
        8.0
    """
    if not isinstance(operation, str) or not operation.strip():
        raise SpecError(
            f"operation must be a name such as 'mylib::shift', got {operation!r}; "
            "str(torch.ops.mylib.shift.default) tells it"
        )
    if not callable(rule):
        raise SpecError(
            f"rule for {operation!r} must be a function of a Step, got {rule!r}; for example "
            "lambda step: step.passes()"
        )
    _OWN[_key(operation)] = OwnRule(rule, macs, kind)


def unregister_rule(operation: str) -> None:
    """Forget the own rule for an operation; a built-in one is in force again."""
    _OWN.pop(_key(operation), None)


def _key(operation: str) -> str:
    """The name as the recorder knows it: no overload, no namespace for PyTorch's own."""
    namespace, colons, name = operation.strip().rpartition("::")
    name = name.split(".")[0]
    return name if namespace in ("", "aten") else f"{namespace}{colons}{name}"


def rule_for(name: str, function: Any) -> Rule | None:
    """The rule for an operation; ``None`` where there is none."""
    own = _OWN.get(name)
    if own is not None:
        return own.rule
    rule = _BUILT_IN.get(name)
    if rule is None and is_pointwise(function):
        return _pointwise.pointwise
    return rule


def own_rule(name: str) -> OwnRule | None:
    """The user's rule for an operation, if there is one."""
    return _OWN.get(name)
