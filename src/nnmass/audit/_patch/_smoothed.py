"""A classifier that votes over ablated copies of an image: what is trained, deployed, certified."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from nnmass.audit._images import Normalise
from nnmass.audit._patch._ablation import Ablation
from nnmass.audit._patch._encode import check_encoding, encode_with, masks_of
from nnmass.audit._patch._threshold import checked_threshold
from nnmass.errors import SpecError

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

    masks: Tensor

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
        self.normalised = Normalise(mean, std)
        self.register_buffer("masks", masks_of(ablation, None), persistent=False)
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

    def probabilities(
        self, images: Tensor, *, images_at_once: int = 1, copies_at_once: int = _COPIES_AT_ONCE
    ) -> Tensor:
        """Softmax of the base network on every copy, float32 (B, n, classes).

        By default a forward pass has the copies of one image, whatever else is in the batch: so
        the prediction of an image alone is bit for bit that of an image among others.

        Args:
            images: Pixels in [0, 1], (B, C, H, W).
            images_at_once: More are faster on a GPU; last digits may then hang on the batch.
            copies_at_once: Most copies in a forward pass; where an image has more, it takes several
                passes, cut alike for every image.
        """
        pixels = self.normalised(images)
        pieces = self.masks.split(max(1, copies_at_once // images_at_once))
        groups = []
        for first in range(0, len(images), images_at_once):
            some = pixels[first : first + images_at_once, None]
            parts = [self._softmax(some, masks) for masks in pieces]
            groups.append(torch.cat(parts, 1))
        return torch.cat(groups)

    def _softmax(self, images: Tensor, masks: Tensor) -> Tensor:
        """Softmax on the copies that ``masks`` keep, (b, m, classes), in one forward pass."""
        encoded = encode_with(images, masks[None], encoding=self.encoding)
        logits = self.base(encoded.flatten(0, 1))
        return logits.float().softmax(-1).unflatten(0, encoded.shape[:2])

    def logits_at(self, images: Tensor, position: int) -> Tensor:
        """Logits of the base network on one copy of every image, (B, classes).

        Args:
            images: Pixels in [0, 1], (B, C, H, W).
            position: Of the copy, from 0.
        """
        kept = self.masks[position]
        return self.base(encode_with(self.normalised(images), kept, encoding=self.encoding))

    def logits_of_one_each(self, images: Tensor) -> Tensor:
        """Logits on copy j mod n of image j: one forward pass, for a look during training."""
        kept = self.masks[torch.arange(len(images), device=images.device) % len(self.masks)]
        return self.base(encode_with(self.normalised(images), kept, encoding=self.encoding))

    @contextlib.contextmanager
    def one_band_each(self) -> Iterator[SmoothedNet]:
        """A block in which calling the network gives `logits_of_one_each`."""
        self._is_quick = True
        try:
            yield self
        finally:
            self._is_quick = False
