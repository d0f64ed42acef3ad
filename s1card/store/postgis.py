"""The server store: PostgreSQL with PostGIS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import TypeVar

from s1card.errors import S1CardError, UsageError
from s1card.parcels.records import Observation, ParcelSet
from s1card.store.base import Peer, SeriesQuery, StoreInfo

try:
    import psycopg
    import pyarrow as pa
    import shapely
    from psycopg import sql
    from shapely.geometry.base import BaseGeometry

    from s1card.store import postgis_queries
    from s1card.store.database import Connection, Database, parse_address
    from s1card.store.lease import (
        LEASE_SECONDS,
        Heartbeat,
        Lease,
        give_back,
        new_worker,
        register,
        take,
        take_oldest,
    )
    from s1card.store.load import PostgisWork
    from s1card.store.partitions import partition_name, partitions
    from s1card.store.postgis_parcels import find_peers, get_parcels, put_parcels
except ImportError as missing:
    if (missing.name or "psycopg").partition(".")[0] not in {"psycopg", "psycopg_binary", "pyarrow"}:
        raise
    raise UsageError(
        f"the store in PostGIS needs a package: {missing}", advice="pip install 's1card[store]'"
    ) from missing

FORMAT = 1
"""Version of the tables; a store of a later one is refused."""

_INIT = "s1card store init --store URL"
_ERROR_LENGTH = 2000  # characters that the catalogue keeps
Answer = TypeVar("Answer")


class PostgisStore:
    """A store in a schema of a PostGIS database; see `s1card.store.base.Store`. It may be used from several threads.

    Args:
        url: ``postgresql://user@host:port/database?schema=name``; the schema is ``public`` by default.
        lease: Seconds that a scene stays with a worker that is not heard of.
    """

    def __init__(self, url: str, *, lease: float = LEASE_SECONDS) -> None:
        self._database = Database(parse_address(url))
        self._lease_seconds = lease
        self._is_checked = False

    def init(self) -> None:
        """Make schema, extension and tables; harmless when they exist.

        Raises:
            UsageError: Rights or PostGIS are missing, or the tables are of a later version.
        """
        self._database.run(self._make)
        self._database.close()  # connections know the place of PostGIS from their beginning

    def put_parcels(self, parcels: ParcelSet) -> None:
        """Take parcels in; see `Store.put_parcels`."""
        self._run(partial(put_parcels, parcels=parcels))

    def parcels(self) -> ParcelSet:
        """The parcels of the store; see `Store.parcels`."""
        return self._run(get_parcels)

    def observations(self, *, start: datetime | None = None, end: datetime | None = None) -> pa.Table:
        """The catalogue; see `Store.observations`."""
        return self._run(partial(postgis_queries.observations, start=start, end=end))

    def register(self, observations: Iterable[Observation]) -> int:
        """Put observations into the catalogue, to be worked on; those it has are left as they are.

        Returns:
            Number of new ones.
        """
        wanted = list(observations)
        return self._run(lambda connection: sum(register(connection, one) for one in wanted))

    def put_aois(self, areas: Mapping[str, BaseGeometry]) -> int:
        """Put areas of interest in by name, polygons in longitude and latitude; those of the same name are replaced.

        Returns:
            Number of areas.
        """
        query = """INSERT INTO aois VALUES (%s, ST_GeomFromWKB(%s, 4326))
            ON CONFLICT (name) DO UPDATE SET wkb_geometry = EXCLUDED.wkb_geometry"""
        rows = [(name, shapely.to_wkb(shapely.force_2d(area))) for name, area in areas.items()]

        def put(connection: Connection) -> None:
            for row in rows:
                connection.execute(query, row)

        self._run(put)
        return len(rows)

    @contextmanager
    def taken(self, observation: Observation) -> Iterator[PostgisWork | None]:
        """Take a scene to work on; None if another worker has it. An error inside gives it back."""
        worker = new_worker()

        def take_it(connection: Connection) -> Lease | None:
            register(connection, observation)
            return take(connection, observation.reference, worker, self._lease_seconds)

        with self._kept(self._run(take_it, on=observation.reference)) as work:
            yield work

    @contextmanager
    def claim(self, card: str | None = None) -> Iterator[PostgisWork | None]:
        """Take the oldest scene of the catalogue that waits, of any or of one kind of card; None if none does.

        Scenes of workers that died are handed out again; one that failed `MAX_ATTEMPTS` times is not.
        """
        worker = new_worker()
        lease = self._run(lambda connection: take_oldest(connection, card, worker, self._lease_seconds))
        with self._kept(lease) as work:
            yield work

    def series(self, query: SeriesQuery) -> pa.Table:
        """Time series of a parcel; see `Store.series`."""
        return self._run(partial(postgis_queries.series, query=query))

    def histograms(self, query: SeriesQuery) -> pa.Table:
        """Class histograms of a parcel; see `Store.histograms`."""
        return self._run(partial(postgis_queries.histograms, query=query))

    def peers(
        self, parcel: str, *, distance: float = 1000.0, limit: int = 10, column: str = ""
    ) -> list[Peer]:
        """Parcels nearby; see `Store.peers`."""
        return self._run(partial(find_peers, parcel=parcel, distance=distance, limit=limit, column=column))

    def latest(self) -> pa.Table:
        """The newest row with statistics of each parcel and band; see `Store.latest`."""
        return self._run(postgis_queries.latest)

    def export_rows(self) -> Iterator[pa.RecordBatch]:
        """All rows of signatures as they are at one moment, in the order of time."""
        self._run(lambda _: None)
        query = "SELECT id, obstime FROM dias_catalogue WHERE sig_rows > 0 ORDER BY obstime, id"
        with (
            self._database.errors(),
            self._database.connection() as connection,
            postgis_queries.snapshot(connection),
        ):
            for obsid, obstime in connection.execute(query).fetchall():
                yield from postgis_queries.rows_of(connection, obsid, partition_name("sigs", obstime))

    def info(self) -> StoreInfo:
        """What the store holds."""
        return self._run(postgis_queries.info)

    def compact(self) -> str:
        """Let the server clear what was replaced, and count what it needs to plan queries; see `Store.compact`."""
        names = self._run(
            lambda connection: [*partitions(connection, "sigs"), *partitions(connection, "hists")]
        )
        with self._database.errors(), self._database.connection() as connection:
            for name in [*names, "dias_catalogue"]:
                connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(name)))
        return f"vacuumed {len(names)} monthly tables; rows of a parcel are found through their index"

    def close(self) -> None:
        """End the connections to the server; the next use makes new ones."""
        self._database.close()

    @contextmanager
    def _kept(self, lease: Lease | None) -> Iterator[PostgisWork | None]:
        """The work on a scene while its lease is prolonged; it is given back unless it was done."""
        if lease is None:
            yield None
            return
        work = PostgisWork(self._database, lease)
        try:
            with Heartbeat(self._database, lease, self._lease_seconds):
                yield work
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
            with suppress(S1CardError):  # if the server is away the lease runs out by itself
                self._database.run(partial(give_back, lease=lease, error=text), back_off=(0.1, 1.0))
            raise
        if not work.is_done:
            self._database.run(partial(give_back, lease=lease, error=None))

    def _run(self, work: Callable[[Connection], Answer], *, on: str = "") -> Answer:
        """Work in a transaction, in a place that is known to be a store."""
        if not self._is_checked:
            self._database.run(self._check)
            self._is_checked = True
        return self._database.run(work, on=on)

    def _check(self, connection: Connection) -> None:
        label, schema = self._database.address.label, self._database.address.schema
        query = "SELECT to_regclass(format('%%I.s1card_store', %s::text))"
        if connection.execute(query, (schema,)).fetchone() == (None,):
            raise UsageError("there is no store", subject=label, advice=f"Make one: {_INIT}")
        row = connection.execute("SELECT value FROM s1card_store WHERE key = 'format'").fetchone()
        if row is None or not isinstance(row[0], int) or row[0] > FORMAT:
            found = "unknown" if row is None else row[0]
            raise UsageError(
                f"the store has format {found}, this s1card reads {FORMAT}",
                subject=label,
                advice="Update s1card",
            )

    def _make(self, connection: Connection) -> None:
        schema = self._database.address.schema
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('s1card store init'))")
        if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone():
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        _require_postgis(connection, self._database.address.label)
        connection.execute(files("s1card.store").joinpath("schema.sql").read_text(encoding="utf-8"))
        connection.execute(
            "INSERT INTO s1card_store VALUES ('format', to_jsonb(%s::integer)) ON CONFLICT DO NOTHING",
            (FORMAT,),
        )
        self._check(connection)


def _require_postgis(connection: Connection, label: str) -> None:
    """Make the extension in this database if it is missing.

    Raises:
        UsageError: The server does not have it, or we may not.
    """
    if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone():
        return
    if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
        raise UsageError(
            "the server has no PostGIS",
            subject=label,
            advice="Install it there (Debian and Ubuntu: apt-get install postgresql-VERSION-postgis-3)",
        )
    try:
        connection.execute("CREATE EXTENSION postgis SCHEMA public")
    except psycopg.errors.InsufficientPrivilege as error:
        raise UsageError(
            "the database has no PostGIS, and we may not make it",
            subject=label,
            advice="Let a superuser say: CREATE EXTENSION postgis",
        ) from error
