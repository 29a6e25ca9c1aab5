"""What `nnmass probe` was asked for, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnmass.errors import SpecError, did_you_mean, whole_number

if TYPE_CHECKING:
    from torch import Tensor

    from nnmass.data import ImageData
    from nnmass.probes import BatchNorm, Pixels

PROBES = ("ldi", "flow", "baselines", "latency", "theory")
NOISE = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """What to measure of each network, and with what.

    Attributes:
        probes: Of `PROBES`, each once, in the order asked.
        images: Where they come from.
        input_shape: Instead of the network's own.
        n_seeds: Initialisations, for networks that can be drawn.
        batch_norm: Statistics of batch norms; ``None`` leaves each probe its own choice.
        steps: Of training, for ``flow``.
        is_legacy: The released measurement instead of ``ldi``.
        tolerance: Of ``ldi``.
        device: Checked.
    """

    probes: tuple[str, ...]
    images: ImageSource
    input_shape: tuple[int, ...] | None
    n_seeds: int
    batch_norm: BatchNorm | None
    steps: int
    is_legacy: bool
    tolerance: float
    device: str

    def __post_init__(self) -> None:
        """Check what does not go together."""
        whole_number(self.n_seeds, "--seeds", low=1, why="it is how many initialisations to draw")
        whole_number(self.steps, "--steps", low=0)
        if not 0 < self.tolerance < 1:
            raise SpecError(
                f"--tolerance must be in (0, 1), got {self.tolerance:g}: 0.01 is an error of 1 %"
            )
        if self.is_legacy and "ldi" not in self.probes:
            raise SpecError("--legacy is a way to measure ldi: add --probe ldi, or leave it out")
        if self.steps and "flow" not in self.probes:
            raise SpecError("--steps is of flow: add --probe flow, or leave it out")

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "probes": list(self.probes),
            **self.images.to_dict(),
            "seeds": self.n_seeds,
            "batch_norm": self.batch_norm,
            "steps": self.steps,
            "is_legacy": self.is_legacy,
            "tolerance": self.tolerance,
            "device": self.device,
        }


def read_probes(names: Sequence[str]) -> tuple[str, ...]:
    """The probes of these names, each once; ``ldi`` where there is none."""
    for name in names:
        if name not in PROBES:
            raise SpecError(
                f"--probe must be one of {', '.join(PROBES)}, got {name!r}."
                f"{did_you_mean(name, PROBES)} `nnmass probes ls` tells what each measures"
            )
    return tuple(dict.fromkeys(names)) or ("ldi",)


class ImageSource:
    """Images in the shape that a network takes, from a data set or noise; made once a shape."""

    def __init__(
        self,
        name: str,
        n_images: int,
        pixels: Pixels | None,
        data_dir: Path | None,
        *,
        quiet: bool = False,
    ) -> None:
        """Load the data set; it is known then whether it is there and large enough."""
        self.name, self.pixels = name, pixels or "normalised"
        self.n_images = whole_number(n_images, "--n-images", low=1)
        self._data: ImageData | None = None
        self._made = dict[tuple[tuple[int, ...], int], tuple["Tensor", "Tensor"]]()
        if name == NOISE:
            if pixels is not None:
                raise SpecError(
                    f"--pixels {pixels} is of a data set, and noise is standard normal: add "
                    "--data, such as --data mnist, or leave it out"
                )
            return
        self._data = _loaded(name, self.n_images, data_dir, quiet=quiet)

    def of(self, input_shape: tuple[int, ...], n_classes: int) -> tuple[Tensor, Tensor]:
        """Images (n, *input_shape) and labels (n,); noise has labels below ``n_classes``."""
        from nnmass.probes import noise_images, sample_images

        key = (tuple(input_shape), n_classes if self._data is None else 0)
        if key not in self._made:
            self._made.clear()  # networks of one shape come in a row; batches are large
            if self._data is None:
                self._made[key] = noise_images(self.n_images, input_shape, n_classes)
            else:
                self._made[key] = sample_images(
                    self._data, self.n_images, input_shape=input_shape, pixels=self.pixels
                )
        return self._made[key]

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        pixels = None if self.name == NOISE else self.pixels
        return {"data": self.name, "n_images": self.n_images, "pixels": pixels}


def _loaded(name: str, n_images: int, data_dir: Path | None, *, quiet: bool) -> ImageData:
    from nnmass.cli._errors import say
    from nnmass.data import DATASET_KINDS, DATASETS, cache_folder, check_name, load_dataset, take

    if name not in DATASETS and name.partition("(")[0].strip() not in DATASET_KINDS:
        known = (NOISE, *DATASETS, *DATASET_KINDS)
        raise SpecError(
            f"--data must be one of {', '.join(known)}, got {name!r}.{did_you_mean(name, known)}"
        )
    check_name(name)
    tell = None if quiet else say
    data = load_dataset(name, data_dir=data_dir, cache_dir=cache_folder(), tell=tell)
    try:
        return take(data, n_train=n_images, seed=0)
    except SpecError as error:
        told = str(error).partition(". Leave")[0].replace("n_train", "--n-images")
        raise SpecError(f"{told}; 100 unless told") from error
