"""Images on the device, in batches; normalised when they are used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.data import DatasetInfo, ImageData, Indices, validation_split
from nnmass.errors import SpecError
from nnmass.nets import generator_for
from nnmass.specs import Spec


def epoch_order(n_images: int, *, seed: int, epoch: int) -> Tensor:
    """The order of an epoch's images, int64 (n_images,), on the CPU; of both alone."""
    return torch.randperm(n_images, generator=generator_for(seed, f"order:{epoch}"))


def n_steps(n_images: int, batch_size: int) -> int:
    """Batches of an epoch; a last one of a single image is left out where there are others."""
    full, rest = divmod(n_images, batch_size)
    return full + (rest > 1 or n_images == 1 < batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Images and labels that lie on one device.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        shift: Mean of each channel, (1, C, 1, 1), in units of the raw pixels.
        stretch: One over the standard deviation, the same.
    """

    images: Tensor
    labels: Tensor
    shift: Tensor
    stretch: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images, float32 (n, C, H, W), with their labels."""
        for start in range(0, len(self), batch_size):
            part = slice(start, start + batch_size)
            yield self._normalised(self.images[part]), self.labels[part]

    def shuffled(
        self, batch_size: int, *, seed: int, epoch: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The images in an order that depends on the seed and the epoch alone.

        A last batch of a single image is left out, where there are others: it has no batch
        statistics.
        """
        order = epoch_order(len(self), seed=seed, epoch=epoch)
        parts = order.to(self.labels.device).split(batch_size)
        for part in parts[: self.n_steps(batch_size)]:
            yield self._normalised(self.images[part]), self.labels[part]

    def n_steps(self, batch_size: int) -> int:
        """Batches that `shuffled` gives."""
        return n_steps(len(self), batch_size)

    def _normalised(self, images: Tensor) -> Tensor:
        return (images.float() - self.shift) * self.stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The three parts of a data set."""

    train: Batches
    validation: Batches
    test: Batches

    @property
    def sizes(self) -> dict[str, int]:
        """Images of each part."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
        }


def split(
    data: ImageData, *, validation_share: float, seed: int, device: str | torch.device
) -> Splits:
    """Cut the validation part off the training images, and put all on ``device``.

    Raises:
        SpecError: No image is left to train on.
    """
    train, validation = split_indices(data, validation_share=validation_share, seed=seed)

    def part(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Batches:
        return _batches(data.info, images, labels, device=device)

    return Splits(
        train=part(data.train_images[train], data.train_labels[train]),
        validation=part(data.train_images[validation], data.train_labels[validation]),
        test=part(data.test_images, data.test_labels),
    )


def split_indices(
    data: ImageData, *, validation_share: float, seed: int
) -> tuple[Indices, Indices]:
    """Which training images are trained on, and which are kept for validation; both ascending.

    Raises:
        SpecError: No image is left to train on.
    """
    n_images = len(data.train_labels)
    n_val = max(1, round(validation_share * n_images))
    if n_val >= n_images:
        raise SpecError(
            f"recipe: validation_share {validation_share:g} keeps {n_val} of {n_images} training "
            "images for validation and leaves none: lower it, or give more training images"
        )
    return validation_split(data.train_labels, n_val=n_val, seed=seed)


def _batches(
    info: DatasetInfo,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    *,
    device: str | torch.device,
) -> Batches:
    mean = torch.tensor(info.mean).view(1, -1, 1, 1) * info.scale
    std = torch.tensor(info.std).view(1, -1, 1, 1) * info.scale
    return Batches(
        images=torch.from_numpy(np.ascontiguousarray(images)).to(device),
        labels=torch.from_numpy(np.ascontiguousarray(labels)).to(device),
        shift=mean.to(device),
        stretch=(1 / std).to(device),
    )


def check_fit(spec: Spec, info: DatasetInfo) -> None:
    """Check that the network takes the images and tells their classes.

    Raises:
        SpecError: It does not; the message names the fields to change.
    """
    channels, height, width = info.shape
    wanted = spec.input_shape
    has = (channels * height * width,) if len(wanted) == 1 else (channels, height, width)
    if has != wanted:
        keys = f"in={has[0]}" + (f",image={height}" if len(has) == 3 else "")
        raise SpecError(
            f"{spec} takes inputs of {'x'.join(map(str, wanted))}, but {info.name} has "
            f"{'x'.join(map(str, has))}: add {keys} to the spec"
        )
    n_classes = spec.values()["classes"]
    if n_classes != len(info.classes):
        raise SpecError(
            f"{spec} has {n_classes} classes, but {info.name} has {len(info.classes)}: add "
            f"classes={len(info.classes)} to the spec"
        )
