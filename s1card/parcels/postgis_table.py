"""Parcels from a table or view in PostGIS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DataError, NetworkError, UsageError
from s1card.parcels.features import Features, from_wkb

try:
    import psycopg
    from psycopg import sql
except ModuleNotFoundError as missing:
    raise UsageError(
        "tables in a database need psycopg", advice="Install it with: pip install 's1card[store]'"
    ) from missing

_BATCH = 20_000
"""Rows that come from the server at a time."""

_NUMBERS = {"bool": np.bool_, "int2": np.int16, "int4": np.int32, "int8": np.int64}
_FLOATS = {"float4": np.float32, "float8": np.float64}
_TIMES = {"date": "datetime64[D]", "timestamp": "datetime64[us]", "timestamptz": "datetime64[us]"}
_AS_THEY_ARE = (*_NUMBERS, *_FLOATS, "numeric", "text", "varchar", "uuid")
_GEOMETRIES = ("geometry", "geography")

_FIND = """
select f_geometry_column, srid, 'geometry' from geometry_columns where f_table_schema = %(schema)s
and f_table_name = %(table)s
union all
select f_geography_column, srid, 'geography' from geography_columns where f_table_schema = %(schema)s
and f_table_name = %(table)s
"""

_COLUMNS = """
select a.attname, t.typname from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = %(relation)s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""

_RELATION = """
select c.oid, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relname = %(table)s and c.relkind in ('r', 'v', 'm', 'f', 'p')
and (n.nspname = %(schema)s or (%(schema)s::text is null and pg_table_is_visible(c.oid)))
"""


@dataclass(frozen=True)
class TableAddress:
    """Where a table is.

    Attributes:
        connection: Address of the database, for libpq.
        schema: None for the first of the search path that has such a table.
        table: Name.
    """

    connection: str
    schema: str | None
    table: str

    @property
    def name(self) -> str:
        """Name with schema, for messages; no address, since that may hold a password."""
        return f"{self.schema}.{self.table}" if self.schema else self.table


@dataclass(frozen=True)
class _GeometryColumn:
    """A geometry column with its SRID (0 where the table does not say) and type."""

    name: str
    srid: int
    kind: str


