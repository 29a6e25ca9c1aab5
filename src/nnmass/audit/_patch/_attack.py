"""An attack by patches, to see how far the proof is from what a search can do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from nnmass._evaluating import evaluating
from nnmass._from_plain import from_plain
from nnmass.audit._images import checked_images
from nnmass.audit._patch._encode import encode_with
from nnmass.audit._patch._patch_row import Patch, sides_of
from nnmass.audit._patch._smoothed import SmoothedNet
from nnmass.errors import SpecError, positive_number, whole_number
from nnmass.nets import generator_for
from nnmass.train import resolve_device


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchAttack:
    """What an attack reached; no patch is kept.

    Attributes:
        patch: Height and width in pixels.
        restarts: Places that were tried for each image.
        steps: At each place.
        step_size: Of a pixel, in a step.
        clean_accuracy: Share of right predictions before; in [0, 1].
        attacked_accuracy: Share that is right and was never changed.
        is_flipped: Of each image, whether some patch changed the deployed prediction.
        seconds: In all.
    """

    patch: tuple[int, int]
    restarts: int
    steps: int
    step_size: float
    clean_accuracy: float
    attacked_accuracy: float
    is_flipped: tuple[bool, ...]
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values, with a count in place of the single images."""
        told = asdict(self)
        flipped = told.pop("is_flipped")
        return told | {
            "patch": list(self.patch),
            "n_images": len(flipped),
            "n_flipped": sum(flipped),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PatchAttack:
        """The attack that `to_dict` told of; which images were flipped is not kept, only how many.

        Those come first.
        """
        n, flipped = values["n_images"], values["n_flipped"]
        return from_plain(cls, values, is_flipped=(True,) * flipped + (False,) * (n - flipped))


def attack_patches(
    net: SmoothedNet,
    images: object,
    labels: object,
    *,
    patch: Patch = 5,
    restarts: int = 3,
    steps: int = 40,
    step_size: float = 0.05,
    batch_size: int = 32,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> PatchAttack:
    """Try to change predictions by projected gradient steps on the pixels of one patch.

    Each restart draws a place for a batch of images and climbs the loss of the mean softmax over
    the copies. Copies that the patch does not touch cannot change and are computed once. A change
    counts when the deployed vote on the whole image gives another class.

    Args:
        net: What is attacked; left as it was.
        images: Pixels in [0, 1] or uint8, (B, C, H, W).
        labels: Whole numbers, (B,).
        patch: Side in pixels, or height and width.
        restarts: Places for each image.
        steps: At each place.
        step_size: Of a pixel.
        batch_size: Images that share their places.
        seed: Of places and first contents.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        on_progress: Called with the images done and all of them.

    Raises:
        SpecError: An argument is out of range.
        DataError: Images or labels are out of range.

    Source:
        A. Madry et al., ICLR 2018 (arXiv:1706.06083), on a patch as in Levine and Feizi's code:
        sign steps through the mean softmax, there 80 restarts of 150 steps.
    """
    if not isinstance(net, SmoothedNet):
        raise SpecError(f"attack_patches takes a SmoothedNet, got {type(net).__name__}")
    pixels, found = checked_images(images, labels)
    sides = net.ablation.checked_patch(sides_of(patch))
    for value, name in ((restarts, "restarts"), (steps, "steps"), (batch_size, "batch_size")):
        whole_number(value, name, low=1)
    positive_number(step_size, "step_size")
    where, was = resolve_device(device), next(net.parameters()).device
    start = time.perf_counter()
    flipped, right = [], []
    try:
        net.to(where)
        with evaluating(net):
            for first in range(0, len(pixels), batch_size):
                part = slice(first, first + batch_size)
                job = _Batch(net, pixels[part].to(where), found[part].to(where), sides)
                for restart in range(restarts):
                    draws = generator_for(seed, f"patch:{first}:{restart}")
                    job.attack(draws, steps=steps, step_size=step_size)
                flipped += job.is_flipped.tolist()
                right += (job.clean == job.labels).tolist()
                if on_progress is not None:
                    on_progress(len(flipped), len(pixels))
    finally:
        net.to(was)
    n = len(pixels)
    return PatchAttack(
        patch=sides,
        restarts=restarts,
        steps=steps,
        step_size=step_size,
        clean_accuracy=sum(right) / n,
        attacked_accuracy=sum(r and not f for r, f in zip(right, flipped, strict=True)) / n,
        is_flipped=tuple(flipped),
        seconds=time.perf_counter() - start,
    )


class _Batch:
    """Images under attack at the same place."""

    def __init__(
        self, net: SmoothedNet, images: Tensor, labels: Tensor, sides: tuple[int, int]
    ) -> None:
        self.net, self.images, self.labels, self.sides = net, images, labels, sides
        with torch.no_grad():
            self.before = net.probabilities(images)
            self.clean = net.votes(self.before).sum(1).argmax(1)
        self.is_flipped = torch.zeros(len(images), dtype=torch.bool, device=images.device)

    def attack(self, draws: torch.Generator, *, steps: int, step_size: float) -> None:
        (height, width), (tall, wide) = self.sides, self.net.ablation.image
        top = int(torch.randint(tall - height + 1, (), generator=draws))
        left = int(torch.randint(wide - width + 1, (), generator=draws))
        place = (..., slice(top, top + height), slice(left, left + width))
        touched = self.net.masks[place].flatten(1).any(1)
        masks = self.net.masks[touched]
        outside = self.before[:, ~touched].sum(1)
        patch = torch.rand(self.images[place].shape, generator=draws).to(self.images.device)
        for step in range(steps):
            patch = self._step(patch, place, masks, outside, step_size)
            if step in (steps // 2, steps - 1):  # the end is not always the best
                self._judge(patch, place)

    def _step(
        self, patch: Tensor, place: tuple[Any, ...], masks: Tensor, outside: Tensor, size: float
    ) -> Tensor:
        patch = patch.detach().requires_grad_()
        shown = self._with(patch, place)
        encoded = encode_with(
            self.net.normalised(shown)[:, None], masks, encoding=self.net.encoding
        )
        logits = self.net.base(encoded.flatten(0, 1)).float()
        inside = logits.softmax(-1).unflatten(0, encoded.shape[:2]).sum(1)
        mean = (outside + inside) / len(self.net.masks)
        loss = -mean.gather(1, self.clean[:, None]).clamp_min(1e-12).log().sum()
        (gradient,) = torch.autograd.grad(loss, patch)
        return (patch + size * gradient.sign()).clamp(0, 1).detach()

    def _with(self, patch: Tensor, place: tuple[Any, ...]) -> Tensor:
        shown = self.images.clone()
        shown[place] = patch
        return shown

    @torch.no_grad()
    def _judge(self, patch: Tensor, place: tuple[Any, ...]) -> None:
        after = self.net(self._with(patch, place)).argmax(1)
        self.is_flipped |= after != self.clean
