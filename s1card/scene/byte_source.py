"""The bytes of a measurement file, wherever it is kept: on disk, stored in a zip, or deflated in one."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

from s1card.scene.safe import READ_ERRORS, split_zip_path

_LOCAL_HEADER = 30
"""Fixed part of the header before a member of a zip; it ends with the lengths of the two parts that follow."""
_ENCRYPTED = 1
_INPUT_BYTES = 1 << 18
_SKIP_BYTES = 1 << 20
_SNAPSHOT_BYTES = 1 << 25
"""Inflated bytes between two remembered states (40 kB each): going back costs as much as inflating these."""


class ByteSource(Protocol):
    """Bytes that can be read anywhere; one call at a time."""

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fills a buffer with the bytes from ``offset`` on.

        Raises:
            OSError: They cannot be read, or end before.
        """

    def close(self) -> None:
        """Gives the file back."""


@dataclass(frozen=True, eq=False)
class PlainBytes:
    """Bytes ``start .. stop - 1`` of a file, as they are."""

    file: FileIO
    start: int
    stop: int

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fills a buffer with the bytes from ``offset`` on."""
        if self.start + offset + len(buffer) > self.stop:
            raise OSError("the file ends before")
        self.file.seek(self.start + offset)
        while buffer:
            read = self.file.readinto(buffer)
            if not read:
                raise OSError("the file ends before")
            buffer = buffer[read:]

    def close(self) -> None:
        """Gives the file back."""
        self.file.close()


@dataclass(frozen=True, eq=False)
class _Snapshot:
    """State of inflating before the input at ``taken`` is fed, when ``given`` bytes have come out."""

    taken: int
    given: int
    inflater: zlib._Decompress


class DeflatedBytes:
    """A deflated member of a zip, inflated from the last snapshot on.

    Reading on costs the inflating of what is read or skipped (200 MB/s), going back that of 32 MB at most. The zip's
    own checksum is not looked at, as it is for a file that is read as a whole.

    Args:
        file: The zip.
        start, stop: Where in it the deflated bytes begin and end.
    """

    def __init__(self, file: FileIO, start: int, stop: int) -> None:
        self._file = file
        self._stop = stop
        self._snapshots = [_Snapshot(start, 0, zlib.decompressobj(-zlib.MAX_WBITS))]
        self._go_to(self._snapshots[0])

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fills a buffer with the bytes from ``offset`` on."""
        before = [snapshot for snapshot in self._snapshots if snapshot.given <= offset]
        if not before[-1].given <= self._given <= offset:
            self._go_to(before[-1])
        while self._given < offset:
            self._inflate(min(_SKIP_BYTES, offset - self._given))
        while buffer:
            part = self._inflate(len(buffer))
            buffer[: len(part)] = part
            buffer = buffer[len(part) :]

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _go_to(self, snapshot: _Snapshot) -> None:
        self._taken, self._given = snapshot.taken, snapshot.given
        self._inflater = snapshot.inflater.copy()

    def _inflate(self, most: int) -> bytes:
        """The next bytes, ``most`` at most; none while the inflater has not yet enough input."""
        try:
            part = self._inflater.decompress(self._inflater.unconsumed_tail or self._input(), most)
        except zlib.error as error:
            raise OSError(f"the zip is damaged: {error}") from error
        self._given += len(part)
        return part

    def _input(self) -> bytes:
        if self._given >= self._snapshots[-1].given + _SNAPSHOT_BYTES:
            self._snapshots.append(_Snapshot(self._taken, self._given, self._inflater.copy()))
        self._file.seek(self._taken)
        data = self._file.read(min(_INPUT_BYTES, self._stop - self._taken))
        if not data or self._inflater.eof:
            raise OSError("the file ends before")
        self._taken += len(data)
        return data


def open_bytes(raster: str) -> ByteSource | None:
    """The bytes of a raster by its GDAL path; None where only GDAL can read it."""
    try:
        if not raster.startswith("/vsi"):
            return PlainBytes(FileIO(raster), 0, Path(raster).stat().st_size)
        parts = split_zip_path(raster)
        return None if parts is None else _open_member(*parts)
    except READ_ERRORS:
        return None


def _open_member(archive: str, member: str) -> ByteSource | None:
    with zipfile.ZipFile(archive) as container:
        entry = container.getinfo(member)
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return None
    file = FileIO(archive)
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.header_offset + _LOCAL_HEADER + lengths
    kind = PlainBytes if entry.compress_type == zipfile.ZIP_STORED else DeflatedBytes
    return kind(file, start, start + entry.compress_size)
