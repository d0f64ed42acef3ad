"""Power that the slopes of a pair send to either date."""

from __future__ import annotations

import numpy as np
from numba import njit

from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ecef_to_geodetic
from s1card.simulate.ground import Ties, between_nodes, place_at, tie_line
from s1card.simulate.slc.radiometry import BETA_CONSTANT
from s1card.simulate.slc.spectrum import Floats32
from s1card.simulate.slc.view import SlantView
from s1card.simulate.slopes import Flightpath, beta_over_gamma, flightpath
from s1card.simulate.terrain import Heights

LEVEL: Floats32 = np.empty((0, 0), np.float32)
"""Gains of ground whose slopes do not matter: the look-up vectors say them."""


def slope_gains(ties: Ties, heights: Heights, place: Floats32, view: SlantView) -> Floats32:
    """DN**2 per gamma0 of the terrain that the samples of a window see.

    Args:
        ties: Ground at the window of the reference.
        heights: Terrain.
        place: Height of the ground (lines, pixels) as a place in the span of the ties.
        view: The lines of the window as the date has them.
    """
    out = np.empty(place.shape, np.float32)
    _fill(ties, heights, place, flightpath(view), BETA_CONSTANT**2, out)
    return out


def gains_at(view: SlantView, heights: Heights, points: Floats) -> Floats:
    """The same at n points (n, 3) on the terrain."""
    time, _ = view.look(points)
    place, velocity = view.orbit.position(time), view.orbit.velocity(time)
    direction = velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)
    longitude, latitude, height = ecef_to_geodetic(points)
    longitude = heights.left + (longitude - heights.left) % 360.0
    ratio = [
        beta_over_gamma(heights, place[k], direction[k], longitude[k], latitude[k], height[k])
        for k in range(len(points))
    ]
    return BETA_CONSTANT**2 * np.array(ratio, np.float64)


@njit(cache=True, nogil=True)
def _fill(
    ties: Ties, heights: Heights, place: Floats32, path: Flightpath, scale: float, out: Floats32
) -> None:
    c = np.empty(6)
    for row in range(out.shape[0]):
        nodes = tie_line(ties, row)
        for col in range(out.shape[1]):
            between_nodes(nodes, col / ties.pixel_step, c)
            s = float(place[row, col])
            longitude, latitude = place_at(c, s)
            height = ties.middle + s * ties.half
            ratio = beta_over_gamma(
                heights, path.place[row], path.direction[row], longitude, latitude, height
            )
            out[row, col] = scale * ratio
