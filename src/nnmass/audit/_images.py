"""Images as audits take them: pixels in [0, 1], so that what an attacker can show is known."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nnmass.errors import DataError, SpecError


class Normalise(nn.Module):
    """Images less ``mean``, over ``std``, channel by channel; the same for all images and pixels.

    Args:
        mean: Of each channel, or one for all.
        std: The same; above 0.

    Raises:
        SpecError: The numbers are not finite, or a ``std`` is not above 0.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", _per_channel(mean, "mean"), persistent=False)
        self.register_buffer("std", _per_channel(std, "std"), persistent=False)
        if len(self.mean) != len(self.std) or not bool((self.std > 0).all()):
            raise SpecError(f"std must be above 0, one for each mean, got {list(std)!r}")

    def forward(self, images: Tensor) -> Tensor:
        """Of (B, C, H, W)."""
        return (images - self.mean.view(1, -1, 1, 1)) / self.std.view(1, -1, 1, 1)


def with_normalisation(model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """A copy of ``model`` that takes pixels in [0, 1], for models that are fed normalised images.

    Args:
        model: From normalised images to logits.
        mean: Of each channel, of pixels in [0, 1].
        std: The same.

    Raises:
        SpecError: The numbers are not finite, or a ``std`` is not above 0.

    Source:
        Ours.

    Example:
        >>> net = with_normalisation(nn.Flatten(), mean=[0.5], std=[0.25])
        >>> net(torch.ones(1, 1, 1, 2)).tolist()
        [[2.0, 2.0]]
    """
    if not isinstance(model, nn.Module):
        raise SpecError(f"with_normalisation takes a torch.nn.Module, got {model!r:.80}")
    return nn.Sequential(Normalise(mean, std), copy.deepcopy(model))


def checked_images(
    images: object, labels: object, *, name: str = "images"
) -> tuple[Tensor, Tensor]:
    """Images as float32 (B, C, H, W) in [0, 1] and their labels as int64 (B,), on the CPU.

    Args:
        images: A tensor or an array of floats in [0, 1], or of uint8, which are divided by 255.
        labels: Whole numbers from 0, as many.
        name: What messages call the images.

    Raises:
        DataError: They are no such images or labels; the message has the values.
    """
    pixels = _tensor(images, name)
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise DataError(f"{name} must be (B, C, H, W), none of them 0, got {tuple(pixels.shape)}")
    if pixels.dtype == torch.uint8:
        pixels = pixels.float() / 255
    if not pixels.is_floating_point():
        raise DataError(f"{name} must be floats in [0, 1] or uint8, got {pixels.dtype}")
    pixels = pixels.float()
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # NaN is refused as well
        raise DataError(
            f"{name} must lie in [0, 1], got {low:.4g} .. {high:.4g}: an audit needs to know what "
            "can be displayed. Give pixels, and put the normalisation into the model with "
            "nnmass.audit.with_normalisation(model, mean, std)"
        )
    found = _tensor(labels, f"labels of the {name}")
    if found.is_floating_point() or found.dtype == torch.bool or found.shape != (len(pixels),):
        raise DataError(
            f"labels of the {name} must be {len(pixels)} whole numbers, got {found.dtype} of shape "
            f"{tuple(found.shape)}"
        )
    if int(found.min()) < 0:
        raise DataError(f"labels of the {name} must be at least 0, got {int(found.min())}")
    return pixels, found.long()


def _tensor(value: object, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    try:
        return torch.from_numpy(np.ascontiguousarray(value))
    except TypeError as error:
        raise DataError(f"{name} must be a tensor or an array, got {value!r:.80}") from error


def _per_channel(values: Sequence[float], name: str) -> Tensor:
    """Finite numbers as a float32 vector.

    Raises:
        SpecError: They are none.
    """
    try:
        found = torch.as_tensor(values, dtype=torch.float32).flatten()
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError(f"{name} must be numbers, one for each channel, got {values!r}") from error
    if not len(found) or not bool(found.isfinite().all()):
        raise SpecError(f"{name} must be finite numbers, one for each channel, got {values!r}")
    return found
