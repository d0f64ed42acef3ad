"""Questions to the server store, answered as Arrow tables."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql

from s1card.parcels.records import EXTRA_STATISTICS, STATISTICS
from s1card.store import schemas
from s1card.store.base import EXTRACTED, SeriesQuery, StoreInfo
from s1card.store.database import Connection
from s1card.store.partitions import partitions
from s1card.store.postgis_parcels import parcel_number, read_description
from s1card.store.rows import utc_naive

_BLOCK_BYTES = 1 << 24  # of text that is parsed at a time

_CATALOGUE = """
SELECT id, obstime, reference, trim(sensor), trim(card), status, ST_AsBinary(footprint), orbit_direction,
    relative_orbit::integer, trim(pair_sensor), pair_time, source, checksum
FROM dias_catalogue
WHERE (%(start)s::timestamp IS NULL OR obstime >= %(start)s) AND (%(end)s::timestamp IS NULL OR obstime < %(end)s)
ORDER BY obstime, id
"""

_SERIES = """
SELECT s.obstime, trim(s.band), {statistics}, s.reason, trim(d.card), trim(d.sensor), d.orbit_direction,
    d.relative_orbit::integer, d.reference
FROM sigs s JOIN dias_catalogue d ON d.id = s.obsid
WHERE s.pid = %(pid)s {conditions} ORDER BY s.obstime, s.band, d.id
"""

_HISTOGRAMS = """
SELECT s.obstime, s.hist::text, trim(d.sensor), d.reference
FROM hists s JOIN dias_catalogue d ON d.id = s.obsid
WHERE s.pid = %(pid)s {conditions} ORDER BY s.obstime, d.id
"""

_NEWEST = """
SELECT DISTINCT ON (pid, band) pid, trim(band), obstime, {statistics}
FROM {partition} JOIN (
    SELECT pid, band, max(obstime) AS obstime FROM {partition} WHERE reason IS NULL GROUP BY pid, band
) newest USING (pid, band, obstime)
WHERE reason IS NULL ORDER BY pid, band, obsid DESC
"""
"""Two passes over a month and a small sort; one pass would have to sort the whole month."""

_GROUPING = (
    "SET LOCAL work_mem = '256MB'",  # a group per parcel and band
    "SET LOCAL max_parallel_workers_per_gather = 0",  # each worker would group the whole month for itself
    "SET LOCAL jit = off",
)

_OBSERVATION = """
SELECT s.pid, s.obsid, trim(s.band), s.obstime, d.reference, {statistics}, s.reason
FROM {partition} s JOIN dias_catalogue d ON d.id = s.obsid WHERE s.obsid = {obsid}
"""


def observations(connection: Connection, start: datetime | None, end: datetime | None) -> pa.Table:
    """The catalogue in the order of time."""
    values = {"start": start and utc_naive(start), "end": end and utc_naive(end)}
    return _table(connection, sql.SQL(_CATALOGUE).format(), values, schemas.CATALOGUE)


def series(connection: Connection, query: SeriesQuery) -> pa.Table:
    """Time series of a parcel.

    Raises:
        UsageError: No parcel has that id.
    """
    statement = sql.SQL(_SERIES).format(
        statistics=_names(schemas.SERIES_STATISTICS, "s"), conditions=_conditions(query, has_bands=True)
    )
    return _table(connection, statement, _values(connection, query), schemas.SERIES)


def histograms(connection: Connection, query: SeriesQuery) -> pa.Table:
    """Class histograms of a parcel.

    Raises:
        UsageError: No parcel has that id.
    """
    statement = sql.SQL(_HISTOGRAMS).format(conditions=_conditions(query, has_bands=False))
    return _table(connection, statement, _values(connection, query), schemas.HISTOGRAMS)


def latest(connection: Connection) -> pa.Table:
    """The newest row with statistics of each parcel and band: month by month, the newest first."""
    found = schemas.LATEST.empty_table()
    for setting in _GROUPING:
        connection.execute(setting)
    for name in reversed(partitions(connection, "sigs")):
        statement = sql.SQL(_NEWEST).format(
            statistics=_names((*STATISTICS, *EXTRA_STATISTICS)), partition=sql.Identifier(name)
        )
        older = pa.Table.from_batches(copied(connection, statement, schemas.LATEST), schemas.LATEST)
        found = _first_of_each(pa.concat_tables([found, older]))
    return found.sort_by([("pid", "ascending"), ("band", "ascending")])


def rows_of(connection: Connection, obsid: int, partition: str) -> Iterator[pa.RecordBatch]:
    """All rows of signatures of an observation, in the order of parcels."""
    statement = sql.SQL(_OBSERVATION).format(
        statistics=_names((*STATISTICS, *EXTRA_STATISTICS), "s"),
        partition=sql.Identifier(partition),
        obsid=sql.Literal(obsid),
    )
    return copied(connection, statement, schemas.EXPORT)


def info(connection: Connection) -> StoreInfo:
    """What the store holds."""
    counts = connection.execute(
        "SELECT trim(card), status, count(*), sum(sig_rows) FROM dias_catalogue GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    first, last = connection.execute(
        "SELECT min(obstime), max(obstime) FROM dias_catalogue WHERE status = %s AND sig_rows + hist_rows > 0",
        (EXTRACTED,),
    ).fetchone() or (None, None)
    size = connection.execute(
        """SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
        WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND (relname IN ('s1card_store', 'aois', 'dias_catalogue', 'parcels') OR oid IN (
                SELECT relid FROM pg_partition_tree('sigs') UNION SELECT relid FROM pg_partition_tree('hists')))"""
    ).fetchone()
    table = read_description(connection)
    return StoreInfo(
        parcels=table.count if table else 0,
        rows=sum(int(row[3]) for row in counts),
        observations={(row[0], row[1]): int(row[2]) for row in counts},
        first=first,
        last=last,
        bytes=int(size[0]) if size else 0,
    )


def copied(connection: Connection, query: sql.Composed, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The answer of a query as a stream of batches, through COPY: many rows in little memory."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        stream = io.BufferedReader(_CopyStream(copy), _BLOCK_BYTES)
        if not stream.peek(1):
            return
        yield from pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=schema.names
            ),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


class _CopyStream(io.RawIOBase):
    """The data of a COPY as a file."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._copy, self._rest = copy, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._copy.read())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _table(
    connection: Connection, query: sql.Composed, values: dict[str, Any], schema: pa.Schema
) -> pa.Table:
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query, values).fetchall()
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def _names(names: Sequence[str], table: str = "") -> sql.Composed:
    qualified = [sql.Identifier(table, name) if table else sql.Identifier(name) for name in names]
    return sql.SQL(", ").join(qualified)


