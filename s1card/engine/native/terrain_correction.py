"""Terrain-Correction: range-Doppler geocoding onto a map."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native import elevation, map_extent
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.normalization import Angles, normalized_bands
from s1card.engine.native.product import Band, LutOrigin, Product
from s1card.engine.native.slc import require_image
from s1card.errors import GraphError
from s1card.geometry.geocoding import Geocoder, Located
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.orbit import tabulate_orbit
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.geometry.resampling import CUBIC, METHODS, PIXELS_REACH, reach, resample, resample_pixels
from s1card.geometry.terrain import incidence_angles, layover_shadow, look_field
from s1card.geometry.tie_points import TiePoints
from s1card.window import Window

Floats32 = NDArray[np.float32]

MASK_REACH = 256  # pixels over which terrain may cast shadow or lay over


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Source bands, and the layers that the parameters ask for, on the map."""
    source = sources[0]
    require_image(source, "Terrain-Correction")
    dem = elevation.open_dem(parameters, context, map_extent.image_extent(source))
    orbit = tabulate_orbit(source.orbit, source.radar_grid.epoch)
    grid = map_extent.output_grid(source, parameters, orbit, dem)
    view = MapView(Geocoder(grid, source.radar_grid, orbit, dem, METHODS[parameters["demResamplingMethod"]]))
    bands = (*_image_bands(source, parameters, view), *_layers(source, parameters, view))
    if not bands:
        raise GraphError("no output band is selected", advice="Set saveSelectedSourceBand to true")
    product = replace(
        source,
        name=f"{source.name}_TC",
        grid=grid,
        bands=bands,
        signals=(),
        pairs=(),
        order=partial(view.order, source.order),
        lut_origin=LutOrigin(),
    )
    product = product.with_fact("DEM", f"{dem.name} ({dem.datum})")
    return product.with_fact("Terrain-Correction", f"{grid.pyproj_crs.name}, spacing {grid.spacing_x:g}")


