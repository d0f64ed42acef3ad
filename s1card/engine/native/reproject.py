"""Reproject: a product on a map on another one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.resampling import METHODS, reach, resample
from s1card.window import Window

Floats = NDArray[np.float64]

EDGE_STEPS = 200
"""Parts of an edge whose ends are projected to find the extent on the other map."""

_METHODS = {"Bilinear": "BILINEAR_INTERPOLATION", "Bicubic": "BICUBIC_INTERPOLATION"}


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands on the map of ``crs`` or ``wktFile``; by default as many pixels as the source has about.

    Raises:
        GraphError: The source is not on a map, or the projection or grid cannot be understood.
        DataError: The file of the projection cannot be read.
    """
    source = sources[0]
    if not isinstance(source.grid, MapGrid):
        raise GraphError(
            "Reproject needs a product on a map, but its source is in radar geometry",
            subject=source.scene.name,
            advice="Place it after Terrain-Correction, or give Terrain-Correction the projection",
        )
    crs = _crs(parameters, source.grid, source.scene.name)
    grid = target_grid(source.grid, crs, parameters, source.scene.name)
    place = Place(source.grid, grid)
    method = str(parameters["resampling"])
    bands = tuple(_moved(band, place, method) for band in source.real_bands())
    product = replace(source, name=f"{source.name}_reprojected", grid=grid, bands=bands, order=None)
    return product.with_fact("Reproject", f"{grid.pyproj_crs.name}, {method}")


def _crs(parameters: Parameters, grid: MapGrid, scene: str) -> CRS:
    file = parameters["wktFile"]
    try:
        text = Path(str(file)).read_text(encoding="utf-8") if file else str(parameters["crs"] or "")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the projection cannot be read: {error}", subject=str(file)) from error
    if text.upper().startswith("AUTO:42001"):
        return CRS.from_epsg(_utm_zone(grid))
    try:
        return CRS.from_user_input(f"EPSG:{text}" if text.isdigit() else text)
    except CRSError as error:
        raise GraphError(
            f"the crs {text[:60]!r} of Reproject is not understood",
            subject=scene,
            advice="Use EPSG:<code>, AUTO:42001 or WKT",
        ) from error


def _utm_zone(grid: MapGrid) -> int:
    """EPSG code of the UTM zone of the centre of a grid."""
    x, y = grid.left + grid.cols * grid.spacing_x / 2, grid.top - grid.rows * grid.spacing_y / 2
    longitude, latitude = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    zone = math.floor((float(longitude) + 180.0) / 6.0) % 60 + 1
    return (32600 if float(latitude) >= 0.0 else 32700) + zone


def target_grid(source: MapGrid, crs: CRS, parameters: Parameters, scene: str) -> MapGrid:
    """The grid that the parameters ask for.

    What is not stated comes from the extent of the source on the other map: pixels are square, and so large that at
    least as many as in the source lie across and down; the grid begins at the upper left of the extent.

    Raises:
        GraphError: The extent cannot be shown on the other map, or the grid would have no pixel.
    """
    left, bottom, right, top = _extent(source, crs, scene)
    usual = min((right - left) / source.cols, (top - bottom) / source.rows)
    spacing_x = float(parameters["pixelSizeX"] or parameters["pixelSizeY"] or usual)
    spacing_y = float(parameters["pixelSizeY"] or parameters["pixelSizeX"] or usual)
    cols = int(parameters["width"] or math.floor((right - left) / spacing_x))
    rows = int(parameters["height"] or math.floor((top - bottom) / spacing_y))
    if cols < 1 or rows < 1:
        raise GraphError(
            f"pixels of {spacing_x:g} x {spacing_y:g} leave none of the product",
            subject=scene,
            advice="State pixelSizeX and pixelSizeY in units of the projection",
        )
    col = _or(parameters["referencePixelX"], cols / 2)
    row = _or(parameters["referencePixelY"], rows / 2)
    x = _or(parameters["easting"], left + col * spacing_x)
    y = _or(parameters["northing"], top - row * spacing_y)
    name = f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt()
    return MapGrid(name, x - col * spacing_x, y + row * spacing_y, spacing_x, spacing_y, rows, cols)


