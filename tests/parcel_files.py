"""Parcels in files, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from s1card.parcels.records import ParcelSet

AMERSFOORT = "EPSG:28992"


def square(x: float, y: float, side: float = 100.0) -> shapely.Polygon:
    """A square whose lower left corner is at a place."""
    return shapely.box(x, y, x + side, y + side)


def squares(count: int, side: float = 100.0) -> list[shapely.Polygon]:
    """Squares in a row near the middle of the Netherlands, in EPSG:28992."""
    return [square(155_000 + 200 * k, 463_000, side) for k in range(count)]


def write_vector(
    path: Path,
    geometries: Sequence[shapely.Geometry | None],
    columns: Mapping[str, Any],
    *,
    crs: str | None = AMERSFOORT,
    geometry_type: str = "Unknown",
    **options: Any,
) -> Path:
    """Write a layer; the format follows the ending of the name."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = list(geometries)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(array),
        field_data=[np.asarray(values) for values in columns.values()],
        fields=list(columns),
        crs=crs,
        geometry_type=geometry_type,
        **options,
    )
    return path


def parcel_set(geometries: Sequence[shapely.Geometry], crs: str = AMERSFOORT) -> ParcelSet:
    """Parcels called p1, p2 ..."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = list(geometries)
    numbers = np.arange(1, len(array) + 1, dtype=np.int32)
    ids = np.array([f"p{k}" for k in numbers], dtype=object)
    return ParcelSet(numbers, ids, array, crs, {"crop": ids.copy()})
