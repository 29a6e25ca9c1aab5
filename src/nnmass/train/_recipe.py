"""How to train, as data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nnmass.errors import SpecError, did_you_mean
from nnmass.train._augment import NOTHING, parse_augment

OPTIMISERS = ("sgd", "adam")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training recipe.

    Args:
        epochs: Passes over the training images.
        batch_size: Images of a step.
        optimiser: ``sgd`` (with Nesterov momentum) or ``adam``.
        lr: Highest learning rate.
        momentum: Of SGD.
        weight_decay: On the weights of convolutions and linear layers; norms and biases have none.
        schedule: ``cosine`` down to 0, or ``constant``; either after the warm-up.
        warmup_epochs: Epochs of a linear rise to ``lr``; parts of an epoch are allowed.
        label_smoothing: In [0, 1).
        precision: ``float32``, or ``bfloat16`` for automatic mixed precision.
        validation_share: Share of the training images that is kept for choosing the best epoch,
            in (0, 1).
        patience: Stop after so many epochs in a row that were no new best one; 0 trains all
            ``epochs``. The schedule is that of all ``epochs`` either way.
        augment: Random changes of the training images, such as ``crop:4+flip+cutout:8``, or
            ``none``; see `Augment`.

    Raises:
        SpecError: Fields out of range, all of them in one message.

    Example:
        >>> Recipe(epochs=3).lr_at(0, steps_per_epoch=10) < Recipe(epochs=3).lr
        True
    """

    epochs: int = 10
    batch_size: int = 64
    optimiser: str = "sgd"
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    precision: str = "float32"
    validation_share: float = 0.1
    patience: int = 0
    augment: str = NOTHING

    def __post_init__(self) -> None:
        """Check all fields."""
        faults = list(_faults(self))
        if faults:
            raise SpecError("recipe: " + "; ".join(faults))

    def lr_at(self, step: int, *, steps_per_epoch: int) -> float:
        """Learning rate of a step, counted from 0 over the whole training.

        Args:
            step: From 0.
            steps_per_epoch: Batches of an epoch.
        """
        warmup = self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return self.lr * (step + 1) / (math.floor(warmup) + 1)
        if self.schedule == "constant":
            return self.lr
        remaining = max(self.epochs * steps_per_epoch - warmup, 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / remaining))

    def is_over(self, *, epochs_done: int, best_epoch: int | None) -> bool:
        """No epoch is to follow: all are done, or the patience is at its end.

        Args:
            epochs_done: How many.
            best_epoch: The best one so far, from 1; ``None`` where none was validated.
        """
        n_worse = epochs_done - (best_epoch or epochs_done)
        return epochs_done >= self.epochs or 0 < self.patience <= n_worse

    def to_dict(self) -> dict[str, object]:
        """The fields by name."""
        return dataclasses.asdict(self)

    def replaced(self, texts: Mapping[str, str]) -> Recipe:
        """This recipe with some fields given as text, as on a command line.

        Raises:
            SpecError: Fields are unknown or their texts are no values of their types, all of
                them in one message; or a value is out of range.
        """
        # Of the defaults: a value of this recipe may be 0 where the field takes 0.5 as well.
        kinds = {name: type(value) for name, value in dataclasses.asdict(Recipe()).items()}
        values: dict[str, object] = {}
        faults = []
        for key, text in texts.items():
            if key not in kinds:
                hint = did_you_mean(key, kinds)
                faults.append(f"unknown key {key!r}.{hint} Known: {', '.join(kinds)}")
                continue
            try:
                values[key] = kinds[key](text)
            except ValueError:
                kind = "a whole number" if kinds[key] is int else "a number"
                faults.append(f"{key} must be {kind}, got {text!r}")
        if faults:
            raise SpecError("recipe: " + "; ".join(faults))
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]


def _faults(recipe: Recipe) -> Iterator[str]:
    for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 0)):
        value = getattr(recipe, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            yield f"{name} must be a whole number of at least {least}, got {value!r}"
    for name, allowed in (
        ("optimiser", OPTIMISERS),
        ("schedule", SCHEDULES),
        ("precision", PRECISIONS),
    ):
        value = getattr(recipe, name)
        if value not in allowed:
            hint = did_you_mean(str(value), allowed)
            yield f"{name} must be {' or '.join(allowed)}, got {value!r}.{hint}"
    try:
        parse_augment(recipe.augment)
    except SpecError as error:
        yield str(error)
    for name, low, high, open_low in (
        ("lr", 0, math.inf, True),
        ("momentum", 0, 1, False),
        ("weight_decay", 0, math.inf, False),
        ("warmup_epochs", 0, math.inf, False),
        ("label_smoothing", 0, 1, False),
        ("validation_share", 0, 1, True),
    ):
        value = getattr(recipe, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value < high or (open_low and value == low):
            start = "above" if open_low else "at least"
            below = "" if high == math.inf else f" and below {high}"
            yield f"{name} must be a number {start} {low}{below}, got {value!r}"


RECIPES: Mapping[str, Recipe] = {
    "sgd": Recipe(),
    "quick": Recipe(epochs=8, precision="bfloat16"),
    "adam": Recipe(
        epochs=60,
        batch_size=100,
        optimiser="adam",
        lr=1e-3,
        weight_decay=0.0,
        schedule="constant",
        warmup_epochs=0,
    ),
    "cifar": Recipe(epochs=30, batch_size=128, augment="crop:4+flip"),
    "imagenet": Recipe(
        epochs=150,
        batch_size=256,
        lr=0.05,
        weight_decay=4e-5,
        validation_share=0.01,
        augment="crop:28+flip",
    ),
}
"""``sgd`` for convolutional networks, ``quick`` for a first look, ``adam`` for dense MLPs.

``cifar`` has the momentum, the weight decay and the schedule of the released code, but a learning
rate of 0.02, since 0.1 hardly trains dense CNNs in short runs. ``imagenet`` has that code's numbers
for MobileNetV2; its images are shifted and flipped, not resized at random.
"""


def recipe_named(name: str) -> Recipe:
    """One of `RECIPES`.

    Raises:
        SpecError: There is no such recipe.

    Example:
        >>> recipe_named("adam").batch_size
        100
    """
    if name not in RECIPES:
        raise SpecError(
            f"unknown recipe {name!r}.{did_you_mean(name, RECIPES)} Known: {', '.join(RECIPES)}; "
            "single fields are changed with --set key=value"
        )
    return RECIPES[name]
