"""Elevation tiles brought to one lattice.

A folder may hold tiles of different spacing: GLO-30 widens its columns towards the poles, and a country
missing from GLO-30 may be filled with GLO-90. Tiles of one spacing form a layer; the finest layer gives the
lattice, the coarser ones are interpolated linearly onto it, each coarse cell reaching to the first sample of
its neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.dem_tiles import Tile, TileReader
from s1card.geometry.dem_window import sample_bilinear
from s1card.window import Window


@dataclass(frozen=True)
class Lattice:
    """Sample (r, c) lies at ``x0 + c * dx``, ``y0 - r * dy``; rows and columns may be any integers.

    Attributes:
        x0, y0: Position of sample (0, 0): within one spacing of a fixed point of the CRS (the north-west
            corner of the world for geographic coordinates, else the origin), whatever the tiles.
        dx, dy: Spacing, both positive.
        ring: Number of columns around the Earth; 0 if there is no such number.
    """

    x0: float
    y0: float
    dx: float
    dy: float
    ring: int

    @classmethod
    def through(cls, x: float, y: float, dx: float, dy: float, *, geographic: bool) -> Lattice:
        """The lattice that has a sample at (x, y)."""
        anchor_x, anchor_y = (-180.0, 90.0) if geographic else (0.0, 0.0)
        columns = 360.0 / dx if geographic else 0.5
        ring = round(columns) if abs(columns - round(columns)) < 1e-3 else 0
        if ring:
            dx = 360.0 / ring
        if geographic and abs(180.0 / dy - round(180.0 / dy)) < 1e-3:
            dy = 180.0 / round(180.0 / dy)
        return cls(anchor_x + _phase(x - anchor_x, dx), anchor_y - _phase(anchor_y - y, dy), dx, dy, ring)

    def same_as(self, other: Lattice) -> bool:
        """Whether both have the same samples, to a thousandth of the spacing."""
        tolerance_x, tolerance_y = 1e-3 * self.dx, 1e-3 * self.dy
        return (
            abs(self.dx - other.dx) < 1e-7 * self.dx
            and abs(self.dy - other.dy) < 1e-7 * self.dy
            and abs(_signed_phase(self.x0 - other.x0, self.dx)) < tolerance_x
            and abs(_signed_phase(self.y0 - other.y0, self.dy)) < tolerance_y
        )

    def rows_in(self, other: Lattice, window: Window) -> NDArray[np.float64]:
        """Fractional rows in ``other`` of this lattice's rows of a window."""
        y = self.y0 - np.arange(window.row, window.row_end) * self.dy
        return _snapped((other.y0 - y) / other.dy)

    def cols_in(self, other: Lattice, window: Window) -> NDArray[np.float64]:
        """Fractional columns in ``other`` of this lattice's columns of a window."""
        x = self.x0 + np.arange(window.col, window.col_end) * self.dx
        return _snapped((x - other.x0) / other.dx)


def _phase(distance: float, spacing: float) -> float:
    """Remainder in [0, spacing), of which the common cases 0 and one half are made exact."""
    parts = _signed_phase(distance, spacing) / spacing
    if abs(parts * 2.0 - round(parts * 2.0)) < 2e-3:
        parts = abs(round(parts * 2.0) / 2.0)
    return (parts % 1.0) * spacing


def _signed_phase(distance: float, spacing: float) -> float:
    """Distance from the nearest multiple of the spacing."""
    return distance - round(distance / spacing) * spacing


def _snapped(position: NDArray[np.floating]) -> NDArray[np.float64]:
    """Positions, those within 1e-6 of a sample moved onto it."""
    nearest = np.round(position)
    return np.where(np.abs(position - nearest) < 1e-6, nearest, position).astype(np.float64)


