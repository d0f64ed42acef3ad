"""Polygons as flat arrays, for kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from s1card.parcels.lattice import Lattice
from s1card.parcels.records import Geometries

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings of many parcels in pixels of a lattice: a pixel spans from its column to its column + 1.

    Attributes:
        col, row: Vertices; the last of a ring is the first again.
        ring: First vertex of every ring, and one past the last.
        parcel: First ring of every parcel, and one past the last.
        is_hole: Whether a ring is a hole.
        is_clockwise: Whether a ring runs clockwise, seen on a map.
    """

    col: Floats
    row: Floats
    ring: Indices
    parcel: Indices
    is_hole: NDArray[np.bool_]
    is_clockwise: NDArray[np.bool_]

    def part(self, first: int, last: int) -> Rings:
        """Parcels ``first`` to ``last - 1``, with all vertices kept where they are."""
        return Rings(
            self.col, self.row, self.ring, self.parcel[first : last + 1], self.is_hole, self.is_clockwise
        )


def rings_of(geometries: Geometries, lattice: Lattice) -> Rings:
    """Rings of Polygons and MultiPolygons, in the coordinate system of a lattice."""
    if not len(geometries):
        none, start = np.zeros(0), np.zeros(1, np.int64)
        return Rings(none, none, start, start, np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    _, xy, offsets = shapely.to_ragged_array(geometries, include_z=False)
    ring, polygon = (np.asarray(o, np.int64) for o in offsets[:2])
    is_hole = np.ones(len(ring) - 1, np.bool_)
    is_hole[polygon[:-1]] = False
    parcel = polygon if len(offsets) < 3 else polygon[np.asarray(offsets[2], np.int64)]
    col, row = lattice.col(xy[:, 0]), lattice.row(xy[:, 1])
    return Rings(col, row, ring, parcel, is_hole, _doubled_areas(col, row, ring) > 0)


@njit(cache=True, nogil=True)
def _doubled_areas(col: Floats, row: Floats, ring: Indices) -> Floats:
    """Twice the areas of rings, positive where they run clockwise on the map (rows grow to the south)."""
    out = np.zeros(len(ring) - 1)
    for k in range(len(out)):
        first = ring[k]
        for i in range(first, ring[k + 1] - 1):
            out[k] += (col[i] - col[first]) * (row[i + 1] - row[first])
            out[k] -= (col[i + 1] - col[first]) * (row[i] - row[first])
    return out
