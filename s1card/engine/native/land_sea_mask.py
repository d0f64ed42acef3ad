"""Land-Sea-Mask: samples on land, at sea, or in a polygon become no data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy  # loads its parts when they are used
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product, Signal
from s1card.engine.native.slc import require_image
from s1card.errors import DataError, DemError, GraphError
from s1card.geometry.dem import Dem, VerticalDatum
from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Blank = Callable[[Window], Mask]

SEA_HEIGHT = 0.0
"""Height that elevation models with filled seas have there; by itself a void, as in SNAP."""

_WKT = ("POLYGON", "MULTIPOLYGON", "GEOMETRYCOLLECTION")

PART = 512
"""Edge of the parts of a window for which heights are read at a time, samples."""


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands that are named, or all, without the samples that are masked out.

    Raises:
        GraphError: Nothing says where land is, or two things do.
        DemError: There is no elevation model, or it lies elsewhere.
        DataError: The polygons cannot be read.
    """
    source = sources[0]
    if parameters["byPass"]:
        return source
    require_image(source, "Land-Sea-Mask")
    blank, statement = _blank(source, parameters, context)
    names = tuple(parameters["sourceBands"] or ())
    signals = tuple(_masked_signal(signal, blank) for signal in source.signals)
    of_signals = {band.name: band for signal in signals for band in signal.bands}
    chosen = source.real_bands(names) if names else source.bands
    bands = tuple(of_signals.get(band.name) or _masked_band(band, blank) for band in chosen)
    if names:
        kept = {band.name for band in bands}
        bands = tuple(replace(band, is_virtual=False) for band in bands)
        signals = tuple(s for s in signals if {f"i_{s.name}", f"q_{s.name}"} <= kept)
    product = replace(source, name=f"{source.name}_msk", bands=bands, signals=signals)
    return product.with_fact("Land-Sea-Mask", statement)


def _blank(source: Product, parameters: Parameters, context: Context) -> tuple[Blank, str]:
    """What tells which samples are masked out, and a statement of it."""
    place, geometry = Place(source), parameters["geometry"]
    extension = int(parameters["shorelineExtension"] or 0)
    if geometry and parameters["useSRTM"]:
        raise GraphError(
            f"both useSRTM and the geometry {geometry!r} are to tell where land is",
            subject=source.scene.name,
            advice="Set useSRTM to false to mask by the geometry, or leave the geometry out",
        )
    if geometry:
        shape, inverted = _polygons(str(geometry)), bool(parameters["invertGeometry"])
        inside = partial(_grown, partial(_is_inside, shape, place), extension, source.shape)
        blank = (lambda window: ~inside(window)) if inverted else inside
        return blank, f"{'outside' if inverted else 'inside'} of polygons"
    if not parameters["useSRTM"]:
        raise GraphError(
            "neither useSRTM nor a geometry tells where land is",
            subject=source.scene.name,
            advice="Set useSRTM to true, or name a vector file or a polygon in WKT as geometry",
        )
    dem = _dem(source, context)
    land = partial(_grown, partial(_is_land, dem, place), extension, source.shape)
    blank = land if parameters["landMask"] else lambda window: ~land(window)
    return blank, f"{'land' if parameters['landMask'] else 'sea'} by {dem.name}"


def _dem(source: Product, context: Context) -> Dem:
    here = context.surroundings
    if here.dem is None:
        raise DemError(
            "Land-Sea-Mask needs an elevation model to tell land from sea",
            subject=source.scene.name,
            advice="Name one with --dem, or in the variable S1CARD_DEM",
        )
    return context.dem(here.dem, VerticalDatum.ELLIPSOID, SEA_HEIGHT, "nodata")


