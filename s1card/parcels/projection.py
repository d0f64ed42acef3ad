"""Parcels on the map of a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from s1card.errors import UsageError
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS
from s1card.parcels.areas import ground_areas
from s1card.parcels.chunks import in_chunks
from s1card.parcels.records import Geometries, ParcelSet, Skipped
from s1card.parcels.reference_system import Transformation, horizontal_system, is_same_system, unit

NOT_PLACED = "outside the map projection"
DISTORTED = "area not kept by the transformation"
VANISHED = "vanishes by the inward buffer"

LONGEST_EDGE = 250.0
"""m: an edge that is straight on one map bends on another; at 80 degrees north by up to 0.007 m over this length."""

AREA_TOLERANCE = 1e-3
"""Share of its area on the ground by which a parcel may differ after the transformation."""

_ARC = 8
"""Edges of a quarter circle about an inward corner: 0.05 m off it at a distance of 10 m."""


Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class ProjectedParcels:
    """Parcels in the coordinates of a grid, in the order of their set.

    Attributes:
        pid: n numbers, int32.
        geometries: n polygons and multipolygons, not empty. Rings keep their direction and the order of vertices.
        crs: Coordinate reference system of the grid.
        skipped: Parcels that have no place there, with reasons.
        skipped_pid: Their numbers, in the same order.
        operation: How coordinates came there, in PROJ's words; empty if they were there.
        accuracy: Of the operation, m; None if PROJ does not know.
    """

    pid: NDArray[np.int32]
    geometries: Geometries
    crs: str
    skipped: tuple[Skipped, ...]
    skipped_pid: NDArray[np.int32]
    operation: str = ""
    accuracy: float | None = 0.0

    def __len__(self) -> int:
        return len(self.pid)


def project_parcels(
    parcels: ParcelSet, crs: str, *, buffer: float = 0.0, bounds: Bounds | None = None
) -> ProjectedParcels:
    """Bring parcels into the coordinate reference system of a grid. If they are in it, no bit changes.

    Edges longer than `LONGEST_EDGE` get vertices between their ends before, so that they stay where they are.

    Args:
        parcels: Valid polygons.
        crs: Coordinate reference system of the grid.
        buffer: Width of a strip along the edges that is left away, m on the map, so that mixed pixels do not count.
        bounds: Left, bottom, right, top of the area for which the best operation is taken, in the coordinates of the
            parcels; by default theirs. Portions of a set are told those of the set, to be treated alike.

    Raises:
        UsageError: The buffer is negative, or the grid is in degrees and the buffer is not 0.
        DataError: There is no way from the system of the parcels to that of the grid.
    """
    source, target = horizontal_system(parcels.crs), horizontal_system(crs)
    if buffer < 0:
        raise UsageError(f"the inward buffer is negative: {buffer:g} m", advice="Give it as a positive width")
    if buffer and target.is_geographic:
        raise UsageError(
            "an inward buffer in metres needs a grid in metres",
            subject=target.name,
            advice="Use cards on a projected grid, such as UTM, or no buffer",
        )
    reasons = np.full(len(parcels), "", dtype=object)
    geometries = parcels.geometries
    operation: str = ""
    accuracy: float | None = 0.0
    if len(parcels) and not is_same_system(source, target):
        left, bottom, right, top = shapely.total_bounds(geometries) if bounds is None else bounds
        transformer = Transformation(source, target, (left, bottom, right, top))
        operation, accuracy = transformer.description, transformer.accuracy
        geometries = _transformed(geometries, source, transformer)
        _note_misplaced(reasons, parcels.geometries, source, geometries, target)
    if buffer:
        kept = reasons == ""
        geometries = geometries.copy()
        _shrink(geometries, np.flatnonzero(kept), buffer / unit(target))
        reasons[kept & shapely.is_empty(geometries)] = VANISHED
    kept = reasons == ""
    return ProjectedParcels(
        parcels.pid[kept],
        geometries[kept],
        crs,
        tuple(Skipped(parcels.ids[k], reasons[k]) for k in np.flatnonzero(~kept)),
        parcels.pid[~kept],
        operation,
        accuracy,
    )


def _transformed(geometries: Geometries, source: CRS, transformer: Transformation) -> Geometries:
    longest = LONGEST_EDGE / (SEMI_MAJOR_AXIS if source.is_geographic else 1.0) / unit(source)

    def move(some: Geometries) -> Geometries:
        return np.asarray(shapely.transform(_densified(some, longest), transformer))

    return np.concatenate(in_chunks(move, geometries))


def _densified(geometries: Geometries, longest: float) -> Geometries:
    """Geometries without edges longer than that; those that have none come back themselves."""
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    # From the end of a ring to the start of the next is no edge, but counting it does no harm.
    is_long = np.square(np.diff(coordinates, axis=0)).sum(axis=1) > longest**2
    affected = np.unique(owner[1:][is_long & (owner[1:] == owner[:-1])])
    if not len(affected):
        return geometries
    result = geometries.copy()
    result[affected] = shapely.segmentize(geometries[affected], longest)
    return result


def _note_misplaced(
    reasons: NDArray[np.object_], before: Geometries, source: CRS, after: Geometries, target: CRS
) -> None:
    """Write down which parcels have no place on the new map, or another size."""
    placed = np.concatenate(in_chunks(_is_finite, after))
    reasons[~placed] = NOT_PLACED
    if placed.any():
        ratio = ground_areas(after[placed], target) / ground_areas(before[placed], source)
        reasons[np.flatnonzero(placed)[~(np.abs(ratio - 1.0) <= AREA_TOLERANCE)]] = DISTORTED


def _is_finite(geometries: Geometries) -> NDArray[np.bool_]:
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    result = np.ones(len(geometries), bool)
    result[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return result


def _shrink(geometries: Geometries, positions: NDArray[np.int64], width: float) -> None:
    """Take a strip off some geometries, in place, so that not all exist twice."""

    def shrink(some: NDArray[np.int64]) -> None:
        geometries[some] = shapely.buffer(geometries[some], -width, quad_segs=_ARC)

    in_chunks(shrink, positions)
