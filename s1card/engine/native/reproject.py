"""Reproject: a product on a map on another one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_sampling import Place, map_grid_of, moved
from s1card.engine.native.product import Product
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.resampling import METHODS

EDGE_STEPS = 200
"""Parts of an edge whose ends are projected to find the extent on the other map."""

KERNELS = {
    "Nearest": METHODS["NEAREST_NEIGHBOUR"],
    "Bilinear": METHODS["BILINEAR_INTERPOLATION"],
    "Bicubic": METHODS["BICUBIC_INTERPOLATION"],
}
"""Kernels by the short names that SNAP has for them in operators on any raster."""


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands on the map of ``crs`` or ``wktFile``; by default as many pixels as the source has about.

    Raises:
        GraphError: The source is not on a map, or the projection or grid cannot be understood.
        DataError: The file of the projection cannot be read.
    """
    source = sources[0]
    there = map_grid_of(source, "Reproject")
    crs = _crs(parameters, there, source.scene.name)
    grid = target_grid(there, crs, parameters, source.scene.name)
    place, method = Place(there, grid), str(parameters["resampling"])
    bands = tuple(moved(band, place, KERNELS[method]) for band in source.real_bands())
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
