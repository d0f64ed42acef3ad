"""What a store is: a catalogue of observations and the signatures of parcels in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from s1card.parcels.records import Extraction, Observation, ParcelSet

if TYPE_CHECKING:  # the extra ``store`` may be missing, which `s1card.store.open_store` reports
    import pyarrow as pa

INGESTED, IN_PROGRESS, EXTRACTED = "ingested", "inprogress", "extracted"
NO_PARCELS = "No parcels"
"""Status words of the original's catalogue; other texts (at most 24 characters) name an error."""


@dataclass(frozen=True)
class SeriesQuery:
    """Which rows of a parcel's series are wanted.

    Attributes:
        parcel: What its owner calls the parcel (exact text).
        bands: Band codes; empty means all.
        start, end: First moment wanted and first one no longer wanted, UTC, or None.
    """

    parcel: str
    bands: Sequence[str] = ()
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Peer:
    """A parcel near another one.

    Attributes:
        id: What its owner calls it.
        pid: Its number.
        distance: Between the nearest points of both, m.
    """

    id: str
    pid: int
    distance: float


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds.

    Attributes:
        parcels: Number of parcels.
        rows: Rows of signatures.
        observations: Number of observations by (card, status).
        first, last: Times of the first and last observation that has rows, or None.
        bytes: Size on disk.
    """

    parcels: int
    rows: int
    observations: dict[tuple[str, str], int]
    first: datetime | None
    last: datetime | None
    bytes: int


class Work(Protocol):
    """A scene that this process has taken."""

    def load(self, extraction: Extraction) -> int:
        """Replace the rows of the scene by these, all or nothing, and note it as extracted.

        Returns:
            Number of rows of signatures.

        Raises:
            ResourceError: The disk is full.
            NetworkError: The server did not answer, or the scene was taken from us because we were silent too long.
        """

    def fail(self, status: str) -> None:
        """Note why the scene has no rows: a status word of at most 24 characters; rows of before are removed."""


class Store(Protocol):
    """A store, opened with `s1card.store.open_store`."""

    def init(self) -> None:
        """Make what a store consists of; harmless when it exists.

        Raises:
            UsageError: The place cannot hold a store.
        """

    def put_parcels(self, parcels: ParcelSet) -> None:
        """Take parcels in; harmless when the store has the same ones.

        Raises:
            UsageError: The store holds other parcels.
        """

    def parcels(self) -> ParcelSet:
        """The parcels of the store.

        Raises:
            UsageError: It has none.
        """

    def observations(self, *, start: datetime | None = None, end: datetime | None = None) -> pa.Table:
        """The catalogue, a row per observation, in the order of time.

        Columns: id, obstime, reference, sensor, card, status, footprint (WKB), orbit_direction, relative_orbit,
        pair_sensor, pair_time, source, checksum.
        """

    def taken(self, observation: Observation) -> AbstractContextManager[Work | None]:
        """Take a scene to work on; None if another worker has it. An error inside gives it back."""

    def series(self, query: SeriesQuery) -> pa.Table:
        """Time series of a parcel, in the order of time and band.

        Columns: obstime, band, count, mean, std, min, p25, p50, p75, max, valid, mean_db, enl, inc, reason, card,
        sensor, orbit_direction, relative_orbit, reference.

        Raises:
            UsageError: No parcel has that id.
        """

    def histograms(self, query: SeriesQuery) -> pa.Table:
        """Class histograms of a parcel in the order of time; columns: obstime, hist (JSON text), sensor, reference."""

    def peers(
        self, parcel: str, *, distance: float = 1000.0, limit: int = 10, column: str = ""
    ) -> list[Peer]:
        """Parcels within a distance (m), nearest first, at least 3,000 m² large.

        Args:
            parcel: What its owner calls the parcel.
            distance: m.
            limit: At most so many.
            column: Attribute that has to be the same, such as the crop name; empty means any.

        Raises:
            UsageError: No parcel has that id, or no attribute that name.
        """

    def latest(self) -> pa.Table:
        """The newest row with statistics of each parcel and band; columns pid, band, obstime and the statistics."""

    def export_rows(self) -> Iterator[pa.RecordBatch]:
        """All rows of signatures with time and reference of their observation, in the order of parcels or of time."""

    def info(self) -> StoreInfo:
        """What the store holds."""

    def compact(self) -> str:
        """Put rows into the order in which they are asked for; says what was done. Safe beside readers and writers."""
