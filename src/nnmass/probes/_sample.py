"""Images and labels to measure with: of a data set, or noise."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from nnmass.data import DatasetInfo, ImageData, take
from nnmass.errors import ProbeError, SpecError, whole_number

Pixels = Literal["normalised", "unit"]
"""Values of the pixels: less the data set's mean, over its standard deviation, as in training; or
in [0, 1], as the authors of NN-Mass gave MNIST to their networks."""


def sample_images(
    data: ImageData,
    n: int,
    *,
    input_shape: tuple[int, ...],
    pixels: Pixels = "normalised",
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Training images of ``data``, as many of each class (up to one), and their labels.

    Args:
        data: Where they are drawn from, without replacement.
        n: How many, at least 1.
        input_shape: Shape of one input of the network; where it has as many numbers as an image
            and one dimension, the images are laid flat.
        pixels: See `Pixels`.
        seed: Of the draw. With one seed, fewer images lie within more.

    Returns:
        Images, float32 of shape ``(n, *input_shape)``, and labels, int64 of shape (n,).

    Raises:
        ProbeError: The images do not fit the network.
        SpecError: There are fewer images, or an argument is none of those above.

    Example:
        >>> from nnmass.data import load_dataset
        >>> images, labels = sample_images(load_dataset("digits"), 20, input_shape=(64,))
        >>> images.shape, labels.bincount().tolist()
        (torch.Size([20, 64]), [2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    if pixels not in get_args(Pixels):
        raise SpecError(f"pixels must be 'normalised' or 'unit', got {pixels!r:.40}")
    n = whole_number(n, "the number of images", low=1)
    shape = _checked_shape(input_shape)
    _check_fit(data.info, shape)
    part = take(data, n_train=n, seed=seed)
    images = torch.from_numpy(part.train_images).float() / data.info.scale
    if pixels == "normalised":
        view = (1, -1) if data.info.has_features else (1, -1, 1, 1)
        mean, std = (torch.tensor(x).view(view) for x in (data.info.mean, data.info.std))
        images = (images - mean) / std
    return images.reshape(n, *shape), torch.from_numpy(part.train_labels)


def _checked_shape(input_shape: tuple[int, ...]) -> tuple[int, ...]:
    if not isinstance(input_shape, tuple | list) or not input_shape:
        raise ProbeError(
            "the shape of one input must be its sizes without the batch, such as (3, 224, 224), "
            f"got {input_shape!r:.60}; a network of several inputs cannot be probed"
        )
    return tuple(whole_number(size, "a size of the input", low=1) for size in input_shape)


def _check_fit(info: DatasetInfo, shape: tuple[int, ...]) -> None:
    """Only an image laid flat keeps its meaning; other shapes of as many numbers scramble it."""
    if shape not in (info.shape, (math.prod(info.shape),)):
        has, wants = ("x".join(map(str, sizes)) for sizes in (info.shape, shape))
        raise ProbeError(
            f"images of {info.name} are {has}, but the network takes {wants}: choose a data set "
            "that fits, change the network, or measure with noise"
        )


def noise_images(
    n: int, input_shape: tuple[int, ...], n_classes: int = 10, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Standard normal noise in the shape of images, and labels that go round the classes.

    Args:
        n: How many, at least 1.
        input_shape: Shape of one input of the network.
        n_classes: Labels lie in 0 .. ``n_classes`` - 1.
        seed: Of the noise.

    Returns:
        Images, float32 of shape ``(n, *input_shape)``, and labels, int64 of shape (n,).

    Raises:
        ProbeError: ``input_shape`` is no shape of one input.
        SpecError: A number is out of range.

    Source:
        Ours.

    Example:
        >>> images, labels = noise_images(4, (3, 8, 8), n_classes=3)
        >>> images.shape, labels.tolist()
        (torch.Size([4, 3, 8, 8]), [0, 1, 2, 0])
    """
    n = whole_number(n, "the number of images", low=1)
    n_classes = whole_number(n_classes, "n_classes", low=1)
    seed = whole_number(seed, "seed", low=0)
    shape = _checked_shape(input_shape)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *shape, generator=generator), torch.arange(n) % n_classes
