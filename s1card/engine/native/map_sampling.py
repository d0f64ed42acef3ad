"""Bands on a map, taken at the pixels of another map grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.resampling import NEAREST, reach, resample
from s1card.window import Window

Floats = NDArray[np.float64]

NEAR = 1e-6
"""Pixels: what lies nearer to the centre of a pixel lies on it, so that rounding of coordinates moves nothing."""


def map_grid_of(product: Product, operator: str) -> MapGrid:
    """The grid of a product on a map.

    Raises:
        GraphError: The product is in radar geometry.
    """
    if isinstance(product.grid, MapGrid):
        return product.grid
    raise GraphError(
        f"{operator} needs a product on a map, but its source is in radar geometry",
        subject=product.scene.name,
        advice="Place it after Terrain-Correction",
    )


@dataclass(frozen=True, eq=False)
class Place:
    """Where the pixels of one grid lie in another one."""

    source: MapGrid
    target: MapGrid

    def locate(self, window: Window) -> tuple[Floats, Floats]:
        """Row and column in the source of the pixels of a window; NaN where they are not on the source.

        What lies on the source, but beyond the centres of its outermost pixels, gets the place of those.
        """
        line, pixel = self._in_pixels(*self._on_source(window))
        line, pixel = _within(line, self.source.rows), _within(pixel, self.source.cols)
        lost = np.isnan(line) | np.isnan(pixel)
        line[lost] = pixel[lost] = np.nan
        return line, pixel

    def needed(self, line: Floats, pixel: Floats, margin: int) -> Window:
        """The part of the source that some places need."""
        if not np.isfinite(line).any():
            return Window(0, 0, 0, 0)
        row, col = math.floor(np.nanmin(line)), math.floor(np.nanmin(pixel))
        row_end, col_end = math.ceil(np.nanmax(line)) + 1, math.ceil(np.nanmax(pixel)) + 1
        wanted = Window(row, col, row_end - row, col_end - col)
        return wanted.grown(margin).intersection(self.source.window)

    @cached_property
    def _is_one_map(self) -> bool:
        return self.source.crs == self.target.crs or self.source.pyproj_crs == self.target.pyproj_crs

    def _on_source(self, window: Window) -> tuple[Floats, Floats]:
        """Map coordinates, on the map of the source, of the pixels of a window."""
        row, col = np.mgrid[window.row : window.row_end, window.col : window.col_end].astype(np.float64)
        x, y = self.target.x(col), self.target.y(row)
        if self._is_one_map:
            return x, y
        to_source = Transformer.from_crs(self.target.crs, self.source.crs, always_xy=True)
        x, y = to_source.transform(x, y)
        return np.asarray(x), np.asarray(y)

    def _in_pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        line = (self.source.top - y) / self.source.spacing_y - 0.5
        pixel = (x - self.source.left) / self.source.spacing_x - 0.5
        return _on_centres(line), _on_centres(pixel)


def _on_centres(place: Floats) -> Floats:
    centre = np.rint(place)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(place - centre) < NEAR, centre, place)


def _within(place: Floats, size: int) -> Floats:
    """Places between the centres of the outermost pixels; NaN beyond their edges."""
    with np.errstate(invalid="ignore"):
        inside = (place >= -0.5) & (place < size - 0.5)
    return np.where(inside, np.clip(place, 0.0, size - 1.0), np.nan)


def moved(band: Band, place: Place, taps: int) -> Band:
    """A band at the pixels of another grid.

    Args:
        band: On the source of ``place``.
        place: Both grids.
        taps: Kernel as in `s1card.geometry.resampling.METHODS`. The nearest sample keeps its type, all others give
            float32.
    """
    if taps != NEAREST:
        return replace(band, read=partial(_smooth, band, place, taps), dtype="float32", nodata=np.nan)
    nodata = blank_of(band)
    return replace(band, read=partial(_nearest, band, place, nodata), nodata=nodata)


def blank_of(band: Band) -> float:
    """The value that a band has where there is no data: NaN or what it was; 0 in whole numbers that had none."""
    is_float = band.dtype.startswith("float")
    if band.nodata is None or (math.isnan(band.nodata) and not is_float):
        return math.nan if is_float else 0
    return band.nodata


def held_samples(raw: NDArray[Any], nodata: float | None, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Samples in a floating-point type, NaN where there is no data."""
    samples = raw.astype(dtype)
    if nodata is not None and not math.isnan(nodata):
        samples[raw == nodata] = np.nan
    return samples


def _nearest(band: Band, place: Place, nodata: float, window: Window) -> NDArray[Any]:
    line, pixel = place.locate(window)
    part = place.needed(line, pixel, 1)
    out = np.full(window.shape, nodata, band.dtype)
    if part.is_empty:
        return out
    row, col = np.floor(line + 0.5) - part.row, np.floor(pixel + 0.5) - part.col
    inside = np.isfinite(row)
    out[inside] = band.read(part)[row[inside].astype(np.int64), col[inside].astype(np.int64)]
    return out


def _smooth(band: Band, place: Place, taps: int, window: Window) -> NDArray[Any]:
    line, pixel = place.locate(window)
    part = place.needed(line, pixel, reach(taps))
    if part.is_empty:
        return np.full(window.shape, np.nan, np.float32)
    samples = held_samples(band.read(part), band.nodata, np.float32)
    return resample(samples, line, pixel, taps, (part.row, part.col))
