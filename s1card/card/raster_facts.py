"""What a written raster says of itself: metadata come from the file, not from what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioIOError

from s1card.errors import DataError


@dataclass(frozen=True)
class RasterFacts:
    """Header of a raster of one band.

    Attributes:
        path: The file.
        wkt: Its CRS.
        epsg: EPSG code of the CRS where it has one.
        shape: Rows and columns.
        transform: Affine coefficients (a, b, c, d, e, f) of pixel corners.
        data_type: Of the pixels, as numpy and STAC spell it.
        nodata: No-data value.
        overviews: Reduction factors, finest first.
        band: Name of the band, "" where the file states none.
    """

    path: Path
    wkt: str
    epsg: int | None
    shape: tuple[int, int]
    transform: tuple[float, ...]
    data_type: str
    nodata: float | None
    overviews: tuple[int, ...]
    band: str


def read_facts(path: Path) -> RasterFacts:
    """Read the header of a raster.

    Raises:
        DataError: The file is missing, unreadable, not georeferenced, or has more than one band.
    """
    try:
        with rasterio.open(path) as source:
            if source.count != 1 or source.crs is None:
                raise DataError("not a georeferenced raster of one band", subject=path.name)
            return RasterFacts(
                path,
                source.crs.to_wkt(),
                source.crs.to_epsg(),
                (source.height, source.width),
                tuple(source.transform)[:6],
                source.dtypes[0],
                source.nodata,
                tuple(source.overviews(1)),
                source.descriptions[0] or "",
            )
    except RasterioIOError as error:
        raise DataError(f"cannot be read as a raster: {error}", subject=path.name) from error
