"""Gaussian process regression with a fixed kernel: a plane plus smooth bumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LENGTH, PLANE, NOISE, CLIP = 0.8, 1.0, 0.1, 3.0


@dataclass(frozen=True, slots=True)
class SmoothRegression:
    """A Gaussian process over standardised features that are clipped.

        k(a, b) = exp(-|a - b|^2 / (2 p length^2)) + plane a_s.b_s / q

    The plane is over q of the p features only, those of size: far from all rows the bumps die out
    and the trend in size is what stays.

    Attributes:
        mean: Of each feature.
        scale: Of each feature.
        rows: Standardised features of the rows fitted.
        on_plane: Places of the features of the plane.
        weights: Of the kernel at each row.
        inverse: Of the kernel's matrix with noise, (n, n).
        middle: Of the outcome.
        spread: Of the outcome, a standard deviation.
    """

    mean: Floats
    scale: Floats
    rows: Floats
    on_plane: tuple[int, ...]
    weights: Floats
    inverse: Floats
    middle: float
    spread: float

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, on_plane: Sequence[int] = ()) -> SmoothRegression:
        """Fit to ``x`` (n, p) and ``y`` (n,); the plane is over all features unless told.

        Source:
            Rasmussen and Williams, 2006, chapter 2. The kernel's numbers are fixed: to choose them
            by the errors on families left out of the fit made predictions for new families worse.
        """
        mean, scale = x.mean(0), x.std(0)
        scale = np.where(scale < 1e-9, 1.0, scale)
        rows = np.clip((x - mean) / scale, -CLIP, CLIP)
        plane = tuple(on_plane) or tuple(range(x.shape[1]))
        noisy = _kernel(rows, rows, plane) + NOISE * np.eye(len(y))
        inverse = np.asarray(np.linalg.inv(noisy), np.float64)
        middle, spread = float(y.mean()), float(y.std()) or 1.0
        return cls(mean, scale, rows, plane, inverse @ (y - middle), inverse, middle, spread)

    def predict(self, x: Floats) -> Floats:
        """The outcome at each row of ``x``."""
        return self.middle + self._towards(x) @ self.weights

    def deviation(self, x: Floats) -> Floats:
        """Standard deviation of the outcome at each row: it grows with the distance to all rows."""
        z, near = self._standardised(x), self._towards(x)
        plane = list(self.on_plane)
        prior = 1 + PLANE * (z[:, plane] ** 2).mean(1)
        known = np.einsum("ij,jk,ik->i", near, self.inverse, near)
        result: Floats = self.spread * np.sqrt(np.maximum(prior - known, 0) + NOISE)
        return result

    def _standardised(self, x: Floats) -> Floats:
        result: Floats = np.clip((x - self.mean) / self.scale, -CLIP, CLIP)
        return result

    def _towards(self, x: Floats) -> Floats:
        return _kernel(self._standardised(x), self.rows, self.on_plane)


def _kernel(a: Floats, b: Floats, plane: tuple[int, ...]) -> Floats:
    chosen = list(plane)
    apart = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    trend = PLANE * a[:, chosen] @ b[:, chosen].T / len(chosen)
    kernel: Floats = np.exp(-np.maximum(apart, 0) / (2 * a.shape[1] * LENGTH**2)) + trend
    return kernel
