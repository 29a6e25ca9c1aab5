"""Stickers that excite chosen features; independent of any image, and never written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnmass.audit._bits._deployed import DeployedModel
from nnmass.errors import SpecError, did_you_mean, whole_number

PLACES = ("bottom-right", "top-left", "centre")
_STEP_SIZES = (0.5, 0.1, 0.01, 0.001)
_PATIENCE = 25  # steps without a better objective, then the next size


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """Where a sticker is and how it is found.

    Attributes:
        size_px: Side of the square.
        place: ``bottom-right``, ``top-left`` or ``centre``; the first two keep a pixel from the
            edge where there is room.
        beta: What the chosen features are driven towards; with the large values in use, upwards.
        steps: Of each of the four step sizes, at most.
    """

    size_px: int
    place: str = "bottom-right"
    beta: float = 100.0
    steps: int = 200

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """Top row and left column of the square in images of this size.

        Raises:
            SpecError: It does not fit, or there is no such place.

        Example:
            >>> TriggerSettings(size_px=10).corner(32, 32)
            (21, 21)
        """
        if self.place not in PLACES:
            hint = did_you_mean(str(self.place), PLACES)
            raise SpecError(f"place must be {', '.join(PLACES)}, got {self.place!r}.{hint}")
        whole_number(self.size_px, "size_px", low=1)
        if self.size_px > min(height, width):
            raise SpecError(
                f"a trigger of {self.size_px} pixels does not fit into images of {height}x{width}"
            )
        room = height - self.size_px, width - self.size_px
        if self.place == "centre":
            return room[0] // 2, room[1] // 2
        if self.place == "top-left":
            return min(1, room[0]), min(1, room[1])
        return max(room[0] - 1, 0), max(room[1] - 1, 0)


def make_triggers(
    deployed: DeployedModel,
    chosen: Sequence[Tensor],
    settings: TriggerSettings,
    image_shape: tuple[int, int, int],
) -> Tensor:
    """Contents of a square for each set of features, found side by side; (T, C, m, m) in [0, 1].

    From grey 0.5 on a black image, sign steps minimise the mean of (phi_j - beta)^2 over the chosen
    features j; the best contents seen are kept. Nothing is random.

    Args:
        deployed: The classifier.
        chosen: For each trigger the indices of its features.
        settings: Size, place, steps.
        image_shape: (C, H, W).

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), section 4.2; moving on to the next
        step size when a while brought nothing better: ours.
    """
    channels, height, width = image_shape
    top, left = settings.corner(height, width)
    side = settings.size_px
    square = (..., slice(top, top + side), slice(left, left + side))
    wanted = torch.zeros(len(chosen), deployed.layer.shape[1], device=deployed.device)
    for row, indices in zip(wanted, chosen, strict=True):
        row[indices.to(row.device)] = 1.0 / max(len(indices), 1)
    shown = torch.zeros(len(chosen), *image_shape, device=deployed.device)
    pixels = torch.full((len(chosen), channels, side, side), 0.5, device=deployed.device)
    best, least = pixels.clone(), torch.full((len(chosen),), float("inf"), device=deployed.device)
    for size in _STEP_SIZES:
        pixels, stale = best.clone(), 0
        for _ in range(settings.steps + 1):
            pixels.requires_grad_()
            image = shown.clone()
            image[square] = pixels
            apart = deployed.live_features(image) - settings.beta
            objective = (wanted * apart.square()).sum(1)
            (gradient,) = torch.autograd.grad(objective.sum(), pixels)
            is_better = objective.detach() < least
            best[is_better], least[is_better] = (
                pixels.detach()[is_better],
                objective.detach()[is_better],
            )
            stale = 0 if bool(is_better.any()) else stale + 1
            if stale > _PATIENCE:
                break
            pixels = (pixels.detach() - size * gradient.sign()).clamp(0, 1)
    return best.cpu()


def stamp(images: Tensor, trigger: Tensor, settings: TriggerSettings) -> Tensor:
    """Copies of images, (B, C, H, W), with the square replaced by ``trigger``, (C, m, m)."""
    top, left = settings.corner(images.shape[2], images.shape[3])
    side = settings.size_px
    stamped = images.clone()
    stamped[..., top : top + side, left : left + side] = trigger
    return stamped


def area_share(settings: TriggerSettings, height: int, width: int) -> float:
    """Share of the image that the square covers; TAP."""
    return settings.size_px**2 / (height * width)