@dataclass(eq=False)
class MapView:
    """Geometry of the output, shared by all its bands: each thread keeps the window it worked on last."""

    geocoder: Geocoder

    def __post_init__(self) -> None:
        self._last = threading.local()

    @property
    def radar(self) -> RadarGrid:
        """Grid of the source."""
        return self.geocoder.radar

    @property
    def grid(self) -> MapGrid:
        """Grid of the output."""
        return self.geocoder.grid

    def locate(self, window: Window) -> Located | None:
        """Radar coordinates of a window; None outside the scene."""
        if getattr(self._last, "window", None) != window:
            self._last.located = self.geocoder.locate(window)
            self._last.window, self._last.source = window, None
        located: Located | None = self._last.located
        return located

    def source_window(self, located: Located) -> Window:
        """What the window located last needs of the source."""
        if self._last.source is None:
            self._last.source = located.source_window(self.radar.shape)
        source: Window = self._last.source
        return source

    def order(self, of_source: Callable[[Window], float] | None, window: Window) -> float:
        """Order of work: by the line of the source that the middle of a window lies on, or as the source wants it."""
        centre = Window(window.row + window.rows // 2, window.col + window.cols // 2, 1, 1)
        lattice = self.geocoder.lattice(centre)
        line, axis = float(self.radar.line(lattice.azimuth_time[0, 0, 0])), self.radar.range_axis
        if not np.isfinite(line):
            return 0.0
        if of_source is None or not isinstance(axis, SlantRange):
            return line
        pixel = (lattice.slant_range[0, 0, 0] - axis.near) / axis.spacing
        return of_source(Window(round(line), round(pixel), 1, 1))


def _image_bands(source: Product, parameters: Parameters, view: MapView) -> list[Band]:
    taps = METHODS[parameters["imgResamplingMethod"]]
    chosen = source.real_bands(tuple(parameters["sourceBands"] or ()))
    bands = [_geocoded(band, view, taps) for band in chosen] if parameters["saveSelectedSourceBand"] else []
    if parameters["applyRadiometricNormalization"]:
        angles = Angles(
            partial(_read_ellipsoid_incidence, view, source.incidence_ties),
            partial(_read_incidence, view, 0),
            partial(_read_incidence, view, 1),
        )
        bands += normalized_bands(
            source, chosen, parameters, angles, lambda band: _geocoded(band, view, taps)
        )
    return bands


def _geocoded(band: Band, view: MapView, taps: int) -> Band:
    name = band.name
    if band.polarization and band.polarization not in name:
        name = f"{name}_{band.polarization}"
    return replace(
        band,
        name=name,
        read=partial(_read_image, band, view, taps),
        dtype="float32",
        nodata=np.nan,
        is_virtual=False,
    )


def _read_image(band: Band, view: MapView, taps: int, window: Window) -> Floats32:
    over_pixels = taps == CUBIC
    located = view.locate(window.grown(1) if over_pixels else window)
    if located is None:
        return np.full(window.shape, np.nan, np.float32)
    needed = view.source_window(located)
    if needed.is_empty:
        return np.full(window.shape, np.nan, np.float32)
    margin = PIXELS_REACH if over_pixels else reach(taps)
    part = needed.grown(margin).intersection(view.radar.window)
    samples = np.asarray(band.read(part), np.float32)
    if band.nodata == 0:
        samples = np.where(samples == 0, np.float32(np.nan), samples)
    if over_pixels:
        return resample_pixels(samples, located.line, located.pixel, (part.row, part.col))
    return resample(samples, located.line, located.pixel, taps, (part.row, part.col))


def _layers(source: Product, parameters: Parameters, view: MapView) -> list[Band]:
    wanted: list[Band] = []

    def add(switch: str, name: str, unit: str, read: Callable[[Window], NDArray[np.float32]]) -> None:
        if parameters[switch]:
            wanted.append(Band(name, unit, read, description=name))

    local = partial(_read_incidence, view)
    add("saveDEM", "elevation", "meters", partial(_read_height, view))
    add("saveLatLon", "latitude", "deg", partial(_read_coordinate, view, 1))
    add("saveLatLon", "longitude", "deg", partial(_read_coordinate, view, 0))
    add("saveLocalIncidenceAngle", "localIncidenceAngle", "deg", partial(local, 0))
    add("saveProjectedLocalIncidenceAngle", "projectedLocalIncidenceAngle", "deg", partial(local, 1))
    add(
        "saveIncidenceAngleFromEllipsoid",
        "incidenceAngleFromEllipsoid",
        "deg",
        partial(_read_ellipsoid_incidence, view, source.incidence_ties),
    )
    if parameters["saveLayoverShadowMask"]:
        wanted.append(
            Band(
                "layover_shadow_mask",
                "",
                partial(_read_mask, view),
                dtype="uint8",
                nodata=None,
                description="1 layover, 2 shadow, 3 both",
            )
        )
    return wanted


def _inside(view: MapView, located: Located) -> NDArray[np.bool_]:
    rows, cols = view.radar.shape
    line, pixel = located.line, located.pixel
    return (line >= 0) & (line <= rows - 1) & (pixel >= 0) & (pixel <= cols - 1)


def _read_height(view: MapView, window: Window) -> Floats32:
    located = view.locate(window)
    if located is None:
        return np.full(window.shape, np.nan, np.float32)
    return np.where(_inside(view, located), located.height, np.float32(np.nan))


def _read_coordinate(view: MapView, axis: int, window: Window) -> Floats32:
    x, y = np.meshgrid(
        view.grid.x(np.arange(window.col, window.col_end, dtype=np.float64)),
        view.grid.y(np.arange(window.row, window.row_end, dtype=np.float64)),
    )
    return np.asarray(view.geocoder.to_geographic(x, y)[axis], np.float32)


def _read_ellipsoid_incidence(view: MapView, ties: TiePoints, window: Window) -> Floats32:
    located = view.locate(window)
    if located is None:
        return np.full(window.shape, np.nan, np.float32)
    angle = ties.evaluate(located.line, located.pixel)
    return np.where(_inside(view, located), angle, np.float32(np.nan))


def _read_incidence(view: MapView, which: int, window: Window) -> Floats32:
    located = view.locate(window)
    if located is None:
        return np.full(window.shape, np.nan, np.float32)
    heights = view.geocoder.heights(window.grown(1))
    angles = incidence_angles(look_field(view.geocoder, window), window, heights)
    return np.where(_inside(view, located), angles[which], np.float32(np.nan))


def _read_mask(view: MapView, window: Window) -> NDArray[np.uint8]:
    located = view.locate(window)
    if located is None:
        return np.zeros(window.shape, np.uint8)
    heights = view.geocoder.heights(window.grown(MASK_REACH))
    mask = layover_shadow(look_field(view.geocoder, window), window, heights, MASK_REACH)
    return np.where(_inside(view, located), mask, np.uint8(0))
