"""How far sums of layers lie from whole networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from nnmass.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCheck:
    """A whole network measured beside the sum of its layers.

    Attributes:
        network: Its spec.
        layers_ms: The sum of its layers, not corrected.
        measured_ms: Median of the whole network.
    """

    network: str
    layers_ms: float
    measured_ms: float

    @property
    def ratio(self) -> float:
        """Measured over summed."""
        return self.measured_ms / self.layers_ms

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditiveError:
    """Relative errors of the additive model, over the networks that were measured.

    Attributes:
        n_networks: How many.
        median: Of the sizes of the errors, each over the measured latency.
        largest: Of them.
        bias: Median of the errors with their signs; below 0 where sums are too small.
        is_corrected: Each network was judged with the factor of the others.
    """

    n_networks: int
    median: float
    largest: float
    bias: float
    is_corrected: bool

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def checked_networks_error(checks: Sequence[NetworkCheck], *, is_corrected: bool) -> AdditiveError:
    """The errors over ``checks``.

    Raises:
        SpecError: There are none.

    Example:
        >>> checks = [
        ...     NetworkCheck(network=str(k), layers_ms=8.0, measured_ms=ms)
        ...     for k, ms in enumerate((10.0, 10.0, 16.0))
        ... ]
        >>> plain = checked_networks_error(checks, is_corrected=False)
        >>> plain.median, plain.largest, plain.bias
        (0.2, 0.5, -0.2)
    """
    if not checks:
        raise SpecError(
            "no whole network was measured beside this table, so its error is not known: use "
            "check() with a few networks"
        )
    errors = list[float]()
    for index, check in enumerate(checks):
        others = [other.ratio for k, other in enumerate(checks) if k != index]
        factor = median(others) if is_corrected else 1.0
        errors.append((factor * check.layers_ms - check.measured_ms) / check.measured_ms)
    sizes = [abs(error) for error in errors]
    return AdditiveError(
        n_networks=len(errors),
        median=median(sizes),
        largest=max(sizes),
        bias=median(errors),
        is_corrected=is_corrected,
    )
