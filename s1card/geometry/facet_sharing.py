"""The area of terrain facets shared between radar samples, exactly.

Every cell of a lattice of heights is two plane triangles. A triangle has one area as the radar sees it, and covers a
triangle of the radar image; each sample gets the part of the area that lies over it. Nothing is lost or smoothed, and
a plane gives the same value in every sample, however the facets lie to the samples.

The parts come from the edges alone: what lies to the right of an edge is added where the edge crosses a line, and sums
along the lines then give the area of all triangles together. Edges that two triangles share are walked once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Flags = NDArray[np.uint8]
Point = tuple[float, float]

SMALLEST = 1e-6  # square samples: the triangles below are seen edge-on and go to the one sample they lie in
MEAN_RADIUS = 6_371_000.0  # m, of the earth: areas grow with the square of the distance from its centre


class Facets(NamedTuple):
    """A lattice of ``n + 1`` x ``m + 1`` vertices, the corners of n x m cells.

    Attributes:
        line, pixel: In radar samples; NaN where unknown.
        height: m above the ellipsoid, NaN where unknown.
        shadow: 1 where a vertex lies in shadow.
    """

    line: Floats
    pixel: Floats
    height: Floats32
    shadow: Flags


class Looks(NamedTuple):
    """Unit vectors to the sensor at nodes, as in `LookField`, and where the facets lie among the nodes.

    Attributes:
        at_zero, per_metre: nodes x 3 (map x, map y, up).
        spacing: nodes x 2, m, of the cells that follow a node.
        cell: Vertices between nodes.
        row, col: Place of vertex (0, 0), counted from the first node.
    """

    at_zero: Floats
    per_metre: Floats
    spacing: Floats
    cell: int
    row: int
    col: int


@njit(cache=True, nogil=True)
def look_along(looks: Looks, i: int, out: Floats) -> None:
    """Directions to the sensor at the vertices of row ``i``, and the sizes of the cells that begin there.

    Args:
        looks: Nodes.
        i: Row.
        out: vertices x 8: direction (map x, map y, up) at height 0, its change per metre, width and height of the cell,
            m. The direction's length is 1 within 2e-5.
    """
    row = looks.row + i
    a = row // looks.cell
    v = (row - a * looks.cell) / looks.cell
    zero, metre = looks.at_zero, looks.per_metre
    j = 0
    while j < out.shape[0]:
        b = (looks.col + j) // looks.cell
        end = min((b + 1) * looks.cell - looks.col, out.shape[0])
        for k in range(3):
            left = zero[a, b, k] + v * (zero[a + 1, b, k] - zero[a, b, k])
            right = zero[a, b + 1, k] + v * (zero[a + 1, b + 1, k] - zero[a, b + 1, k])
            for m in range(j, end):
                u = (looks.col + m - b * looks.cell) / looks.cell
                out[m, k] = left + u * (right - left)
                out[m, 3 + k] = metre[a, b, k]
        for m in range(j, end):
            out[m, 6], out[m, 7] = looks.spacing[a, b, 0], looks.spacing[a, b, 1]
        j = end


@njit(cache=True, nogil=True, error_model="numpy")
def share_facets(facets: Facets, looks: Looks, first: tuple[int, int], area: Floats) -> None:
    """Add the areas of facets to the edges of a tile; `finish_sharing` makes areas of them.

    Args:
        facets: Vertices.
        looks: Directions to the sensor; the nodes must reach one beyond the facets.
        first: Line and pixel of the tile.
        area: 1 or 2 x lines x pixels + 2: area on the plane perpendicular to the look direction (gamma nought) and,
            as the second layer, area of the surface (sigma nought), m2. Zero before the first call.
    """
    cells = facets.height.shape[1] - 1
    above, here = np.zeros((cells + 1, 2)), np.zeros((2, 2))
    beside, look = np.zeros(2), np.empty((cells, 8))
    for i in range(facets.height.shape[0] - 1):
        look_along(looks, i, look)
        beside[:] = 0.0
        for j in range(cells):
            _weights(facets, look[j], i, j, first, area, here)
            a, b = _place(facets, i, j, first), _place(facets, i, j + 1, first)
            c = _place(facets, i + 1, j, first)
            # Triangles go a, b, c and d, c, b: each edge counts for both of its sides, in opposite directions.
            _edge(area, a, b, here[0, 0] - above[j, 0], here[0, 1] - above[j, 1])
            _edge(area, b, c, here[0, 0] - here[1, 0], here[0, 1] - here[1, 1])
            _edge(area, c, a, here[0, 0] - beside[0], here[0, 1] - beside[1])
            for k in range(2):
                above[j, k] = beside[k] = here[1, k]
        d, b = _place(facets, i + 1, cells, first), _place(facets, i, cells, first)
        _edge(area, d, b, -beside[0], -beside[1])
    last = facets.height.shape[0] - 1
    for j in range(cells):
        c, d = _place(facets, last, j, first), _place(facets, last, j + 1, first)
        _edge(area, c, d, -above[j, 0], -above[j, 1])


@njit(cache=True, nogil=True, inline="always")
def _place(facets: Facets, i: int, j: int, first: tuple[int, int]) -> Point:
    """Line and pixel of a vertex in a tile; sample (0, 0) reaches from 0 to 1."""
    return facets.line[i, j] - first[0] + 0.5, facets.pixel[i, j] - first[1] + 0.5


@njit(cache=True, nogil=True, error_model="numpy")
def _weights(
    facets: Facets, look: Floats, i: int, j: int, first: tuple[int, int], area: Floats, out: Floats
) -> None:
    """Areas (m2) of the two triangles of a cell per square sample; signed as the triangles turn in the image."""
    out[:] = 0.0
    p, q = _place(facets, i, j, first), _place(facets, i, j + 1, first)
    r, s = _place(facets, i + 1, j, first), _place(facets, i + 1, j + 1, first)
    if min(p[0], q[0], r[0], s[0]) >= area.shape[1] or max(p[0], q[0], r[0], s[0]) <= 0.0:
        return
    if min(p[1], q[1], r[1], s[1]) >= area.shape[2] - 2 or max(p[1], q[1], r[1], s[1]) <= 0.0:
        return
    height, shadow = facets.height, facets.shadow
    a, b = np.float64(height[i, j]), np.float64(height[i, j + 1])
    c, d = np.float64(height[i + 1, j]), np.float64(height[i + 1, j + 1])
    width, tall = look[6], look[7]
    if shadow[i, j] + shadow[i, j + 1] + shadow[i + 1, j] < 2:
        x, y, up = look[0] + a * look[3], look[1] + a * look[4], look[2] + a * look[5]
        half = 0.5 * width * tall * (1.0 + 2.0 * a / MEAN_RADIUS)
        east, north = (b - a) / width, (a - c) / tall
        surface = half * math.sqrt(1.0 + east * east + north * north)
        _triangle(half * (up - east * x - north * y), surface, p, q, r, area, out[0])
    if shadow[i + 1, j + 1] + shadow[i, j + 1] + shadow[i + 1, j] < 2:
        x, y, up = look[0] + d * look[3], look[1] + d * look[4], look[2] + d * look[5]
        half = 0.5 * width * tall * (1.0 + 2.0 * d / MEAN_RADIUS)
        east, north = (d - c) / width, (b - d) / tall
        surface = half * math.sqrt(1.0 + east * east + north * north)
        _triangle(half * (up - east * x - north * y), surface, s, r, q, area, out[1])


@njit(cache=True, nogil=True)
def _triangle(
    seen: float, surface: float, one: Point, two: Point, three: Point, area: Floats, out: Floats
) -> None:
    """The areas of a triangle per square sample of the image."""
    if not (seen > 0.0):  # it looks away from the sensor, or a height is unknown
        return
    covered = 0.5 * ((two[1] - one[1]) * (three[0] - one[0]) - (three[1] - one[1]) * (two[0] - one[0]))
    if abs(covered) > SMALLEST:
        out[0], out[1] = seen / covered, surface / covered
    elif covered == covered:
        row = math.floor((one[0] + two[0] + three[0]) / 3.0)
        col = math.floor((one[1] + two[1] + three[1]) / 3.0)
        if 0 <= row < area.shape[1] and 0 <= col < area.shape[2] - 2:
            area[0, row, col] += seen
            area[0, row, col + 1] -= seen
            if area.shape[0] > 1:
                area[1, row, col] += surface
                area[1, row, col + 1] -= surface


@njit(cache=True, nogil=True, error_model="numpy")
def _edge(area: Floats, start: Point, end: Point, weight: float, second: float) -> None:
    """Add what lies to the right of an edge, times the weights."""
    if (weight == 0.0 and second == 0.0) or start[0] == end[0]:
        return
    sign = -1.0
    if end[0] < start[0]:
        start, end, sign = end, start, 1.0
    lines, pixels = area.shape[1], area.shape[2] - 2
    if not (end[0] > 0.0 and start[0] < lines):
        return
    slope = (end[1] - start[1]) / (end[0] - start[0])
    top, bottom = max(start[0], 0.0), min(end[0], float(lines))
    row, upper = int(top), top
    left = start[1] + slope * (top - start[0])
    while row < bottom:
        lower = min(bottom, row + 1.0)
        right = start[1] + slope * (lower - start[0])
        rise = sign * (lower - upper)
        near, far = min(left, right), max(left, right)
        col = int(near)
        if (
            near >= 0.0 and far <= col + 1.0 and far <= pixels
        ):  # inside one sample: the most frequent case, for speed
            _add(area, row, col, rise, 0.5 * (near + far) - col, weight, second)
        else:
            _spread(area, row, near, far, rise, weight, second)
        left, upper = right, lower
        row += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(
    area: Floats, row: int, left: float, right: float, rise: float, weight: float, second: float
) -> None:
    """Add a piece of an edge inside one line, between two places of it, to the samples that it crosses."""
    pixels = area.shape[2] - 2
    if left >= pixels:
        return
    if right <= 0.0:
        _add(area, row, 0, rise, 0.0, weight, second)
        return
    run = right - left
    if left < 0.0:
        _add(area, row, 0, rise * (-left / run), 0.0, weight, second)
    start, end = max(left, 0.0), min(right, float(pixels))
    col = int(start)
    while col < end:
        near, far = max(start, float(col)), min(end, col + 1.0)
        _add(area, row, col, rise * ((far - near) / run), 0.5 * (near + far) - col, weight, second)
        col += 1


@njit(cache=True, nogil=True, inline="always")
def _add(area: Floats, row: int, col: int, rise: float, inside: float, weight: float, second: float) -> None:
    """A piece of an edge in one sample: ``inside`` of it lies to the left of the edge, the rest to the right."""
    r, c = np.uint64(row), np.uint64(col)  # unsigned, so that no index is looked at from the end
    after = c + np.uint64(1)
    share = weight * rise
    area[0, r, c] += share * (1.0 - inside)
    area[0, r, after] += share * inside
    if area.shape[0] > 1:
        share = second * rise
        area[1, r, c] += share * (1.0 - inside)
        area[1, r, after] += share * inside


@njit(cache=True, nogil=True)
def finish_sharing(area: Floats) -> None:
    """Turn what `share_facets` left at the edges into the area of every sample, in place."""
    for k in range(area.shape[0]):
        for i in range(area.shape[1]):
            total = 0.0
            for j in range(area.shape[2]):
                total += area[k, i, j]
                area[k, i, j] = max(total, 0.0)
