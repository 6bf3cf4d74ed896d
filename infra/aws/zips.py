"""Zips that depend on nothing but the names and contents of their files: sorted, of one date, of known modes."""

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say
EXECUTABLE = (".sh",)
LEVEL = 6
"""9 takes five times as long over the layers and saves 0.6 %."""
UNIX = 3


def made(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files; `*.sh` can be executed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = UNIX
            entry.external_attr = (0o100755 if name.endswith(EXECUTABLE) else 0o100644) << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, LEVEL)
    return buffer.getvalue()


def contents(path: Path) -> dict[str, bytes]:
    """The files of a zip, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip as Lambda does: with the modes that it says."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            if mode := entry.external_attr >> 16 & 0o777:
                (folder / entry.filename).chmod(mode)


def unzipped_bytes(path: Path) -> int:
    """What the files of a zip take on a disk, by their lengths."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def sha256(path: Path) -> str:
    """Of the whole file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: what makes the same at the same time reads no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)