def _or(value: float | None, usual: float) -> float:
    return usual if value is None else float(value)


def _extent(source: MapGrid, crs: CRS, scene: str) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the outline of a grid on another map."""
    along = np.linspace(0.0, 1.0, EDGE_STEPS + 1)
    u = np.concatenate([along, along, np.zeros_like(along), np.ones_like(along)])
    v = np.concatenate([np.zeros_like(along), np.ones_like(along), along, along])
    x = source.left + u * source.cols * source.spacing_x
    y = source.top - v * source.rows * source.spacing_y
    to_target = Transformer.from_crs(source.crs, crs, always_xy=True)
    there = [np.asarray(values) for values in to_target.transform(x, y)]
    if not all(np.isfinite(values).all() for values in there):
        raise GraphError(f"the product cannot be shown in {crs.name}", subject=scene)
    return float(there[0].min()), float(there[1].min()), float(there[0].max()), float(there[1].max())


@dataclass(frozen=True, eq=False)
class Place:
    """Where the pixels of one grid lie in another one."""

    source: MapGrid
    target: MapGrid

    def locate(self, window: Window) -> tuple[Floats, Floats]:
        """Row and column in the source of the pixels of a window; NaN where they cannot be shown there."""
        row, col = np.mgrid[window.row : window.row_end, window.col : window.col_end].astype(np.float64)
        to_source = Transformer.from_crs(self.target.crs, self.source.crs, always_xy=True)
        x, y = (np.asarray(v) for v in to_source.transform(self.target.x(col), self.target.y(row)))
        line = (self.source.top - y) / self.source.spacing_y - 0.5
        pixel = (x - self.source.left) / self.source.spacing_x - 0.5
        lost = ~(np.isfinite(line) & np.isfinite(pixel))
        line[lost] = pixel[lost] = np.nan
        return line, pixel

    def needed(self, line: Floats, pixel: Floats, margin: int) -> Window:
        """The part of the source that some places need."""
        if not np.isfinite(line).any():
            return Window(0, 0, 0, 0)
        row, col = math.floor(np.nanmin(line)), math.floor(np.nanmin(pixel))
        row_end, col_end = math.ceil(np.nanmax(line)) + 1, math.ceil(np.nanmax(pixel)) + 1
        wanted = Window(row, col, row_end - row, col_end - col)
        return wanted.grown(margin).intersection(self.source.window)


def _moved(band: Band, place: Place, method: str) -> Band:
    if method == "Nearest":
        is_float, nodata = band.dtype.startswith("float"), band.nodata
        if nodata is None or (math.isnan(nodata) and not is_float):
            nodata = np.nan if is_float else 0
        return replace(band, read=partial(_nearest, band, place, nodata), nodata=nodata)
    taps = METHODS[_METHODS[method]]
    return replace(band, read=partial(_smooth, band, place, taps), dtype="float32", nodata=np.nan)


def _nearest(band: Band, place: Place, nodata: float, window: Window) -> NDArray[Any]:
    line, pixel = place.locate(window)
    part = place.needed(line, pixel, 1)
    out = np.full(window.shape, nodata, band.dtype)
    if part.is_empty:
        return out
    row, col = np.floor(line + 0.5) - part.row, np.floor(pixel + 0.5) - part.col
    inside = (row >= 0) & (row < part.rows) & (col >= 0) & (col < part.cols)
    out[inside] = band.read(part)[row[inside].astype(np.int64), col[inside].astype(np.int64)]
    return out


def _smooth(band: Band, place: Place, taps: int, window: Window) -> NDArray[Any]:
    line, pixel = place.locate(window)
    part = place.needed(line, pixel, reach(taps))
    if part.is_empty:
        return np.full(window.shape, np.nan, np.float32)
    raw = band.read(part)
    samples = raw.astype(np.float32)
    if band.nodata is not None and not math.isnan(band.nodata):
        samples[raw == band.nodata] = np.nan
    return resample(samples, line, pixel, taps, (part.row, part.col))
