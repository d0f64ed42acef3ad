"""The phase that geometry leaves in an interferogram, and the ground that it is of, as layers.

Phases are those of reference times conjugate secondary: ``4 pi / wavelength`` times the range of the secondary minus
that of the reference; of the ellipsoid (flat earth), and of the terrain minus that of the ellipsoid (topography).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.back_geocoding import removed_cycles
from s1card.engine.native.pair import Removal
from s1card.engine.native.product import Looks, Product
from s1card.geometry.coregistration import FINE_LINE_STEP, FINE_PIXEL_STEP, Placement
from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.fine_lattice import at_samples
from s1card.geometry.ground_points import ground_places
from s1card.geometry.orbit import OrbitTable, tabulate_orbit
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.window import Window

Floats = NDArray[np.float64]

TURN = 2.0 * np.pi


class Ground(Enum):
    """A layer: the name of its band, its unit, what it is."""

    FLAT_EARTH = ("fep", "phase", "phase of the ellipsoid")
    TOPOGRAPHY = ("topo", "phase", "phase of the terrain above the ellipsoid")
    ELEVATION = ("elevation", "meters", "height above the ellipsoid")
    LATITUDE = ("orthorectifiedLat", "deg", "latitude")
    LONGITUDE = ("orthorectifiedLon", "deg", "longitude")


@dataclass(frozen=True, eq=False)
class View:
    """From where the samples of a burst or image see the ground.

    Attributes:
        grid: Of single-look samples, in slant range.
        orbit: With the epoch of the grid.
        start: An earth-centred point (m) in the middle of what is seen.
        wavelength: m.
    """

    grid: RadarGrid
    orbit: OrbitTable
    start: Floats
    wavelength: float


def view_of(source: Product, grid: RadarGrid, wavelength: float) -> View:
    """The view of a grid that belongs to a product: the whole of it, or one of its bursts."""
    rows, cols = source.shape
    latitude, longitude = source.tie_grid.position(np.array([rows / 2.0]), np.array([cols / 2.0]))
    start = ecef_points(longitude, latitude, np.zeros(1))[0]
    return View(grid, tabulate_orbit(source.orbit, grid.epoch), start, wavelength)


def ground_layers(
    wanted: Sequence[Ground], placement: Placement, window: Window, view: View, looks: Looks
) -> NDArray[np.float32]:
    """Layers at the samples of a window, or in the middle of blocks of samples.

    Args:
        wanted: Which layers.
        placement: That surrounds the window.
        window: In lines and pixels of the view's grid, or of its blocks.
        view: From where the ground is seen.
        looks: Size of a block.

    Returns:
        layers x rows x cols; phases in radians, NaN where a height that they need is unknown.
    """
    out = np.empty((len(wanted), *window.shape), np.float32)
    first, block = (placement.row, placement.col), (looks.lines, looks.pixels)
    places = _places(placement, view) if {Ground.LATITUDE, Ground.LONGITUDE} & set(wanted) else {}
    for k, ground in enumerate(wanted):
        nodes = places[ground] if ground in places else _nodes(ground, placement, view.wavelength)
        out[k] = at_samples(nodes, first, window, block)
        if ground is Ground.LONGITUDE:
            out[k] = (out[k] + 180.0) % 360.0 - 180.0
    return out


def _nodes(ground: Ground, placement: Placement, wavelength: float) -> Floats:
    if ground is Ground.ELEVATION:
        return placement.height
    if ground is Ground.FLAT_EARTH:
        return TURN * removed_cycles(placement, Removal.FLAT_EARTH, wavelength)
    phase = TURN * removed_cycles(placement, Removal.TOPOGRAPHY, wavelength)
    return np.where(np.isnan(placement.height), np.nan, phase)


def _places(placement: Placement, view: View) -> dict[Ground, Floats]:
    """Latitude and longitude of the nodes; longitudes go on beyond half a turn."""
    rows, cols = placement.height.shape
    line = np.asarray(placement.row + np.arange(rows), np.float64) * FINE_LINE_STEP
    pixel = np.asarray(placement.col + np.arange(cols), np.float64) * FINE_PIXEL_STEP
    axis = view.grid.range_axis
    assert isinstance(axis, SlantRange)
    time = view.grid.azimuth_time(line)
    slant_range = np.asarray(axis.near + pixel * axis.spacing)
    longitude, latitude = ground_places(view.orbit, time, slant_range, placement.height, view.start)
    middle = float(np.degrees(np.arctan2(view.start[1], view.start[0])))
    longitude = middle + (longitude - middle + 180.0) % 360.0 - 180.0
    return {Ground.LATITUDE: latitude, Ground.LONGITUDE: longitude}
