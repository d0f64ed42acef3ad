"""The samples of uncompressed measurement files, as they lie in the file.

GDAL gives complex integers as complex floats: twice the memory, and a quarter of the speed of a plain read. ESA writes
SLC as little-endian TIFF with one uncompressed strip per line, so that lines can be read as they are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray

from s1card.scene.byte_source import ByteSource, open_bytes

Samples = NDArray[np.int16]

SAMPLE_BYTES = 4
"""Of one complex sample: two ``int16``."""

_LITTLE_ENDIAN_TIFF = b"II"


@dataclass(frozen=True, eq=False)
class Strips:
    """The strips of an uncompressed measurement file of complex integers.

    Attributes:
        source: The bytes of the file.
        dataset: The same file opened by GDAL, which knows where the strips are.
    """

    source: ByteSource
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
            self.source.read_into(buffer[begin * line_bytes : end * line_bytes], int(offsets[begin]))
        return samples

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
        return np.asarray(begin + lines % rows * (self.dataset.width * SAMPLE_BYTES))


def open_strips(dataset: rasterio.io.DatasetReader) -> Strips | None:
    """The strips of a measurement file; None where its bytes are not the samples (compressed, tiled, other order).

    Args:
        dataset: A measurement file of complex integers.
    """
    is_plain = dataset.driver == "GTiff" and dataset.compression is None
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
