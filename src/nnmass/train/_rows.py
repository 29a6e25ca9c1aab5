"""Images as rows: one step's inputs for networks that take vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.data import DatasetInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Labelled images that lie flat on one device; normalised when they are used.

    Attributes:
        raw: (N, F), uint8 pixels or float32 features.
        labels: int64 (N,).
        shift: Mean of each number of a row, float32 (F,), in units of ``raw``.
        stretch: One over the standard deviation, the same.
        dtype: Of what a network is given.
    """

    raw: Tensor
    labels: Tensor
    shift: Tensor
    stretch: Tensor
    dtype: torch.dtype

    @classmethod
    def of(
        cls,
        info: DatasetInfo,
        images: npt.NDArray[np.generic],
        labels: npt.NDArray[np.int64],
        dtype: torch.dtype,
        device: torch.device,
    ) -> Rows:
        """All images of a part of a data set: uint8 (N, C, H, W), or float32 (N, F)."""
        # torch warns of arrays that it could not write to, such as maps of a file
        flat = np.require(images.reshape(len(images), -1), requirements=["C", "W"])
        raw = torch.from_numpy(flat).to(device)
        n_each = raw.shape[1] // len(info.mean)  # pixels of a channel lie side by side
        mean = torch.tensor(info.mean).repeat_interleave(n_each) * info.scale
        std = torch.tensor(info.std).repeat_interleave(n_each) * info.scale
        return cls(
            raw=raw,
            labels=torch.from_numpy(labels).to(device),
            shift=mean.to(device),
            stretch=(1 / std).to(device),
            dtype=dtype,
        )

    def fill(self, out: Tensor, index: Tensor) -> None:
        """Write the rows ``index``, normalised, into the first F columns of ``out``."""
        rows = out[:, : self.raw.shape[1]]
        rows.copy_(self.raw.index_select(0, index)).sub_(self.shift).mul_(self.stretch)
