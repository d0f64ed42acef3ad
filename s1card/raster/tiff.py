"""The TIFF format: tags, directories, headers, and what GDAL adds to them.

Layout: TIFF 6.0, the BigTIFF proposal (Aware Systems), GeoTIFF 1.1 (OGC 19-008), and GDAL's tags
42112 and 42113.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from s1card.geometry.map_grid import MapGrid
from s1card.raster.sink import BandSpec, Tags
from s1card.raster.statistics import BandStatistics

ASCII, SHORT, LONG, DOUBLE, LONG8 = 2, 3, 4, 12, 16
ITEM_SIZE = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, 5: 8, DOUBLE: 8, LONG8: 8}

CLASSIC_LIMIT = 4_000_000_000
"""Uncompressed bytes from which a file is BigTIFF: 32-bit offsets end at 4,294,967,296, and
incompressible samples grow by less than the 7 % between."""

SAMPLE_FORMAT = {"u": 1, "i": 2, "f": 3}

GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
"""ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory, GeoDoubleParams, GeoAsciiParams."""


@dataclass(frozen=True)
class Tag:
    """A field of a directory: code, type, number of values, and the values in little endian."""

    code: int
    kind: int
    count: int
    payload: bytes

    @classmethod
    def integers(cls, code: int, kind: int, values: Sequence[int] | NDArray[np.int64]) -> Tag:
        """A field of unsigned integers of type SHORT, LONG or LONG8."""
        packed = np.asarray(values, np.int64).astype(f"<u{ITEM_SIZE[kind]}")
        return cls(code, kind, len(packed), packed.tobytes())

    @classmethod
    def text(cls, code: int, text: str) -> Tag:
        """A field of text, in UTF-8 as GDAL writes it."""
        payload = text.encode() + b"\0"
        return cls(code, ASCII, len(payload), payload)


@dataclass(frozen=True)
class ImageLayout:
    """How the samples of one image (the full resolution or an overview) lie in the file.

    Attributes:
        shape: Rows and columns.
        dtype: Type of all samples.
        samples: Number of bands, stored one after the other (PlanarConfiguration 2).
        block: Rows and columns of a tile, or rows per strip and all columns.
        tiled: Whether blocks are tiles.
        compression, predictor: Values of these tags.
        overview: Whether the image is a smaller version of another.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    samples: int
    block: tuple[int, int]
    tiled: bool = True
    compression: int = 1
    predictor: int = 1
    overview: bool = False

    def tags(self, offsets: NDArray[np.int64], counts: NDArray[np.int64], big: bool) -> list[Tag]:
        """The fields that say all this, with the offset and size of every block in bytes."""
        bits = [8 * self.dtype.itemsize] * self.samples
        planar = 1 if self.samples == 1 else 2
        fields = [
            Tag.integers(254, LONG, [int(self.overview)]),
            Tag.integers(256, LONG, [self.shape[1]]),
            Tag.integers(257, LONG, [self.shape[0]]),
            Tag.integers(258, SHORT, bits),
            Tag.integers(259, SHORT, [self.compression]),
            Tag.integers(262, SHORT, [1]),
            Tag.integers(277, SHORT, [self.samples]),
            Tag.integers(284, SHORT, [planar]),
            Tag.integers(317, SHORT, [self.predictor]),
            Tag.integers(339, SHORT, [SAMPLE_FORMAT[self.dtype.kind]] * self.samples),
        ]
        if self.samples > 1:
            fields.append(Tag.integers(338, SHORT, [0] * (self.samples - 1)))
        return fields + self._block_tags(offsets, counts, LONG8 if big else LONG)

    def _block_tags(self, offsets: NDArray[np.int64], counts: NDArray[np.int64], kind: int) -> list[Tag]:
        if not self.tiled:
            return [
                Tag.integers(273, kind, offsets),
                Tag.integers(278, LONG, [self.block[0]]),
                Tag.integers(279, LONG, counts),
            ]
        return [
            Tag.integers(322, LONG, [self.block[1]]),
            Tag.integers(323, LONG, [self.block[0]]),
            Tag.integers(324, kind, offsets),
            Tag.integers(325, LONG, counts),
        ]


def directory_size(tags: Sequence[Tag], big: bool) -> int:
    """Bytes of a directory with the values that do not fit into its entries."""
    entry, inline, frame = (20, 8, 16) if big else (12, 4, 6)
    outside = sum(_even(len(tag.payload)) for tag in tags if len(tag.payload) > inline)
    return _even(frame + entry * len(tags)) + outside


def encode_directory(tags: Sequence[Tag], offset: int, following: int, big: bool) -> bytes:
    """A directory at ``offset`` and its values.

    Args:
        tags: Fields, in any order.
        offset: Where the directory will lie in the file.
        following: Offset of the next directory, 0 for the last.
        big: Whether the file is BigTIFF.
    """
    entry, inline, frame = (20, 8, 16) if big else (12, 4, 6)
    count, word, single = ("<Q", "<Q", "<HHQ") if big else ("<H", "<I", "<HHI")
    outside_at = offset + _even(frame + entry * len(tags))
    entries, outside = bytearray(struct.pack(count, len(tags))), bytearray()
    for tag in sorted(tags, key=lambda field: field.code):
        entries += struct.pack(single, tag.code, tag.kind, tag.count)
        if len(tag.payload) <= inline:
            entries += tag.payload.ljust(inline, b"\0")
        else:
            entries += struct.pack(word, outside_at + len(outside))
            outside += tag.payload.ljust(_even(len(tag.payload)), b"\0")
    entries += struct.pack(word, following)
    return bytes(entries.ljust(_even(len(entries)), b"\0") + outside)


