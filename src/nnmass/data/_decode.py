"""Decoding the images of a folder in several threads: pillow lets others run while it decodes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from nnmass.data._folder_info import FolderListing, ImageFile
from nnmass.data._images import Indices, Pixels
from nnmass.data._pillow import decode_square, import_pillow
from nnmass.errors import DataError

Tell = Callable[[str], None]
"""Takes a line about what goes on."""

_BLOCK = 512
_TELL_EVERY = 20_000
_MOST_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenImage:
    """An image file that cannot be decoded.

    Attributes:
        path: Where it lies.
        fault: What is wrong with it.
    """

    path: str
    fault: str

    def __str__(self) -> str:
        return f"{self.path} {self.fault}"


def decode_blocks(
    files: Sequence[ImageFile], size: int, *, broken: list[BrokenImage], tell: Tell
) -> Iterator[tuple[Pixels, Indices]]:
    """The images in their order, some hundred at a time.

    Args:
        files: What to decode.
        size: Height and width of the squares.
        broken: Takes the files that cannot be decoded.
        tell: Told every so many images.

    Yields:
        uint8 (n, 3, size, size), and their labels, int64 (n,).
    """
    import_pillow()
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    # of odd, not of broken files (large ones, strange metadata); set once, since it holds for all
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), _BLOCK):
            block = files[start : start + _BLOCK]
            found = list(pool.map(lambda file: decode_square(file.path, size), block))
            broken += [
                BrokenImage(path=file.path, fault=fault)
                for file, (pixels, fault) in zip(block, found, strict=True)
                if pixels is None
            ]
            if start // _TELL_EVERY != (start + len(block)) // _TELL_EVERY:
                tell(f"decoded {start + len(block):,} of {len(files):,} images")
            good = [pixels for pixels, _ in found if pixels is not None]
            labels = [
                file.label
                for file, (pixels, _) in zip(block, found, strict=True)
                if pixels is not None
            ]
            if good:
                yield np.stack(good), np.array(labels, dtype=np.int64)


def report_broken(listing: FolderListing, broken: Sequence[BrokenImage], tell: Tell) -> None:
    """Stop because of broken images, or tell of them, as the data set's name says.

    Raises:
        DataError: There are some, and the name does not say to skip them.
    """
    if not broken:
        return
    n_files = len(listing.train) + len(listing.test)
    shown = "\n".join(f"  {image}" for image in broken[:20])
    more = f"\n  and {len(broken) - 20:,} more" if len(broken) > 20 else ""
    what = f"{listing.name}: {len(broken):,} of {n_files:,} images cannot be decoded"
    if listing.name.broken == "skip":
        tell(f"{what} and are left out:\n{shown}{more}")
        return
    raise DataError(
        f"{what}:\n{shown}{more}\nPut whole files in their place, or leave them out with "
        f"broken=skip in the name of the data set"
    )
