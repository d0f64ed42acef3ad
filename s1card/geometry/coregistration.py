"""Where the pixels of one radar image lie in another one of the same ground.

At a fixed height the place of a reference pixel on the ground, and from there in the secondary, varies smoothly over
the image, and at a fixed pixel smoothly with height. So the chain reference pixel - ground - secondary pixel is solved
exactly (Newton) on a sparse lattice of reference pixels at four heights; everything in between is cubic polynomials of
height whose coefficients are interpolated bilinearly.

The height that a pixel sees is the root of terrain(place at height h) - h. It is found on a finer lattice, about as
dense as elevation models are, and interpolated bilinearly: in layover any of the heights that share the pixel.

Both lattices are anchored at the first sample of a burst, and work is cut into fixed tiles: values do not depend on the
window that is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pyproj import Transformer

from s1card.geometry.dem import Dem
from s1card.geometry.dem_window import HeightPatch
from s1card.geometry.ellipsoid import geodetic
from s1card.geometry.geocoding import HEIGHT_LEVELS, to_powers
from s1card.geometry.orbit import OrbitTable, state_at, zero_doppler
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

LINE_STEP, PIXEL_STEP = 64, 128  # reference samples between nodes of the sparse lattice
FINE_LINE_STEP, FINE_PIXEL_STEP = 2, 8  # and of the lattice of heights: 28 m x 30 m on the ground in IW
HEIGHT_MARGIN = 1.0  # m that the search for a height goes beyond the lowest and highest terrain around
HEIGHT_TOLERANCE = 0.01  # m

DEM_ROW, DEM_COL, LINE, PIXEL, RANGE = range(5)
"""Layers of a lattice: place in the elevation model, shift of line and pixel, difference of range."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a part of a reference burst lies in the secondary burst, at the nodes of the fine lattice.

    Attributes:
        row, col: Index of the first node; its reference sample is ``row * FINE_LINE_STEP``, ``col * FINE_PIXEL_STEP``.
        height: Ellipsoidal height (m), NaN where unknown.
        line, pixel: Secondary line and pixel minus reference line and pixel, samples.
        range_difference: Slant range to the secondary minus slant range to the reference (m), of the ground.
        flat_difference: The same of the ellipsoid, height 0, at the reference pixel.
    """

    row: int
    col: int
    height: Floats
    line: Floats
    pixel: Floats
    range_difference: Floats
    flat_difference: Floats

    def moved(self, lines: float, pixels: float) -> Placement:
        """The same ground, so many samples farther down and right in the secondary burst; ranges stay."""
        return replace(self, line=self.line + lines, pixel=self.pixel + pixels)


@dataclass(frozen=True, eq=False)
class Coregistration:
    """A reference burst, the secondary burst of the same ground, and the terrain between them.

    Attributes:
        reference, secondary: Their grids in slant range; each counts time from its own epoch.
        reference_orbit, secondary_orbit: With the epochs of the grids.
        dem: Terrain.
    """

    reference: RadarGrid
    secondary: RadarGrid
    reference_orbit: OrbitTable
    secondary_orbit: OrbitTable
    dem: Dem

    def place(self, window: Window) -> Placement:
        """The secondary place of a window of the reference burst, and one node more on every side."""
        row, col = window.row // FINE_LINE_STEP - 1, window.col // FINE_PIXEL_STEP - 1
        rows = (window.row_end - 1) // FINE_LINE_STEP + 3 - row
        cols = (window.col_end - 1) // FINE_PIXEL_STEP + 3 - col
        nodes = _refined(self._nodes, row, col, rows, cols)
        patch = self._heights_around(nodes)
        height = np.empty((rows, cols))
        lowest, highest = _extremes(patch.height)
        _find_heights(nodes, patch.height, (patch.first_row, patch.first_col), lowest, highest, height)
        layers = np.empty((3, rows, cols))
        _evaluate(nodes, height, layers)
        line, pixel, difference = layers
        return Placement(row, col, height, line, pixel, difference, nodes[:, :, RANGE, 0])

    @cached_property
    def _nodes(self) -> Floats:
        """The sparse lattice: rows x cols x layers x 4 powers of height in km; it begins one node before the burst."""
        line, pixel = _steps(self.reference.lines, LINE_STEP), _steps(self.reference.pixels, PIXEL_STEP)
        axis, other = self.reference.range_axis, self.secondary.range_axis
        assert isinstance(axis, SlantRange) and isinstance(other, SlantRange)
        time, slant = self.reference.azimuth_time(line), axis.near + pixel * axis.spacing
        seen = _solve(
            (self.reference_orbit.time, self.reference_orbit.coefficients),
            (self.secondary_orbit.time, self.secondary_orbit.coefficients),
            time,
            slant,
            HEIGHT_LEVELS,
            float(self.secondary.azimuth_time(self.secondary.lines / 2.0)),
        )
        longitude, latitude, secondary_time, secondary_range = seen
        x, y = (np.asarray(v) for v in self._to_dem.transform(longitude, latitude))
        x = self.dem.nearest_turn(x)
        layers = [
            (self.dem.origin[1] - y) / self.dem.spacing[1],
            (x - self.dem.origin[0]) / self.dem.spacing[0],
            self.secondary.line(secondary_time) - line[:, None, None],
            (secondary_range - other.near) / other.spacing - pixel[None, :, None],
            secondary_range - slant[None, :, None],
        ]
        return np.ascontiguousarray(to_powers(np.stack(layers, axis=2)))

    @cached_property
    def _to_dem(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.dem.crs, always_xy=True)

    def _heights_around(self, nodes: Floats) -> HeightPatch:
        """The terrain that the nodes may see: the area is widened until it fits the heights found in it."""
        lowest, highest = 0.0, 0.0
        while True:
            patch = self._patch(nodes, lowest - HEIGHT_MARGIN, highest + HEIGHT_MARGIN)
            low, high = _extremes(patch.height)
            if not (low < lowest or high > highest):  # also where all is unknown
                return patch
            lowest, highest = min(low, lowest), max(high, highest)

    def _patch(self, nodes: Floats, lowest: float, highest: float) -> HeightPatch:
        row, row_end, col, col_end = _reach(nodes, lowest, highest)
        (x0, y0), (dx, dy) = self.dem.origin, self.dem.spacing
        return self.dem.read(x0 + col * dx, y0 - row_end * dy, x0 + col_end * dx, y0 - row * dy)


def _steps(size: int, step: int) -> Floats:
    """Places of the nodes along one direction of a burst, from one before it to one after."""
    return np.asarray((np.arange(-(-size // step) + 3) - 1) * float(step), np.float64)


def _extremes(height: Floats32) -> tuple[float, float]:
    """Lowest and highest known height; 0, 0 where none is known."""
    known = np.isfinite(height)
    if not known.any():
        return 0.0, 0.0
    return float(height.min(where=known, initial=np.inf)), float(height.max(where=known, initial=-np.inf))


@njit(cache=True, nogil=True)
def _solve(
    reference: tuple[Floats, Floats],
    secondary: tuple[Floats, Floats],
    time: Floats,
    slant_range: Floats,
    levels: Floats,
    guess: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Longitude, latitude (degrees), secondary time (s) and slant range (m): lines x pixels x heights."""
    shape = (time.size, slant_range.size, levels.size)
    longitude, latitude = np.empty(shape), np.empty(shape)
    other_time, other_range = np.empty(shape), np.empty(shape)
    point = np.empty(3)
    for i in range(time.size):
        state = state_at(reference[0], reference[1], time[i])
        for j in range(slant_range.size):
            _start_right_below(state, slant_range[j], point)
            for k in range(levels.size):
                lon, lat = ground_point(state, slant_range[j], levels[k], point)
                longitude[i, j, k], latitude[i, j, k] = math.degrees(lon), math.degrees(lat)
                t, r = zero_doppler(secondary[0], secondary[1], point[0], point[1], point[2], guess)
                other_time[i, j, k], other_range[i, j, k] = t, r
    return longitude, latitude, other_time, other_range


