"""Headers of rasters, wherever they are, and what is wrong with those that cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rasterio
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.session import DummySession

from s1card.errors import DataError, S1CardError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels.records import PixelBand
from s1card.source import storage

CACHE_BYTES = 64 << 20
"""Decoded blocks that GDAL keeps, for the whole process: a row of 1,024 lines of Sentinel-2 for two threads. Its own
choice, a twentieth of the machine's memory, is both larger and slower."""

DAMAGED = "The file is damaged or incomplete: fetch or make it again"

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class RasterHeader:
    """What a raster says of itself.

    Attributes:
        location: Where it is.
        path: What GDAL opens.
        driver: GDAL's name of the format.
        grid: Its pixels on the map.
        dtypes, nodata, scales, offsets, descriptions, block_shapes: Of its bands, in order; a band without a name has
            the description "".
        tags: Metadata of the file.
    """

    location: str
    path: str
    driver: str
    grid: MapGrid
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    descriptions: tuple[str, ...]
    block_shapes: tuple[tuple[int, int], ...]
    tags: Mapping[str, str]

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.dtypes)

    def band(self, index: int, code: str, name: str, *, nodata: float | None) -> PixelBand:
        """One of its bands (from 1) under a code, with a value that stands for none."""
        at = index - 1
        return PixelBand(
            code,
            name,
            self.path,
            self.grid,
            self.dtypes[at],
            nodata,
            index,
            self.scales[at],
            self.offsets[at],
            block_shape=self.block_shapes[at],
        )


@contextmanager
def raster_environment() -> Iterator[None]:
    """GDAL as this package uses it: access to objects, and a bounded cache of blocks. It holds for one thread."""
    # Without a session of rasterio's: GDAL takes the credentials from the environment itself, at no cost per call.
    # One thread per call: we read from several, and what fails in a thread of GDAL's own does not always reach us.
    options = {"GDAL_CACHEMAX": CACHE_BYTES, "GDAL_NUM_THREADS": "1", **storage.gdal_options()}
    with rasterio.Env(session=DummySession(), **options):
        yield


def read_header(location: str, path: str = "") -> RasterHeader:
    """What a raster says of itself.

    Args:
        location: File or object.
        path: What GDAL opens, where that does not follow from the location.

    Raises:
        DataError: It is missing or no raster, not georeferenced, or not north-up.
        NetworkError: The object store does not answer, or refuses.
    """
    raster = path or storage.gdal_path(location)
    try:
        with raster_environment(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(raster) as dataset:
                return _header(dataset, location, raster)
    except (RasterioError, CRSError, OSError) as error:
        raise raster_error(location, f"cannot be read as a raster: {error}") from error


def raster_error(location: str, message: str) -> S1CardError:
    """The error for a raster that GDAL cannot read: the object store's own, where that is the cause.

    Args:
        location: Which raster.
        message: What GDAL said.
    """
    try:
        if storage.is_remote(location):
            storage.file_size(location)
    except S1CardError as cause:
        return cause
    return DataError(message, subject=location, advice=DAMAGED)


def require_same_grid(bands: Sequence[PixelBand], subject: str) -> None:
    """Refuse bands that do not lie pixel on pixel.

    Raises:
        DataError: Two grids differ.
    """
    first = bands[0]
    for band in bands[1:]:
        if not _same_grid(first.grid, band.grid):
            raise DataError(
                f"bands {first.name} and {band.name} lie on different grids: {_plain(first.grid)} and "
                f"{_plain(band.grid)}",
                subject=subject,
                advice="Extract them one by one, or make them anew on one grid",
            )


def _header(dataset: Any, location: str, raster: str) -> RasterHeader:
    return RasterHeader(
        location,
        raster,
        dataset.driver,
        _grid(dataset, location),
        tuple(dataset.dtypes),
        tuple(dataset.nodatavals),
        tuple(dataset.scales),
        tuple(dataset.offsets),
        tuple(text or "" for text in dataset.descriptions),
        tuple((rows, cols) for rows, cols in dataset.block_shapes),
        dict(dataset.tags()),
    )


def _grid(dataset: Any, location: str) -> MapGrid:
    transform = dataset.transform
    if dataset.crs is None:
        raise DataError(
            "the raster does not say where it lies on the map",
            subject=location,
            advice="Give it a coordinate reference system and a transform, for example with gdal_edit",
        )
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise DataError(
            f"the raster is not north-up: its transform is {tuple(transform)[:6]}",
            subject=location,
            advice="Warp it onto a north-up grid, for example with gdalwarp",
        )
    epsg = dataset.crs.to_epsg()
    crs = f"EPSG:{epsg}" if epsg else dataset.crs.to_wkt()
    return MapGrid(crs, transform.c, transform.f, transform.a, -transform.e, dataset.height, dataset.width)


def _same_grid(first: MapGrid, second: MapGrid) -> bool:
    limit = _TOLERANCE * first.spacing_x
    near = all(abs(a - b) <= limit for a, b in zip(first.bounds, second.bounds, strict=True))
    return near and first.shape == second.shape and first.crs == second.crs


def _plain(grid: MapGrid) -> str:
    name = f"EPSG:{grid.epsg}" if grid.epsg else grid.pyproj_crs.name
    return (
        f"{name}, {grid.rows} x {grid.cols} pixels of {grid.spacing_x:g} from ({grid.left:g}, {grid.top:g})"
    )
