"""Multiply-adds of one input, with what was not counted named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class MacCount:
    """Multiply-adds of a forward pass for one input.

    Attributes:
        by_kind: Multiply-adds by ``"convolution"``, ``"linear"`` (a product with a weight),
            ``"matmul"`` (a product of two activations, as in attention) and ``"own"`` (what rules
            of the user count, see `nnmass.tracing.register_rule`); their sum is ``macs``.
        by_module: The same by the path of the module that ran them, in the order of the first
            call; ``""`` is the network itself.
        other: Operations that are not multiply-adds of the headline, by kind (normalisation,
            activation, pooling, ..), each as results computed; never part of ``macs``.
        uncounted: Operations for which no count is known, with their calls.

    Source:
        Ours. Equal to half of what ``torch.utils.flop_counter`` counts where it sees all products
        (fused attention on the CPU it leaves out; see docs/mac-counters.md).

    Example:
        >>> count = MacCount(by_kind={"convolution": 90, "linear": 9}, by_module={"a.0": 90, "": 9})
        >>> count.macs, count.flops, count.under("a")
        (99, 198, 90)
    """

    by_kind: Mapping[str, int] = field(hash=False)
    by_module: Mapping[str, int] = field(hash=False)
    other: Mapping[str, int] = field(default_factory=dict, hash=False)
    uncounted: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def macs(self) -> int:
        """The headline: convolution, linear, matmul and own."""
        return sum(self.by_kind.values())

    @property
    def flops(self) -> int:
        """``2 * macs``: a multiplication and an addition each."""
        return 2 * self.macs

    def under(self, path: str) -> int:
        """Multiply-adds of the module at ``path`` and of everything in it."""
        return sum(
            macs
            for module, macs in self.by_module.items()
            if not path or module == path or module.startswith(path + ".")
        )

    def to_dict(self) -> dict[str, object]:
        """The counts as plain data."""
        return {
            "macs": self.macs,
            "flops": self.flops,
            "by_kind": dict(self.by_kind),
            "by_module": dict(self.by_module),
            "other": dict(self.other),
            "uncounted": dict(self.uncounted),
        }
