"""Parcels in the server store: the original's table, with their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from psycopg import sql
from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.errors import UsageError
from s1card.parcels.records import ParcelSet
from s1card.store.base import Peer
from s1card.store.database import Connection
from s1card.store.lease import as_json

MINIMUM_PEER_AREA = 3000.0
"""m2, as the original."""

_OWN = ("ogc_fid", "id", "wkb_geometry")
_NAME_BYTES = 63  # of an identifier in PostgreSQL
_FIRST_SRID, _LAST_SRID = 910_000, 998_999  # of systems without a code: PostGIS leaves these to its users


@dataclass(frozen=True)
class Column:
    """An attribute of parcels.

    Attributes:
        name: What the owner calls it.
        column: Its name in the table: the same, unless the table has that name already or cannot have it.
        dtype: NumPy's name of its type.
    """

    name: str
    column: str
    dtype: str


@dataclass(frozen=True)
class ParcelTable:
    """What the store notes of its parcels besides their table."""

    digest: str
    count: int
    crs: str
    srid: int
    id_column: str
    columns: tuple[Column, ...]


def read_description(connection: Connection) -> ParcelTable | None:
    """What the store notes of its parcels; None if it has none."""
    row = connection.execute("SELECT value FROM s1card_store WHERE key = 'parcels'").fetchone()
    if row is None:
        return None
    value = dict(row[0])
    columns = tuple(Column(**column) for column in value.pop("columns"))
    return ParcelTable(**value, columns=columns)


def put_parcels(connection: Connection, parcels: ParcelSet) -> None:
    """Make the table of parcels; harmless if it holds the same ones.

    Raises:
        UsageError: The store has other parcels, or the parcels' coordinate system cannot be brought in.
    """
    connection.execute(
        "LOCK TABLE s1card_store IN SHARE ROW EXCLUSIVE MODE"
    )  # two that put parcels: one after the other
    known = read_description(connection)
    if known is not None:
        if known.digest != parcels.digest:
            raise UsageError(
                f"the store holds other parcels ({known.count:,}, {known.crs})",
                advice="Use another store or schema for these",
            )
        return
    srid = _srid(connection, parcels.crs)
    columns = _columns(parcels.attributes)
    _create(connection, columns, srid)
    _copy(connection, parcels, columns, srid)
    connection.execute("CREATE INDEX parcels_wkb_geometry_geom_idx ON parcels USING gist (wkb_geometry)")
    connection.execute("ANALYZE parcels")
    value = {
        "digest": parcels.digest,
        "count": len(parcels),
        "crs": parcels.crs,
        "srid": srid,
        "id_column": parcels.id_column,
        "columns": [vars(column) for column in columns],
    }
    connection.execute("INSERT INTO s1card_store VALUES ('parcels', %s)", (as_json(value),))


def get_parcels(connection: Connection) -> ParcelSet:
    """The parcels as they were put.

    Raises:
        UsageError: There are none.
    """
    table = require_parcels(connection)
    names = [sql.Identifier(column.column) for column in table.columns]
    fields = sql.SQL(", ").join([sql.SQL("ogc_fid, id, ST_AsBinary(wkb_geometry)"), *names])
    query = sql.SQL("SELECT {} FROM parcels ORDER BY position").format(fields)
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query).fetchall()
    pid, ids, wkb, *attributes = zip(*rows, strict=True) if rows else [()] * (3 + len(names))
    return ParcelSet(
        pid=np.array(pid, np.int32),
        ids=np.array(ids, object),
        geometries=np.array(shapely.from_wkb(np.array(wkb, object)), object),
        crs=table.crs,
        attributes={
            column.name: _array(values, column.dtype)
            for column, values in zip(table.columns, attributes, strict=True)
        },
        id_column=table.id_column,
    )


def require_parcels(connection: Connection) -> ParcelTable:
    """What the store notes of its parcels.

    Raises:
        UsageError: It has none.
    """
    table = read_description(connection)
    if table is None:
        raise UsageError("the store has no parcels", advice="Put them in with the first extraction")
    return table


def parcel_number(connection: Connection, parcel: str) -> int:
    """The number of the parcel that its owner calls so.

    Raises:
        UsageError: There is none.
    """
    require_parcels(connection)
    row = connection.execute("SELECT ogc_fid FROM parcels WHERE id = %s", (parcel,)).fetchone()
    if row is None:
        raise UsageError(
            f"no parcel is called {parcel!r}",
            advice="Ids are exact text: 0042 is not 42; table parcels, column id, lists them",
        )
    return int(row[0])


_PEERS = """
WITH own AS MATERIALIZED (
    SELECT wkb_geometry AS shape, ST_Transform(wkb_geometry, 4326)::geography AS place, {value} AS value
    FROM parcels WHERE ogc_fid = %(pid)s
), near AS MATERIALIZED (
    SELECT ogc_fid, id, ST_Transform(wkb_geometry, 4326)::geography AS place FROM parcels
    WHERE wkb_geometry && (SELECT {zone} FROM own) AND ogc_fid <> %(pid)s {same}
), measured AS MATERIALIZED (
    SELECT n.id, n.ogc_fid, ST_Distance(n.place, own.place) AS distance, ST_Area(n.place) AS area FROM near n, own
)
SELECT id, ogc_fid, distance FROM measured WHERE distance <= %(distance)s AND area >= %(area)s
ORDER BY distance, ogc_fid LIMIT %(limit)s
"""
"""Neighbours through the index, in the parcels' own coordinates; distances and areas of these on the ellipsoid."""


