"""Raster files written as streams of tiles that arrive in any order from several threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from s1card.errors import GraphError
from s1card.raster.codec import TileCodec
from s1card.raster.cog import CogSink
from s1card.raster.dimap import DimapSink, SizesSink
from s1card.raster.envi import EnviSink
from s1card.raster.geotiff import BigTiffSink, GeoTiffSink
from s1card.raster.sink import BandSpec, Extent, RasterSink, Tags, WrittenFile
from s1card.raster.statistics import BandStatistics

__all__ = [
    "FORMATS",
    "BandSpec",
    "BandStatistics",
    "BigTiffSink",
    "CogSink",
    "DimapSink",
    "EnviSink",
    "Extent",
    "GeoTiffSink",
    "RasterSink",
    "SizesSink",
    "TileCodec",
    "WrittenFile",
    "forced_path",
    "open_sink",
]

Opener = Callable[[Path, Extent, Sequence[BandSpec], Tags], RasterSink]

EXTENSIONS: dict[str, tuple[str, ...]] = {
    "BEAM-DIMAP": (".dim",),
    "COG": (".tif", ".tiff"),
    "ENVI": (".hdr", ".img"),
    "GeoTIFF": (".tif", ".tiff"),
    "GeoTIFF-BigTIFF": (".tif", ".tiff"),
}

FORMATS = tuple(EXTENSIONS)
"""Names of the formats as `Write` nodes of SNAP graphs have them, and ``COG``."""


def open_sink(
    format_name: str,
    path: Path,
    extent: Extent,
    bands: Sequence[BandSpec],
    tags: Tags,
    *,
    threads: int = 1,
) -> RasterSink:
    """Open a raster for writing.

    Args:
        format_name: One of `FORMATS`.
        path: Final path; the format's extension is added where it is missing. COG writes several
            bands to ``<stem>_<band>.tif`` each, a single band to the path itself.
        extent: Map grid, or (rows, cols) in radar geometry.
        bands: What the bands hold.
        tags: Metadata of the product.
        threads: Files that may be completed at the same time on closing.

    Raises:
        GraphError: The format is unknown.
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """
    target = forced_path(format_name, path)
    if format_name == "COG":
        return CogSink(_band_paths(target, bands), extent, bands, tags, threads=threads)
    openers: dict[str, Opener] = {
        "BEAM-DIMAP": DimapSink,
        "ENVI": EnviSink,
        "GeoTIFF": GeoTiffSink,
        "GeoTIFF-BigTIFF": BigTiffSink,
    }
    return openers[format_name](target, extent, bands, tags)


def forced_path(format_name: str, path: Path) -> Path:
    """The path with the extension of a format, added as SNAP does where it is missing.

    Raises:
        GraphError: The format is unknown.
    """
    if format_name not in EXTENSIONS:
        raise GraphError(
            f"output format {format_name!r} is unknown", advice=f"Use one of {', '.join(FORMATS)}"
        )
    known = EXTENSIONS[format_name]
    return path if path.suffix.lower() in known else path.with_name(path.name + known[0])


def _band_paths(path: Path, bands: Sequence[BandSpec]) -> list[Path]:
    if len(bands) == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{band.name}{path.suffix}") for band in bands]
