"""Taking the files of a data set out of the archive that they are published in."""

from __future__ import annotations

import tarfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO

from nnmass.data._files import is_published
from nnmass.data._info import DataFile, DatasetInfo
from nnmass.errors import DataError

_CHUNK_BYTES = 1 << 18


def unpack(info: DatasetInfo, folder: Path, archive: DataFile, files: list[DataFile]) -> None:
    """Take the files out of the archive by their names alone: no path of the archive is used."""
    wanted = {file.name: file for file in files}
    try:
        with tarfile.open(folder / archive.name, "r:gz") as tar:
            for member in tar:
                file = wanted.get(Path(member.name).name)
                source = tar.extractfile(member) if file and member.isfile() else None
                if file is None or source is None:
                    continue
                if _take_out(source, folder / file.name, file):
                    del wanted[file.name]
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"{info.name}: {folder / archive.name} cannot be unpacked: {error}"
        ) from error
    if wanted:
        raise DataError(
            f"{info.name}: {folder / archive.name} does not hold {', '.join(wanted)} as published"
        )


def _take_out(source: IO[bytes], path: Path, file: DataFile) -> bool:
    """Write the file if it is the published one; else nothing."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as stream:
            while chunk := source.read(_CHUNK_BYTES):
                stream.write(chunk)
        is_good = is_published(part, file)
        if is_good:
            part.replace(path)
        return is_good
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