def find_peers(
    connection: Connection, parcel: str, *, distance: float, limit: int, column: str
) -> list[Peer]:
    """Parcels within a distance; see `s1card.store.base.Store.peers`."""
    table = require_parcels(connection)
    same: sql.Composable = sql.SQL("")
    value: sql.Composable = sql.SQL("NULL::integer")
    if column:
        value = sql.Identifier(_column(table, column))
        same = sql.SQL("AND {} = (SELECT value FROM own)").format(value)
    query = sql.SQL(_PEERS).format(value=value, same=same, zone=_zone(table.srid))
    values = {
        "pid": parcel_number(connection, parcel),
        "distance": distance,
        "area": MINIMUM_PEER_AREA,
        "limit": limit,
    }
    return [Peer(*row) for row in connection.execute(query, values)]


def _zone(srid: int) -> sql.Composed:
    """A box around the own parcel that holds everything within the distance, in the parcels' coordinates."""
    return sql.SQL(
        "ST_Transform(ST_Envelope(ST_Buffer(place, %(distance)s * 1.05 + 1)::geometry), {})"
    ).format(sql.Literal(srid))


def _column(table: ParcelTable, name: str) -> str:
    for column in table.columns:
        if column.name == name:
            return column.column
    names = ", ".join(column.name for column in table.columns) or "none"
    raise UsageError(f"parcels have no attribute {name!r}", advice=f"They have: {names}")


def _srid(connection: Connection, crs: str) -> int:
    """Number of a coordinate system in ``spatial_ref_sys``; it is entered there if it is missing."""
    try:
        system = CRS.from_user_input(crs)
    except CRSError as error:
        raise UsageError(f"the parcels' coordinate system is unknown: {crs[:80]}") from error
    epsg = system.to_epsg(min_confidence=100)
    if epsg is not None:
        row = connection.execute("SELECT srid FROM spatial_ref_sys WHERE srid = %s", (epsg,)).fetchone()
        return int(row[0]) if row else _enter(connection, system, epsg, "EPSG")
    authority = system.to_authority(min_confidence=100)
    query = "SELECT srid FROM spatial_ref_sys WHERE auth_name = %s AND auth_srid::text = %s OR srtext = %s"
    row = connection.execute(query, (*(authority or ("", "")), system.to_wkt("WKT1_GDAL"))).fetchone()
    if row:
        return int(row[0])
    next_free = "SELECT coalesce(max(srid) + 1, %s) FROM spatial_ref_sys WHERE srid BETWEEN %s AND %s"
    free = connection.execute(next_free, (_FIRST_SRID, _FIRST_SRID, _LAST_SRID)).fetchone()
    assert free is not None
    return _enter(connection, system, int(free[0]), None)


