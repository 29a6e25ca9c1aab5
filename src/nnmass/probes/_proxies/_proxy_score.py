"""What `nnmass.probes.score_proxies` returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

from nnmass._from_plain import from_plain
from nnmass.probes._proxies._proxy import Norms
from nnmass.probes._student import t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyScore:
    """One proxy of one network.

    Attributes:
        network: Its name.
        proxy: A key of `nnmass.probes.PROXIES`.
        values: One for each seed; ``None`` where it failed.
        reason: Why it failed, with the first seed where it did; ``""`` where it did not.
        unit: Of the values; ``1`` where they have none.
        higher_is_better: As its authors expect.
        seeds: What the network was drawn from; ``(None,)`` for one that was given, and for a proxy
            that does not depend on the weights.
        batch_norm: ``batch``, ``running`` or ``off``; ``None`` where it makes no difference.
        n_images: Images that were given.
        elapsed_s: Wall time of all seeds.
    """

    network: str
    proxy: str
    values: tuple[float | None, ...]
    reason: str
    unit: str
    higher_is_better: bool
    seeds: tuple[int | None, ...]
    batch_norm: Norms | None
    n_images: int
    elapsed_s: float

    @property
    def status(self) -> Literal["measured", "failed"]:
        """``failed`` where it failed for some seed; `reason` says why."""
        return "failed" if None in self.values else "measured"

    @property
    def value(self) -> float | None:
        """Mean over the seeds; ``None`` where it failed for one."""
        known = self._known
        return fmean(known) if known else None

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; needs two of them."""
        known = self._known
        return stdev(known) if len(known) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `value` over the seeds (Student's t); needs two of them."""
        if self.value is None or self.spread is None:
            return None
        n = len(self.values)
        half = t_quantile(n - 1) * self.spread / math.sqrt(n)
        return self.value - half, self.value + half

    @property
    def _known(self) -> list[float]:
        """The values, if all are known."""
        known = [value for value in self.values if value is not None]
        return known if len(known) == len(self.values) else []

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "network": self.network,
            "proxy": self.proxy,
            "status": self.status,
            "reason": self.reason,
            "value": self.value,
            "spread": self.spread,
            "interval": None if self.interval is None else list(self.interval),
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "seeds": list(self.seeds),
            "values": list(self.values),
            "batch_norm": self.batch_norm,
            "n_images": self.n_images,
            "elapsed_s": self.elapsed_s,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ProxyScore:
        """The score that `to_dict` told of."""
        return from_plain(cls, values)
