"""Where on the terrain a pixel looks: exact on sparse tie points, a secant search for every pixel."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ecef_to_geodetic
from s1card.simulate.terrain import Heights, height_at, heights_at
from s1card.simulate.view import View

TIE_STEP = 64.0
_TIE_ROWS = 64


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
    line, line_step = _nodes(view.lines)
    pixel, pixel_step = _nodes(view.pixels)
    middle, half = 0.5 * (span[0] + span[1]), max(50.0, 0.5 * (span[1] - span[0]))
    coefficients = np.empty((line.size, pixel.size, 6))
    for row in range(0, line.size, _TIE_ROWS):
        part = slice(row, row + _TIE_ROWS)
        coefficients[part] = _coefficients(view, line[part], pixel, middle, half)
    return Ties(line_step, pixel_step, middle, half, coefficients)


def _nodes(size: int) -> tuple[Floats, float]:
    count = math.ceil((size - 1) / TIE_STEP) + 1
    nodes = np.linspace(0.0, size - 1.0, count)
    return nodes, float(nodes[1])


def _coefficients(view: View, line: Floats, pixel: Floats, middle: float, half: float) -> Floats:
    heights = middle + half * np.array([-1.0, 0.0, 1.0])
    grid = np.meshgrid(line, pixel, indexing="ij")
    places = [ecef_to_geodetic(view.ground(*grid, height))[:2] for height in heights]
    reference = places[1][0][0, 0]
    longitude = [reference + (lon - reference + 180.0) % 360.0 - 180.0 for lon, _ in places]
    return np.stack([*_parabola(longitude), *_parabola([lat for _, lat in places])], axis=-1)


def _parabola(values: list[Floats]) -> tuple[Floats, Floats, Floats]:
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
def _place(c: Floats, s: float) -> tuple[float, float]:
    return c[0] + s * (c[1] + s * c[2]), c[3] + s * (c[4] + s * c[5])


@njit(cache=True, nogil=True)
def _height_excess(ties: Ties, heights: Heights, c: Floats, height: float) -> float:
    """Terrain above a height at the place that the pixel would see at that height."""
    longitude, latitude = _place(c, (height - ties.middle) / ties.half)
    return height_at(heights, longitude, latitude) - height


@njit(cache=True, nogil=True)
def _terrain_height(ties: Ties, heights: Heights, c: Floats, start: float) -> float:
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
def ground_line(ties: Ties, heights: Heights, line: int, longitude: Floats, latitude: Floats) -> None:
    """Fill longitude and latitude of the terrain that every pixel of a line looks at.

    The search starts at the height of the pixel before; a line never depends on another one.
    """
    nodes = tie_line(ties, line)
    c = np.empty(6)
    height = ties.middle
    for pixel in range(longitude.size):
        place = pixel / ties.pixel_step
        col = min(int(place), nodes.shape[0] - 2)
        weight = place - col
        for k in range(6):
            c[k] = nodes[col, k] + weight * (nodes[col + 1, k] - nodes[col, k])
        height = _terrain_height(ties, heights, c, height)
        longitude[pixel], latitude[pixel] = _place(c, (height - ties.middle) / ties.half)


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