@njit(cache=True, nogil=True)
def _start_right_below(state: Floats, slant_range: float, point: Floats) -> None:
    """A first guess of the ground at a slant range to the right of the flight: on a sphere."""
    s, v = state[:3], state[3:]
    distance = math.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2])
    radius = 6_371_000.0
    cosine = (distance**2 + slant_range**2 - radius**2) / (2.0 * distance * slant_range)
    cosine = min(max(cosine, -1.0), 1.0)
    sine = math.sqrt(1.0 - cosine * cosine)
    right = np.cross(v, s)
    right /= math.sqrt(right[0] ** 2 + right[1] ** 2 + right[2] ** 2)
    for c in range(3):
        point[c] = s[c] + slant_range * (sine * right[c] - cosine * s[c] / distance)


@njit(cache=True, nogil=True)
def ground_point(state: Floats, slant_range: float, height: float, point: Floats) -> tuple[float, float]:
    """The point at a height (m) above the ellipsoid and a slant range (m) in the zero-Doppler plane of a state.

    Newton's method on three equations: perpendicular to the flight, distance, geodetic height.

    Args:
        state: Position and velocity of the sensor (6).
        slant_range: m.
        height: m.
        point: First guess; the result, earth-centred (m), replaces it.

    Returns:
        Longitude and latitude, rad; NaN where there is no such point.
    """
    for _ in range(20):
        lon, lat, above = geodetic(point[0], point[1], point[2])
        d0, d1, d2 = point[0] - state[0], point[1] - state[1], point[2] - state[2]
        v0, v1, v2 = state[3], state[4], state[5]
        cos_lat = math.cos(lat)
        u0, u1, u2 = cos_lat * math.cos(lon), cos_lat * math.sin(lon), math.sin(lat)
        b0 = -(v0 * d0 + v1 * d1 + v2 * d2)
        b1 = 0.5 * (slant_range * slant_range - (d0 * d0 + d1 * d1 + d2 * d2))
        b2 = height - above
        # Cramer's rule on the rows velocity, line of sight, up.
        c0, c1, c2 = d1 * u2 - d2 * u1, d2 * u0 - d0 * u2, d0 * u1 - d1 * u0
        determinant = v0 * c0 + v1 * c1 + v2 * c2
        e0, e1, e2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
        f0, f1, f2 = v1 * d2 - v2 * d1, v2 * d0 - v0 * d2, v0 * d1 - v1 * d0
        x = (b0 * c0 + b1 * e0 + b2 * f0) / determinant
        y = (b0 * c1 + b1 * e1 + b2 * f1) / determinant
        z = (b0 * c2 + b1 * e2 + b2 * f2) / determinant
        point[0], point[1], point[2] = point[0] + x, point[1] + y, point[2] + z
        if x * x + y * y + z * z < 1e-8:  # 0.1 mm: the next step would be far below a nanometre
            lon, lat, _above = geodetic(point[0], point[1], point[2])
            return lon, lat
    return np.nan, np.nan


