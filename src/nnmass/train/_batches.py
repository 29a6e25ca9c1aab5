"""Images and points on the device, in batches; normalised when they are used."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from nnmass._evaluating import evaluating
from nnmass._randomness import unchanged_randomness
from nnmass.data import DatasetInfo, ImageData, Indices, Inputs, validation_split
from nnmass.errors import SpecError
from nnmass.nets import generator_for
from nnmass.specs import Spec
from nnmass.train._augment import Augment

MOST_BYTES_COPIED = 2 * 2**30
"""Images on the disk (a cached image folder) up to this size are copied to the device."""

_READ_AHEAD = 2


def epoch_order(n_images: int, *, seed: int, epoch: int) -> Tensor:
    """The order of an epoch's images, int64 (n_images,), on the CPU; of both alone."""
    return torch.randperm(n_images, generator=generator_for(seed, f"order:{epoch}"))


def n_steps(n_images: int, batch_size: int) -> int:
    """Batches of an epoch; a last one of a single image is left out where there are others."""
    full, rest = divmod(n_images, batch_size)
    return full + (rest > 1 or n_images == 1 < batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """A part of a data set that is ready to be trained on or evaluated with.

    Attributes:
        images: uint8 (M, C, H, W), or float features (M, F). On the device; or, where they are too
            large for it, in the main memory or on the disk, and then each batch is moved.
        labels: int64 (M,), on the device.
        shift: Mean of each channel, (1, C, 1, 1) or (1, F), in units of the raw values; on the
            device.
        stretch: One over the standard deviation, the same.
        is_on_disk: The images are read from the disk as they are needed; a thread does that for the
            next batches while one is worked on.
        rows: Which of the M belong to the part, int64 (N,), where the images are; None for all.
            So the parts of a data set share one copy of it.
    """

    images: Tensor
    labels: Tensor
    shift: Tensor
    stretch: Tensor
    is_on_disk: bool = False
    rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels if self.rows is None else self.rows)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images, float32 (n, C, H, W) or (n, F), with their labels."""
        parts = [slice(k, k + batch_size) for k in range(0, len(self), batch_size)]
        for images, labels in self._picked(
            [part if self.rows is None else self.rows[part] for part in parts]
        ):
            yield self._normalised(images), labels

    def shuffled(
        self, batch_size: int, *, seed: int, epoch: int, augment: Augment | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The images in an order that depends on the seed and the epoch alone.

        So do the random changes of ``augment``; each image has its own. A last batch of a single
        image is left out, where there are others: it has no batch statistics.
        """
        order = epoch_order(len(self), seed=seed, epoch=epoch).to(self.images.device)
        order = order if self.rows is None else self.rows[order]
        draws = generator_for(seed, f"augment:{epoch}")
        for images, labels in self._picked(order.split(batch_size)[: self.n_steps(batch_size)]):
            if augment is None:
                yield self._normalised(images), labels
            else:
                moved = augment.moved(images, draws)
                yield augment.cut(self._normalised(moved), draws), labels

    def n_steps(self, batch_size: int) -> int:
        """Batches that `shuffled` gives."""
        return n_steps(len(self), batch_size)

    def _picked(self, parts: Sequence[Tensor | slice]) -> Iterator[tuple[Tensor, Tensor]]:
        """The raw images of those rows and their labels, both on the device, part by part."""
        device = self.labels.device
        read = map(self._read, parts) if not self.is_on_disk else _ahead(self._read, parts)
        for images, rows in zip(read, parts, strict=True):
            labels = _taken(self.labels, rows.to(device) if isinstance(rows, Tensor) else rows)
            yield images.to(device, non_blocking=True), labels

    def _read(self, rows: Tensor | slice) -> Tensor:
        images = _taken(self.images, rows)
        if self.is_on_disk:
            # a slice of a file is no copy: without this the caller's thread would read it
            images = images.clone() if isinstance(rows, slice) else images
            return images.pin_memory() if self.labels.is_cuda else images
        return images

    def _normalised(self, images: Tensor) -> Tensor:
        if images.is_floating_point():
            return (images - self.shift) * self.stretch
        return images.float().sub_(self.shift).mul_(self.stretch)  # of a copy of its own


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


