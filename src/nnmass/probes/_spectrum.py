"""Singular values of the Jacobians of one layer, summed up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that are kept."""

NEAR_ONE = (0.5, 2.0)
"""The stretch of singular values that counts as near to isometry."""

Method = Literal["exact", "estimated", "failed", "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpectrum:
    """Singular values of the Jacobians of one layer, over images (and over initialisations).

    The Jacobian of a layer is that of its output by what the activation in front of it reads:
    ``J = W diag(act'(z))``, where z is everything that the layer reads, skips included. All
    ``min(rows, columns)`` singular values count, zeros too.

    Attributes:
        path: The layer's module path; of one that is used several times, with ``#2``, ``#3`` ...
        kind: ``linear``, ``convolution``, or the operation where it is unsupported.
        activation: The operations between z and the layer, ``""`` where there are none.
        rows: Numbers in the layer's output for one image.
        columns: Numbers in its input for one image.
        method: ``exact``; ``estimated`` (see `nnmass.probes.ldi`); ``failed`` where the Jacobian
            is not finite; ``unsupported`` where the operation has no single Jacobian or none that
            is known here. The last two have a reason, and ``None`` for every number.
        reason: Why there are no numbers.
        n_images: How many images were measured.
        mean: Mean singular value.
        mean_error: Half the width of a 95 % interval of the estimate of ``mean`` over the images
            that were given; 0 where it is exact.
        std: Standard deviation of the singular values.
        quantiles: At `LEVELS`.
        near_one: Share of them in `NEAR_ONE`.
        max_abs_log: Largest ``abs(log(sigma))``, natural logarithm, over those that are not zero;
            ``None`` where it is estimated, since the smallest are not resolved then.
        zero_share: Share of them that are zero (below 1e-7 of the largest); ``None`` where
            estimated.
        largest: The largest; a lower bound where it is estimated.
    """

    path: str
    kind: str
    activation: str
    rows: int
    columns: int
    method: Method
    reason: str = ""
    n_images: int = 0
    mean: float | None = None
    mean_error: float | None = None
    std: float | None = None
    quantiles: tuple[float, ...] | None = None
    near_one: float | None = None
    max_abs_log: float | None = None
    zero_share: float | None = None
    largest: float | None = None

    @property
    def n_values(self) -> int:
        """Singular values of one Jacobian."""
        return min(self.rows, self.columns)

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)