@njit(cache=True, nogil=True)
def _refined(nodes: Floats, row: int, col: int, rows: int, cols: int) -> Floats:
    """The sparse lattice at nodes of the fine one: bilinear; sparse node (0, 0) lies one step before the burst."""
    out = np.empty((rows, cols, nodes.shape[2], nodes.shape[3]))
    for i in range(rows):
        y = (row + i) * FINE_LINE_STEP / LINE_STEP + 1.0
        r = min(max(int(y), 0), nodes.shape[0] - 2)
        wy = y - r
        for j in range(cols):
            x = (col + j) * FINE_PIXEL_STEP / PIXEL_STEP + 1.0
            c = min(max(int(x), 0), nodes.shape[1] - 2)
            wx = x - c
            for k in range(nodes.shape[2]):
                for n in range(nodes.shape[3]):
                    above = nodes[r, c, k, n] + wx * (nodes[r, c + 1, k, n] - nodes[r, c, k, n])
                    below = nodes[r + 1, c, k, n] + wx * (nodes[r + 1, c + 1, k, n] - nodes[r + 1, c, k, n])
                    out[i, j, k, n] = above + wy * (below - above)
    return out


@njit(cache=True, nogil=True, inline="always")
def _cubic(powers: Floats, h: float) -> float:
    value: float = ((powers[3] * h + powers[2]) * h + powers[1]) * h + powers[0]
    return value


@njit(cache=True, nogil=True)
def _reach(nodes: Floats, lowest: float, highest: float) -> tuple[float, float, float, float]:
    """First and last row, first and last column of the elevation model that nodes see at two heights."""
    bounds = (np.inf, -np.inf, np.inf, -np.inf)
    for i in range(nodes.shape[0]):
        for j in range(nodes.shape[1]):
            for h in (lowest * 1e-3, highest * 1e-3):
                row, col = _cubic(nodes[i, j, DEM_ROW], h), _cubic(nodes[i, j, DEM_COL], h)
                bounds = (
                    min(bounds[0], row),
                    max(bounds[1], row),
                    min(bounds[2], col),
                    max(bounds[3], col),
                )
    return bounds


