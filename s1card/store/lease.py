"""Who works on which scene: taking it from the catalogue, keeping it, giving it back.

A scene is free where ``lease_until`` is NULL, or in the past: then its worker died or lost the server. A worker keeps
prolonging its lease from a thread of its own, so that the time a scene takes does not matter.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from s1card.errors import S1CardError, UsageError
from s1card.parcels.records import Observation
from s1card.store.base import EXTRACTED, IN_PROGRESS, INGESTED
from s1card.store.database import Connection, Database
from s1card.store.rows import utc_naive

LEASE_SECONDS = 60.0
"""How long a scene stays with a worker that is not heard of."""

MAX_ATTEMPTS = 5
"""A scene that was taken so often without success is no longer handed out by `claim`."""

_POLYGONS = ("Polygon", "MultiPolygon")
_FIELDS = (
    "reference, obstime, sensor, card, footprint, orbit_direction, relative_orbit, "
    "pair_sensor, pair_time, source, checksum"
)
_READ_FIELDS = _FIELDS.replace("footprint", "ST_AsBinary(footprint)")

_TAKE = f"""
UPDATE dias_catalogue
SET status = %(in_progress)s, worker = %(worker)s, attempts = attempts + 1,
    lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = ({{chosen}})
RETURNING id, {_READ_FIELDS}
"""

_TAKE_BY_NAME = _TAKE.format(
    chosen="""
    SELECT id FROM dias_catalogue
    WHERE reference = %(reference)s
        AND (lease_until IS NULL OR lease_until < clock_timestamp() OR worker = %(worker)s)
    FOR UPDATE SKIP LOCKED"""
)

_TAKE_OLDEST = _TAKE.format(
    chosen="""
    SELECT id FROM dias_catalogue
    WHERE (status = %(ingested)s OR (status = %(in_progress)s AND lease_until < clock_timestamp()))
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND (%(card)s::text IS NULL OR card = %(card)s) AND attempts < %(attempts)s
    ORDER BY obstime, id LIMIT 1
    FOR UPDATE SKIP LOCKED"""
)

_PROLONG = """
UPDATE dias_catalogue SET lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = (SELECT id FROM dias_catalogue
            WHERE id = %(id)s AND worker = %(worker)s AND lease_until IS NOT NULL FOR UPDATE SKIP LOCKED)
"""

_GIVE_BACK = """
UPDATE dias_catalogue
SET lease_until = NULL, error = %(error)s,
    status = CASE WHEN extracted_at IS NULL THEN %(ingested)s ELSE %(extracted)s END
WHERE id = %(id)s AND worker = %(worker)s AND lease_until IS NOT NULL
"""


@dataclass(frozen=True)
class Lease:
    """A scene in the hands of a worker.

    Attributes:
        id: Number of the scene in the catalogue.
        worker: Who has it: ``host:process:random``, another text each time.
        observation: The scene as the catalogue knows it.
    """

    id: int
    worker: str
    observation: Observation


def new_worker() -> str:
    """A name for a worker that nobody had before."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"


def register(connection: Connection, observation: Observation) -> bool:
    """Put an observation into the catalogue if its reference is not there; says whether it was new.

    Raises:
        UsageError: Its footprint is no polygon.
    """
    known = "SELECT 1 FROM dias_catalogue WHERE reference = %s"  # a conflict would use up a number
    if connection.execute(known, (observation.reference,)).fetchone():
        return False
    values = observation_values(observation)
    names = _FIELDS.replace(" ", "").split(",")
    marks = ", ".join(
        f"ST_GeomFromWKB(%({name})s, 4326)" if name == "footprint" else f"%({name})s" for name in names
    )
    insert = f"INSERT INTO dias_catalogue ({_FIELDS}) VALUES ({marks}) ON CONFLICT (reference) DO NOTHING"
    return connection.execute(insert, values).rowcount == 1


def take(connection: Connection, reference: str, worker: str, seconds: float) -> Lease | None:
    """Take a scene by name; None if another worker has it."""
    values = {"reference": reference, "worker": worker, "seconds": seconds, "in_progress": IN_PROGRESS}
    return _lease(connection.execute(_TAKE_BY_NAME, values).fetchone(), worker)


def take_oldest(connection: Connection, card: str | None, worker: str, seconds: float) -> Lease | None:
    """Take the oldest scene that waits, of any or of one kind; None if none does."""
    values = {
        "card": card,
        "worker": worker,
        "seconds": seconds,
        "attempts": MAX_ATTEMPTS,
        "in_progress": IN_PROGRESS,
        "ingested": INGESTED,
    }
    return _lease(connection.execute(_TAKE_OLDEST, values).fetchone(), worker)


def give_back(connection: Connection, lease: Lease, error: str | None) -> None:
    """Let others have a scene that was not done; rows that it had before stay. Harmless when it is no longer ours."""
    values = {
        "id": lease.id,
        "worker": lease.worker,
        "error": error,
        "ingested": INGESTED,
        "extracted": EXTRACTED,
    }
    connection.execute(_GIVE_BACK, values)


def observation_values(observation: Observation) -> dict[str, Any]:
    """The columns of an observation in the catalogue.

    Raises:
        UsageError: Its footprint is no polygon.
    """
    footprint = observation.footprint
    if footprint.geom_type not in _POLYGONS:
        raise UsageError(
            f"the footprint is a {footprint.geom_type}",
            subject=observation.reference,
            advice="A footprint is a Polygon or MultiPolygon in longitude and latitude",
        )
    return {
        "reference": observation.reference,
        "obstime": utc_naive(observation.obstime),
        "sensor": observation.sensor,
        "card": observation.card,
        "footprint": shapely.to_wkb(shapely.force_2d(footprint)),
        "orbit_direction": observation.orbit_direction,
        "relative_orbit": observation.relative_orbit,
        "pair_sensor": observation.pair_sensor,
        "pair_time": observation.pair_time and utc_naive(observation.pair_time),
        "source": observation.source,
        "checksum": observation.checksum,
    }


class Heartbeat:
    """Prolongs a lease from a thread of its own while the ``with`` block runs."""

    def __init__(self, database: Database, lease: Lease, seconds: float) -> None:
        self._database, self._lease, self._seconds = database, lease, seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease {lease.id}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        values = {"id": self._lease.id, "worker": self._lease.worker, "seconds": self._seconds}
        while not self._end.wait(self._seconds / 3):
            with suppress(
                S1CardError
            ):  # the server is away: try again; what is lost shows when rows are loaded
                self._database.run(lambda connection: connection.execute(_PROLONG, values))


def _lease(row: tuple[Any, ...] | None, worker: str) -> Lease | None:
    if row is None:
        return None
    reference, obstime, sensor, card, footprint, *others = row[1:]
    shape: BaseGeometry = shapely.Polygon() if footprint is None else shapely.from_wkb(footprint)
    observation = Observation(reference, obstime, sensor.strip(), card.strip(), shape, *others)
    return Lease(row[0], worker, observation)


def as_json(values: object) -> str:
    """Text of a jsonb value."""
    return json.dumps(values, ensure_ascii=False)
