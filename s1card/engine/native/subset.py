"""Subset: a rectangle of a product, in pixels or given as a place on earth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.affinity import translate

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_extent import tie_point_position, unwrapped_longitude
from s1card.engine.native.product import Band, LutOrigin, Pixels, Product
from s1card.engine.native.selection import with_bands
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.scene.records import Annotation, GeolocationGrid
from s1card.window import Window

Floats = NDArray[np.float64]

OUTLINE_STEP = 0.01  # degrees between the points of an outline that is shown in another geometry
NEWTON_STEPS = 8
JACOBIAN_STEP = 1.0


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Cut out ``region`` or ``geoRegion``, keep ``sourceBands``, take every n-th sample.

    A virtual band that ``sourceBands`` names becomes a real one.
    """
    product = sources[0]
    if parameters["referenceBand"]:
        product.band(parameters["referenceBand"])  # all bands have one size: it only must be there
    product = with_bands(product, parameters["sourceBands"])
    region = region_of(product, parameters["region"], parameters["geoRegion"])
    if region is not None and parameters["fullSwath"]:
        region = Window(region.row, 0, region.rows, product.shape[1])
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
            subject=product.scene.name,
            advice="Choose a region inside the footprint of the scene",
        )
    return window


def _geo_window(product: Product, wkt: str) -> Window:
    try:
        shape = shapely.from_wkt(wkt)
    except shapely.GEOSException as error:
        raise GraphError(f"geoRegion is not a WKT geometry: {error}") from error
    if shape.is_empty:
        raise GraphError("geoRegion is empty", subject=wkt[:60])
    if isinstance(product.grid, MapGrid):
        return _map_window(product.grid, shape)
    return _radar_window(product.scene.images[0].annotation, shape, product.lut_origin)


def _map_window(grid: MapGrid, shape: shapely.Geometry) -> Window:
    """Window under the bounding rectangle of a shape on the map."""
    to_map = Transformer.from_crs("EPSG:4326", grid.pyproj_crs, always_xy=True)
    lon_lat = shapely.get_coordinates(shapely.segmentize(shape, OUTLINE_STEP))
    x, y = np.array(to_map.transform(lon_lat[:, 0], lon_lat[:, 1]))
    seen = np.isfinite(x) & np.isfinite(y)
    if not seen.any():
        return Window(0, 0, 0, 0)
    return grid.window_of(x[seen].min(), y[seen].min(), x[seen].max(), y[seen].max())


def _radar_window(annotation: Annotation, shape: shapely.Geometry, origin: LutOrigin) -> Window:
    """Bounding window of the part of a shape inside the scene, by its tie points.

    As in SNAP, samples whose area (half a sample around their centre) the bounds touch belong to it.
    """
    footprint = _footprint(annotation.geolocation_grid)
    turns = (translate(shape, degrees) for degrees in (-360.0, 0.0, 360.0))
    inside = shapely.union_all([shapely.intersection(turned, footprint) for turned in turns])
    if inside.is_empty:
        return Window(0, 0, 0, 0)
    lon_lat = shapely.get_coordinates(shapely.segmentize(inside, OUTLINE_STEP))
    line, pixel = image_position(annotation, lon_lat[:, 0], lon_lat[:, 1])
    row, row_end = math.floor(line.min() + 0.5), math.ceil(line.max() + 0.5)
    col, col_end = math.floor(pixel.min() + 0.5), math.ceil(pixel.max() + 0.5)
    return Window(row - origin.line, col - origin.pixel, row_end - row, col_end - col)


def _footprint(grid: GeolocationGrid) -> shapely.Polygon:
    """Outline of the tie points; longitudes go on beyond 180 where the scene lies across the antimeridian."""
    longitude = unwrapped_longitude(grid.longitude)
    points = np.stack([longitude, grid.latitude], axis=-1)
    sides = points[0, :-1], points[:-1, -1], points[-1, :0:-1], points[:0:-1, 0]
    return shapely.Polygon(np.concatenate(sides))


def image_position(annotation: Annotation, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Line and pixel of places: Newton's method on the bilinear tie points, from the middle of the image."""
    line = np.full(longitude.shape, annotation.lines / 2)
    pixel = np.full(longitude.shape, annotation.pixels / 2)
    for _ in range(NEWTON_STEPS):
        here = tie_point_position(annotation, line, pixel)
        below = tie_point_position(annotation, line + JACOBIAN_STEP, pixel)
        right = tie_point_position(annotation, line, pixel + JACOBIAN_STEP)
        lat_line, lat_pixel = (below[0] - here[0]) / JACOBIAN_STEP, (right[0] - here[0]) / JACOBIAN_STEP
        lon_line, lon_pixel = (
            turn(below[1] - here[1]) / JACOBIAN_STEP,
            turn(right[1] - here[1]) / JACOBIAN_STEP,
        )
        north, east = latitude - here[0], turn(longitude - here[1])
        area = lat_line * lon_pixel - lat_pixel * lon_line
        line = line + (north * lon_pixel - east * lat_pixel) / area
        pixel = pixel + (east * lat_line - north * lon_line) / area
    return line, pixel


def turn(degrees: Floats) -> Floats:
    """A difference of longitudes within -180 .. 180."""
    return np.asarray((degrees + 180.0) % 360.0 - 180.0)


def crop(product: Product, window: Window) -> Product:
    """The product of a window; look-up tables stay those of the whole scene."""
    bands = tuple(replace(b, read=partial(_moved, b, window.row, window.col)) for b in product.bands)
    origin = LutOrigin(product.lut_origin.line + window.row, product.lut_origin.pixel + window.col)
    order = product.order
    moved_order = None if order is None else lambda w: order(w.moved(window.row, window.col))
    return replace(product, grid=product.grid.crop(window), bands=bands, lut_origin=origin, order=moved_order)


def _moved(band: Band, row: int, col: int, window: Window) -> Pixels:
    return band.read(window.moved(row, col))


def _thinned(product: Product, step_x: int, step_y: int) -> Product:
    """Every n-th sample; only for map grids, where no look-up table is addressed any more."""
    if not isinstance(product.grid, MapGrid):
        raise GraphError(
            "subSamplingX and subSamplingY act on map projected products only in the native engine",
            subject=product.scene.name,
            advice="Use Multilook, or place Subset after Terrain-Correction",
        )
    grid = product.grid
    thin = MapGrid(
        grid.crs,
        grid.left - (step_x - 1) / 2 * grid.spacing_x,  # samples stay where they are: centres are kept
        grid.top + (step_y - 1) / 2 * grid.spacing_y,
        grid.spacing_x * step_x,
        grid.spacing_y * step_y,
        -(-grid.rows // step_y),
        -(-grid.cols // step_x),
    )
    bands = tuple(replace(b, read=partial(_every, b, grid.window, step_x, step_y)) for b in product.bands)
    order = product.order
    thin_order = None if order is None else lambda w: order(_widened(w, grid.window, step_x, step_y))
    return replace(product, grid=thin, bands=bands, order=thin_order)


def _widened(window: Window, whole: Window, step_x: int, step_y: int) -> Window:
    """The samples from the first to the last one that a window of the thinned product shows."""
    rows, cols = (window.rows - 1) * step_y + 1, (window.cols - 1) * step_x + 1
    return Window(window.row * step_y, window.col * step_x, rows, cols).intersection(whole)


def _every(band: Band, whole: Window, step_x: int, step_y: int, window: Window) -> Pixels:
    return np.ascontiguousarray(band.read(_widened(window, whole, step_x, step_y))[::step_y, ::step_x])
