"""The data sets by name. Sizes, md5 sums, means and deviations were measured on the real files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nnmass.data._info import DataFile, DatasetInfo
from nnmass.errors import SpecError, did_you_mean

_TEN_DIGITS = tuple("0123456789")

DIGITS = DatasetInfo(
    name="digits",
    title="Optical Recognition of Handwritten Digits",
    n_train=1398,
    n_test=399,
    shape=(1, 8, 8),
    classes=_TEN_DIGITS,
    scale=16,
    mean=(0.3053,),
    std=(0.3764,),
    folders=(),
    files=(),
    how_to_get="It is part of the package; if it cannot be read, install nnmass again.",
    source="E. Alpaydin, C. Kaynak, 1998, UCI Machine Learning Repository; CC BY 4.0",
)

MNIST = DatasetInfo(
    name="mnist",
    title="MNIST",
    n_train=60_000,
    n_test=10_000,
    shape=(1, 28, 28),
    classes=_TEN_DIGITS,
    scale=255,
    mean=(0.1307,),
    std=(0.3081,),
    folders=(".", "mnist", "MNIST/raw"),
    files=(
        DataFile("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        DataFile("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        DataFile("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        DataFile("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    how_to_get=(
        "Get the four .gz files of yann.lecun.com/exdb/mnist (or of a mirror that has the same md5 "
        "sums), put them as they are, still packed, into DIR/mnist and give DIR: --data-dir DIR, "
        "NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source=(
        "Y. LeCun, C. Cortes, C. J. C. Burges, 1998, yann.lecun.com/exdb/mnist; "
        "commonly given as CC BY-SA 3.0"
    ),
)

CIFAR10 = DatasetInfo(
    name="cifar10",
    title="CIFAR-10",
    n_train=50_000,
    n_test=10_000,
    shape=(3, 32, 32),
    classes=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    scale=255,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    folders=("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "."),
    files=(
        DataFile("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
        DataFile("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
        DataFile("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
        DataFile("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
        DataFile("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        DataFile("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),
        DataFile("batches.meta", 158, "5ff9c542aee3614f3951f8cda6e48888"),
    ),
    how_to_get=(
        "Get the Python version, cifar-10-python.tar.gz, from www.cs.toronto.edu/~kriz/cifar.html, "
        "unpack it with `tar -xzf cifar-10-python.tar.gz -C DIR` and give DIR: --data-dir DIR, "
        "NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source=(
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
        "www.cs.toronto.edu/~kriz/cifar.html; no licence is stated"
    ),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {info.name: info for info in (DIGITS, MNIST, CIFAR10)}
)
"""What is known of each data set, by its name."""


def dataset_info(name: str) -> DatasetInfo:
    """The data set called ``name``.

    Raises:
        SpecError: There is no such data set; the message names the closest.
    """
    try:
        return DATASETS[name]
    except (KeyError, TypeError):
        raise SpecError(
            f"unknown data set {name!r}.{did_you_mean(str(name), DATASETS)} "
            f"Known: {', '.join(DATASETS)}"
        ) from None
