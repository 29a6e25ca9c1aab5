"""Made points: on a line, in segments of alternating classes, or in a disc, in rings of them."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from nnmass.data._images import ImageData, Indices
from nnmass.data._info import DatasetInfo
from nnmass.data._names import PointsName

N_TRAIN, N_TEST, N_BINS = 12_000, 1_200, 120

# they keep these draws apart from each other and from those of subsets, wiring and weights
_STREAMS = {"train": 0x7074, "test": 0x7065}

Numbers = npt.NDArray[np.float64]


def points_info(name: PointsName) -> DatasetInfo:
    """What is known of the data set before it is made."""
    return DatasetInfo(
        name=str(name),
        title=f"{name.parts} {'segments of a line' if name.kind == 'segments' else 'rings'}",
        n_train=N_TRAIN,
        n_test=N_TEST,
        shape=(2,),
        classes=("even", "odd"),
        scale=1,
        mean=(0.0, 0.0),  # given to networks as they are: the range is what is studied
        std=(1.0, 1.0),
        folders=(),
        files=(),
        how_to_get="It is made when it is asked for.",
        source="Made, after Bhardwaj, Li, Marculescu, CVPR 2021",
    )


def make_points(name: PointsName) -> ImageData:
    """The points of ``name``, the same on every machine, in a shuffled order.

    Equal counts of points fall into 120 equal bins of a position p in [0, 1):

        segments:  x = y = p,                        p uniform in its bin
        circles:   (x, y) = 1/2 + p / 2 (cos, sin),  p from a truncated normal of its bin (mean at
                   the middle, standard deviation of half a bin), the angle uniform
        class:     floor(S p) mod 2

    Noise moves a point after its class is drawn: a normal of that standard deviation on x and on
    y, so that points near an edge may lie beyond it. All is multiplied by the range at the end.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780): the counts, the bins, x = y, equal
        segments of alternating classes, radii from a truncated normal in every bin; coordinates in
        [0, 1] in the paper and in [0, 100] in the released code. The standard deviation in a bin
        and the noise are ours, and so is the edge between segments by position, which is that by
        index wherever S divides 120.
    """
    train, test = (
        _part(name, part, count) for part, count in (("train", N_TRAIN), ("test", N_TEST))
    )
    return ImageData(
        info=points_info(name),
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
    )


def _part(name: PointsName, part: str, count: int) -> tuple[npt.NDArray[np.float32], Indices]:
    key = (_STREAMS[part], name.kind == "circles", name.parts, name.seed)
    bits = np.random.Philox(np.random.SeedSequence([int(number) for number in key]))
    within, angle, *noise = (_uniform(bits, count) for _ in range(4))
    if name.kind == "circles":
        within = _truncated_normal(within)
    position = (np.arange(count) % N_BINS + within) / N_BINS
    piece = np.floor(position * name.parts).astype(np.int64)
    labels = np.minimum(piece, name.parts - 1) % 2  # a position may round up to 1
    if name.kind == "circles":
        turned = 2 * np.pi * angle
        radius = position / 2
        points = 0.5 + np.stack([radius * np.cos(turned), radius * np.sin(turned)], axis=1)
    else:
        points = np.stack([position, position], axis=1)
    if name.noise:
        points += name.noise * np.stack([_normal(numbers) for numbers in noise], axis=1)
    order = np.argsort(bits.random_raw(count), kind="stable")
    return (name.range * points[order]).astype(np.float32), labels[order]


def _uniform(bits: np.random.Philox, count: int) -> Numbers:
    """In (0, 1), from the raw stream, which numpy keeps stable across its versions."""
    raw = np.asarray(bits.random_raw(count), dtype=np.uint64)
    return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _normal(uniform: Numbers) -> Numbers:
    inverse = NormalDist().inv_cdf
    return np.array([inverse(p) for p in uniform.tolist()])


def _truncated_normal(uniform: Numbers) -> Numbers:
    """A normal of mean 1/2 and standard deviation 1/2, kept to [0, 1)."""
    low = NormalDist().cdf(-1)
    drawn = 0.5 + 0.5 * _normal(low + uniform * (1 - 2 * low))
    return np.clip(drawn, 0, np.nextafter(1.0, 0.0))