def _enter(connection: Connection, system: CRS, srid: int, authority: str | None) -> int:
    text = system.to_wkt("WKT1_GDAL") or system.to_wkt("WKT2_2019")
    if len(text) > 2048:
        raise UsageError(
            f"the parcels' coordinate system {system.name!r} is not known to PostGIS, and its description is too long",
            advice="Transform the parcels to a system with an EPSG code",
        )
    connection.execute(
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES (%s, %s, %s, %s, '')",
        (srid, authority, srid if authority else None, text),
    )
    return srid


def _columns(attributes: Mapping[str, NDArray[Any]]) -> tuple[Column, ...]:
    """Names that the table can have: not those of its own columns, not longer than names may be, each once."""
    taken = {*_OWN, "position"}
    columns = []
    for name, values in attributes.items():
        column = base = _shortened(name) or "unnamed"
        number = 1
        while column in taken:
            number += 1
            column = f"{_shortened(base, 4)}_{number}"
        taken.add(column)
        columns.append(Column(name, column, values.dtype.str if values.dtype.kind != "U" else "|O"))
    return tuple(columns)


def _shortened(name: str, less: int = 0) -> str:
    return name.replace("\0", "").encode()[: _NAME_BYTES - less].decode(errors="ignore")


def _create(connection: Connection, columns: Sequence[Column], srid: int) -> None:
    geometry = sql.SQL("geometry(Geometry, {})").format(sql.Literal(srid))
    fields = [
        sql.SQL("{} {}").format(sql.Identifier(column.column), sql.SQL(_sql_type(column.dtype)))
        for column in columns
    ]
    connection.execute(
        sql.SQL("CREATE TABLE parcels ({})").format(
            sql.SQL(", ").join(
                [
                    sql.SQL("ogc_fid integer PRIMARY KEY"),
                    sql.SQL("id text NOT NULL UNIQUE"),
                    sql.SQL("wkb_geometry {} NOT NULL").format(geometry),
                    *fields,
                    sql.SQL("position integer NOT NULL"),
                ]
            )
        )
    )


def _sql_type(dtype: str) -> str:
    """The column type that holds a NumPy type exactly; unsigned numbers take the next larger one."""
    kind, size = np.dtype(dtype).kind, np.dtype(dtype).itemsize
    if kind in "iu":
        bits = size * 8 + (kind == "u")
        return (
            "smallint" if bits <= 16 else "integer" if bits <= 32 else "bigint" if bits <= 64 else "numeric"
        )
    if kind == "f":
        return "real" if size <= 4 else "double precision"
    return {"b": "boolean", "M": "timestamp"}.get(kind, "text")


def _copy(connection: Connection, parcels: ParcelSet, columns: Sequence[Column], srid: int) -> None:
    names = ["ogc_fid", "id", "wkb_geometry", *(column.column for column in columns), "position"]
    statement = sql.SQL("COPY parcels ({}) FROM STDIN").format(sql.SQL(", ").join(map(sql.Identifier, names)))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _rows(parcels, columns, srid):
            copy.write_row(row)


def _rows(parcels: ParcelSet, columns: Sequence[Column], srid: int) -> Iterator[tuple[Any, ...]]:
    block = 20_000  # parcels whose geometries are held as text at a time
    for begin in range(0, len(parcels), block):
        part = slice(begin, begin + block)
        geometries = shapely.to_wkb(
            shapely.set_srid(parcels.geometries[part], srid), hex=True, include_srid=True
        )
        yield from zip(
            parcels.pid[part].tolist(),
            (str(text) for text in parcels.ids[part]),
            geometries.tolist(),
            *(_values(parcels.attributes[column.name][part]) for column in columns),
            range(begin, begin + len(geometries)),
            strict=True,
        )


def _values(array: NDArray[Any]) -> list[Any]:
    if array.dtype.kind == "M":
        return list(array.astype("datetime64[us]").tolist())
    if array.dtype.kind == "O":
        return [value if value is None else str(value) for value in array]
    return list(array.tolist())


def _array(values: Sequence[Any], dtype: str) -> NDArray[Any]:
    if np.dtype(dtype).kind == "O":
        return np.array(values, object)
    if np.dtype(dtype).kind == "M":
        return np.array(values, "datetime64[us]").astype(dtype)
    return np.array(values).astype(dtype)
