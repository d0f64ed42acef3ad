"""Subset: a rectangle of a product, in pixels or given as a place on earth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, LutOrigin, Pixels, Product
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.scene.records import GeolocationGrid
from s1card.window import Window

EDGE_SAMPLES = 21


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Cut out ``region`` or ``geoRegion``, keep ``sourceBands``, take every n-th sample."""
    product = sources[0]
    names = tuple(parameters["sourceBands"] or ())
    if names:
        product = replace(product, bands=product.real_bands(names))
    region = region_of(product, parameters["region"], parameters["geoRegion"])
    if region is not None:
        product = crop(product, region)
    step_x, step_y = int(parameters["subSamplingX"]), int(parameters["subSamplingY"])
    return product if step_x == step_y == 1 else _thinned(product, step_x, step_y)


def region_of(
    product: Product, region: tuple[int, int, int, int] | None, geo_region: str | None
) -> Window | None:
    """The window that (x, y, width, height) or a WKT polygon (longitude latitude) names; None for all.

    Raises:
        GraphError: Unreadable.
        DataError: No overlap with the product.
    """
    window = None
    if geo_region:
        window = _geo_window(product, geo_region)
    elif region:
        x, y, width, height = region
        window = Window(y, x, height, width) if width > 0 and height > 0 else None
    if window is None:
        return None
    window = window.intersection(product.grid.window)
    if window.is_empty:
        raise DataError(
            "the wanted region does not overlap the scene",
            subject=product.name,
            advice="Choose a region inside the footprint of the scene",
        )
    return window


def _geo_window(product: Product, wkt: str) -> Window:
    try:
        shape = shapely.from_wkt(wkt)
    except shapely.GEOSException as error:
        raise GraphError(f"geoRegion is not a WKT geometry: {error}") from error
    if isinstance(product.grid, MapGrid):
        return _map_window(product.grid, shape)
    grid = product.scene.images[0].annotation.geolocation_grid
    return _radar_window(grid, shape, product.lut_origin)


def _map_window(grid: MapGrid, shape: shapely.Geometry) -> Window:
    to_map = Transformer.from_crs("EPSG:4326", grid.pyproj_crs, always_xy=True)
    outline = shapely.segmentize(shape, 0.01)
    xy = shapely.get_coordinates(outline)
    x, y = to_map.transform(xy[:, 0], xy[:, 1])
    return grid.window_of(min(x), min(y), max(x), max(y))


def _radar_window(grid: GeolocationGrid, shape: shapely.Geometry, origin: LutOrigin) -> Window:
    """Bounding window of the tie-point cells that the shape touches."""
    corners = np.stack([grid.longitude, grid.latitude], axis=-1)
    ring = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2)
    cells = shapely.polygons(ring)
    touched = shapely.intersects(cells, shape)
    if not touched.any():
        return Window(0, 0, 0, 0)
    rows, cols = np.nonzero(touched.any(axis=1))[0], np.nonzero(touched.any(axis=0))[0]
    row, row_end = int(grid.line[rows[0]]), int(grid.line[rows[-1] + 1]) + 1
    col, col_end = int(grid.pixel[cols[0]]), int(grid.pixel[cols[-1] + 1]) + 1
    return Window(row - origin.line, col - origin.pixel, row_end - row, col_end - col)


def crop(product: Product, window: Window) -> Product:
    """The product of a window; look-up tables stay those of the whole scene."""
    bands = tuple(replace(b, read=partial(_moved, b, window.row, window.col)) for b in product.bands)
    origin = LutOrigin(product.lut_origin.line + window.row, product.lut_origin.pixel + window.col)
    order = product.order
    moved_order = None if order is None else lambda w: order(w.moved(window.row, window.col))
    return replace(
        product, grid=product.grid.crop(window), bands=bands, lut_origin=origin, order=moved_order
    )


def _moved(band: Band, row: int, col: int, window: Window) -> Pixels:
    return band.read(window.moved(row, col))


def _thinned(product: Product, step_x: int, step_y: int) -> Product:
    """Every n-th sample; only for map grids, where no look-up table is addressed any more."""
    if not isinstance(product.grid, MapGrid):
        raise GraphError(
            "subSamplingX and subSamplingY act on map projected products only in the native engine",
            subject=product.name,
            advice="Use Multilook, or place Subset after Terrain-Correction",
        )
    grid = product.grid
    thin = MapGrid(
        grid.crs,
        grid.left,
        grid.top,
        grid.spacing_x * step_x,
        grid.spacing_y * step_y,
        -(-grid.rows // step_y),
        -(-grid.cols // step_x),
    )
    bands = tuple(replace(b, read=partial(_every, b, grid.window, step_x, step_y)) for b in product.bands)
    return replace(product, grid=thin, bands=bands, order=None)


def _every(band: Band, whole: Window, step_x: int, step_y: int, window: Window) -> NDArray[np.float32]:
    rows, cols = (window.rows - 1) * step_y + 1, (window.cols - 1) * step_x + 1
    source = Window(window.row * step_y, window.col * step_x, rows, cols).intersection(whole)
    return np.ascontiguousarray(band.read(source)[::step_y, ::step_x])
