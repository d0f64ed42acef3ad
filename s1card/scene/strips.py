"""The bytes of uncompressed measurement files, as they lie on disk.

GDAL gives complex integers as complex floats: twice the memory, and a third of the speed of a plain read.
ESA writes SLC as little-endian TIFF with one uncompressed strip per line, so that lines can be read as they are.
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from s1card.scene.safe import READ_ERRORS, split_zip_path

Samples = NDArray[np.int16]

SAMPLE_BYTES = 4
"""Of one complex sample: two ``int16``."""

_LITTLE_ENDIAN_TIFF = b"II"
_LOCAL_HEADER = 30
"""Fixed part of the header before a member of a zip; it ends with the lengths of the two parts that follow."""


@dataclass(frozen=True, eq=False)
class Strips:
    """The strips of an uncompressed measurement file of complex integers.

    Attributes:
        file: The file, or the zip that holds it as it is.
        start, stop: Where in ``file`` the measurement file begins and ends.
        dataset: The same file opened by GDAL, which knows where the strips are.
    """

    file: FileIO
    start: int
    stop: int
    dataset: rasterio.io.DatasetReader

    def read(self, first: int, count: int) -> Samples | None:
        """Lines as an array of count x pixels x 2 (I, Q); one call at a time. None where the file leaves some out.

        Raises:
            OSError: The file cannot be read, or ends before.
        """
        offsets = self._line_offsets(first, count)
        if offsets is None:
            return None
        samples = np.empty((count, self.dataset.width, 2), np.int16)
        buffer = samples.data.cast("B")
        line_bytes = self.dataset.width * SAMPLE_BYTES
        runs = np.flatnonzero(np.diff(offsets, prepend=-1) != line_bytes)
        for begin, end in zip(runs, [*runs[1:], count], strict=True):
            self._fill(buffer[begin * line_bytes : end * line_bytes], int(offsets[begin]))
        return samples

    def close(self) -> None:
        """Gives the file back."""
        self.file.close()

    def _line_offsets(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Where each line begins in the file; None where a strip of zeros is left out."""
        rows = self.dataset.block_shapes[0][0]
        lines = np.arange(first, first + count)
        strips = range(first // rows, (first + count - 1) // rows + 1)
        places = [self.dataset.get_tag_item(f"BLOCK_OFFSET_0_{strip}", "TIFF", bidx=1) for strip in strips]
        if None in places:
            return None
        begin = np.array(places, np.int64)[lines // rows - strips.start]
        return np.asarray(self.start + begin + lines % rows * (self.dataset.width * SAMPLE_BYTES))

    def _fill(self, buffer: memoryview, offset: int) -> None:
        if offset + len(buffer) > self.stop:
            raise OSError("the file ends before")
        self.file.seek(offset)
        while buffer:
            read = self.file.readinto(buffer)
            if not read:
                raise OSError("the file ends before")
            buffer = buffer[read:]


def open_strips(dataset: rasterio.io.DatasetReader) -> Strips | None:
    """The strips of a measurement file; None where its bytes are not the samples (compressed, tiled, other order).

    Args:
        dataset: A measurement file of complex integers.
    """
    is_plain = dataset.driver == "GTiff" and dataset.compression is None
    if not is_plain or dataset.block_shapes[0][1] != dataset.width or sys.byteorder != "little":
        return None
    try:
        return _open_place(dataset)
    except READ_ERRORS:
        return None


def _open_place(dataset: rasterio.io.DatasetReader) -> Strips | None:
    place = _place(dataset.name)
    if place is None:
        return None
    file = FileIO(place.file)
    file.seek(place.start)
    if file.read(2) != _LITTLE_ENDIAN_TIFF:
        file.close()
        return None
    return Strips(file, place.start, place.start + place.size, dataset)


@dataclass(frozen=True)
class _Place:
    """Bytes of a file."""

    file: str
    start: int
    size: int


def _place(raster: str) -> _Place | None:
    """Where the bytes of a raster lie; None where no file holds it as it is."""
    if not raster.startswith("/vsi"):
        return _Place(raster, 0, Path(raster).stat().st_size)
    parts = split_zip_path(raster)
    if parts is None:
        return None
    archive, member = parts
    with zipfile.ZipFile(archive) as container:
        entry = container.getinfo(member)
    if entry.compress_type != zipfile.ZIP_STORED:
        return None
    with FileIO(archive) as file:
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return _Place(archive, entry.header_offset + _LOCAL_HEADER + lengths, entry.file_size)
