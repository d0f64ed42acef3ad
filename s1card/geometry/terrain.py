"""What terrain does to the radar's view: local incidence, layover and shadow.

Everything is computed in the frame of the map: x to the right, y up the map, z up. Lengths along the map are turned
into true lengths with the scale found between lattice nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.geocoding import HEIGHT_LEVELS, Geocoder, Lattice
from s1card.geometry.orbit import OrbitTable, state_at
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

LAYOVER, SHADOW = 1, 2


@dataclass(frozen=True, eq=False)
class LookField:
    """Unit vectors from the ground to the sensor at the nodes of a lattice.

    Attributes:
        at_zero: nodes x 3 (map x, map y, up) at ellipsoidal height 0.
        per_metre: Change of them per metre of height.
        spacing: nodes x 2, true width and height of the map pixels that follow a node, m.
        cell, row, col: Pixels between nodes and the first node, as in `Lattice`.
    """

    at_zero: Floats
    per_metre: Floats
    spacing: Floats
    cell: int
    row: int
    col: int


def look_field(geocoder: Geocoder, window: Window) -> LookField:
    """Look vectors around a map window; at a node they do not depend on the window."""
    cell = geocoder.cell
    return look_field_on(
        geocoder, geocoder.lattice(Window(window.row, window.col, window.rows + cell, window.cols + cell))
    )


def look_field_on(geocoder: Geocoder, lattice: Lattice) -> LookField:
    """Look vectors at the nodes of a lattice, but for its last row and column."""
    shape = lattice.longitude.shape
    flat_lon, flat_lat = lattice.longitude.ravel(), lattice.latitude.ravel()
    ground = ecef_points(flat_lon, flat_lat, np.zeros(flat_lon.size)).reshape(*shape, 3)
    raised = ecef_points(flat_lon, flat_lat, np.full(flat_lon.size, HEIGHT_LEVELS[-1])).reshape(*shape, 3)
    axis_x, length_x = _direction(ground[:-1, 1:] - ground[:-1, :-1])
    axis_y, length_y = _direction(ground[:-1, :-1] - ground[1:, :-1])
    inner = np.s_[:-1, :-1]
    up = (raised - ground)[inner] / HEIGHT_LEVELS[-1]
    frame = np.stack([axis_x, axis_y, up], axis=-2)
    low = _look(geocoder.orbit, lattice.azimuth_time[inner], 0.0, ground[inner], frame)
    high = _look(geocoder.orbit, lattice.azimuth_time[inner], HEIGHT_LEVELS[-1], raised[inner], frame)
    spacing = np.stack([length_x, length_y], axis=-1) / lattice.cell
    return LookField(low, (high - low) / HEIGHT_LEVELS[-1], spacing, lattice.cell, lattice.row, lattice.col)


def _direction(step: Floats) -> tuple[Floats, Floats]:
    """Unit vectors and lengths."""
    length = np.linalg.norm(step, axis=-1)
    return step / length[..., None], length


def _look(orbit: OrbitTable, azimuth_time: Floats, height: float, points: Floats, frame: Floats) -> Floats:
    time = sum(azimuth_time[..., k] * (height / 1000.0) ** k for k in range(HEIGHT_LEVELS.size))
    sensor = _positions(orbit.time, orbit.coefficients, np.ravel(time)).reshape(points.shape)
    look = np.sum(frame * (sensor - points)[..., None, :], axis=-1)
    return np.asarray(look / np.linalg.norm(look, axis=-1, keepdims=True))


@njit(cache=True, nogil=True)
def _positions(time: Floats, coefficients: Floats, at: Floats) -> Floats:
    """Positions of the sensor (n x 3) at n times."""
    out = np.empty((at.size, 3))
    for i in range(at.size):
        out[i] = state_at(time, coefficients, at[i])[:3]
    return out


def incidence_angles(field: LookField, window: Window, height: Floats32) -> tuple[Floats32, Floats32]:
    """Local incidence angle and its projection into the range plane, degrees.

    The local slope is that of the 3 x 3 neighbourhood (means of three heights on opposite sides); the projected
    angle uses the component of the surface normal in the plane of look vector and vertical.

    Args:
        field: Look vectors covering the window.
        window: The map window.
        height: Heights of the window grown by one pixel on each side.

    Returns:
        Two float32 arrays of the window's shape; NaN where any of the nine heights is unknown.
    """
    local, projected = np.empty(window.shape, np.float32), np.empty(window.shape, np.float32)
    _incidence(
        field.at_zero,
        field.per_metre,
        field.cell,
        window.row - field.row * field.cell,
        window.col - field.col * field.cell,
        field.spacing,
        height,
        local,
        projected,
    )
    return local, projected


@njit(cache=True, nogil=True)
def _look_at(
    zero: Floats, per_metre: Floats, cell: int, row: int, col: int, height: float
) -> tuple[float, float, float]:
    i, j = row // cell, col // cell
    wy, wx = (row - i * cell) / cell, (col - j * cell) / cell
    x = y = z = 0.0
    for k in range(4):
        a, b = i + k // 2, j + k % 2
        w = (wy if k >= 2 else 1.0 - wy) * (wx if k % 2 else 1.0 - wx)
        x += w * (zero[a, b, 0] + height * per_metre[a, b, 0])
        y += w * (zero[a, b, 1] + height * per_metre[a, b, 1])
        z += w * (zero[a, b, 2] + height * per_metre[a, b, 2])
    norm = math.sqrt(x * x + y * y + z * z)
    return x / norm, y / norm, z / norm


@njit(cache=True, nogil=True)
def _incidence(
    zero: Floats,
    per_metre: Floats,
    cell: int,
    row: int,
    col: int,
    spacing: Floats,
    height: Floats32,
    local: Floats32,
    projected: Floats32,
) -> None:
    for i in range(local.shape[0]):
        for j in range(local.shape[1]):
            left = right = above = below = 0.0
            for k in range(3):
                left += height[i + k, j]
                right += height[i + k, j + 2]
                above += height[i, j + k]
                below += height[i + 2, j + k]
            width, tall = spacing[(row + i) // cell, (col + j) // cell]
            nx = -(right - left) / (6.0 * width)
            ny = -(above - below) / (6.0 * tall)
            x, y, z = _look_at(zero, per_metre, cell, row + i, col + j, height[i + 1, j + 1])
            local[i, j] = _angle((nx * x + ny * y + z) / math.sqrt(nx * nx + ny * ny + 1.0))
            horizontal = math.hypot(x, y)
            toward = (nx * x + ny * y) / horizontal
            projected[i, j] = _angle((toward * horizontal + z) / math.sqrt(toward * toward + 1.0))


@njit(cache=True, nogil=True, inline="always")
def _angle(cosine: float) -> float:
    """Degrees; NaN of NaN, which a ``min`` with 1 would lose."""
    return 0.0 if cosine > 1.0 else math.degrees(math.acos(cosine))


def layover_shadow(field: LookField, window: Window, height: Floats32, margin: int) -> NDArray[np.uint8]:
    """Layover (1), shadow (2), both (3) or neither (0) of the pixels of a window.

    From every pixel the terrain is followed in the radar's ground range direction, towards the sensor and away from
    it, over the margin: the pixel is in layover with terrain that shares its slant range order reversed, and in
    shadow where nearer terrain stands higher than the line of sight.

    Args:
        field: Look vectors covering the window.
        window: The map window.
        height: Heights of the window grown by ``margin`` pixels on each side; NaN counts as no obstacle.
        margin: Pixels that terrain is followed.
    """
    mask = np.zeros(window.shape, np.uint8)
    _layover_shadow(
        field.at_zero,
        field.per_metre,
        field.cell,
        window.row - field.row * field.cell,
        window.col - field.col * field.cell,
        field.spacing,
        height,
        margin,
        mask,
    )
    return mask


@njit(cache=True, nogil=True)
def _layover_shadow(
    zero: Floats,
    per_metre: Floats,
    cell: int,
    row: int,
    col: int,
    spacing: Floats,
    height: Floats32,
    margin: int,
    mask: NDArray[np.uint8],
) -> None:
    highest = -1e9
    lowest = 1e9
    for i in range(height.shape[0]):
        for j in range(height.shape[1]):
            if height[i, j] == height[i, j]:
                highest = max(highest, height[i, j])
                lowest = min(lowest, height[i, j])
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            h = height[i + margin, j + margin]
            if h != h:
                continue
            x, y, z = _look_at(zero, per_metre, cell, row + i, col + j, h)
            horizontal = math.hypot(x, y)
            width, tall = spacing[(row + i) // cell, (col + j) // cell]
            step_x, step_y = x / horizontal / width, -y / horizontal / tall
            pixel = 1.0 / math.hypot(step_x, step_y)
            code = 0
            for direction in (1, -1):
                for k in range(1, margin):
                    d = direction * k * pixel  # m towards the sensor
                    if code == 3 or _out_of_reach(d, h, highest, lowest, horizontal, z):
                        break
                    c = j + margin + d * step_x
                    r = i + margin + d * step_y
                    other = height[math.floor(r + 0.5), math.floor(c + 0.5)]
                    rise = other - h
                    if rise != rise:
                        continue
                    nearer = d * horizontal + rise * z  # m of slant range that the other point is nearer
                    if (nearer < 0.0) == (d > 0):
                        code |= LAYOVER
                    if d > 0 and rise * horizontal > d * z:
                        code |= SHADOW
            mask[i, j] = code


@njit(cache=True, nogil=True, inline="always")
def _out_of_reach(d: float, h: float, highest: float, lowest: float, horizontal: float, up: float) -> bool:
    """Whether no terrain at distance ``d`` can change the verdict."""
    if d > 0:
        return (h - lowest) * up < d * horizontal and (highest - h) * horizontal < d * up
    return (highest - h) * up < -d * horizontal
