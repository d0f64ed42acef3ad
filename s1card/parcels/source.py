"""Parcels as their owner keeps them: a vector file, GeoParquet, or a PostGIS table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from s1card.errors import DataError
from s1card.parcels.columns import attribute
from s1card.parcels.features import Features
from s1card.parcels.identifiers import choose_id_column, distinct_ids
from s1card.parcels.records import Geometries, ParcelSet, Skipped
from s1card.parcels.reference_system import horizontal_system, require_place, system_text
from s1card.parcels.repair import NO_GEOMETRY, UNREADABLE, Remark, usable_polygons

_PARQUET = (".parquet", ".geoparquet", ".pq")
_POSTGRESQL = ("postgresql://", "postgres://")


@dataclass(frozen=True, eq=False)
class ParcelReading:
    """What a source of parcels holds.

    Attributes:
        parcels: The parcels that can be used.
        skipped: Features that cannot, and those that are used after a repair (`s1card.parcels.repair.STILL_USED`), in
            the order of the source.
        remarks: What the reader of the format had to say.
    """

    parcels: ParcelSet
    skipped: tuple[Skipped, ...]
    remarks: tuple[str, ...] = ()


def read_parcels(
    location: str, *, id_column: str | None = None, layer: str | None = None, crs: str | None = None
) -> ParcelReading:
    """Read parcels, all of them, in the order of the source (of the primary key if it is a table in a database).

    Args:
        location: A path that GDAL reads (also zipped), a GeoParquet file or folder of such, or
            ``postgresql://user@host/database?schema=S&table=T`` (``table=S.T`` is the same).
        id_column: Column of ids; ``fid`` is the source's number of the feature where no column is called so. None
            takes the first of `s1card.parcels.identifiers.GUESSES` that exists.
        layer: Layer of a file, or geometry column of a table, where there are several.
        crs: Coordinate reference system of the coordinates, whatever the source states; None to believe it.

    Raises:
        UsageError: There is no such column, layer or table, it has to be named, or a package is missing.
        DataError: The source is missing or damaged, holds no polygon, has no usable coordinate reference system, or ids
            that are missing or not distinct.
        NetworkError: The database does not answer.
    """
    features = _read(location, layer)
    subject = _subject(location)
    if not len(features):
        raise DataError("it holds no feature", subject=subject)
    stated = crs or features.crs
    if stated is None:
        raise DataError(
            "it does not state its coordinate reference system",
            subject=subject,
            advice="State it with --parcels-crs, such as EPSG:28992",
        )
    system = horizontal_system(stated)
    polygons = usable_polygons(features.geometries)
    used = ~shapely.is_missing(polygons.geometries)
    name, values = choose_id_column(features, id_column, subject)
    ids = distinct_ids(values, used, name, subject)
    skipped = _skipped(polygons.remarks, features, ids)
    if not used.any():
        reasons = ", ".join(dict.fromkeys(one.reason for one in skipped))
        raise DataError(f"none of its {len(features)} features can be used: {reasons}", subject=subject)
    geometries = polygons.geometries[used]
    require_place(geometries, system, subject)
    parcels = ParcelSet(
        pid=(np.flatnonzero(used) + 1).astype(np.int32),
        ids=ids[used],
        geometries=geometries,
        crs=system_text(system),
        attributes={
            column: attribute(values[used]) for column, values in features.columns.items() if column != name
        },
        id_column=name,
    )
    return ParcelReading(parcels, skipped, tuple(features.remarks))


def _read(location: str, layer: str | None) -> Features:
    if location.startswith(_POSTGRESQL):
        from s1card.parcels.postgis_table import read_table  # noqa: PLC0415 - needs psycopg

        return read_table(location, layer)
    path = Path(location)
    if location.lower().endswith(_PARQUET) or (path.is_dir() and any(path.glob("*.parquet"))):
        from s1card.parcels.geoparquet import read_geoparquet  # noqa: PLC0415 - needs pyarrow

        return read_geoparquet(location)
    from s1card.parcels.vector import read_vector  # noqa: PLC0415 - GDAL takes long to load

    return read_vector(location, layer)


def _subject(location: str) -> str:
    """How messages call a source: its name; an address in a database without user and password."""
    if location.startswith(_POSTGRESQL):
        scheme, _, rest = location.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"
    return Path(location).name or location


def _skipped(remarks: Sequence[Remark], features: Features, ids: Geometries) -> tuple[Skipped, ...]:
    """Remarks with the ids of parcels; a feature without id goes by its position in the source, from 1."""
    found = []
    for remark in remarks:
        k = remark.position
        is_unreadable = remark.reason == NO_GEOMETRY and features.unreadable[k]
        found.append(
            Skipped(
                str(k + 1) if ids[k] is None else ids[k],
                UNREADABLE if is_unreadable else remark.reason,
                remark.detail,
            )
        )
    return tuple(found)
