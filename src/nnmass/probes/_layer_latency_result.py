"""What `nnmass.probes.layer_latencies` gives for each layer."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from nnmass.specs import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLatency:
    """How long one layer takes.

    Attributes:
        layer: Its kind and channels.
        times_ms: Of each timed run, of the whole batch.
    """

    layer: Layer
    times_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Of one run."""
        return median(self.times_ms)

    @property
    def min_ms(self) -> float:
        """The fastest run."""
        return min(self.times_ms)