@njit(cache=True, nogil=True)
def _excess(node: Floats, height: Floats32, first: tuple[int, int], h: float) -> float:
    """Terrain (m) above the height h at the place that a node would see at that height; NaN where unknown."""
    r = _cubic(node[DEM_ROW], h * 1e-3) - first[0]
    c = _cubic(node[DEM_COL], h * 1e-3) - first[1]
    if not (r >= 0.0 and c >= 0.0 and r < height.shape[0] - 1 and c < height.shape[1] - 1):
        return np.nan
    i, j = int(r), int(c)
    fr, fc = r - i, c - j
    top = height[i, j] + fc * (height[i, j + 1] - height[i, j])
    bottom = height[i + 1, j] + fc * (height[i + 1, j + 1] - height[i + 1, j])
    excess: float = top + fr * (bottom - top) - h
    return excess


@njit(cache=True, nogil=True)
def _find_heights(
    nodes: Floats, terrain: Floats32, first: tuple[int, int], lowest: float, highest: float, out: Floats
) -> None:
    """Height of the terrain that each node sees; the search begins at the height of the node before."""
    low, high = lowest - HEIGHT_MARGIN, highest + HEIGHT_MARGIN
    for i in range(out.shape[0]):
        h = 0.5 * (low + high)
        for j in range(out.shape[1]):
            found = _secant(nodes[i, j], terrain, first, h, low, high)
            if found != found:
                found = _false_position(nodes[i, j], terrain, first, low, high)
            out[i, j] = found
            if found == found:
                h = found


@njit(cache=True, nogil=True)
def _secant(
    node: Floats, terrain: Floats32, first: tuple[int, int], start: float, low: float, high: float
) -> float:
    """Root of the excess by secants from a start; NaN where they do not settle at once."""
    a = start
    ga = _excess(node, terrain, first, a)
    b = min(max(a + ga, low), high)
    for _ in range(4):
        if not abs(ga) >= HEIGHT_TOLERANCE:  # also NaN
            return a if ga == ga else np.nan
        gb = _excess(node, terrain, first, b)
        if abs(gb) < HEIGHT_TOLERANCE:
            return b
        if gb == ga:
            return np.nan
        step = gb * (b - a) / (ga - gb)
        a, ga = b, gb
        b = b + step
        if not (b >= low and b <= high):
            return np.nan
    return np.nan


@njit(cache=True, nogil=True)
def _false_position(
    node: Floats, terrain: Floats32, first: tuple[int, int], low: float, high: float
) -> float:
    """Root of the excess between heights that enclose all terrain (Illinois variant); NaN where terrain is unknown."""
    a, b = low, high
    ga, gb = _excess(node, terrain, first, a), _excess(node, terrain, first, b)
    side = 0
    for _ in range(60):
        if not (ga > 0.0 and gb < 0.0):
            return np.nan
        c = (a * gb - b * ga) / (gb - ga)
        gc = _excess(node, terrain, first, c)
        if abs(gc) < HEIGHT_TOLERANCE or b - a < HEIGHT_TOLERANCE:
            return c
        if gc != gc:
            return np.nan
        if gc > 0.0:
            a, ga = c, gc
            gb = gb * 0.5 if side == 1 else gb
            side = 1
        else:
            b, gb = c, gc
            ga = ga * 0.5 if side == -1 else ga
            side = -1
    return 0.5 * (a + b)


@njit(cache=True, nogil=True)
def _evaluate(nodes: Floats, height: Floats, layers: Floats) -> None:
    """Line, pixel and range difference at the heights of the nodes; where unknown, at height 0."""
    for i in range(height.shape[0]):
        for j in range(height.shape[1]):
            h = height[i, j] * 1e-3 if height[i, j] == height[i, j] else 0.0
            for k in range(3):
                layers[k, i, j] = _cubic(nodes[i, j, LINE + k], h)


def seen_in_secondary(
    reference: tuple[RadarGrid, OrbitTable],
    secondary: OrbitTable,
    place: tuple[float, float],
    height: float,
    guess: float,
) -> tuple[float, float]:
    """When a secondary sees a reference sample (s since its epoch), and the slant range (m).

    Args:
        reference: Grid and orbit of the reference.
        secondary: Orbit of the secondary.
        place: Line and pixel of the reference.
        height: Of the ground, m.
        guess: Time near which the secondary sees it.

    Returns:
        NaN, NaN where the secondary does not see it within its orbit.
    """
    grid, orbit = reference
    axis = grid.range_axis
    assert isinstance(axis, SlantRange)
    _, _, time, slant_range = _solve(
        (orbit.time, orbit.coefficients),
        (secondary.time, secondary.coefficients),
        np.array([float(grid.azimuth_time(place[0]))]),
        np.array([axis.near + place[1] * axis.spacing]),
        np.array([height]),
        guess,
    )
    return float(time[0, 0, 0]), float(slant_range[0, 0, 0])
