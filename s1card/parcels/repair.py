"""From whatever a source holds to valid polygons, with a word about everything that was not one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import GeometryType, GEOSException
from shapely.geometry.base import BaseGeometry

from s1card.parcels.chunks import in_chunks, object_array
from s1card.parcels.records import Geometries

REPAIRED = "repaired geometry"
PARTLY_POLYGONAL = "geometry collection"
STILL_USED = frozenset({REPAIRED, PARTLY_POLYGONAL})
"""Reasons of features that are used nevertheless, as far as they are polygons."""

NO_GEOMETRY = "no geometry"
UNREADABLE = "unreadable geometry"
EMPTY = "empty geometry"
NOT_POLYGON = "not a polygon"
NOT_FINITE = "coordinates not finite"
NO_AREA = "no area"

_HAS_STRUCTURE_METHOD = tuple(int(part) for part in shapely.__version__.split(".")[:2]) >= (2, 1)

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Remark:
    """Something about one geometry: its position in the array, reason and detail as in `Skipped`."""

    position: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Polygons:
    """What could be made of geometries.

    Attributes:
        geometries: n, valid Polygons and MultiPolygons that are not empty; None where there is none.
        remarks: In the order of positions; two about one geometry are possible.
    """

    geometries: Geometries
    remarks: tuple[Remark, ...]


def usable_polygons(geometries: Geometries) -> Polygons:
    """Valid polygons, as they are where nothing is wrong with them.

    Geometry collections are reduced to their polygons; invalid polygons are repaired (shapely.make_valid with the
    structure method, which keeps what the rings enclose; only polygonal parts of the result); all else is left out.

    Args:
        geometries: n shapely geometries of any kind, or None.
    """
    found = geometries.copy()
    kind = shapely.get_type_id(found)
    remarks: list[Remark] = []

    empty = np.flatnonzero(shapely.is_empty(found))
    missing = np.flatnonzero(kind == GeometryType.MISSING)
    remarks += [Remark(int(k), NO_GEOMETRY) for k in missing]
    remarks += [Remark(int(k), EMPTY) for k in empty]
    found[empty] = None

    polygonal = np.isin(kind, (GeometryType.POLYGON, GeometryType.MULTIPOLYGON))
    collection = kind == GeometryType.GEOMETRYCOLLECTION
    present = ~shapely.is_missing(found)
    other = np.flatnonzero(present & ~polygonal & ~collection)
    remarks += [Remark(int(k), NOT_POLYGON, GeometryType(kind[k]).name.lower()) for k in other]
    found[other] = None

    remarks += _reduce_collections(found, np.flatnonzero(present & collection))
    remarks += _repair(found)
    remarks.sort(key=lambda remark: remark.position)
    return Polygons(found, tuple(remarks))


def polygonal_parts(geometries: Geometries) -> Geometries:
    """The polygons in geometries of any kind: a Polygon, a MultiPolygon, or None where there are none."""
    parts, owner = geometries, np.arange(len(geometries))
    while (shapely.get_type_id(parts) > GeometryType.POLYGON).any():  # multi-parts and collections
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    keep = (shapely.get_type_id(parts) == GeometryType.POLYGON) & ~shapely.is_empty(parts)
    parts, owner = parts[keep], owner[keep]
    count = np.bincount(owner, minlength=len(geometries))
    result = object_array(len(geometries))
    is_single = count[owner] == 1
    result[owner[is_single]] = parts[is_single]
    if not is_single.all():
        several, rank = np.unique(owner[~is_single], return_inverse=True)
        result[several] = shapely.multipolygons(parts[~is_single], indices=rank)
    return result


def _reduce_collections(found: Geometries, positions: Indices) -> list[Remark]:
    """Put the polygons of collections in their place."""
    if not len(positions):
        return []
    whole = found[positions]
    found[positions] = polygonal_parts(whole)
    remarks = []
    for k, before in zip(positions, whole, strict=True):
        if found[k] is None:
            remarks.append(Remark(int(k), NOT_POLYGON, f"collection of {_kinds(before.geoms)}"))
        else:
            remarks.append(Remark(int(k), PARTLY_POLYGONAL, f"polygons used of {_kinds(before.geoms)}"))
    return remarks


def _kinds(parts: Iterable[BaseGeometry]) -> str:
    """Numbers of parts by kind: ``2 Polygon, 1 Point``."""
    names = [part.geom_type for part in parts]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def _repair(found: Geometries) -> list[Remark]:
    """Put valid polygons in the place of invalid ones."""
    valid = np.concatenate([np.zeros(0, bool), *in_chunks(shapely.is_valid, found)])
    broken = np.flatnonzero(~valid & ~shapely.is_missing(found))
    remarks = []
    for k in broken:
        before = found[k]
        reason = shapely.is_valid_reason(before)
        if not np.isfinite(shapely.get_coordinates(before)).all():
            found[k] = None
            remarks.append(Remark(int(k), NOT_FINITE))
            continue
        found[k] = _made_valid(before)
        if found[k] is None:
            remarks.append(Remark(int(k), NO_AREA, reason))
        else:
            change = f"area {before.area:.6g} to {found[k].area:.6g} in the square of the source's unit"
            remarks.append(Remark(int(k), REPAIRED, f"{reason}; {change}"))
    return remarks


def _made_valid(geometry: BaseGeometry) -> BaseGeometry | None:
    """The polygons that an invalid polygon means; None if it encloses nothing."""
    try:
        if _HAS_STRUCTURE_METHOD:
            repaired = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        else:
            repaired = shapely.make_valid(geometry)
    except GEOSException:
        repaired = shapely.buffer(geometry, 0.0)
    (parts,) = polygonal_parts(np.array([repaired], dtype=object))
    result: BaseGeometry | None = parts if parts is not None and parts.area > 0 else None
    return result
