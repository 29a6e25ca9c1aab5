"""Training many small networks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from nnmass.data import ImageData
from nnmass.errors import SpecError, TrainingError, whole_number
from nnmass.nets import DenseMLPNet, build
from nnmass.specs import DenseMLP, Spec, parse
from nnmass.train._augment import NOTHING
from nnmass.train._batches import check_fit, split_indices
from nnmass.train._device import resolve_device
from nnmass.train._pack_run import PackRun
from nnmass.train._packing import pack
from nnmass.train._recipe import Recipe
from nnmass.train._record import TrainResult
from nnmass.train._rows import Rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyEpoch:
    """Where `train_many` is, for whoever watches it.

    Attributes:
        epoch: From 1, of the networks that are trained now.
        epochs: In all.
        n_trained: Networks that were trained in this epoch, side by side.
        n_networks: All that were asked for.
        share_done: Of all epochs of all networks, in [0, 1]; those that an early end saves count
            as done.
    """

    epoch: int
    epochs: int
    n_trained: int
    n_networks: int
    share_done: float


def train_many(
    specs: Iterable[Spec | str],
    data: ImageData,
    *,
    seeds: Iterable[int],
    recipe: Recipe | None = None,
    device: str | None = None,
    on_epoch: Callable[[ManyEpoch], None] | None = None,
) -> list[TrainResult | TrainingError]:
    """Train dense MLPs of one width and depth side by side, as a few large matrix products.

    Each network keeps what is its own: first weights, links, split, order of the images, state of
    the optimiser, best epoch, early end and record. The results are those of `train`, one network
    after the other, but for the rounding of sums that are taken in another order. Networks of one
    seed see the same images, so the first layer of all of them is one product: many link caps
    with few seeds are fastest.

    Args:
        specs: Dense MLPs that differ in nothing but their link caps; one for each network.
        data: From `nnmass.data.load_dataset`.
        seeds: The seed of each network, as many as ``specs``.
        recipe: How to train, in float32; the defaults of `Recipe` unless told.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; the CPU unless told.
        on_epoch: Called after every epoch.

    Returns:
        For each network, in the order asked, its result; or, where its loss is no longer a number,
        the error that `train` raises. A network that fails leaves the others as they are.
        ``train_seconds`` is a network's share of the time that it was trained in.

    Raises:
        SpecError: The networks are no dense MLPs of one kind, do not fit the data, or are not as
            many as the seeds; or the recipe is not for them.
        DeviceError: The device is not there.

    Example:
        >>> from nnmass.data import load_dataset, take
        >>> data = take(load_dataset("digits"), n_train=100, n_test=50)
        >>> specs = [f"dense-mlp(w=8,d=4,t={t},in=64)" for t in (0, 4)]
        >>> results = train_many(specs, data, seeds=[0, 0], recipe=Recipe(epochs=1))
        >>> [result.record.spec for result in results]
        ['dense-mlp(w=8,d=4,t=0,in=64)', 'dense-mlp(w=8,d=4,t=4,in=64)']
    """
    recipe = recipe or Recipe()
    pairs = _checked(specs, seeds, data, recipe)
    where = resolve_device(device or "cpu")
    return _train(pairs, data, recipe=recipe, device=where, dtype=torch.float32, on_epoch=on_epoch)


def is_for_many(recipe: Recipe) -> bool:
    """Whether `train_many` takes the recipe: float32, and no random changes of the images.

    Example:
        >>> is_for_many(Recipe()), is_for_many(Recipe(precision="bfloat16"))
        (True, False)
    """
    return recipe.precision == "float32" and recipe.augment == NOTHING


def _train(
    pairs: Sequence[tuple[DenseMLP, int]],
    data: ImageData,
    *,
    recipe: Recipe,
    device: torch.device,
    dtype: torch.dtype,
    on_epoch: Callable[[ManyEpoch], None] | None = None,
) -> list[TrainResult | TrainingError]:
    results: dict[int, TrainResult | TrainingError] = {}
    train_rows = Rows.of(data.info, data.train_images, data.train_labels, dtype, device)
    test_rows = Rows.of(data.info, data.test_images, data.test_labels, dtype, device)
    for places in pack(pairs, batch_size=recipe.batch_size):
        nets = [_built(*pairs[place], device=device) for place in places]
        run = PackRun(
            nets,
            data,
            train_rows,
            test_rows,
            recipe=recipe,
            on_epoch=_teller(on_epoch, recipe, len(results), len(nets), len(pairs)),
        )
        results |= dict(zip(places, run.run(), strict=True))
    return [results[place] for place in range(len(pairs))]


def _built(spec: DenseMLP, seed: int, *, device: torch.device) -> DenseMLPNet:
    net = build(spec, seed, device=device)
    assert isinstance(net, DenseMLPNet)
    return net


def _teller(
    on_epoch: Callable[[ManyEpoch], None] | None,
    recipe: Recipe,
    n_before: int,
    n_pack: int,
    n_all: int,
) -> Callable[[int, int, int], None]:
    """Turn a pack's news into those of the whole."""

    def tell(epoch: int, n_trained: int, n_left: int) -> None:
        if on_epoch is None:
            return
        n_through = n_before + n_pack - n_left
        share = (n_through + n_left * epoch / recipe.epochs) / n_all
        on_epoch(
            ManyEpoch(
                epoch=epoch,
                epochs=recipe.epochs,
                n_trained=n_trained,
                n_networks=n_all,
                share_done=share,
            )
        )

    return tell


def _checked(
    specs: Iterable[Spec | str], seeds: Iterable[int], data: ImageData, recipe: Recipe
) -> list[tuple[DenseMLP, int]]:
    """The networks, if they can be trained side by side."""
    parsed = [_dense_mlp(spec, place) for place, spec in enumerate(_listed(specs, "specs"))]
    numbers = [whole_number(seed, "seed", low=0) for seed in _listed(seeds, "seeds")]
    if not parsed or len(parsed) != len(numbers):
        raise SpecError(
            f"train_many needs one seed for each spec, and at least one of both, got {len(parsed)} "
            f"specs and {len(numbers)} seeds: repeat a spec for each of its seeds"
        )
    for spec in parsed[1:]:
        differing = [
            f"{key} is {value} and {other}"
            for (key, value), other in zip(
                parsed[0].values().items(), spec.values().values(), strict=True
            )
            if value != other and key != "t"
        ]
        if differing:
            raise SpecError(
                f"train_many: {parsed[0]} and {spec} cannot be trained side by side: "
                f"{', '.join(differing)}. Only the link cap t may differ; call train_many once for "
                "each kind"
            )
    check_fit(parsed[0], data.info)
    if not is_for_many(recipe):
        raise SpecError(
            f"train_many computes in float32 and shows images as they are, got precision "
            f"{recipe.precision!r} and augment {recipe.augment!r}: set precision=float32 and "
            "augment=none, or train one by one"
        )
    split_indices(data, validation_share=recipe.validation_share, seed=numbers[0])
    return list(zip(parsed, numbers, strict=True))


def _listed(values: Iterable[T], name: str) -> list[T]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise SpecError(
            f"train_many: {name} must be a list, one entry for each network, got {values!r}"
        )
    return list(values)


def _dense_mlp(spec: object, place: int) -> DenseMLP:
    parsed = parse(spec) if isinstance(spec, str) else spec
    if not isinstance(parsed, DenseMLP):
        raise SpecError(
            f"train_many takes dense-mlp specs, got {str(parsed)!r} at place {place}: train other "
            "families one by one, with train"
        )
    return parsed
