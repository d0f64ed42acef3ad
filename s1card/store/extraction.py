"""Cards into a store: every card is taken, reduced and loaded, or it is noted why not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from s1card.engine.base import Progress
from s1card.errors import DataError
from s1card.parcels.extract import ExtractReport, ExtractSettings, extract
from s1card.parcels.lattice import Lattice
from s1card.parcels.pixels.records import PixelSource
from s1card.parcels.records import Observation, ParcelSet, Skipped
from s1card.parcels.weights import WeightFolder, Weights
from s1card.store.base import EXTRACTED, NO_PARCELS, Store

log = logging.getLogger(__name__)

UNREADABLE = "Rio error"
"""Status of a card whose pixels cannot be read, as in the original."""

BUSY = "taken by another worker"


@dataclass(frozen=True)
class Outcome:
    """What became of a card.

    Attributes:
        reference: Its name.
        status: Status word of the catalogue, or `BUSY`.
        report: Of its parcels; None if another worker has it.
        seconds: It took so long.
    """

    reference: str
    status: str
    report: ExtractReport | None
    seconds: float


@dataclass(eq=False)
class Extractor:
    """Parcels with what is needed to reduce many cards to their statistics.

    Attributes:
        store: Where the rows go.
        parcels: The parcels that are wanted.
        settings: How their pixels are reduced.
        weights: Where pixels of parcels are kept.
        threads: Threads that read and reduce.
        tell: Takes parcels that have no place on the grid of a card, with the reasons; called once for each lattice.
    """

    store: Store
    parcels: ParcelSet
    settings: ExtractSettings
    weights: WeightFolder
    threads: int = 2
    tell: Callable[[Sequence[Skipped]], None] = lambda skipped: None
    _known: dict[Lattice, Weights] = field(default_factory=dict)
    _told: set[Lattice] = field(default_factory=set)

    def run(self, source: PixelSource, progress: Progress | None = None) -> Outcome:
        """Take a card, reduce it, and load its rows.

        Raises:
            DataError: Its pixels cannot be read; the store notes it.
            NetworkError: The store or the source does not answer.
            ResourceError: The disk is full.
        """
        begun = time.monotonic()
        reference = source.observation.reference
        with self.store.taken(source.observation) as work:
            if "inc" in self.settings.extras and source.incidence is None:
                log.warning("%s has no layer of incidence angles: inc stays empty", reference)
            if work is None:
                return Outcome(reference, BUSY, None, time.monotonic() - begun)
            try:
                extraction, report = extract(
                    source, self._weights, self.settings, threads=self.threads, progress=progress
                )
            except DataError:
                work.fail(UNREADABLE)
                raise
            if report.parcels:
                work.load(extraction)
            else:
                work.fail(NO_PARCELS)
        status = EXTRACTED if report.parcels else NO_PARCELS
        return Outcome(reference, status, report, time.monotonic() - begun)

    def _weights(self, lattice: Lattice) -> Weights:
        """Pixels of the parcels on a lattice; those of the last few are held in memory."""
        if lattice not in self._known:
            while len(self._known) > 1:
                self._known.pop(next(iter(self._known)))
            weights = self.weights.get(self.parcels, lattice, self.settings.rule, self.settings.buffer)
            if lattice not in self._told:
                self.tell(weights.skipped)
            self._told.add(lattice)
            self._known[lattice] = weights
        return self._known[lattice]


def is_loaded(store: Store, observation: Observation) -> bool:
    """Whether a store has the rows of a card, of the version that its checksum tells."""
    about = timedelta(seconds=1)  # stores keep times to the microsecond, cards may state more
    near = store.observations(start=observation.obstime - about, end=observation.obstime + about)
    rows = near.select(["reference", "status", "checksum"]).to_pylist()
    wanted = observation.reference, EXTRACTED, observation.checksum
    return any((row["reference"], row["status"], row["checksum"] or "") == wanted for row in rows)


def weight_folder(store_url: str, cache: Path) -> Path:
    """Where weights of a store are kept by default: in a store that is a folder, else in the user's cache."""
    return cache / "weights" if "://" in store_url else Path(store_url) / "weights"