def _conditions(query: SeriesQuery, *, has_bands: bool) -> sql.Composed:
    """Only what is asked for, so that partitions of other times are not looked at."""
    parts = [sql.SQL("")]
    if has_bands and query.bands:
        parts.append(sql.SQL("AND s.band = ANY(%(bands)s::bpchar[])"))
    if query.start is not None:
        parts.append(sql.SQL("AND s.obstime >= %(start)s"))
    if query.end is not None:
        parts.append(sql.SQL("AND s.obstime < %(end)s"))
    return sql.SQL(" ").join(parts)


def _values(connection: Connection, query: SeriesQuery) -> dict[str, Any]:
    return {
        "pid": parcel_number(connection, query.parcel),
        "bands": list(query.bands),
        "start": query.start and utc_naive(query.start),
        "end": query.end and utc_naive(query.end),
    }


def _first_of_each(table: pa.Table) -> pa.Table:
    """The first row of each parcel and band."""
    bands = table["band"].combine_chunks().dictionary_encode()
    codes = bands.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    keys = table["pid"].to_numpy().astype(np.int64) * max(1, len(bands.dictionary)) + codes
    return table.take(pa.array(np.sort(np.unique(keys, return_index=True)[1])))


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Queries within see the store at one moment, whatever is loaded meanwhile."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
