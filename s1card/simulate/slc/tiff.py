"""Measurement files of SLC images: complex integers in uncompressed strips of one line, as ESA writes them."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s1card.scene.records import GeolocationGrid
from s1card.simulate.slc.tiles import Columns

_ASCII, _SHORT, _LONG, _DOUBLE = 2, 3, 4, 12
_FORMATS = {_SHORT: "<u2", _LONG: "<u4", _DOUBLE: "<f8"}
SAMPLE_BYTES = 4


@dataclass(frozen=True)
class SlcTiff:
    """A measurement file that lies ready for its samples, which follow one another without gaps.

    Attributes:
        path: The file.
        lines, pixels: Size.
        offset: Byte of the first sample.
    """

    path: Path
    lines: int
    pixels: int
    offset: int

    def write(self, first_line: int, columns: Columns, samples: NDArray[np.int16]) -> None:
        """Put samples (lines, columns, 2) in their place; several threads may do so at once."""
        with self.path.open("r+b", buffering=0) as stream:
            for k, line in enumerate(np.ascontiguousarray(samples, "<i2")):
                place = self.byte_of(first_line + k) + columns.first * SAMPLE_BYTES
                os.pwrite(stream.fileno(), line.data, place)

    def byte_of(self, line: int) -> int:
        """Byte of the first sample of a line."""
        return self.offset + line * self.pixels * SAMPLE_BYTES


def create_slc_tiff(
    path: Path, lines: int, pixels: int, grid: GeolocationGrid, texts: dict[str, str]
) -> SlcTiff:
    """Write a file of zeros with its header.

    Args:
        grid: Tie points, written as ground control points in WGS84.
        texts: ``IMAGEDESCRIPTION``, ``DATETIME`` and ``SOFTWARE``.
    """
    offset = len(_header(lines, pixels, grid, texts, 0))
    with path.open("wb") as stream:
        stream.write(_header(lines, pixels, grid, texts, offset))
        stream.truncate(offset + lines * pixels * SAMPLE_BYTES)
    return SlcTiff(path, lines, pixels, offset)


def _header(lines: int, pixels: int, grid: GeolocationGrid, texts: dict[str, str], offset: int) -> bytes:
    """Everything before the first sample: file header, directory, and values that do not fit into it."""
    strip = pixels * SAMPLE_BYTES
    entries = [
        (256, _LONG, [pixels]),
        (257, _LONG, [lines]),
        (258, _SHORT, [8 * SAMPLE_BYTES]),
        (259, _SHORT, [1]),  # no compression
        (262, _SHORT, [1]),  # black is zero
        (270, _ASCII, texts["IMAGEDESCRIPTION"]),
        (273, _LONG, offset + strip * np.arange(lines)),
        (277, _SHORT, [1]),
        (278, _SHORT, [1]),  # lines in a strip
        (279, _LONG, np.full(lines, strip)),
        (305, _ASCII, texts["SOFTWARE"]),
        (306, _ASCII, texts["DATETIME"]),
        (339, _SHORT, [5]),  # complex integers
        (33922, _DOUBLE, _tie_points(grid)),
        # Keys of GeoTIFF: geographic, pixels are areas, EPSG:4326.
        (34735, _SHORT, [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326]),
    ]
    place = 8 + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, kind, content in entries:
        if isinstance(content, str):
            data = content.encode("ascii") + b"\0"
            count = len(data)
        else:
            data = np.asarray(content).astype(_FORMATS[kind]).tobytes()
            count = len(content)
        if len(data) <= 4:
            directory += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
        else:
            directory += struct.pack("<HHII", tag, kind, count, place + len(values))
            values += data + b"\0" * (len(data) % 2)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + values


def _tie_points(grid: GeolocationGrid) -> NDArray[np.float64]:
    """Column, row, 0, longitude, latitude, height of every point."""
    row, col = np.meshgrid(grid.line, grid.pixel, indexing="ij")
    return np.stack(
        [col, row, np.zeros(row.shape), grid.longitude, grid.latitude, grid.height], axis=-1
    ).ravel()
