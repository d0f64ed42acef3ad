"""How far one product is moved against another one on a lattice that both share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import GroundRange, RadarGrid, SlantRange
from s1card.scene.time import seconds_since
from s1card.window import Window

TOLERANCE = 0.01
"""Samples by which lattices may differ anywhere and still count as one."""

Fractional = tuple[float, float]


@dataclass(frozen=True)
class Offset:
    """Row and column of the reference that sample (0, 0) of a product lies on."""

    rows: int
    cols: int

    def window(self, product: Product) -> Window:
        """Where the product lies on the reference."""
        return Window(self.rows, self.cols, *product.shape)


def offset_between(product: Product, reference: Product) -> Offset:
    """The whole number of samples between two products.

    Raises:
        GraphError: Their samples do not lie on one lattice.
    """
    found = _fractional(product.grid, reference.grid)
    if found is None or max(abs(v - round(v)) for v in found) > TOLERANCE:
        raise GraphError(
            "the samples of the products do not lie on one lattice",
            subject=f"{reference.name}, {product.name}",
            advice="Bring them there first: Terrain-Correction with alignToStandardGrid, or Back-Geocoding",
        )
    return Offset(round(found[0]), round(found[1]))


def _fractional(grid: RadarGrid | MapGrid, reference: RadarGrid | MapGrid) -> Fractional | None:
    """Rows and columns between two grids; None where they have no lattice in common."""
    if isinstance(grid, MapGrid) and isinstance(reference, MapGrid):
        return _on_the_map(grid, reference)
    if isinstance(grid, RadarGrid) and isinstance(reference, RadarGrid):
        return _in_the_image(grid, reference)
    return None


def _on_the_map(grid: MapGrid, reference: MapGrid) -> Fractional | None:
    same = _same_step(grid.spacing_y, reference.spacing_y, max(grid.rows, reference.rows))
    same &= _same_step(grid.spacing_x, reference.spacing_x, max(grid.cols, reference.cols))
    if not (same and grid.pyproj_crs.equals(reference.pyproj_crs)):
        return None
    return (
        (reference.top - grid.top) / reference.spacing_y,
        (grid.left - reference.left) / reference.spacing_x,
    )


def _in_the_image(grid: RadarGrid, reference: RadarGrid) -> Fractional | None:
    across = _across(grid, reference)
    if across is None or not _same_step(
        grid.line_interval, reference.line_interval, max(grid.lines, reference.lines)
    ):
        return None
    start = grid.first_azimuth_time + float(seconds_since(grid.epoch, reference.epoch))
    return (start - reference.first_azimuth_time) / reference.line_interval, across


def _across(grid: RadarGrid, reference: RadarGrid) -> float | None:
    axis, other = grid.range_axis, reference.range_axis
    if not _same_step(axis.spacing, other.spacing, max(grid.pixels, reference.pixels)):
        return None
    if isinstance(axis, SlantRange) and isinstance(other, SlantRange):
        return (axis.near - other.near) / other.spacing
    if isinstance(axis, GroundRange) and isinstance(other, GroundRange):
        delay = float(seconds_since(grid.epoch, reference.epoch))
        same = axis.coefficients.shape == other.coefficients.shape
        same = same and np.allclose(axis.time + delay, other.time, rtol=0.0, atol=1e-6)
        same = same and np.array_equal(axis.coefficients, other.coefficients)
        if same and np.array_equal(axis.origin, other.origin):
            return (axis.first - other.first) / other.spacing
    return None


def _same_step(step: float, other: float, size: int) -> bool:
    return abs(step / other - 1.0) * size <= TOLERANCE
