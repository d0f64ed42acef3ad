"""The area of radar samples in the plane of flight and look direction, to which beta nought refers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.ground_points import ground_places
from s1card.geometry.orbit import OrbitTable
from s1card.geometry.radar_grid import RadarGrid
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

NODE_STEP = (
    64  # samples between nodes: the area changes by less than 1e-6 of it against the line between them
)
BASE = 8.0  # lines before and after a node, between which the distance on the ground is taken


@dataclass(frozen=True, eq=False)
class CellNodes:
    """Values at the nodes of a window: every `NODE_STEP` samples from its corner on, one node beyond its end.

    Attributes:
        line, pixel: Of the nodes, n and m.
        area: n x m, m2.
    """

    line: Floats
    pixel: Floats
    area: Floats


def cell_nodes(radar: RadarGrid, orbit: OrbitTable, start: Floats, window: Window) -> CellNodes:
    """Areas of samples: their distance along track on the ellipsoid times their distance in slant range.

    Along track that is the true distance between two zero-Doppler lines at one slant range, which differs from the
    annotated spacing (of an IW GRD image by 1 percent); it grows by 1.6e-4 of it for a kilometre of height.

    Args:
        radar: Grid of the image.
        orbit: With the epoch of the grid.
        start: An earth-centred point (m) on the ground that the sensor sees.
        window: Of the image.
    """
    line = window.row + NODE_STEP * np.arange(-(-window.rows // NODE_STEP) + 1.0)
    pixel = window.col + NODE_STEP * np.arange(-(-window.cols // NODE_STEP) + 1.0)
    area = np.empty((line.size, pixel.size))
    for k, one in enumerate(line):
        time = radar.azimuth_time(one)
        slant = radar.slant_range(np.full(pixel.size, time), pixel)
        around = [radar.slant_range(np.full(pixel.size, time), pixel + side) for side in (-0.5, 0.5)]
        area[k] = _along_track(radar, orbit, start, one, slant) * (around[1] - around[0])
    return CellNodes(line, pixel, area)


def _along_track(radar: RadarGrid, orbit: OrbitTable, start: Floats, line: float, slant: Floats) -> Floats:
    """Metres on the ellipsoid between lines, at m slant ranges."""
    times = radar.azimuth_time(np.array([line - BASE, line + BASE]))
    longitude, latitude = ground_places(orbit, times, slant, np.zeros((2, slant.size)), start)
    before, after = (ecef_points(longitude[k], latitude[k], np.zeros(slant.size)) for k in range(2))
    return np.asarray(np.linalg.norm(after - before, axis=1) / (2.0 * BASE))


def relative_area(area: Floats, cells: CellNodes, least: Floats, floor: float) -> Floats32:
    """Illuminated area over the area of the sample; NaN where it is less than it can be.

    Args:
        area: lines x pixels, m2; the array may be wider.
        cells: Areas of samples, for the same window.
        least: Ratio of flat ground at the nodes.
        floor: The share of that ratio below which a sample counts as unlit.
    """
    shape = area.shape[0], area.shape[1] - 2
    out = np.empty(shape, np.float32)
    _divide(area, cells.area, cells.area * least * floor, out)
    return out


@njit(cache=True, nogil=True)
def _divide(area: Floats, cell: Floats, least: Floats, out: Floats32) -> None:
    for i in range(out.shape[0]):
        a = i // NODE_STEP
        v = (i - a * NODE_STEP) / NODE_STEP
        for j in range(out.shape[1]):
            b = j // NODE_STEP
            u = (j - b * NODE_STEP) / NODE_STEP
            w0, w1, w2, w3 = (1.0 - v) * (1.0 - u), (1.0 - v) * u, v * (1.0 - u), v * u
            limit = w0 * least[a, b] + w1 * least[a, b + 1] + w2 * least[a + 1, b] + w3 * least[a + 1, b + 1]
            whole = w0 * cell[a, b] + w1 * cell[a, b + 1] + w2 * cell[a + 1, b] + w3 * cell[a + 1, b + 1]
            out[i, j] = area[i, j] / whole if area[i, j] > limit else np.nan
