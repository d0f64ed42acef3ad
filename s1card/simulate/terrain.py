"""Terrain: a sum of waves, sampled into an elevation model that is the truth (bilinear in between)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from numba import njit

from s1card.geometry.map_grid import MapGrid
from s1card.scene.records import Floats, Floats32
from s1card.simulate.choices import TERRAINS, GroundChoices
from s1card.simulate.frame import LocalFrame

_STRIP_ROWS = 256


class Heights(NamedTuple):
    """Heights in metres: row k is at latitude ``top - k step``, column j at longitude ``left + j step``."""

    left: float
    top: float
    step: float
    values: Floats32


@dataclass(frozen=True, eq=False)
class Terrain:
    """Waves on a plane of constant height above the ellipsoid.

    Attributes:
        frame: Local map frame.
        height: Mean height, metres.
        waves: Rows of amplitude (m), wave numbers along x and y (rad/m) and phase (rad).
    """

    frame: LocalFrame
    height: float
    waves: Floats

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest height that can occur, metres."""
        reach = float(np.abs(self.waves[:, 0]).sum())
        return self.height - reach, self.height + reach

    def sample(self, grid: MapGrid) -> Heights:
        """Heights at the centres of a geographic grid, row strip by row strip."""
        x, _ = self.frame.to_map(grid.x(np.arange(grid.cols, dtype=float)), 0.0)
        values = np.empty(grid.shape, np.float32)
        for row in range(0, grid.rows, _STRIP_ROWS):
            rows = np.arange(row, min(row + _STRIP_ROWS, grid.rows))
            _, y = self.frame.to_map(0.0, grid.y(rows.astype(float)))
            values[rows[0] : rows[-1] + 1] = self._strip(x, y)
        return Heights(float(grid.x(0)), float(grid.y(0)), grid.spacing_x, values)

    def _strip(self, x: Floats, y: Floats) -> Floats32:
        """Heights at all y times all x: sin(a + b) in its separable form."""
        strip = np.full((y.size, x.size), self.height)
        for amplitude, along_x, along_y, phase in self.waves:
            a, b = along_x * x, along_y * y + phase
            strip += amplitude * (np.outer(np.cos(b), np.sin(a)) + np.outer(np.sin(b), np.cos(a)))
        return strip.astype(np.float32)


def make_terrain(choices: GroundChoices, frame: LocalFrame) -> Terrain:
    """The terrain of a scene; direction and phase of the waves follow from the seed."""
    random = np.random.default_rng([choices.seed, 101])
    waves = []
    for length, amplitude in TERRAINS[choices.terrain]:
        direction, phase = random.uniform(0.0, 2.0 * math.pi, 2)
        number = 2.0 * math.pi / length
        waves.append((amplitude, number * math.cos(direction), number * math.sin(direction), phase))
    return Terrain(frame, choices.mean_height, np.array(waves, np.float64).reshape(-1, 4))


def dem_grid(bounds: tuple[float, float, float, float], spacing: float, margin: float = 0.03) -> MapGrid:
    """Geographic grid around bounds (west, south, east, north), its nodes on multiples of the spacing.

    Args:
        spacing: Arc seconds.
        margin: Degrees on every side.
    """
    step = spacing / 3600.0
    west, south, east, north = bounds
    first_col, last_col = math.floor((west - margin) / step), math.ceil((east + margin) / step)
    first_row, last_row = math.ceil((north + margin) / step), math.floor((south - margin) / step)
    left, top = (first_col - 0.5) * step, (first_row + 0.5) * step
    return MapGrid("EPSG:4326", left, top, step, step, first_row - last_row + 1, last_col - first_col + 1)


def write_dem(path: Path, grid: MapGrid, heights: Heights) -> None:
    """Write the elevation model as a tiled GeoTIFF, strip by strip (heights above the ellipsoid)."""
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "zlevel": 1}
    shape = {"height": grid.rows, "width": grid.cols, "count": 1, "dtype": "float32"}
    transform = rasterio.Affine(*grid.transform)
    with rasterio.open(
        path, "w", driver="GTiff", crs=grid.crs, transform=transform, nodata=-32768.0, **shape, **options
    ) as raster:
        raster.update_tags(VERTICAL_DATUM="WGS84 ellipsoid", SIMULATED="yes")
        raster.set_band_description(1, "height above the WGS84 ellipsoid")
        for row in range(0, grid.rows, _STRIP_ROWS):
            part = heights.values[row : row + _STRIP_ROWS]
            raster.write(part, 1, window=rasterio.windows.Window(0, row, grid.cols, len(part)))


@njit(cache=True, nogil=True)
def height_at(heights: Heights, longitude: float, latitude: float) -> float:
    """Bilinear height at a place in degrees; beyond the outermost samples that of the edge."""
    rows, cols = heights.values.shape
    x = min(max((longitude - heights.left) / heights.step, 0.0), cols - 1.000001)
    y = min(max((heights.top - latitude) / heights.step, 0.0), rows - 1.000001)
    col, row = int(x), int(y)
    dx, dy = x - col, y - row
    v = heights.values
    upper = v[row, col] * (1.0 - dx) + v[row, col + 1] * dx
    lower = v[row + 1, col] * (1.0 - dx) + v[row + 1, col + 1] * dx
    return float(upper * (1.0 - dy) + lower * dy)


@njit(cache=True, nogil=True)
def heights_at(heights: Heights, longitude: Floats, latitude: Floats) -> Floats:
    """Bilinear heights at n places in degrees."""
    out = np.empty(longitude.size)
    for k in range(longitude.size):
        out[k] = height_at(heights, longitude[k], latitude[k])
    return out
