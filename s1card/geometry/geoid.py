"""Vertical datums, and the height of the geoid above the WGS84 ellipsoid.

The grids are those that PROJ distributes: EGM96 at 15', EGM2008 at 2.5'. Between nodes they are interpolated
by Catmull-Rom over 4 x 4 nodes, which is SNAP's rule for EGM96.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numba import njit
from numpy.typing import NDArray
from pyproj import datadir
from rasterio.errors import RasterioError

from s1card.errors import DemError, UsageError
from s1card.geometry.dem_window import sample_cubic
from s1card.window import Window

GEOID_FOLDER_VARIABLE = "S1CARD_GEOID_DIR"


class VerticalDatum(StrEnum):
    """What the heights of a DEM are measured from."""

    ELLIPSOID = "ellipsoid"
    EGM96 = "egm96"
    EGM2008 = "egm2008"

    @classmethod
    def parse(cls, text: str) -> VerticalDatum:
        """The datum of a name, in any case.

        Raises:
            UsageError: for any other name.
        """
        try:
            return cls(text.lower())
        except ValueError:
            raise UsageError(
                f"the vertical datum {text!r} is not known", advice=f"Use one of {', '.join(cls)}"
            ) from None


_GRID_NAMES = {
    VerticalDatum.EGM96: ("us_nga_egm96_15.tif", "egm96_15.gtx"),
    VerticalDatum.EGM2008: ("us_nga_egm08_25.tif", "egm08_25.gtx"),
}


def geoid_folders() -> list[Path]:
    """Folders in which geoid grids are looked for, in this order, each once."""
    listed = [os.environ.get(GEOID_FOLDER_VARIABLE, ""), datadir.get_data_dir()]
    listed.append(datadir.get_user_data_dir())  # type: ignore[attr-defined]
    for variable in ("PROJ_DATA", "PROJ_LIB"):
        listed.extend(os.environ.get(variable, "").split(os.pathsep))
    listed.extend(["/usr/local/share/proj", "/usr/share/proj"])
    return list(dict.fromkeys(Path(folder) for text in listed for folder in text.split(os.pathsep) if folder))


def find_geoid(datum: VerticalDatum, given: Path | None = None) -> Path:
    """The geoid grid file of a datum.

    Args:
        datum: EGM96 or EGM2008.
        given: A grid file, or a folder that holds one; then nowhere else is looked.

    Raises:
        DemError: If no grid is found, or the given one is of another geoid.
    """
    if given is not None and given.is_file():
        _refuse_other_geoid(given, datum)
        return given
    folders = geoid_folders() if given is None else [given]
    for path in _candidates(datum, folders):
        if path.is_file():
            return path
    names = _GRID_NAMES[datum]
    raise DemError(
        f"no {datum.upper()} geoid grid: {' or '.join(names)} is in none of "
        + ", ".join(str(folder) for folder in folders),
        advice=f"Get it with 'projsync --file {names[0]}', or name a grid file (--geoid FILE) or its folder "
        f"({GEOID_FOLDER_VARIABLE})",
    )


def _candidates(datum: VerticalDatum, folders: list[Path]) -> Iterator[Path]:
    """Every path at which the grid may lie, best first."""
    for folder in folders:
        for name in _GRID_NAMES[datum]:
            yield folder / name


def _refuse_other_geoid(path: Path, datum: VerticalDatum) -> None:
    """A grid whose name says EGM96 does not serve EGM2008, nor the reverse."""
    name = path.name.lower()
    says = {VerticalDatum.EGM96: "egm96" in name, VerticalDatum.EGM2008: "egm08" in name or "egm2008" in name}
    if any(says.values()) and not says[datum]:
        raise DemError(
            f"the geoid grid is not {datum.upper()}",
            subject=str(path),
            advice="Give the grid of the DEM's own geoid, or correct the datum of the DEM",
        )


class GeoidGrid:
    """A geoid grid file, of which only the nodes that are needed are read. Safe for threads.

    Args:
        path: A raster of geoid heights (m) on a geographic lattice: GTX, GeoTIFF or whatever GDAL reads.

    Raises:
        DemError: If it cannot be read or is not such a raster.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._dataset: Any = rasterio.open(path)
        except RasterioError as error:
            raise self._error(f"the geoid grid cannot be opened ({error})") from error
        transform = self._dataset.transform
        if transform.b or transform.d or transform.e >= 0 or abs(transform.c) > 360.0:
            raise self._error("the geoid grid is not a north-up raster of longitude and latitude")
        self._dx, self._dy = transform.a, -transform.e
        self._lon0, self._lat0 = transform.c + 0.5 * self._dx, transform.f - 0.5 * self._dy
        self._rows, self._cols = self._dataset.height, self._dataset.width
        self._ring = abs(self._cols * self._dx - 360.0) < 1e-6 * self._dx * self._cols

    def undulation(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the geoid above the ellipsoid, which depends on the point alone, not on its neighbours.

        Args:
            lon: Longitudes in degrees, any shape; any turn of the circle.
            lat: Latitudes in degrees, same shape.

        Returns:
            Metres, same shape.

        Raises:
            DemError: If the grid does not cover a point.
        """
        row = (self._lat0 - np.asarray(lat, np.float64)) / self._dy
        col = self._columns(np.asarray(lon, np.float64))
        window = Window(
            math.floor(row.min()) - 1,
            math.floor(col.min()) - 1,
            math.floor(row.max()) - math.floor(row.min()) + 4,
            math.floor(col.max()) - math.floor(col.min()) + 4,
        )
        values = _sample_points(
            self._nodes(window), (row - window.row).ravel(), (col - window.col).ravel()
        ).reshape(row.shape)
        if np.isnan(values).any():
            raise self._error("the geoid grid does not cover the DEM", "Use a global grid")
        return values

    def _columns(self, lon: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional columns, turned so that the first point falls within the grid's own turn."""
        turn = 360.0 * math.floor((float(lon.flat[0]) - self._lon0) / 360.0)
        return np.asarray((lon - turn - self._lon0) / self._dx)

    def _nodes(self, window: Window) -> NDArray[np.float32]:
        """The nodes of a window which may pass over the date line and over the poles; NaN beyond the grid."""
        inside = window.intersection(Window(0, 0, self._rows, self._cols))
        if inside == window:
            return self._read(window)
        rows, over_pole = self._reflected(np.arange(window.row, window.row_end))
        cols = np.broadcast_to(np.arange(window.col, window.col_end), window.shape)
        cols = cols + (over_pole * (self._cols // 2))[:, np.newaxis]
        if self._ring:
            cols = cols % self._cols
        known = ((rows >= 0) & (rows < self._rows))[:, np.newaxis] & (cols >= 0) & (cols < self._cols)
        rows = np.clip(rows, 0, self._rows - 1)
        band = self._read(Window(int(rows.min()), 0, int(np.ptp(rows)) + 1, self._cols))
        nodes = band[(rows - rows.min())[:, np.newaxis], np.clip(cols, 0, self._cols - 1)]
        return np.where(known, nodes, np.float32(np.nan))

    def _reflected(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rows beyond a pole, if the grid has one, become those on its other side, half a turn away."""
        north = (rows < 0) & (abs(self._lat0 - 90.0) < 1e-6)
        south = (rows >= self._rows) & (abs(self._lat0 - (self._rows - 1) * self._dy + 90.0) < 1e-6)
        rows = np.where(north, -rows, rows)
        rows = np.where(south, 2 * (self._rows - 1) - rows, rows)
        return rows, (north | south) & self._ring

    def _read(self, window: Window) -> NDArray[np.float32]:
        """Nodes of a window inside the grid, NaN where the file marks them unknown."""
        try:
            with self._lock:
                nodes: NDArray[np.float32] = self._dataset.read(
                    1,
                    window=((window.row, window.row_end), (window.col, window.col_end)),
                    out_dtype=np.float32,
                )
        except RasterioError as error:
            raise self._error(f"the geoid grid cannot be read ({error})") from error
        if self._dataset.nodata is not None:
            nodes[nodes == np.float32(self._dataset.nodata)] = np.nan
        return nodes

    def _error(
        self, message: str, advice: str = "Fetch the grid again, or name another with --geoid"
    ) -> DemError:
        return DemError(message, subject=str(self.path), advice=advice)


@njit(cache=True, nogil=True)
def _sample_points(
    nodes: NDArray[np.float32], row: NDArray[np.float64], col: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Catmull-Rom at every point (row, col) of an array of nodes, all 1-D float64."""
    values = np.empty(row.size, np.float64)
    for k in range(row.size):
        values[k] = sample_cubic(nodes, row[k], col[k])
    return values
