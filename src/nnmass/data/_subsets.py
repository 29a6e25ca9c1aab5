"""Drawing a part of the images: class-balanced subsets and stratified validation splits.

Every draw is the same on every machine: only the raw stream of the bit generator is used, which
NumPy keeps stable across its versions, and no global generator is touched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnmass.data._images import ImageData, Indices, Inputs
from nnmass.errors import SpecError, whole_number

# they keep these draws apart from each other and from those of the wiring and the weights
_TRAIN_STREAM, _TEST_STREAM, _SPLIT_STREAM = 0x7472, 0x7465, 0x7661


def take(
    data: ImageData, *, n_train: int | None = None, n_test: int | None = None, seed: int = 0
) -> ImageData:
    """A random part of ``data`` with as many images of each class, up to one.

    With one seed, a smaller part lies within a larger one; the training and the test images are
    drawn apart from each other. The images keep their order.

    Args:
        data: The images to draw from, without replacement.
        n_train: How many training images, at least 1; None keeps all of them, balanced or not.
        n_test: The same for the test images.
        seed: At least 0.

    Raises:
        SpecError: A count is not a whole number of at least 1, or a class has too few images.

    Example:
        >>> from nnmass.data import load_dataset
        >>> part = take(load_dataset("digits"), n_train=25)
        >>> np.bincount(part.train_labels).tolist(), len(part.test_labels)
        ([2, 2, 3, 3, 2, 3, 3, 2, 3, 2], 399)
    """
    seed = whole_number(seed, "seed", low=0)
    train = (data.train_images, data.train_labels)
    test = (data.test_images, data.test_labels)
    if n_train is not None:
        train = _take_part(data, *train, name="n_train", count=n_train, key=(_TRAIN_STREAM, seed))
    if n_test is not None:
        test = _take_part(data, *test, name="n_test", count=n_test, key=(_TEST_STREAM, seed))
    return ImageData(
        info=data.info,
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
    )


def validation_split(labels: Indices, *, n_val: int, seed: int) -> tuple[Indices, Indices]:
    """Split images at random into some to train on and ``n_val`` to validate with.

    Every class gives its share: ``n_val`` times its part of the images, rounded up or down
    (largest remainders up, the lower class first among equals).

    Args:
        labels: The class of each image, whole numbers, shape (N,).
        n_val: How many images to hold out, in [1, N - 1].
        seed: At least 0.

    Returns:
        ``(train_indices, val_indices)``, each ascending, disjoint, together 0 .. N-1.

    Raises:
        SpecError: ``labels`` or ``n_val`` is not as said above.

    Source:
        Ours; largest remainders, as seats are shared out.

    Example:
        >>> train, val = validation_split(np.array([0, 0, 0, 0, 1, 1]), n_val=3, seed=0)
        >>> len(train), len(val), int(np.sum(val < 4))
        (3, 3, 2)
    """
    classes = _as_classes(labels)
    seed = whole_number(seed, "seed", low=0)
    n_val = whole_number(n_val, "n_val", low=1)
    n_images = len(classes)
    if n_val >= n_images:
        raise SpecError(
            f"n_val must be less than the number of images, {n_images}, got {n_val}: at least one "
            "must be left to train on"
        )
    shares = n_val * np.bincount(classes)  # times n_images, so that the rounding is exact
    quotas, remainders = np.divmod(shares, n_images)
    n_left = n_val - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:n_left]] += 1
    is_val = _draw(classes, quotas, _raw(n_images, (_SPLIT_STREAM, seed)))
    return np.flatnonzero(~is_val).astype(np.int64), np.flatnonzero(is_val).astype(np.int64)


def _as_classes(labels: npt.ArrayLike) -> Indices:
    """``labels`` renumbered from 0 without gaps, in their order."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise SpecError(
            "labels must be whole numbers in one dimension, got "
            f"{array.dtype} of shape {array.shape}"
        )
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _take_part(
    data: ImageData,
    images: Inputs,
    labels: Indices,
    *,
    name: str,
    count: int,
    key: tuple[int, int],
) -> tuple[Inputs, Indices]:
    count = whole_number(count, name, low=1)
    n_classes = len(data.info.classes)
    keys = _raw(n_classes + len(labels), key)
    present = np.bincount(labels, minlength=n_classes)
    quotas = _equal_quotas(present, count, keys[:n_classes])
    if quotas is None:
        low = int(present.min())
        most = low * n_classes + int(np.sum(present > low))
        raise SpecError(
            f"{name} must be at most {most} for {data.info.name}, got {count}: class "
            f"{data.info.classes[int(present.argmin())]!r} has {low} of the {len(labels)} images, "
            f"and every class gives as many, up to one. Leave {name} out to keep all images"
        )
    chosen = np.flatnonzero(_draw(labels, quotas, keys[n_classes:]))
    return images[chosen], labels[chosen]


def _equal_quotas(present: Indices, count: int, keys: npt.NDArray[np.uint64]) -> Indices | None:
    """How many each class gives; those with the smallest keys one more. None if it cannot be."""
    each, n_more = divmod(count, len(present))
    can_give_more = np.flatnonzero(present > each)
    if present.min() < each or len(can_give_more) < n_more:
        return None
    quotas = np.full(len(present), each, dtype=np.int64)
    order = np.argsort(keys[can_give_more], kind="stable")
    quotas[can_give_more[order[:n_more]]] += 1
    return quotas


def _raw(count: int, key: tuple[int, int]) -> npt.NDArray[np.uint64]:
    bits = np.random.Philox(np.random.SeedSequence(key)).random_raw(count)
    return np.asarray(bits, dtype=np.uint64)


def _draw(classes: Indices, quotas: Indices, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Of each class the images with the smallest keys, as many as its quota; True where chosen."""
    order = np.lexsort((keys, classes))  # class by class, by key within a class
    sizes = np.bincount(classes, minlength=len(quotas))
    first = np.cumsum(sizes) - sizes
    rank = np.empty(len(classes), dtype=np.int64)
    rank[order] = np.arange(len(classes)) - first[classes[order]]
    return np.less(rank, quotas[classes])