@dataclass(frozen=True)
class Layer:
    """Tiles that share a lattice, each with its place on it."""

    lattice: Lattice
    tiles: tuple[tuple[Tile, Window], ...]

    def read(self, window: Window, reader: TileReader) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Heights of a window, and where there is a tile at all.

        Where tiles overlap, the first that has a height gives it.
        """
        height = np.full(window.shape, np.nan, np.float32)
        covered = np.zeros(window.shape, np.bool_)
        for tile, place in self._touching(window):
            part = place.intersection(window)
            target = part.slices_in(window)
            values = reader.read(tile, part.moved(-place.row, -place.col))
            height[target] = np.where(np.isnan(height[target]), values, height[target])
            covered[target] = True
        return height, covered

    def touches(self, window: Window) -> bool:
        """Whether a tile reaches into a window."""
        return any(True for _ in self._touching(window))

    def _touching(self, window: Window) -> Iterator[tuple[Tile, Window]]:
        """Tiles that reach into a window, wherever on the turn of the Earth they are said to lie."""
        turns = (0, self.lattice.ring, -self.lattice.ring) if self.lattice.ring else (0,)
        for tile, place in self.tiles:
            for turn in turns:
                moved = place.moved(0, turn)
                if not moved.intersection(window).is_empty:
                    yield tile, moved


def make_layers(tiles: Iterable[Tile], *, geographic: bool) -> list[Layer]:
    """Tiles grouped by their lattice, the finest first."""
    groups: list[tuple[Lattice, list[tuple[Tile, Window]]]] = []
    for tile in tiles:
        lattice = Lattice.through(tile.x0, tile.y0, tile.dx, tile.dy, geographic=geographic)
        group = next((g for g in groups if g[0].same_as(lattice)), None)
        if group is None:
            group = lattice, []
            groups.append(group)
        row = round((group[0].y0 - tile.y0) / group[0].dy)
        col = round((tile.x0 - group[0].x0) / group[0].dx)
        group[1].append((tile, Window(row, col, tile.rows, tile.cols)))
    groups.sort(key=lambda g: (round(g[0].dy, 12), round(g[0].dx, 12)))
    return [Layer(lattice, tuple(members)) for lattice, members in groups]


class Mosaic:
    """Layers brought to one lattice, which has the finest spacing of each direction.

    Args:
        layers: As ``make_layers`` gives them, at least one.
    """

    def __init__(self, layers: list[Layer]) -> None:
        finest = layers[0].lattice
        narrowest = min((layer.lattice for layer in layers), key=lambda lattice: lattice.dx)
        self.lattice = replace(finest, x0=narrowest.x0, dx=narrowest.dx, ring=narrowest.ring)
        self.layers = layers
        self._reader = TileReader()
        self._pad = sum(self._reach(layer) for layer in layers if layer.lattice != self.lattice)

    def read(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Heights of a window of the lattice, float32, NaN where no tile has one; and where there is a tile.

        Raises:
            DemError: If a tile cannot be read.
        """
        # A coarse cell at the edge of its tile takes its far corner from the finer tile beyond: read wider.
        wide = window.grown(self._pad)
        touching = [layer for layer in self.layers if layer.touches(self._in_layer(layer, wide))]
        if all(layer.lattice == self.lattice for layer in touching):
            return self.layers[0].read(window, self._reader)
        height = np.full(wide.shape, np.nan, np.float32)
        covered = np.zeros(wide.shape, np.bool_)
        for layer in touching:
            self._add(layer, wide, height, covered)
        inner = window.slices_in(wide)
        return np.ascontiguousarray(height[inner]), np.ascontiguousarray(covered[inner])

    def close(self) -> None:
        """Close every file."""
        self._reader.close()

    def _reach(self, layer: Layer) -> int:
        """Samples of the lattice that a cell of a layer spans, and one more."""
        return 1 + math.ceil(max(layer.lattice.dx / self.lattice.dx, layer.lattice.dy / self.lattice.dy))

    def _in_layer(self, layer: Layer, window: Window) -> Window:
        """Samples of a layer that a window of the lattice draws upon."""
        if layer.lattice == self.lattice:
            return window
        row = self.lattice.rows_in(layer.lattice, window)[[0, -1]]
        col = self.lattice.cols_in(layer.lattice, window)[[0, -1]]
        top, left = math.floor(row[0]), math.floor(col[0])
        return Window(top, left, math.floor(row[1]) - top + 2, math.floor(col[1]) - left + 2)

    def _add(
        self, layer: Layer, window: Window, height: NDArray[np.float32], covered: NDArray[np.bool_]
    ) -> None:
        """Write a layer's heights where finer layers left none."""
        source = self._in_layer(layer, window)
        values, own = layer.read(source, self._reader)
        if not own.any():
            return
        usable = _borrow(
            values,
            own,
            height,
            layer.lattice.rows_in(self.lattice, source) - window.row,
            layer.lattice.cols_in(self.lattice, source) - window.col,
        )
        _interpolate(
            height,
            covered,
            values,
            own,
            usable,
            self.lattice.rows_in(layer.lattice, window) - source.row,
            self.lattice.cols_in(layer.lattice, window) - source.col,
        )


@njit(cache=True, nogil=True)
def _borrow(
    values: NDArray[np.float32],
    own: NDArray[np.bool_],
    height: NDArray[np.float32],
    row: NDArray[np.float64],
    col: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Fill coarse samples outside their layer from the finer heights, and say which are usable.

    Args:
        values: Coarse samples, changed in place.
        own: Where the coarse layer has a tile.
        height: Finer heights.
        row, col: Fractional positions of the coarse samples in ``height``.

    Returns:
        True where a coarse sample is of its own tile or borrowed.
    """
    usable = own.copy()
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if not own[i, j]:
                values[i, j] = sample_bilinear(height, row[i], col[j])
                usable[i, j] = not np.isnan(values[i, j])
    return usable


@njit(cache=True, nogil=True)
def _interpolate(
    height: NDArray[np.float32],
    covered: NDArray[np.bool_],
    values: NDArray[np.float32],
    own: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    row: NDArray[np.float64],
    col: NDArray[np.float64],
) -> None:
    """Bilinear interpolation of coarse samples into the gaps of finer heights.

    A cell counts where one of its own samples takes part; towards nothing its last sample is held.
    """
    for i in range(height.shape[0]):
        m = math.floor(row[i])
        v = row[i] - m
        for j in range(height.shape[1]):
            n = math.floor(col[j])
            u = col[j] - n
            total = 0.0
            weights = 0.0
            ours = False
            for p in range(2):
                for q in range(2):
                    weight = (v if p else 1.0 - v) * (u if q else 1.0 - u)
                    if weight > 0.0 and usable[m + p, n + q]:
                        weights += weight
                        total += weight * values[m + p, n + q]
                        ours = ours or own[m + p, n + q]
            if ours:
                covered[i, j] = True
                if np.isnan(height[i, j]):
                    height[i, j] = total / weights
