"""ENVI: a folder with a file of raw samples and a text header per band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.geometry.map_grid import MapGrid
from s1card.raster import disk
from s1card.raster.raw import RawFile
from s1card.raster.sink import TILE, BandSpec, Extent, Tags, TileLedger, check_bands, shape_of
from s1card.raster.tiff import nodata_text
from s1card.window import Window

ENVI_TYPES = {"uint8": 1, "int16": 2, "int32": 3, "float32": 4, "float64": 5, "uint16": 12, "uint32": 13}


def encode_header(band: BandSpec, extent: Extent) -> str:
    """The ENVI header of a file with one band, big endian as SNAP writes it.

    Args:
        band: What the file holds.
        extent: Map grid, or rows and columns in radar geometry.
    """
    rows, cols = shape_of(extent)
    lines = [
        "ENVI",
        f"description = {{{_plain(band.description or band.name)}}}",
        f"samples = {cols}",
        f"lines = {rows}",
        "bands = 1",
        "header offset = 0",
        "file type = ENVI Standard",
        f"data type = {ENVI_TYPES[band.dtype]}",
        "interleave = bsq",
        "byte order = 1",
        f"band names = {{ {_plain(band.name)} }}",
        "data gain values = {1.0}",
        "data offset values = {0.0}",
    ]
    if band.unit:
        lines.append(f"data units = {{{_plain(band.unit)}}}")
    if band.nodata is not None:
        lines.append(f"data ignore value = {nodata_text(band.nodata)}")
    if isinstance(extent, MapGrid):
        lines += [f"map info = {_map_info(extent)}", f"coordinate system string = {{{_wkt(extent)}}}"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text without the braces and line ends that structure the header."""
    return text.replace("{", "(").replace("}", ")").replace("\n", " ")


def _map_info(grid: MapGrid) -> str:
    """Projection name, outer corner of the first pixel, pixel size; UTM zone where there is one."""
    place = f"1.0, 1.0, {grid.left!r}, {grid.top!r}, {grid.spacing_x!r}, {grid.spacing_y!r}"
    crs = grid.pyproj_crs
    datum = _plain(crs.geodetic_crs.name if crs.geodetic_crs else crs.name).replace(",", " ")
    datum = "WGS-84" if datum == "WGS 84" else datum
    if grid.is_geographic:
        return f"{{Geographic Lat/Lon, {place}, {datum}, units=Degrees}}"
    if crs.utm_zone:
        side = "North" if crs.utm_zone.endswith("N") else "South"
        return f"{{UTM, {place}, {crs.utm_zone[:-1]}, {side}, {datum}, units=Meters}}"
    return f"{{Arbitrary, {place}, {datum}}}"


def _wkt(grid: MapGrid) -> str:
    """The CRS in ESRI's dialect, which ENVI wants, or GDAL's where ESRI has no word for it."""
    crs: CRS = grid.pyproj_crs
    try:
        return crs.to_wkt("WKT1_ESRI")
    except CRSError:
        return crs.to_wkt("WKT1_GDAL")


class EnviFolder:
    """A folder of ENVI files, one per band, in the making.

    Args:
        folder: Final path of the folder.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    def __init__(self, folder: Path, extent: Extent, bands: Sequence[BandSpec]) -> None:
        check_bands(bands, extent)
        self._folder = folder
        self._part = disk.part_name(folder)
        self._extent = extent
        self._bands = list(bands)
        self._ledger = TileLedger(shape_of(extent), len(bands))
        self._files: list[RawFile] = []
        try:
            for band in bands:
                dtype = np.dtype(band.dtype).newbyteorder(">")
                self._files.append(RawFile(self._part / f"{band.name}.img", shape_of(extent), dtype))
        except BaseException:
            self.abort()
            raise

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Write samples of one band; see `RasterSink.write`."""
        with self._ledger.writing(band_index, window, data):
            self._files[band_index].write(0, window, data, self._bands[band_index])

    def finish(self) -> None:
        """Complete the files in the temporary folder.

        Raises:
            S1CardError: Tiles are missing.
            ResourceError: The disk is full or cannot be written.
        """
        self._ledger.close()
        for file, band in zip(self._files, self._bands, strict=True):
            file.close()
            with disk.disk_errors(self._folder):
                file.path.with_name(f"{band.name}.hdr").write_text(encode_header(band, self._extent), "utf-8")

    def add_files(self, files: Mapping[str, bytes]) -> None:
        """Put further files (content by path in the folder) into the temporary folder.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """
        with disk.disk_errors(self._folder):
            for name, data in files.items():
                path = self._part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def publish(self) -> list[Path]:
        """Give the folder its final name, in the place of an older one; returns the files of samples."""
        disk.publish(self._part, self._folder)
        return self._samples()

    def publish_files(self) -> list[Path]:
        """Move the files into the folder, which may hold others already; returns the files of samples."""
        if not self._folder.is_dir():
            return self.publish()
        with disk.disk_errors(self._folder):
            for file in sorted(self._part.iterdir()):
                file.replace(self._folder / file.name)
            self._part.rmdir()
        return self._samples()

    def _samples(self) -> list[Path]:
        return [self._folder / f"{band.name}.img" for band in self._bands]

    def abort(self) -> None:
        """Remove what is not yet published."""
        self._ledger.abort()
        for file in self._files:
            file.abort()
        disk.discard(self._part)


class EnviSink:
    """SNAP's ``ENVI``: a folder named after the product, with ``<band>.img`` and ``<band>.hdr``.

    Args:
        path: ``<folder>/<name>.hdr``; the files go to ``<folder>/<name>/``.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Not written: the format has no place for them.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    tile = (TILE, TILE)

    def __init__(self, path: Path, extent: Extent, bands: Sequence[BandSpec], tags: Tags) -> None:
        del tags
        self._folder = EnviFolder(path.with_suffix(""), extent, bands)

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Write samples of one band; see `RasterSink.write`."""
        self._folder.write(band_index, window, data)

    def close(self) -> list[Path]:
        """Complete the folder; returns the files of samples; see `RasterSink.close`."""
        try:
            self._folder.finish()
            return self._folder.publish_files()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Remove the folder; see `RasterSink.abort`."""
        self._folder.abort()
