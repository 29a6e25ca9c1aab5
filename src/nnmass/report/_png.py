"""Small pictures inside a drawing: pixels as a PNG that is part of the page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError
from nnmass.report._svg import PNG_START


def png_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Pixels as a ``data:`` address, which points nowhere.

    Args:
        pixels: uint8, (1, H, W) grey or (3, H, W) red, green, blue.

    Raises:
        SpecError: They have another type or shape.

    Source:
        PNG, ISO/IEC 15948: 8 bits a sample, no filter, one IDAT chunk.

    Example:
        >>> png_uri(np.zeros((1, 2, 2), np.uint8)).startswith("data:image/png;base64,iVBORw0KGgo")
        True
    """
    is_picture = pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.size > 0
    if pixels.dtype != np.uint8 or not is_picture:
        raise SpecError(
            f"a picture must be uint8 of (1, H, W) or (3, H, W), got {pixels.dtype} of "
            f"{pixels.shape}"
        )
    channels, height, width = pixels.shape
    rows = pixels.transpose(1, 2, 0).reshape(height, width * channels)
    # every row begins with the number of its filter, 0 for none
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    colour = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)
    return PNG_START + base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check
