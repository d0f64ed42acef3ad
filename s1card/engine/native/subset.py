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
from s1card.engine.native.product import Band, LutOrigin, Pixels, Product, Reader
from s1card.engine.native.selection import with_bands
from s1card.engine.native.slc import require_image
from s1card.engine.native.tie_grid import TieGrid, unwrapped_longitude
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

Floats = NDArray[np.float64]

OUTLINE_NODES = 33  # points along each side of an image
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
    return _radar_window(product.tie_grid, product.shape, shape)


def _map_window(grid: MapGrid, shape: shapely.Geometry) -> Window:
    """Window under the bounding rectangle of a shape on the map."""
    to_map = Transformer.from_crs("EPSG:4326", grid.pyproj_crs, always_xy=True)
    lon_lat = shapely.get_coordinates(shapely.segmentize(shape, OUTLINE_STEP))
    x, y = np.array(to_map.transform(lon_lat[:, 0], lon_lat[:, 1]))
    seen = np.isfinite(x) & np.isfinite(y)
    if not seen.any():
        return Window(0, 0, 0, 0)
    return grid.window_of(x[seen].min(), y[seen].min(), x[seen].max(), y[seen].max())


def _radar_window(ties: TieGrid, size: tuple[int, int], shape: shapely.Geometry) -> Window:
    """Bounding window of the part of a shape inside an image, by its tie points.

    As in SNAP, samples whose area (half a sample around their centre) the bounds touch belong to it.
    """
    footprint = _footprint(ties, size)
    turns = (translate(shape, degrees) for degrees in (-360.0, 0.0, 360.0))
    inside = shapely.union_all([shapely.intersection(turned, footprint) for turned in turns])
    if inside.is_empty:
        return Window(0, 0, 0, 0)
    lon_lat = shapely.get_coordinates(shapely.segmentize(inside, OUTLINE_STEP))
    line, pixel = image_position(ties, size, lon_lat[:, 0], lon_lat[:, 1])
    row, row_end = math.floor(line.min() + 0.5), math.ceil(line.max() + 0.5)
    col, col_end = math.floor(pixel.min() + 0.5), math.ceil(pixel.max() + 0.5)
    return Window(row, col, row_end - row, col_end - col)


def _footprint(ties: TieGrid, size: tuple[int, int]) -> shapely.Polygon:
    """Outline of an image; longitudes go on beyond 180 where it lies across the antimeridian."""
    lines, pixels = size[0] - 1.0, size[1] - 1.0
    t = np.linspace(0.0, 1.0, OUTLINE_NODES)[:-1]
    line = np.concatenate([0 * t, t, 0 * t + 1, 1 - t]) * lines
    pixel = np.concatenate([t, 0 * t + 1, 1 - t, 0 * t]) * pixels
    latitude, longitude = ties.position(line, pixel)
    return shapely.Polygon(np.stack([unwrapped_longitude(longitude), latitude], axis=-1))


def image_position(
    ties: TieGrid, size: tuple[int, int], longitude: Floats, latitude: Floats
) -> tuple[Floats, Floats]:
    """Line and pixel of places: Newton's method on the bilinear tie points, from the middle of the image."""
    line, pixel = np.full(longitude.shape, size[0] / 2), np.full(longitude.shape, size[1] / 2)
    for _ in range(NEWTON_STEPS):
        here = ties.position(line, pixel)
        below = ties.position(line + JACOBIAN_STEP, pixel)
        right = ties.position(line, pixel + JACOBIAN_STEP)
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
    """The product of a window; look-up tables stay those of the whole scene.

    Raises:
        GraphError: The product is a stack of bursts.
    """
    require_image(product, "a region")
    there = window.row, window.col
    bands = tuple(replace(b, read=partial(_moved, b.read, *there)) for b in product.bands)
    signals = tuple(
        replace(s, read=partial(_moved, s.read, *there), valid=partial(_moved, s.valid, *there))
        for s in product.signals
    )
    origin = LutOrigin(product.lut_origin.line + window.row, product.lut_origin.pixel + window.col)
    ties = None if product.ties is None else product.ties.moved(*there)
    order = product.order
    moved_order = None if order is None else lambda w: order(w.moved(window.row, window.col))
    return replace(
        product,
        grid=product.grid.crop(window),
        bands=bands,
        signals=signals,
        lut_origin=origin,
        ties=ties,
        valid=_part_of(window, product.valid),
        shared=_part_of(window, product.shared),
        order=moved_order,
    )


def _part_of(window: Window, area: Window | None) -> Window | None:
    """What a window has of an area, in its own rows and columns."""
    return None if area is None else area.intersection(window).moved(-window.row, -window.col)


def _moved(read: Reader, row: int, col: int, window: Window) -> Pixels:
    return read(window.moved(row, col))


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