def _taken(source: Tensor, rows: Tensor | slice) -> Tensor:
    """``source[rows]``; on the CPU `index_select` copies whole rows, and is many times faster."""
    return source[rows] if isinstance(rows, slice) else source.index_select(0, rows)


def _ahead(
    read: Callable[[Tensor | slice], Tensor], parts: Sequence[Tensor | slice]
) -> Iterator[Tensor]:
    """``map(read, parts)``, with the next ones read by a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending: deque[Future[Tensor]] = deque()
        for part in parts:
            pending.append(pool.submit(read, part))
            if len(pending) > _READ_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def split(
    data: ImageData, *, validation_share: float, seed: int, device: str | torch.device
) -> Splits:
    """Cut the validation part off the training images, and put all on ``device``.

    Raises:
        SpecError: No image is left to train on.
    """
    train, validation = split_indices(data, validation_share=validation_share, seed=seed)
    whole = _batches(data.info, data.train_images, data.train_labels, device=device)
    rows_at = whole.images.device
    return Splits(
        train=replace(whole, rows=torch.from_numpy(train).to(rows_at)),
        validation=replace(whole, rows=torch.from_numpy(validation).to(rows_at)),
        test=_batches(data.info, data.test_images, data.test_labels, device=device),
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
    info: DatasetInfo, images: Inputs, labels: Indices, *, device: str | torch.device
) -> Batches:
    view = (1, -1) if info.has_features else (1, -1, 1, 1)
    mean = torch.tensor(info.mean).view(view) * info.scale
    std = torch.tensor(info.std).view(view) * info.scale
    return Batches(
        images=_placed(images, device),
        is_on_disk=_is_left_on_disk(images),
        labels=torch.from_numpy(np.ascontiguousarray(labels)).to(device),
        shift=mean.to(device),
        stretch=(1 / std).to(device),
    )


def _placed(images: Inputs, device: str | torch.device) -> Tensor:
    """The images on the device, unless they lie on the disk and are large: then left there."""
    if _is_left_on_disk(images):
        with warnings.catch_warnings():
            # the array is read-only, and nothing writes to a batch's source
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(images)
    if isinstance(images, np.memmap):
        images = np.array(images)
    return torch.from_numpy(np.ascontiguousarray(images)).to(device)


def _is_left_on_disk(images: Inputs) -> bool:
    return isinstance(images, np.memmap) and images.nbytes > MOST_BYTES_COPIED


def check_fit(spec: Spec, info: DatasetInfo) -> None:
    """Check that the network takes the images and tells their classes.

    Args:
        spec: Of the network.
        info: What is known of the data set.

    Raises:
        SpecError: It does not; the message names the fields to change.
    """
    wanted = spec.input_shape
    has = (math.prod(info.shape),) if len(wanted) == 1 else info.shape
    if len(has) != len(wanted):
        raise SpecError(
            f"{spec} takes images of {'x'.join(map(str, wanted))}, but {info.name} has points of "
            f"{has[0]} features: take a family of flat inputs, such as "
            f"dense-mlp(w=8,d=16,t=10,in={has[0]},classes={len(info.classes)})"
        )
    if has != wanted:
        keys = f"in={has[0]}" + (f",image={has[1]}" if len(has) == 3 else "")
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


def check_logits(net: nn.Module, info: DatasetInfo, *, name: str) -> None:
    """Check on one image of zeros that a module takes the images and tells their classes.

    Raises:
        SpecError: It does not; the message has the shapes.
    """
    tensor = next(net.parameters())
    image = torch.zeros(1, *info.shape, device=tensor.device)
    try:
        with evaluating(net), torch.no_grad(), unchanged_randomness():
            logits = net(image)
    except Exception as error:
        shape = "x".join(map(str, info.shape))
        raise SpecError(
            f"{name} cannot be run on inputs of {shape}, which {info.name} has: {error}"
        ) from error
    wanted = (1, len(info.classes))
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if found != wanted:
        raise SpecError(
            f"{name} must give logits of shape {wanted} for one input of {info.name}, which has "
            f"{wanted[1]} classes, got {found}: change its last layer"
        )
