"""Decoding image files with pillow, which is imported here and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnmass.data._images import Pixels
from nnmass.data._info import DatasetInfo
from nnmass.errors import DataError, MissingExtraError


def import_pillow() -> Any:
    """Pillow's ``Image`` module.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError.of("decoding images", package="pillow", extra="images") from None
    return Image


def decode_strip(info: DatasetInfo, path: Path, width: int) -> Pixels:
    """An RGB image of that width, uint8 (rows, width, 3).

    Raises:
        DataError: It cannot be decoded, or is of another width.
    """
    pixels, fault = _decode(path, None)
    if pixels is not None and pixels.shape[1] != width:
        fault = f"is {pixels.shape[1]} pixels wide, expected {width}"
    if pixels is None or fault:
        raise DataError(f"{info.name}: {path} {fault}. Get it again")
    return pixels


def decode_square(path: Path, size: int) -> tuple[Pixels | None, str]:
    """An image in RGB, its shorter side resized to ``size``, the middle square cut out.

    Returns:
        uint8, (3, size, size), and no fault; or None and what is wrong with the file.
    """
    pixels, fault = _decode(path, size)
    if pixels is None:
        return None, fault
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)), ""


def _decode(path: Path, size: int | None) -> tuple[Pixels | None, str]:
    image_module = import_pillow()
    try:
        with image_module.open(path) as image:
            if size is not None:
                # JPEG: decode at a half, a quarter or an eighth where that is still large enough
                image.draft("RGB", (size, size))
            picture = image.convert("RGB")
            if size is not None:
                picture = _middle_square(picture, size, image_module)
            return np.asarray(picture), ""
    except _unidentified():
        return None, "is no image of a format that pillow knows"
    except Exception as error:  # damaged files raise errors of every kind
        told = str(error).replace(str(path), "it") or type(error).__name__
        return None, f"cannot be decoded: {told}"


def _unidentified() -> type[Exception]:
    from PIL import UnidentifiedImageError

    return UnidentifiedImageError


def _middle_square(picture: Any, size: int, image_module: Any) -> Any:
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), image_module.Resampling.BILINEAR, box=box)
