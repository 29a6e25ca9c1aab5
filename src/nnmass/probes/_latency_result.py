"""What `nnmass.probes.latency` returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from nnmass._from_plain import from_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLatency:
    """One size of batch.

    Attributes:
        batch_size: Images in one run.
        times_ms: Of each run, in the order in which they were made, the warm-up left out.

    Example:
        >>> one = BatchLatency(batch_size=4, times_ms=(2.0, 1.0, 2.0, 9.0, 2.0))
        >>> one.median_ms, one.p95_ms, one.min_ms, one.mean_ms, one.images_per_second
        (2.0, 9.0, 1.0, 3.2, 2000.0)
    """

    batch_size: int
    times_ms: tuple[float, ...]

    @property
    def n_runs(self) -> int:
        """How many runs were timed."""
        return len(self.times_ms)

    @property
    def median_ms(self) -> float:
        """Of one run, of the whole batch."""
        return median(self.times_ms)

    @property
    def p95_ms(self) -> float:
        """The least time that 95 % of the runs did not exceed; one of the measured times."""
        return sorted(self.times_ms)[math.ceil(0.95 * self.n_runs) - 1]

    @property
    def min_ms(self) -> float:
        """The fastest run."""
        return min(self.times_ms)

    @property
    def mean_ms(self) -> float:
        """Pulled up by whatever else the machine did; the median is not."""
        return fmean(self.times_ms)

    @property
    def images_per_second(self) -> float | None:
        """At the median; ``None`` where the clock saw no time go by."""
        return 1000 * self.batch_size / self.median_ms if self.median_ms else None

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "batch_size": self.batch_size,
            "times_ms": list(self.times_ms),
            "n_runs": self.n_runs,
            "median_ms": self.median_ms,
            "p95_ms": self.p95_ms,
            "min_ms": self.min_ms,
            "mean_ms": self.mean_ms,
            "images_per_second": self.images_per_second,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long a network's forward pass takes on one device.

    Attributes:
        network: Its name.
        input_shape: Of one image.
        batches: One for each size of batch, in the order asked for.
        device: ``cpu``, or the name of the GPU.
        threads: That one operation on the CPU could use.
        dtype: ``float32`` or ``bfloat16``.
        channels_last: Whether weights and images lay in that memory format.
        warm_up: Runs before the timed ones, at most.
        torch: Its version.
        seed: Of the weights, where they were drawn, and of the images.
        elapsed_s: Wall time of everything.
        environment: Versions, device, threads.
    """

    network: str
    input_shape: tuple[int, ...]
    batches: tuple[BatchLatency, ...]
    device: str
    threads: int
    dtype: str
    channels_last: bool
    warm_up: int
    torch: str
    seed: int
    elapsed_s: float
    environment: dict[str, str]

    @property
    def median_ms(self) -> float:
        """Of the first size of batch."""
        return self.batches[0].median_ms

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "network": self.network,
            "input_shape": list(self.input_shape),
            "batches": [batch.to_dict() for batch in self.batches],
            "device": self.device,
            "threads": self.threads,
            "dtype": self.dtype,
            "channels_last": self.channels_last,
            "warm_up": self.warm_up,
            "torch": self.torch,
            "seed": self.seed,
            "elapsed_s": self.elapsed_s,
            "environment": self.environment,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Latency:
        """The measurement that `to_dict` told of."""
        batches = tuple(from_plain(BatchLatency, batch) for batch in values["batches"])
        return from_plain(cls, values, batches=batches)
