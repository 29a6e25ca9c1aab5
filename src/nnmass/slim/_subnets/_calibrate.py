"""Statistics of batch norms, measured afresh for sub-networks whose weights stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nnmass._evaluating import evaluating
from nnmass._randomness import unchanged_randomness
from nnmass.errors import SpecError
from nnmass.slim._subnets._switching import switchable

N_BATCHES = 5


@torch.no_grad()
def calibrate(
    family: nn.Module,
    batches: Iterable[Tensor | Sequence[Tensor]],
    *,
    levels: Sequence[int] | None = None,
    n_batches: int = N_BATCHES,
) -> None:
    """Measure the statistics of the batch norms of sub-networks on some batches.

    What a norm had measured before is forgotten: afterwards its running mean and variance are the
    plain means over the batches of each batch's mean and (unbiased) variance. The family is
    changed, and nothing of it but those statistics: weights stay, and all layers but batch norms,
    such as dropout, run as in evaluation. Each sub-network needs statistics of its own; those of
    other widths do not fit it.

    Args:
        family: A `SubnetFamily`.
        batches: Images (N, ..) on any device, or tuples that begin with them; normalised as in
            training, and best not changed at random.
        levels: Numbers of the sub-networks; all unless told.
        n_batches: At most so many batches are read, once for all sub-networks.

    Raises:
        SpecError: There is no batch, a batch has a single image, or ``family`` has no sub-networks
            or no batch norms with statistics.

    Source:
        Cumulative averages over few batches: J. Yu, T. Huang, ICCV 2019 (arXiv:1903.05134).
    """
    networks = switchable(family)
    images = _images(batches, family, n_batches)
    with evaluating(family):
        for index in range(len(networks.subnets)) if levels is None else levels:
            with networks.using(index), unchanged_randomness():
                for n_before, batch in enumerate(images):
                    with _Cumulative(n_before) as seen:
                        family(batch)
                    if not seen.n_norms:
                        raise SpecError(
                            f"sub-network {networks.subnets[index].name} has no batch norms with "
                            "statistics of their own: there is nothing to calibrate"
                        )


def _images(
    batches: Iterable[Tensor | Sequence[Tensor]], family: nn.Module, n_batches: int
) -> list[Tensor]:
    if isinstance(batches, Tensor):
        raise SpecError(
            f"batches must be several batches of images, got one tensor of {tuple(batches.shape)}: "
            "put it in a list"
        )
    device = next(family.parameters()).device
    images = []
    for _, batch in zip(range(n_batches), batches, strict=False):
        images.append((batch if isinstance(batch, Tensor) else batch[0]).to(device))
        if len(images[-1]) < 2:
            raise SpecError(
                f"calibration needs batches of at least 2 images, got one of {len(images[-1])}: a "
                "single image has no variance over the batch"
            )
    if not images:
        raise SpecError("calibration needs at least one batch of images, got none")
    return images


class _Cumulative(TorchFunctionMode):
    """Batch norms in here normalise by the batch and average what they see over all batches."""

    def __init__(self, n_before: int) -> None:
        super().__init__()
        self.n_before = n_before
        self.n_norms = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Calls of `F.batch_norm`, which all batch norms of torch make, are changed."""
        given = dict(kwargs or {})
        if func is not F.batch_norm:
            return func(*args, **given)
        given |= dict(zip(("input", "running_mean", "running_var"), args, strict=False))
        given |= {"training": True, "momentum": 1 / (self.n_before + 1)}
        if given["running_mean"] is not None:
            self.n_norms += 1
            if self.n_before == 0:  # a share of 1 would keep what is infinite or no number
                given["running_mean"].zero_()
                given["running_var"].zero_()
        return func(**given)
