"""Outlines of rasters on the globe."""

from __future__ import annotations

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from s1card.card.footprint import to_globe
from s1card.geometry.map_grid import MapGrid


def grid_footprint(grid: MapGrid) -> BaseGeometry:
    """The whole raster, with its margins without data: longitude and latitude."""
    return to_globe(box(*grid.bounds), grid.crs).geometry