def parse_address(url: str) -> TableAddress:
    """Address of a table: ``postgresql://...?schema=S&table=T`` or ``...?table=S.T``; the rest is libpq's.

    Raises:
        UsageError: It names no table.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    table, schema = options.pop("table", ""), options.pop("schema", None)
    if not table:
        raise UsageError(
            "the address of the database names no table of parcels",
            advice="Add ?schema=NAME&table=NAME to it",
        )
    if schema is None and "." in table:
        schema, table = table.split(".", 1)
    connection = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(options, quote_via=quote), ""))
    return TableAddress(connection, schema, table)


def read_table(url: str, geometry_column: str | None = None) -> Features:
    """All rows of a table, in the order of its primary key if it has one, else of all its plain columns.

    Curves are made of straight pieces (ST_CurveToLine), heights are dropped, times with a zone become UTC.

    Args:
        url: See `parse_address`.
        geometry_column: Name; None for the only one.

    Raises:
        UsageError: There is no such table or column, or there are several.
        DataError: The table cannot be read.
        NetworkError: The database does not answer.
    """
    address = parse_address(url)
    try:
        with psycopg.connect(address.connection, connect_timeout=30) as connection:
            connection.read_only = True
            return _read(connection, address, geometry_column)
    except psycopg.OperationalError as error:
        raise NetworkError(
            f"the database does not answer: {str(error).strip()}",
            subject=address.name,
            advice="Check host, database, user and password, and that the server runs",
        ) from error
    except psycopg.Error as error:
        raise DataError(
            f"the table cannot be read: {str(error).strip()}",
            subject=address.name,
            advice="Check that PostGIS is there and that the user may read the table",
        ) from error


def _read(connection: Any, address: TableAddress, wanted: str | None) -> Features:
    found = connection.execute(_RELATION, {"table": address.table, "schema": address.schema}).fetchone()
    if found is None:
        raise UsageError(
            "there is no such table in the database", subject=address.name, advice="Check schema and table"
        )
    relation, schema = found
    geometry = _geometry_column(connection, schema, address, wanted)
    kinds = dict(connection.execute(_COLUMNS, {"relation": relation}).fetchall())
    names = [name for name, kind in kinds.items() if kind not in _GEOMETRIES]
    query = sql.SQL("select {columns} from {table} order by {order}").format(
        columns=sql.SQL(", ").join([_wkb(geometry), *(_plain(name, kinds[name]) for name in names)]),
        table=sql.Identifier(schema, address.table),
        order=_order(connection, relation, names),
    )
    parts: list[list[Any]] = [[] for _ in range(len(names) + 1)]
    with connection.cursor("parcels", binary=True) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query)
        while rows := cursor.fetchmany(_BATCH):
            for part, values in zip(parts, zip(*rows, strict=True), strict=True):
                part.extend(values)
    geometries, unreadable = from_wkb(_objects(parts[0]))
    columns = {name: _typed(part, kinds[name]) for name, part in zip(names, parts[1:], strict=True)}
    crs = _system(connection, geometry, schema, address.table)
    return Features(geometries, unreadable, crs, columns)


def _geometry_column(
    connection: Any, schema: str, address: TableAddress, wanted: str | None
) -> _GeometryColumn:
    rows = connection.execute(_FIND, {"schema": schema, "table": address.table}).fetchall()
    columns = {name: _GeometryColumn(name, srid, kind) for name, srid, kind in rows}
    if wanted is not None and wanted in columns:
        return columns[wanted]
    if wanted is None and len(columns) == 1:
        return next(iter(columns.values()))
    raise UsageError(
        f"the table has geometry columns {', '.join(columns)}"
        if columns
        else "the table has no geometry column",
        subject=address.name,
        advice="Name one with --layer" if columns else "Choose a table of parcels",
    )


def _wkb(geometry: _GeometryColumn) -> sql.Composable:
    return sql.SQL("ST_AsBinary(ST_Force2D(ST_CurveToLine({}::geometry)))").format(
        sql.Identifier(geometry.name)
    )


def _plain(name: str, kind: str) -> sql.Composable:
    """A column as a type that Python can hold; moments as seconds, since ``infinity`` is none of its dates."""
    column = sql.Identifier(name)
    if kind in _TIMES:
        return sql.SQL("extract(epoch from {})::float8").format(column)
    return column if kind in _AS_THEY_ARE else sql.SQL("{}::text").format(column)


def _order(connection: Any, relation: int, names: list[str]) -> sql.Composable:
    """Columns that put rows into an order that does not change: those of the primary key, or all."""
    key = connection.execute(
        "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
        "where i.indrelid = %s and i.indisprimary order by array_position(i.indkey::int2[], a.attnum)",
        (relation,),
    ).fetchall()
    if key:
        return sql.SQL(", ").join([sql.Identifier(name) for (name,) in key])
    if not names:
        return sql.SQL("1")
    as_text = sql.SQL('{}::text collate "C"')  # not every type has an order
    return sql.SQL(", ").join([as_text.format(sql.Identifier(name)) for name in names])


def _system(connection: Any, geometry: _GeometryColumn, schema: str, table: str) -> str | None:
    """Coordinate reference system of a geometry column: what its SRID means in this database."""
    srid = geometry.srid
    if srid == 0:  # the type of the column says nothing; its values may
        query = sql.SQL(
            "select distinct ST_SRID({geometry}::geometry) from {table} where {geometry} is not null"
        )
        found = connection.execute(
            query.format(geometry=sql.Identifier(geometry.name), table=sql.Identifier(schema, table))
        ).fetchall()
        if len(found) > 1:
            raise DataError(
                f"geometries have several SRIDs: {', '.join(str(value) for (value,) in found)}",
                subject=f"{schema}.{table}",
                advice="Bring them into one, such as with a view that uses ST_Transform",
            )
        srid = found[0][0] if found else 0
    if srid == 0:
        return None
    row = connection.execute(
        "select auth_name, auth_srid, srtext from spatial_ref_sys where srid = %s", (srid,)
    ).fetchone()
    if row is None:
        raise DataError(
            f"SRID {srid} is not in spatial_ref_sys",
            subject=f"{schema}.{table}",
            advice="State the coordinate reference system with --parcels-crs",
        )
    authority, code, text = row
    return f"{authority}:{code}" if authority in ("EPSG", "ESRI") else str(text)


def _typed(values: list[Any], kind: str) -> NDArray[Any]:
    """Values of a column as an array; see `s1card.parcels.columns` for what may be in it."""
    if kind in _TIMES:
        seconds = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        moments = np.full(len(values), np.datetime64("NaT", "us"))
        finite = np.isfinite(seconds)
        moments[finite] = np.round(seconds[finite] * 1e6).astype(np.int64).astype("datetime64[us]")
        return moments.astype(_TIMES[kind])
    if kind in _FLOATS:
        return np.array([np.nan if value is None else value for value in values], dtype=_FLOATS[kind])
    if kind in _NUMBERS and None not in values:
        return np.array(values, dtype=_NUMBERS[kind])
    return _objects(values)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
