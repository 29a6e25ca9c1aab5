"""The handwritten digits that are part of the package."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from nnmass.data._images import ImageData
from nnmass.data._info import DatasetInfo

_TEST_PHASES = (4, 8)
"""Image i is a test image if ``i % 9`` is one of these.

The images of a writer follow each other in the file, so both parts have some of every writer.
"""


def read_digits(info: DatasetInfo) -> ImageData:
    """The 1,797 digits of 8x8 pixels, split into training and test images.

    Source:
        E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, 1998, UCI Machine
        Learning Repository, CC BY 4.0: its test part. The split is our own.
    """
    with files("nnmass.data").joinpath("digits.npz").open("rb") as file, np.load(file) as stored:
        images = stored["images"].reshape(-1, *info.shape)
        labels = stored["labels"].astype(np.int64)
    is_test = np.isin(np.arange(len(labels)) % 9, _TEST_PHASES)
    return ImageData(
        info=info,
        train_images=images[~is_test],
        train_labels=labels[~is_test],
        test_images=images[is_test],
        test_labels=labels[is_test],
    )