class Place:
    """Where on the Earth samples of a product lie."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def evaluate(self, window: Window) -> tuple[Floats, Floats]:
        """Longitude and latitude of the samples of a window, degrees."""
        row, col = np.mgrid[window.row : window.row_end, window.col : window.col_end].astype(np.float64)
        grid = self._product.grid
        if not isinstance(grid, MapGrid):
            latitude, longitude = self._product.tie_grid.position(row, col)
            return longitude, latitude
        to_geographic = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
        longitude, latitude = to_geographic.transform(grid.x(col), grid.y(row))
        return np.asarray(longitude), np.asarray(latitude)


def _is_land(dem: Dem, place: Place, window: Window) -> Mask:
    """Samples over which the elevation model has a height, at its sample nearest to them."""
    out = np.zeros(window.shape, np.bool_)
    for part in window.tiles(PART, PART):
        longitude, latitude = place.evaluate(part)
        to_dem = Transformer.from_crs("EPSG:4326", dem.crs, always_xy=True)
        x, y = (np.asarray(v) for v in to_dem.transform(longitude, latitude))
        patch = dem.read(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
        rows = np.floor((patch.y0 - y) / patch.dy + 0.5).astype(np.int64)
        cols = np.floor((x - patch.x0) / patch.dx + 0.5).astype(np.int64)
        out[part.slices_in(window)] = np.isfinite(patch.height[rows, cols])
    return out


def _polygons(text: str) -> shapely.Geometry:
    """Polygons in longitude and latitude, of a WKT text or a vector file.

    Raises:
        DataError: They cannot be read, or there are none.
    """
    try:
        is_wkt = text.lstrip().upper().startswith(_WKT)
        shape = shapely.union_all(shapely.from_wkt(text) if is_wkt else _from_file(text))
    except (shapely.errors.GEOSException, OSError) as error:
        raise DataError(
            "the geometry of Land-Sea-Mask is neither a vector file nor a polygon in WKT",
            subject=text[:80],
            advice="SNAP's names of vector layers mean nothing here: name a file",
        ) from error
    if float(shapely.area(shape)) == 0.0:
        raise DataError("the geometry of Land-Sea-Mask has no area", subject=text[:80])
    shapely.prepare(shape)
    return shape


def _from_file(path: str) -> NDArray[Any]:
    """All shapes of a vector file.

    Raises:
        OSError: It is none.
    """
    from pyogrio.errors import DataSourceError  # noqa: PLC0415 - only where a file is named
    from pyogrio.raw import read  # noqa: PLC0415

    try:
        info, _, encoded, _ = read(path, columns=[])
    except DataSourceError as error:
        raise OSError(str(error)) from error
    shapes = np.asarray(shapely.make_valid(shapely.from_wkb(encoded)))
    if not info["crs"]:
        return shapes
    to_geographic = Transformer.from_crs(info["crs"], "EPSG:4326", always_xy=True)
    turned = shapely.transform(
        shapes, lambda xy: np.column_stack(to_geographic.transform(xy[:, 0], xy[:, 1]))
    )
    return np.asarray(turned)


def _is_inside(shape: shapely.Geometry, place: Place, window: Window) -> Mask:
    return np.asarray(shapely.contains_xy(shape, *place.evaluate(window)))


def _grown(inner: Blank, samples: int, shape: tuple[int, int], window: Window) -> Mask:
    """An area and what lies within some samples of it."""
    if samples <= 0:
        return inner(window)
    outer = window.grown(samples).intersection(Window(0, 0, *shape))
    grown = scipy.ndimage.maximum_filter(inner(outer), 2 * samples + 1, mode="constant", cval=0)
    return np.asarray(grown[window.slices_in(outer)])


@dataclass(frozen=True, eq=False)
class _Blanked:
    """Reads a band without what is masked out."""

    band: Band
    blank: Blank
    nodata: float

    def __call__(self, window: Window) -> NDArray[Any]:
        samples = self.band.read(window).copy()
        samples[self.blank(window)] = self.nodata
        return samples


def _masked_band(band: Band, blank: Blank) -> Band:
    """A band of whole numbers that has no value for no data gets 0 for it."""
    nodata = band.nodata
    if nodata is None:
        nodata = np.nan if band.dtype.startswith("float") else 0
    return replace(band, read=_Blanked(band, blank, nodata), nodata=nodata)


def _masked_signal(signal: Signal, blank: Blank) -> Signal:
    def read(window: Window) -> NDArray[Any]:
        samples = signal.read(window).copy()
        samples[blank(window)] = 0
        return samples

    return replace(signal, read=read, valid=lambda window: signal.valid(window) & ~blank(window))