def _even(size: int) -> int:
    return size + size % 2


def encode_header(first_directory: int, big: bool) -> bytes:
    """The first bytes of a little-endian file."""
    if big:
        return struct.pack("<2sHHHQ", b"II", 43, 8, 0, first_directory)
    return struct.pack("<2sHI", b"II", 42, first_directory)


def encode_front(directories: Sequence[Sequence[Tag]], ghost: bytes, big: bool) -> bytes:
    """Header, ``ghost`` (bytes before the first directory) and all directories, in this order."""
    position = len(encode_header(0, big)) + _even(len(ghost))
    front = encode_header(position, big) + ghost.ljust(_even(len(ghost)), b"\0")
    for number, tags in enumerate(directories):
        end = position + directory_size(tags, big)
        last = number == len(directories) - 1
        front += encode_directory(tags, position, 0 if last else end, big)
        position = end
    return front


def needs_bigtiff(uncompressed: int) -> bool:
    """Whether a file of that many uncompressed bytes is BigTIFF: known before anything is written."""
    return uncompressed > CLASSIC_LIMIT


def geo_tags(grid: MapGrid) -> list[Tag]:
    """GeoTIFF fields of a grid, with pixels as areas.

    GDAL encodes the CRS: a GeoTIFF of one pixel at the place of the grid is written in memory, and
    its fields are taken over. So every CRS that GDAL can put into a GeoTIFF works, with or without
    an EPSG code.
    """
    profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
    crs = CRS.from_wkt(grid.pyproj_crs.to_wkt())
    with MemoryFile() as memory:
        with memory.open(crs=crs, transform=Affine(*grid.transform), **profile):
            pass
        fields = read_directory(memory.read())
    return [tag for tag in fields if tag.code in GEO_TAGS]


def read_directory(data: bytes) -> list[Tag]:
    """Fields of the first directory of a classic little-endian TIFF."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    return [_read_tag(data, start + 2 + 12 * number) for number in range(count)]


def _read_tag(data: bytes, position: int) -> Tag:
    code, kind, count, value = struct.unpack_from("<HHII", data, position)
    size = ITEM_SIZE.get(kind, 1) * count
    start = position + 8 if size <= 4 else value
    return Tag(code, kind, count, data[start : start + size])


def nodata_text(nodata: float) -> str:
    """A nodata value as GDAL spells it."""
    if math.isnan(nodata):
        return "nan"
    return str(int(nodata)) if float(nodata).is_integer() and abs(nodata) < 2**53 else repr(float(nodata))


def metadata_tags(
    bands: Sequence[BandSpec],
    tags: Tags,
    nodata: float | None,
    statistics: Sequence[BandStatistics] = (),
) -> list[Tag]:
    """GDAL's fields: nodata, and metadata of file and bands as XML.

    GDAL's description of a band is its *name*, by which readers find it; the sentence for people
    is the item ``long_name``.
    """
    items = [_item(key, value) for key, value in sorted(tags.items())]
    for number, band in enumerate(bands):
        items += _band_items(number, band, nodata)
    for number, values in enumerate(statistics):
        items += _statistics_items(number, values)
    body = "\n".join(f"  {item}" for item in items)
    fields = [Tag.text(42112, f"<GDALMetadata>\n{body}\n</GDALMetadata>\n")]
    return fields + nodata_tags(nodata)


def nodata_tags(nodata: float | None) -> list[Tag]:
    """GDAL's field for nodata, which overviews carry too so that their sparse tiles are nodata."""
    return [] if nodata is None else [Tag.text(42113, nodata_text(nodata))]


def _item(name: str, value: str, sample: int | None = None, role: str = "") -> str:
    where = "" if sample is None else f' sample="{sample}"'
    kind = f' role="{role}"' if role else ""
    value = escape(escape(value))  # GDAL's reader of this field unescapes twice
    return f"<Item name={quoteattr(name)}{where}{kind}>{value}</Item>"


def _band_items(number: int, band: BandSpec, nodata: float | None) -> Iterable[str]:
    yield _item("DESCRIPTION", band.name, number, "description")
    if band.unit:
        yield _item("UNITTYPE", band.unit, number, "unittype")
    if band.description:
        yield _item("long_name", band.description, number)
    if band.nodata is not None and nodata is None:  # a file has one nodata value only
        yield _item("nodata", nodata_text(band.nodata), number)


def _statistics_items(number: int, values: BandStatistics) -> Iterable[str]:
    if values.count == 0:
        return
    named = {
        "STATISTICS_MAXIMUM": values.maximum,
        "STATISTICS_MEAN": values.mean,
        "STATISTICS_MINIMUM": values.minimum,
        "STATISTICS_STDDEV": values.std,
        "STATISTICS_VALID_PERCENT": values.valid_percent,
    }
    for name, value in named.items():
        yield _item(name, repr(value), number)
