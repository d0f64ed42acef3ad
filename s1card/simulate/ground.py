"""Where on the terrain a pixel looks: exact on sparse tie points, a secant search for every pixel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ecef_to_geodetic
from s1card.simulate.terrain import Heights, height_at, heights_at
from s1card.simulate.view import View

TIE_STEP = 64.0
_TIE_ROWS = 64
_SECANTS, _MET, _FARTHEST = (
    40,
    1e-7,
    200.0,
)  # steps at most, metres at which they end, metres of a step at most


TerrainSearch = Callable[[View, Heights, Floats, Floats, float], tuple[Floats, Floats]]
"""View, heights, lines, pixels, height to start from: points (n, 3) and heights (n)."""


class Ties(NamedTuple):
    """Places as functions of height at tie points.

    ``coefficients[row, col]`` holds six numbers: with s = (height - middle) / half, longitude is
    c0 + c1 s + c2 s**2 and latitude c3 + c4 s + c5 s**2, degrees.
    """

    line_step: float
    pixel_step: float
    middle: float
    half: float
    coefficients: Floats


def make_ties(view: View, span: tuple[float, float]) -> Ties:
    """Solve the geometry at tie points for three heights of a span (lowest, highest), metres."""
    line, line_step = tie_nodes(view.lines)
    pixel, pixel_step = tie_nodes(view.pixels)
    middle, half = middle_and_half(span)
    coefficients = np.empty((line.size, pixel.size, 6))
    for row in range(0, line.size, _TIE_ROWS):
        part = slice(row, row + _TIE_ROWS)
        coefficients[part] = ground_coefficients(look_at_heights(view, line[part], pixel, middle, half))
    return Ties(line_step, pixel_step, middle, half, coefficients)


def middle_and_half(span: tuple[float, float]) -> tuple[float, float]:
    """Middle and half of a span of heights; not less than 50 m, so that flat ground has a slope with height."""
    return 0.5 * (span[0] + span[1]), max(50.0, 0.5 * (span[1] - span[0]))


def tie_nodes(size: int) -> tuple[Floats, float]:
    """Places of tie points along a side of an image, and their distance."""
    count = math.ceil((size - 1) / TIE_STEP) + 1
    nodes = np.linspace(0.0, size - 1.0, count)
    return nodes, float(nodes[1])


def look_at_heights(view: View, line: Floats, pixel: Floats, middle: float, half: float) -> list[Floats]:
    """Points (n, m, 3) that n lines and m pixels see at the lowest, the middle and the highest height."""
    grid = np.meshgrid(line, pixel, indexing="ij")
    return [view.ground(*grid, height) for height in middle + half * np.array([-1.0, 0.0, 1.0])]


def ground_coefficients(points: list[Floats]) -> Floats:
    """Coefficients (n, m, 6) of longitude and latitude from the points at three heights."""
    places = [ecef_to_geodetic(point)[:2] for point in points]
    reference = places[1][0][0, 0]
    longitude = [reference + (lon - reference + 180.0) % 360.0 - 180.0 for lon, _ in places]
    return np.stack([*parabola(longitude), *parabola([lat for _, lat in places])], axis=-1)


def parabola(values: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """Coefficients of the parabola through values at -1, 0, 1."""
    low, mid, high = values
    return mid, 0.5 * (high - low), 0.5 * (high + low) - mid


@njit(cache=True, nogil=True)
def tie_line(ties: Ties, line: int) -> Floats:
    """Coefficients (cols, 6) at a line, linear between the tie rows."""
    place = line / ties.line_step
    row = min(int(place), ties.coefficients.shape[0] - 2)
    weight = place - row
    between: Floats = ties.coefficients[row] * (1.0 - weight) + ties.coefficients[row + 1] * weight
    return between


@njit(cache=True, nogil=True)
def between_nodes(nodes: Floats, place: float, c: Floats) -> None:
    """Fill six coefficients at a place along the nodes (cols, 6) of a line, linear between them."""
    col = min(int(place), nodes.shape[0] - 2)
    weight = place - col
    for k in range(6):
        c[k] = nodes[col, k] + weight * (nodes[col + 1, k] - nodes[col, k])


@njit(cache=True, nogil=True)
def place_at(c: Floats, s: float) -> tuple[float, float]:
    """Both functions of height that six coefficients describe."""
    return c[0] + s * (c[1] + s * c[2]), c[3] + s * (c[4] + s * c[5])


@njit(cache=True, nogil=True)
def _height_excess(ties: Ties, heights: Heights, c: Floats, height: float) -> float:
    """Terrain above a height at the place that the pixel would see at that height."""
    longitude, latitude = place_at(c, (height - ties.middle) / ties.half)
    return height_at(heights, longitude, latitude) - height


@njit(cache=True, nogil=True)
def terrain_height(ties: Ties, heights: Heights, c: Floats, start: float) -> float:
    """Height at which the pixel meets the terrain: a fixed-point step, then secants. In layover, any."""
    older, excess = start, _height_excess(ties, heights, c, start)
    newer = older + excess
    for _ in range(6):
        if abs(excess) < 0.02:
            break
        previous, excess = excess, _height_excess(ties, heights, c, newer)
        if excess == previous:
            break
        step = -excess * (newer - older) / (excess - previous)
        older, newer = newer, newer + min(max(step, -200.0), 200.0)
    return min(max(newer, ties.middle - ties.half), ties.middle + ties.half)


@njit(cache=True, nogil=True)
def ground_line(
    ties: Ties, heights: Heights, line: int, longitude: Floats, latitude: Floats, height: Floats
) -> None:
    """Fill longitude, latitude and height of the terrain that every pixel of a line looks at.

    The search starts at the height of the pixel before; a line never depends on another one.
    """
    nodes = tie_line(ties, line)
    c = np.empty(6)
    found = ties.middle
    for pixel in range(longitude.size):
        between_nodes(nodes, pixel / ties.pixel_step, c)
        found = terrain_height(ties, heights, c, found)
        longitude[pixel], latitude[pixel] = place_at(c, (found - ties.middle) / ties.half)
        height[pixel] = found


def on_terrain(
    view: View, heights: Heights, line: Floats, pixel: Floats, start: float
) -> tuple[Floats, Floats]:
    """Exact points (n, 3) and heights (n) where lines and pixels (n) meet the terrain.

    Fixed-point iteration, damped by half, which settles where slopes towards the radar are below layover.
    """
    height = np.full(line.shape, start)
    for _ in range(40):
        points = view.ground(line, pixel, height)
        longitude, latitude, _above = ecef_to_geodetic(points)
        longitude = heights.left + (longitude - heights.left) % 360.0
        height = height + 0.6 * (heights_at(heights, longitude, latitude) - height)
    return view.ground(line, pixel, height), height


def meet_terrain(
    view: View, heights: Heights, line: Floats, pixel: Floats, start: float
) -> tuple[Floats, Floats]:
    """The same as :func:`on_terrain` for many places, by secants; a few times faster."""

    def excess(height: Floats) -> Floats:
        longitude, latitude, _above = ecef_to_geodetic(view.ground(line, pixel, height))
        longitude = heights.left + (longitude - heights.left) % 360.0
        return np.asarray(heights_at(heights, longitude, latitude) - height)

    older = np.full(line.shape, start)
    before = excess(older)
    newer = older + before
    for _ in range(_SECANTS):
        now = excess(newer)
        if np.abs(now).max(initial=0.0) < _MET:
            break
        bend = np.where(now == before, -1.0, (now - before) / np.where(newer == older, 1.0, newer - older))
        older, before, newer = newer, now, newer - np.clip(now / bend, -_FARTHEST, _FARTHEST)
    return view.ground(line, pixel, newer), newer


def ground_bounds(view: View, span: tuple[float, float]) -> tuple[float, float, float, float]:
    """West, south, east, north of all that the image can see between two heights, degrees.

    Longitudes go on beyond 180 where a scene lies across the antimeridian.
    """
    line, pixel = np.meshgrid(np.linspace(0.0, view.lines - 1.0, 9), np.linspace(0.0, view.pixels - 1.0, 9))
    corners = [ecef_to_geodetic(view.ground(line, pixel, height)) for height in span]
    longitude = np.stack([corner[0] for corner in corners])
    longitude = longitude[0, 0, 0] + (longitude - longitude[0, 0, 0] + 180.0) % 360.0 - 180.0
    latitude = np.stack([corner[1] for corner in corners])
    return float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())
