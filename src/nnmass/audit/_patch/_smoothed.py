"""A classifier that votes over ablated copies of an image: what is trained, deployed, certified."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from nnmass.audit._images import per_channel
from nnmass.audit._patch._ablation import Ablation
from nnmass.audit._patch._encode import check_encoding, encode_with, masks_of
from nnmass.errors import SpecError

TOP_ONE = "top-one"
"""The vote rule under which a copy votes for its most likely class alone."""

_COPIES_AT_ONCE = 1024


class SmoothedNet(nn.Module):
    """A base network on ablated images; the prediction is the class with the most votes.

    Called in evaluation mode it gives the counts of votes, (B, classes) as floats: their argmax,
    the smallest class index among equals, is the prediction that certificates are about. Images
    are pixels in [0, 1].

    Args:
        base: From encoded images (N, 2 C or C + 1, H, W) to logits (N, classes); see
            `nnmass.audit.adapt_stem`.
        ablation: Which copies vote.
        threshold: A copy votes for every class whose softmax is at least this; in (0, 1]. Or
            ``top-one``: for its most likely class alone, the smallest index among equals.
        encoding: ``complement`` or ``mask``; see `nnmass.audit.encode`.
        mean: Of each channel, subtracted before the encoding; the same for every image and pixel,
            so that a pixel outside a band still does not matter. None unless told.
        std: Of each channel, divided by.

    Raises:
        SpecError: An argument is out of range.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (arXiv:2002.10733).
    """

    mean: Tensor
    std: Tensor
    _masks: Tensor

    def __init__(
        self,
        base: nn.Module,
        ablation: Ablation,
        *,
        threshold: float | str = 0.3,
        encoding: str = "complement",
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        if not isinstance(base, nn.Module):
            raise SpecError(f"base must be a torch.nn.Module, got {base!r:.80}")
        if not isinstance(ablation, Ablation):
            raise SpecError(f"ablation must be a nnmass.audit.Ablation, got {ablation!r:.80}")
        check_encoding(encoding)
        self.base = base
        self.ablation = ablation
        self.threshold = checked_threshold(threshold)
        self.encoding = encoding
        self.register_buffer("mean", per_channel(mean, "mean"), persistent=False)
        self.register_buffer("std", per_channel(std, "std"), persistent=False)
        if not bool((self.std > 0).all()) or len(self.mean) != len(self.std):
            raise SpecError(f"std must be above 0, one for each mean, got {list(std)!r}")
        self.register_buffer("_masks", masks_of(ablation, None), persistent=False)
        self._is_quick = False

    def forward(self, images: Tensor) -> Tensor:
        """Counts of votes, (B, classes); see the class."""
        if self._is_quick:
            return self.logits_of_one_each(images)
        return self.votes(self.probabilities(images)).sum(1).to(images.dtype)

    def votes(self, probabilities: Tensor) -> Tensor:
        """Votes of every copy, booleans, from its softmax; both (B, n, classes)."""
        if isinstance(self.threshold, str):
            first = probabilities.argmax(-1, keepdim=True)
            return torch.zeros_like(probabilities, dtype=torch.bool).scatter_(-1, first, True)
        return probabilities >= self.threshold

    def probabilities(self, images: Tensor, *, copies_at_once: int = _COPIES_AT_ONCE) -> Tensor:
        """Softmax of the base network on every copy, float32 (B, n, classes).

        Args:
            images: Pixels in [0, 1], (B, C, H, W).
            copies_at_once: Ablated copies in one forward pass; more takes more memory.
        """
        batch, n = len(images), len(self._masks)
        pixels = self.normalised(images)
        parts = []
        for first in range(0, batch * n, copies_at_once):
            at = torch.arange(first, min(first + copies_at_once, batch * n), device=images.device)
            image, band = at.div(n, rounding_mode="floor"), at % n
            encoded = encode_with(pixels[image], self._masks[band], encoding=self.encoding)
            parts.append(self.base(encoded).float().softmax(-1))
        return torch.cat(parts).view(batch, n, -1)

    def logits_at(self, images: Tensor, position: int) -> Tensor:
        """Logits of the base network on one copy of every image, (B, classes)."""
        kept = self._masks[position]
        return self.base(encode_with(self.normalised(images), kept, encoding=self.encoding))

    def logits_of_one_each(self, images: Tensor) -> Tensor:
        """Logits on copy j mod n of image j: one forward pass, for a look during training."""
        kept = self._masks[torch.arange(len(images), device=images.device) % len(self._masks)]
        return self.base(encode_with(self.normalised(images), kept, encoding=self.encoding))

    def normalised(self, images: Tensor) -> Tensor:
        """Images less ``mean``, over ``std``."""
        return (images - self.mean.view(1, -1, 1, 1)) / self.std.view(1, -1, 1, 1)

    @contextlib.contextmanager
    def one_band_each(self) -> Iterator[SmoothedNet]:
        """A block in which calling the network gives `logits_of_one_each`."""
        self._is_quick = True
        try:
            yield self
        finally:
            self._is_quick = False


def checked_threshold(value: float | str) -> float | str:
    """A threshold in (0, 1], or ``top-one``.

    Raises:
        SpecError: It is neither.

    Example:
        >>> checked_threshold(0.3), checked_threshold("top-one")
        (0.3, 'top-one')
    """
    if value == TOP_ONE:
        return TOP_ONE
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise SpecError(
            f"threshold must lie in (0, 1] or be {TOP_ONE!r}, got {value!r}: at 0 every copy would "
            "vote for every class"
        )
    return float(value)
