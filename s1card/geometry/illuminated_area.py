"""The area of terrain that every radar sample sees (Small, "Flattening gamma", IEEE TGRS 49, 2011).

Terrain is cut into facets on the lattice of the elevation model, refined where its samples lie farther apart than those
of the image. Each facet is placed in the image by its corners, and its area, projected onto the plane perpendicular to
the look direction, is shared exactly between the samples that it covers: several slopes that fall into one sample
(layover) add up, slopes that the sensor does not see (shadow) count nothing.

A tile of the image is made from every facet that can fall into it: the ground below it between the lowest and the
highest terrain around, and what may cast shadow there. Facets are anchored at the elevation model and come in a fixed
order, so an area depends neither on tiles nor on threads, but for the last digits of sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from s1card.geometry.cast_shadow import shadowed
from s1card.geometry.dem import Dem
from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.facet_sharing import Facets, Looks, finish_sharing, share_facets
from s1card.geometry.geocoding import HEIGHT_LEVELS, Geocoder, Lattice
from s1card.geometry.ground_points import ground_places
from s1card.geometry.height_range import HeightRange, HeightRanges
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.orbit import OrbitTable
from s1card.geometry.radar_grid import RadarGrid
from s1card.geometry.resampling import BILINEAR
from s1card.geometry.terrain import LookField, look_field_on
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

STRIP = 2  # rows of lattice cells that are worked on at once
PLACES = 9  # points along a side of a tile that its ground is found from
MARGIN = 3  # facets around the ground of a tile
SLACK = 30.0  # m of slant range, for what lies between the nodes of a lattice
SLACK_LINES = 2.0


def facet_grid(dem: Dem, facet: float) -> MapGrid:
    """The lattice of vertices: that of an elevation model, refined by whole numbers until facets are small enough.

    Args:
        dem: Terrain; its samples are vertices.
        facet: Side that facets shall not exceed, m. A finer elevation model is taken sample by sample where its
            samples lie at least half as far apart; else at every second, third ... sample.
    """
    x_min, y_min, x_max, y_max = dem.bounds
    dx, dy = dem.spacing
    crs = CRS.from_user_input(dem.crs)
    unit = MapGrid(dem.crs, 0.0, 0.0, dx, dy, 1, 1).metres_per_unit
    narrow = math.cos(math.radians((y_min + y_max) / 2.0)) if crs.is_geographic else 1.0
    step_x, step_y = dx * _refinement(dx * unit * narrow, facet), dy * _refinement(dy * unit, facet)
    left, top = dem.origin[0] - step_x / 2.0, dem.origin[1] + step_y / 2.0
    rows, cols = math.ceil((y_max - y_min) / step_y), math.ceil((x_max - x_min) / step_x)
    return MapGrid(dem.crs, left, top, step_x, step_y, rows, cols)


def _refinement(spacing: float, facet: float) -> float:
    """Facets over samples: 1 / n or n."""
    if spacing > facet:
        return 1.0 / math.ceil(spacing / facet - 1e-6)
    return float(max(1, math.floor(facet / spacing)))


@dataclass(frozen=True, eq=False)
class IlluminatedArea:
    """Areas of terrain in the samples of a radar image.

    Attributes:
        radar: Grid of the image.
        orbit: With the epoch of the grid.
        dem: Terrain.
        facet: Side that facets shall not exceed, m.
        start: An earth-centred point (m) on the ground that the sensor sees.
        dem_taps: Kernel of heights, as in `s1card.geometry.resampling.METHODS`.
    """

    radar: RadarGrid
    orbit: OrbitTable
    dem: Dem
    facet: float
    start: Floats
    dem_taps: int = BILINEAR

    def over(self, window: Window, *, surface: bool = False) -> Floats:
        """Areas in a window: 1 or 2 x lines x pixels + 2, m2; the last two columns mean nothing.

        Args:
            window: Of the image.
            surface: Whether to give the area of the surface itself (sigma nought) as a second layer, besides that
                projected onto the plane perpendicular to the look direction (gamma nought).
        """
        area = np.zeros((2 if surface else 1, window.rows, window.cols + 2))
        heights = self._heights_around(window)
        if heights is not None:
            self._add_facets(window, heights, area)
            finish_sharing(area)
        return area

    def _add_facets(self, window: Window, heights: HeightRange, area: Floats) -> None:
        """Share the facets that can fall into a window."""
        ground = seen = self._ground(window, heights)
        casts = self._may_cast_shadow(window, heights)
        if casts:
            seen = _hull(ground, self._ground(self._with_casters(window, heights), heights))
        cell = self.geocoder.cell
        lattice = self.geocoder.lattice(
            Window(seen.row, seen.col, seen.rows + cell + 1, seen.cols + cell + 1)
        )
        looks = _looks(look_field_on(self.geocoder, lattice), seen)
        height = self.geocoder.heights(Window(seen.row, seen.col, seen.rows + 1, seen.cols + 1))
        shadow = shadowed(height, looks) if casts else np.zeros(height.shape, np.uint8)
        for strip in self._strips(ground, lattice, window, heights):
            corners = Window(strip.row, strip.col, strip.rows + 1, strip.cols + 1)
            cut = corners.slices_in(seen)
            part = np.ascontiguousarray(height[cut])
            located = self.geocoder.locate_on(lattice, corners, part)
            facets = Facets(located.line, located.pixel, part, np.ascontiguousarray(shadow[cut]))
            place = looks._replace(row=looks.row + strip.row - seen.row, col=looks.col + strip.col - seen.col)
            share_facets(facets, place, (window.row, window.col), area)

    @cached_property
    def geocoder(self) -> Geocoder:
        """Places vertices in the image."""
        return Geocoder(facet_grid(self.dem, self.facet), self.radar, self.orbit, self.dem, self.dem_taps)

    def _heights_around(self, window: Window) -> HeightRange | None:
        """Lowest and highest terrain that a window may see; None where none is known."""
        widest = HeightRange(float(HEIGHT_LEVELS[0]), float(HEIGHT_LEVELS[-1]))
        grid, ground = self.geocoder.grid, self._ground(window, widest)
        found = self._ranges.over(
            float(grid.x(ground.col)),
            float(grid.y(ground.row_end)),
            float(grid.x(ground.col_end)),
            float(grid.y(ground.row)),
        )
        return None if found is None else found.widened(0.05)

    @cached_property
    def _ranges(self) -> HeightRanges:
        return HeightRanges(self.dem)

    def _may_cast_shadow(self, window: Window, heights: HeightRange) -> bool:
        """Whether any slope can be steeper than the rays at far range, which are the flattest."""
        elevation = self._elevation(window, float(window.col_end))
        return heights.steepest >= 0.95 * math.tan(elevation)

    def _with_casters(self, window: Window, heights: HeightRange) -> Window:
        """A window and the samples nearer to the sensor whose terrain may cast shadow into it."""
        near, following = (self._slant_range(window, float(window.col + k)) for k in (0, 1))
        length = heights.relief / math.sin(self._elevation(window, float(window.col)))
        pixels = math.ceil(1.05 * length / (following - near)) + 1
        return Window(window.row, window.col - pixels, window.rows, window.cols + pixels)

    def _middle_time(self, window: Window) -> Floats:
        return self.radar.azimuth_time(np.array([window.row + window.rows / 2.0]))

    def _slant_range(self, window: Window, pixel: float) -> float:
        return float(self.radar.slant_range(self._middle_time(window), np.array([pixel]))[0])

    def _elevation(self, window: Window, pixel: float) -> float:
        """Angle (rad) between the ray and the ellipsoid, half-way along a window."""
        time, slant = self._middle_time(window), self._slant_range(window, pixel)
        place = ground_places(self.orbit, time, np.array([slant]), np.zeros((1, 1)), self.start)
        longitude, latitude = (np.ravel(v) for v in place)
        foot, above = (ecef_points(longitude, latitude, np.full(1, h))[0] for h in (0.0, 1.0))
        return math.asin(float((self.orbit.position(float(time[0])) - foot) @ (above - foot)) / slant)

    def _ground(self, window: Window, heights: HeightRange) -> Window:
        """Facets below a window of the image, wherever between two heights the terrain lies."""
        line = np.linspace(window.row - 1.0, window.row_end, PLACES)
        pixel = np.linspace(window.col - 1.0, window.col_end, PLACES)
        time = self.radar.azimuth_time(line)
        x, y = [], []
        for height in (heights.lowest, heights.highest):
            for one in time:
                slant = self.radar.slant_range(np.full(PLACES, one), pixel)
                places = ground_places(
                    self.orbit, np.array([one]), slant, np.full((1, PLACES), height), self.start
                )
                east, north = self._to_dem.transform(*places)
                x.append(np.ravel(self.geocoder.dem.nearest_turn(np.asarray(east))))
                y.append(np.ravel(north))
        grid = self.geocoder.grid
        col = (np.concatenate(x) - grid.left) / grid.spacing_x - 0.5
        row = (grid.top - np.concatenate(y)) / grid.spacing_y - 0.5
        first, left = math.floor(row.min()) - MARGIN, math.floor(col.min()) - MARGIN
        return Window(
            first, left, math.ceil(row.max()) + MARGIN - first, math.ceil(col.max()) + MARGIN - left
        )

    @cached_property
    def _to_dem(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.dem.crs, always_xy=True)

    def _strips(
        self, ground: Window, lattice: Lattice, window: Window, heights: HeightRange
    ) -> Iterator[Window]:
        """Facets of ``ground`` row of cells by row of cells, without those that cannot fall into the window."""
        cell = lattice.cell
        touches = self._touching(lattice, window, heights)
        for k in range(0, touches.shape[0], STRIP):
            cols = np.flatnonzero(touches[k : k + STRIP].any(axis=0))
            if cols.size:
                rows = min(STRIP, touches.shape[0] - k)
                first, last = int(cols[0]), int(cols[-1])
                whole = Window(
                    (lattice.row + k) * cell,
                    (lattice.col + first) * cell,
                    rows * cell,
                    (last + 1 - first) * cell,
                )
                strip = whole.intersection(ground)
                if not strip.is_empty:
                    yield strip

    def _touching(self, lattice: Lattice, window: Window, heights: HeightRange) -> NDArray[np.bool_]:
        """Which cells of a lattice may reach into a window of the image, at any height of the range."""
        corners = self.radar.azimuth_time(np.array([window.row - 1.0, window.row_end]))
        slack_time = SLACK_LINES * self.radar.line_interval
        between = np.linspace(corners[0], corners[1], PLACES)
        near = self.radar.slant_range(between, np.full(PLACES, window.col - 1.0)).min() - SLACK
        far = self.radar.slant_range(between, np.full(PLACES, float(window.col_end))).max() + SLACK
        powers = (np.array([heights.lowest, heights.highest])[:, None] / 1000.0) ** np.arange(
            HEIGHT_LEVELS.size
        )
        time = _spans(lattice.azimuth_time @ powers.T)
        slant = _spans(lattice.slant_range @ powers.T)
        inside = (time[0] <= corners[1] + slack_time) & (time[1] >= corners[0] - slack_time)
        return np.asarray(inside & (slant[0] <= far) & (slant[1] >= near))


def _spans(values: Floats) -> tuple[Floats, Floats]:
    """Least and greatest value at the corners of every cell, from values at nodes (rows x cols x n)."""
    corners = [values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]]
    stacked = np.concatenate(corners, axis=-1)
    return np.asarray(stacked.min(axis=-1)), np.asarray(stacked.max(axis=-1))


def _looks(field: LookField, window: Window) -> Looks:
    row, col = window.row - field.row * field.cell, window.col - field.col * field.cell
    return Looks(field.at_zero, field.per_metre, field.spacing, field.cell, row, col)


def _hull(one: Window, other: Window) -> Window:
    """The smallest window that holds two."""
    row, col = min(one.row, other.row), min(one.col, other.col)
    row_end, col_end = max(one.row_end, other.row_end), max(one.col_end, other.col_end)
    return Window(row, col, row_end - row, col_end - col)
