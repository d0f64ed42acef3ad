"""The command ``extract``: from cards to statistics of parcels."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from s1card.cli_options import area_wkt
from s1card.cli_parcels import tell_skipped
from s1card.errors import NetworkError, ResourceError, S1CardError, UsageError
from s1card.memory import peak_memory
from s1card.parcels.extract import OPTIONAL, ExtractSettings
from s1card.parcels.pixels.open import open_pixels
from s1card.parcels.pixels.records import Given
from s1card.parcels.records import ParcelSet, Skipped
from s1card.parcels.selection import select_parcels
from s1card.parcels.source import read_parcels
from s1card.parcels.weights import RULES, Rule, WeightFolder
from s1card.progress import reporting
from s1card.store import open_store
from s1card.store.base import EXTRACTED, Store
from s1card.store.extraction import BUSY, Extractor, Outcome, is_loaded, weight_folder

PAUSE = 1.0
"""s: cards that other workers have are looked at again after so long."""

OUTAGE = 3
"""So many cards in a row without an answer from the network, and the rest is not tried."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractOptions:
    """Options of the command; the names are those of the options."""

    store: str
    parcels: str | None
    id_column: str | None
    layer: str | None
    parcels_crs: str | None
    minimum_area: float
    aoi: str | None
    rule: Rule
    buffer: float
    minimum_pixels: float
    extras: tuple[str, ...]
    bands: tuple[str, ...]
    card_kind: str | None
    obstime: datetime | None
    sensor: str
    nodata: float | None
    missing: bool
    verify: bool
    weights: Path | None
    threads: int | None
    as_json: bool

    @property
    def settings(self) -> ExtractSettings:
        """What the rows depend on."""
        return ExtractSettings(self.rule, self.buffer, self.minimum_area, self.minimum_pixels, self.extras)

    @property
    def given(self) -> Given:
        """What is stated of the observations."""
        return Given(obstime=self.obstime, sensor=self.sensor, card=self.card_kind or "", nodata=self.nodata)

    def extractor(self, store: Store, parcels: ParcelSet) -> Extractor:
        """What reduces cards."""
        threads = self.threads or len(os.sched_getaffinity(0))
        folder = WeightFolder(self.weights or weight_folder(self.store, _cache()), threads)
        return Extractor(store, parcels, self.settings, folder, threads, tell_skipped)


@dataclass(frozen=True)
class Chosen:
    """The parcels that are wanted, and those left out or repaired."""

    parcels: ParcelSet
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Failure:
    """A card that could not be reduced, by its number in the call."""

    number: int
    card: str
    error: S1CardError


