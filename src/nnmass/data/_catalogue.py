"""What is known of each data set that has a fixed number of images.

Sizes, md5 sums, means and deviations of the digits, MNIST, CIFAR-10 and the copy of Fashion-MNIST
were measured on the files; the others are those that are published.
"""

from __future__ import annotations

from dataclasses import replace

from nnmass.data._info import DataFile, DatasetInfo, Origin

_TEN_DIGITS = tuple("0123456789")
_CIFAR100_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

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
        "`nnmass datasets get mnist --data-dir DIR` fetches it; or "
        "get the four .gz files of yann.lecun.com/exdb/mnist (or of a mirror that has the same md5 "
        "sums), put them as they are, still packed, into DIR/mnist and give DIR: --data-dir DIR, "
        "NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source=(
        "Y. LeCun, C. Cortes, C. J. C. Burges, 1998, yann.lecun.com/exdb/mnist; "
        "commonly given as CC BY-SA 3.0"
    ),
    origin=Origin(url="https://ossci-datasets.s3.amazonaws.com/mnist/", folder="mnist"),
)

FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    title="Fashion-MNIST",
    n_train=60_000,
    n_test=10_000,
    shape=(1, 28, 28),
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    scale=255,
    mean=(0.2860,),
    std=(0.3530,),
    folders=("fashion-mnist", "FashionMNIST/raw", "."),
    files=(
        DataFile("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        DataFile("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        DataFile("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        DataFile("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    how_to_get=(
        "`nnmass datasets get fashion-mnist --data-dir DIR` fetches it; or get the four .gz files "
        "of github.com/zalandoresearch/fashion-mnist, put them as they are into DIR/fashion-mnist "
        "and give DIR: --data-dir DIR, NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source="H. Xiao, K. Rasul, R. Vollgraf, 2017, github.com/zalandoresearch/fashion-mnist; MIT",
    origin=Origin(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", folder="fashion-mnist"
    ),
)

FASHION_MNIST_APPROX = replace(
    FASHION_MNIST,
    name="fashion-mnist-approx",
    title="Fashion-MNIST, off by one grey level at most",
    folders=("fashion-mnist-approx", "."),
    files=(
        DataFile("train-images-idx3-ubyte.gz", 24_494_436, "51ce74cef0b6d3e73c0a63ac025edb78"),
        FASHION_MNIST.files[1],
        DataFile("t10k-images-idx3-ubyte.gz", 4_101_158, "ac9ad06121de526e77c4db75ef03affc"),
        FASHION_MNIST.files[3],
    ),
    how_to_get=(
        "It is a copy of Fashion-MNIST, rebuilt from images of lowered contrast; where it is not "
        "at hand take fashion-mnist itself. Its four .gz files belong into "
        "DIR/fashion-mnist-approx: --data-dir DIR, NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    origin=None,
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
        "`nnmass datasets get cifar10 --data-dir DIR` fetches it; or "
        "get the Python version, cifar-10-python.tar.gz, from www.cs.toronto.edu/~kriz/cifar.html, "
        "unpack it with `tar -xzf cifar-10-python.tar.gz -C DIR` and give DIR: --data-dir DIR, "
        "NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source=(
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
        "www.cs.toronto.edu/~kriz/cifar.html; no licence is stated"
    ),
    origin=Origin(
        url="https://www.cs.toronto.edu/~kriz/",
        folder="cifar-10-batches-py",
        archive=DataFile("cifar-10-python.tar.gz", 170_498_071, "c58f30108f718f92721af3b95e74349a"),
    ),
    strips=(
        "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    ),
)

CIFAR100 = DatasetInfo(
    name="cifar100",
    title="CIFAR-100",
    n_train=50_000,
    n_test=10_000,
    shape=(3, 32, 32),
    classes=tuple(_CIFAR100_CLASSES.split()),
    scale=255,
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    folders=("cifar-100-python", "cifar100/cifar-100-python", "."),
    files=(
        DataFile("train", 155_249_918, "16019d7e3df5f24257cddd939b257f8d"),
        DataFile("test", None, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        DataFile("meta", None, "7973b15100ade9c7d40fb424638fde48"),
    ),
    how_to_get=(
        "`nnmass datasets get cifar100 --data-dir DIR` fetches it; or get the Python version, "
        "cifar-100-python.tar.gz, from www.cs.toronto.edu/~kriz/cifar.html, unpack it with "
        "`tar -xzf cifar-100-python.tar.gz -C DIR` and give DIR: --data-dir DIR, NNMASS_DATA=DIR, "
        "or data_dir= in Python."
    ),
    source=CIFAR10.source,
    origin=Origin(
        url="https://www.cs.toronto.edu/~kriz/",
        folder="cifar-100-python",
        archive=DataFile(
            "cifar-100-python.tar.gz", 169_001_437, "eb9058c3a382ffc7106e4002c42a8d85"
        ),
    ),
)

SVHN = DatasetInfo(
    name="svhn",
    title="Street View House Numbers, cropped digits",
    n_train=73_257,
    n_test=26_032,
    shape=(3, 32, 32),
    classes=_TEN_DIGITS,
    scale=255,
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.1980, 0.2010, 0.1970),
    folders=("svhn", "SVHN", "."),
    files=(
        DataFile("train_32x32.mat", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"),
        DataFile("test_32x32.mat", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"),
    ),
    how_to_get=(
        "`nnmass datasets get svhn --data-dir DIR` fetches it; or get train_32x32.mat and "
        "test_32x32.mat (format 2, cropped digits) from ufldl.stanford.edu/housenumbers, put them "
        "into DIR/svhn and give DIR: --data-dir DIR, NNMASS_DATA=DIR, or data_dir= in Python."
    ),
    source=(
        "Y. Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, "
        "2011, ufldl.stanford.edu/housenumbers; for non-commercial use"
    ),
    origin=Origin(url="http://ufldl.stanford.edu/housenumbers/", folder="svhn"),
)
