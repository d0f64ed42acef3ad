"""The rows of a scene in the server store: replaced as a whole, in one transaction with its line of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from psycopg import sql

from s1card.errors import NetworkError
from s1card.parcels.records import Extraction, Observation
from s1card.store.base import EXTRACTED
from s1card.store.copy_binary import Block, histogram_blocks, signature_blocks
from s1card.store.database import Connection, Database
from s1card.store.lease import Lease, as_json, observation_values
from s1card.store.partitions import ensure_partition, partition_name
from s1card.store.rows import (
    STATUS_LENGTH,
    HistogramRows,
    SignatureRows,
    histogram_rows,
    signature_rows,
    utc_naive,
)

_LOCK = """
SELECT obstime, sig_rows, hist_rows, status, lease_until IS NOT NULL FROM dias_catalogue
WHERE id = %s AND worker = %s FOR UPDATE
"""

_LOADED = """
UPDATE dias_catalogue
SET status = %(status)s, sig_rows = %(sig_rows)s, hist_rows = %(hist_rows)s, extracted_at = clock_timestamp(),
    settings = %(settings)s, error = NULL, lease_until = NULL,
    reference = %(reference)s, obstime = %(obstime)s, sensor = %(sensor)s, card = %(card)s,
    footprint = ST_GeomFromWKB(%(footprint)s, 4326), orbit_direction = %(orbit_direction)s,
    relative_orbit = %(relative_orbit)s, pair_sensor = %(pair_sensor)s, pair_time = %(pair_time)s,
    source = %(source)s, checksum = %(checksum)s
WHERE id = %(id)s
"""

_FAILED = """
UPDATE dias_catalogue
SET status = %(status)s, sig_rows = 0, hist_rows = 0, extracted_at = NULL, error = %(error)s, lease_until = NULL
WHERE id = %(id)s
"""


@dataclass(frozen=True)
class _Held:
    """A scene whose line of the catalogue we have locked: where its rows of before are, and whether we are done."""

    obstime: datetime
    rows: Mapping[str, int]
    is_done: bool


class PostgisWork:
    """A scene that this process has taken; see `s1card.store.base.Work`.

    Attributes:
        observation: The scene as the catalogue knows it.
        is_done: Whether `load` or `fail` has ended it.
    """

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database, self._lease = database, lease
        self.observation: Observation = lease.observation
        self.is_done = False

    def load(self, extraction: Extraction) -> int:
        """Replace the rows of the scene by these, all or nothing, and note it as extracted.

        If the connection is lost it is done again; that it had been done already is noticed.

        Returns:
            Number of rows of signatures.

        Raises:
            ResourceError: The server's disk is full.
            NetworkError: The server did not answer, or the scene was taken from us because we were silent too long.
            UsageError: A band code or another text is too long for its column.
        """
        rows = signature_rows(extraction)
        histograms = histogram_rows(extraction.histograms)
        time = utc_naive(extraction.observation.obstime)
        for table, count in (("sigs", len(rows)), ("hists", len(histograms))):
            if count:
                self._run(partial(ensure_partition, table=table, obstime=time))
        self._run(lambda connection: self._replace(connection, extraction, rows, histograms))
        self.is_done = True
        return len(rows)

    def fail(self, status: str) -> None:
        """Note why the scene has no rows: a status word of at most 24 characters; rows of before are removed."""
        values = {"id": self._lease.id, "status": status[:STATUS_LENGTH], "error": status}

        def note(connection: Connection) -> None:
            if self._cleared(connection, status[:STATUS_LENGTH]):
                connection.execute(_FAILED, values)

        self._run(note)
        self.is_done = True

    def _replace(
        self, connection: Connection, extraction: Extraction, rows: SignatureRows, histograms: HistogramRows
    ) -> None:
        if not self._cleared(connection, EXTRACTED):
            return
        time = utc_naive(extraction.observation.obstime)
        for table, blocks in (
            ("sigs", signature_blocks(rows, self._lease.id, time)),
            ("hists", histogram_blocks(histograms, self._lease.id, time)),
        ):
            copy_blocks(connection, partition_name(table, time), blocks)
        values = observation_values(extraction.observation) | {
            "id": self._lease.id,
            "status": EXTRACTED,
            "sig_rows": len(rows),
            "hist_rows": len(histograms),
            "settings": as_json(dict(extraction.settings)),
        }
        connection.execute(_LOADED, values)

    def _cleared(self, connection: Connection, status: str) -> bool:
        """Lock the scene and remove its rows; False if a transaction whose end we did not see has done the work."""
        held = self._held(connection, status)
        if held.is_done:
            return False
        for table, count in held.rows.items():
            if count:
                name = sql.Identifier(partition_name(table, held.obstime))
                connection.execute(sql.SQL("DELETE FROM {} WHERE obsid = %s").format(name), (self._lease.id,))
        return True

    def _held(self, connection: Connection, status: str) -> _Held:
        row = connection.execute(_LOCK, (self._lease.id, self._lease.worker)).fetchone()
        if row is None or not (row[4] or row[3] == status):
            raise NetworkError(
                "another worker has taken the scene, because this one was not heard of for too long",
                subject=self.observation.reference,
                advice="Nothing is to be done: the other one completes it",
            )
        return _Held(row[0], {"sigs": row[1], "hists": row[2]}, is_done=not row[4])

    def _run(self, work: Callable[[Connection], object]) -> None:
        self._database.run(work, on=self.observation.reference)


def copy_blocks(connection: Connection, table: str, blocks: Iterable[Block]) -> None:
    """Send rows straight into a partition, within the transaction of the connection."""
    for block in blocks:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, block.columns))
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for chunk in block.chunks():
                copy.write(chunk)
