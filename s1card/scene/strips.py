"""The lines of uncompressed measurement files, as they lie in the file.

ESA writes little-endian TIFF with one uncompressed strip per line, so that lines can be read as they are: detected ones
three times, complex ones eight times as fast as through GDAL, which gives complex integers as complex floats of twice
the size; from a deflated zip 1.4 and 2 times.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray

from s1card.scene.byte_source import ByteSource, open_bytes

Bytes = NDArray[np.uint8]

_SAMPLE_BYTES = {"uint16": 2, "complex_int16": 4}
_LITTLE_ENDIAN_TIFF = b"II"


@dataclass(frozen=True, eq=False)
class Strips:
    """The strips of an uncompressed measurement file.

    Attributes:
        source: The bytes of the file.
        dataset: The same file opened by GDAL, which knows where the strips are.
    """

    source: ByteSource
    dataset: rasterio.io.DatasetReader

    @property
    def line_bytes(self) -> int:
        """Size of a line."""
        return int(self.dataset.width * _SAMPLE_BYTES[self.dataset.dtypes[0]])

    def read(self, first: int, count: int) -> Bytes | None:
        """Lines as an array of count x ``line_bytes``; one call at a time. None where the file leaves some out.

        Raises:
            OSError: The file cannot be read, or ends before.
        """
        offsets = self._line_offsets(first, count)
        if offsets is None:
            return None
        lines = np.empty((count, self.line_bytes), np.uint8)
        buffer = lines.data.cast("B")
        runs = np.flatnonzero(np.diff(offsets, prepend=-1) != self.line_bytes)
        for begin, end in zip(runs, [*runs[1:], count], strict=True):
            part = buffer[begin * self.line_bytes : end * self.line_bytes]
            self.source.read_into(part, int(offsets[begin]))
        return lines

    def close(self) -> None:
        """Gives the file back."""
        self.source.close()

    def _line_offsets(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Where each line begins in the file; None where a strip of zeros is left out."""
        rows = self.dataset.block_shapes[0][0]
        lines = np.arange(first, first + count)
        strips = range(first // rows, (first + count - 1) // rows + 1)
        places = [self.dataset.get_tag_item(f"BLOCK_OFFSET_0_{strip}", "TIFF", bidx=1) for strip in strips]
        if None in places:
            return None
        begin = np.array(places, np.int64)[lines // rows - strips.start]
        return np.asarray(begin + lines % rows * self.line_bytes)


def open_strips(dataset: rasterio.io.DatasetReader) -> Strips | None:
    """The strips of a measurement file; None where its bytes are not the samples (compressed, tiled, other order).

    Args:
        dataset: A measurement file.
    """
    is_plain = (
        dataset.driver == "GTiff" and dataset.compression is None and dataset.dtypes[0] in _SAMPLE_BYTES
    )
    if not is_plain or dataset.block_shapes[0][1] != dataset.width or sys.byteorder != "little":
        return None
    source = open_bytes(dataset.name)
    if source is None:
        return None
    order = bytearray(2)
    try:
        source.read_into(memoryview(order), 0)
    except OSError:
        order = bytearray()
    if order != _LITTLE_ENDIAN_TIFF:
        source.close()
        return None
    return Strips(source, dataset)
