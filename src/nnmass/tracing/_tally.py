"""Adding up what a forward pass computes, by kind and by module."""

from __future__ import annotations

from collections import Counter

from torch import Tensor

from nnmass.tracing._mac_count import MacCount
from nnmass.tracing._operations import ACTIVATIONS, NORMS, POOLS, REDUCTIONS, RESAMPLINGS

_KINDS = {
    **dict.fromkeys(NORMS, "normalisation"),
    **dict.fromkeys(POOLS, "pooling"),
    **dict.fromkeys(RESAMPLINGS, "resampling"),
    **dict.fromkeys(ACTIVATIONS, "activation"),
    **dict.fromkeys(REDUCTIONS, "reduction"),
}


class Tally:
    """Counts of one forward pass.

    Attributes:
        by_kind: Multiply-adds by kind of layer.
        by_module: The same by module path.
        other: Results of other operations, by kind.
        uncounted: Calls of what has no count.
        calls: Calls of norms and activations, by operation.
    """

    def __init__(self) -> None:
        self.by_kind: Counter[str] = Counter()
        self.by_module: Counter[str] = Counter()
        self.other: Counter[str] = Counter()
        self.uncounted: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def add_macs(self, kind: str, path: str, macs: int) -> None:
        """Multiply-adds of one call."""
        self.by_kind[kind] += macs
        self.by_module[path] += macs

    def add_other(self, name: str, out: Tensor, *, is_pointwise: bool) -> None:
        """The results of a call that is no multiply-add; moving elements about costs nothing."""
        kind = _KINDS.get(name) or ("elementwise" if is_pointwise else None)
        if kind is not None:
            self.other[kind] += out.numel()
        if name in ACTIVATIONS or name in NORMS:
            self.calls[name] += 1

    def result(self) -> MacCount:
        """The counts as frozen data."""
        return MacCount(
            by_kind={key: self.by_kind[key] for key in sorted(self.by_kind)},
            by_module={key: macs for key, macs in self.by_module.items() if macs},
            other=dict(sorted(self.other.items())),
            uncounted=dict(sorted(self.uncounted.items())),
        )
