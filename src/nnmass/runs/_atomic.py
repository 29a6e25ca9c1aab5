"""Writing files so that a kill or a full disk leaves the old file whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from nnmass.errors import StoreError


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` to ``path``: all of it, or nothing.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the
    place of ``path`` in one step. Missing parent folders are made.

    Args:
        path: The file.
        content: Bytes, or text that is written as UTF-8.

    Raises:
        StoreError: The file could not be written (no space, no permission, ..); what was there
            before is untouched and no temporary file is left.

    Source:
        Ours.
    """
    target = Path(os.path.realpath(path))  # through a link, so that the link stays
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        name = target.parent / f".{target.name}.{secrets.token_hex(8)}"
        # "x": never another's file. The system applies the umask, which cannot be read without
        # changing it for all threads.
        with name.open("xb") as stream:
            temporary = name
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write {target} ({len(data):,} bytes): {error.strerror or error}; what was "
            "there before is untouched. Free some space or choose another folder"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