@click.command()
@click.argument("cards", metavar="CARD...", nargs=-1, required=True)
@click.option(
    "--store", required=True, envvar="S1CARD_STORE", help="Folder, or postgresql:// address, of the store."
)
@click.option("--parcels", help="File or table of parcels  [default: those of the store].")
@click.option("--id", "id_column", help="Column of their ids  [default: one of a usual name].")
@click.option("--layer", help="Layer of the file, where it has several.")
@click.option("--parcels-crs", help="Coordinate system of the parcels, where the file does not state it.")
@click.option(
    "--min-area",
    "minimum_area",
    type=click.FloatRange(min=0),
    default=3000.0,
    show_default=True,
    help="Parcels below so many m² are left out.",
)
@click.option("--aoi", help="Only parcels that meet this: file, WKT, or minx,miny,maxx,maxy in degrees.")
@click.option(
    "--rule",
    type=click.Choice(list(RULES)),
    default="centre",
    show_default=True,
    help="Pixels whose centre lies in a parcel, or all by the share that does.",
)
@click.option(
    "--buffer",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Make parcels smaller by so many metres on every side.",
)
@click.option(
    "--min-pixels",
    "minimum_pixels",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Parcels with fewer valid pixels get a row with a reason.",
)
@click.option(
    "--with", "extras", type=click.Choice(OPTIONAL), multiple=True, help="Also this; repeat for more."
)
@click.option(
    "--band",
    "bands",
    multiple=True,
    help="Band by name or code; where a raster does not name its bands, what they are, in its order.",
)
@click.option(
    "--card-kind", type=click.Choice(["bs", "c6", "c1", "s2"]), help="What rasters are that do not say it."
)
@click.option(
    "--obstime", type=click.DateTime(), help="When they were acquired (UTC), if they do not say it."
)
@click.option("--sensor", default="", help="Their sensor, such as 1A, if they do not say it.")
@click.option("--nodata", type=float, help="Raw value without data, of rasters that state none.")
@click.option("--missing", is_flag=True, help="Leave out cards whose rows the store has already.")
@click.option("--verify", is_flag=True, help="Compare the checksums of cards first, which reads them twice.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Where pixels of parcels are kept  [default: in the store, or the user's cache].",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads  [default: all cores].")
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
def extract(cards: tuple[str, ...], **options: Any) -> None:
    """Reduce each CARD to statistics of parcels, and load them into a store.

    A CARD is the folder or address of a card, a card of the JRC system (.dim, .tif), a Sentinel-2 L2A .SAFE, or a
    GeoTIFF. Loading is all or nothing, and replaces the rows that the store has of the card.
    """
    wanted = ExtractOptions(**options)
    store = open_store(wanted.store)
    store.init()
    chosen = _choose(store, wanted)
    outcomes, failures = _run(cards, wanted, store, wanted.extractor(store, chosen.parcels))
    _show(outcomes, failures, chosen, wanted.as_json)
    if failures:
        worst = max((failure.error for failure in failures), key=lambda error: error.exit_code)
        raise type(worst)(f"{len(failures)} of {len(cards)} cards failed: {worst}")


def _choose(store: Store, wanted: ExtractOptions) -> Chosen:
    """The parcels that are wanted; what is left out is told."""
    skipped: tuple[Skipped, ...] = ()
    if wanted.parcels is None:
        known = store.parcels()
    else:
        reading = read_parcels(
            wanted.parcels, id_column=wanted.id_column, layer=wanted.layer, crs=wanted.parcels_crs
        )
        known, skipped = reading.parcels, reading.skipped
        tell_skipped(skipped)
        for remark in reading.remarks:
            log.warning("%s: %s", wanted.parcels, remark)
        store.put_parcels(known)
    area = None if wanted.aoi is None else area_wkt(wanted.aoi)
    selection = select_parcels(known, minimum_area=wanted.minimum_area, area=area)
    tell_skipped(selection.skipped)
    if not len(selection.parcels):
        raise UsageError(
            f"none of the {len(known)} parcels is wanted",
            advice="Look at --min-area and --aoi",
        )
    return Chosen(selection.parcels, (*skipped, *selection.skipped))


def _run(
    cards: Sequence[str], wanted: ExtractOptions, store: Store, extractor: Extractor
) -> tuple[list[Outcome], list[Failure]]:
    """Reduce card after card; one that cannot be read does not stop the others.

    What another worker has in hand is looked at again at the end, until somebody has loaded it: a worker may have died.
    """
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    left, skips = list(enumerate(cards, 1)), wanted.missing
    while left:
        busy = []
        for number, card in left:
            label = f"{number}/{len(cards)}"
            try:
                outcome = _reduce(card, label, wanted, extractor, store if skips else None)
            except S1CardError as error:
                log.warning("%s: %s", card, error)
                failures.append(Failure(number, card, error))
                if _is_hopeless(failures):
                    log.warning("cards behind %s are not tried", label)
                    return outcomes, failures
                continue
            if outcome.status == BUSY:
                busy.append((number, card))
            else:
                outcomes.append(outcome)
        if busy and len(left) == len(cards):
            log.warning("%d cards are in the hands of other workers; waiting for them", len(busy))
        left, skips = busy, True
        time.sleep(PAUSE if busy else 0.0)
    return outcomes, failures


def _is_hopeless(failures: Sequence[Failure]) -> bool:
    """Whether cards behind the last that failed would fail as well: the disk is full, or the network is away."""
    last = failures[-OUTAGE:]
    if isinstance(last[-1].error, ResourceError):
        return True
    are_in_a_row = len(last) == OUTAGE and last[-1].number - last[0].number == OUTAGE - 1
    return are_in_a_row and all(isinstance(failure.error, NetworkError) for failure in last)


def _reduce(
    card: str, label: str, wanted: ExtractOptions, extractor: Extractor, known: Store | None
) -> Outcome:
    """Reduce a card, unless a store has its rows already."""
    source = open_pixels(card, bands=wanted.bands, given=wanted.given, verify=wanted.verify)
    reference = source.observation.reference
    if known is not None and is_loaded(known, source.observation):
        return Outcome(reference, EXTRACTED, None, 0.0)
    with reporting(f"{label} {reference}", quiet=wanted.as_json) as progress:
        return extractor.run(source, progress)


def _cache() -> Path:
    """The user's cache of s1card (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "s1card"


def _show(outcomes: Sequence[Outcome], failures: Sequence[Failure], chosen: Chosen, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(outcomes, failures, chosen), indent=2))
        return
    for outcome in outcomes:
        click.echo(f"{outcome.reference}: {_sentence(outcome)}")
    for failure in failures:
        click.echo(f"{failure.card}: failed")


def _sentence(outcome: Outcome) -> str:
    report = outcome.report
    if report is None:
        return f"{outcome.status}, left alone"
    if not report.parcels:
        return f"{outcome.status}; {report.outside} parcels lie outside"
    reasons = "".join(f", {count} with the reason '{reason}'" for reason, count in report.reasons.items())
    rate = report.rows / max(outcome.seconds, 1e-3)
    return (
        f"{report.rows} rows of {report.parcels} parcels{reasons}; {report.outside} parcels lie outside; "
        f"{outcome.seconds:.1f} s, {rate:.0f} rows/s"
    )


def _as_json(outcomes: Sequence[Outcome], failures: Sequence[Failure], chosen: Chosen) -> dict[str, Any]:
    return {
        "parcels": len(chosen.parcels),
        "skipped": dict(Counter(one.reason for one in chosen.skipped)),
        "cards": [
            {
                "reference": outcome.reference,
                "status": outcome.status,
                "rows": outcome.report.rows if outcome.report else 0,
                "parcels": outcome.report.parcels if outcome.report else 0,
                "outside": outcome.report.outside if outcome.report else 0,
                "reasons": dict(outcome.report.reasons) if outcome.report else {},
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ],
        "failed": [{"card": failure.card, "error": str(failure.error)} for failure in failures],
        "peak_memory": peak_memory(),
    }
