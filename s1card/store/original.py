"""Taking over what the JRC system has stored: tables of its first and second generation, into any store.

First generation: a table per country, year and card, ``{aoi}{year}_{s2|bs|c6}_signatures``, bands VV, VH, B4, B8, SC.
Second generation: ``sigs_{year}`` and ``hists_{year}``, bands VVb, VHb, VVc, VHc, B02 ... Both: ``dias_catalogue``,
``aois``, ``parcels_{year}``. None of them has keys: rows may be there several times, or belong to parcels or scenes
that are not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import groupby, pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from psycopg import sql
from shapely.geometry.base import BaseGeometry

from s1card.errors import DataError, UsageError
from s1card.parcels.records import (
    REASONS,
    STATISTICS,
    BandSignatures,
    Extraction,
    Histograms,
    Observation,
    ParcelSet,
    Skipped,
)
from s1card.parcels.source import read_parcels
from s1card.store.base import EXTRACTED, IN_PROGRESS, INGESTED, NO_PARCELS, Store
from s1card.store.database import Connection, Database, parse_address
from s1card.store.postgis import PostgisStore
from s1card.store.postgis_queries import copied, snapshot

FINAL = "final"
"""Status that operators of the original give to scenes that are not to be touched again."""

_UNFINISHED = (INGESTED, IN_PROGRESS)
_NO_PARCELS_BEFORE = ("No_parcels", "no_parcels")
_NO_DATA = REASONS.index("no data")
_CLASSES = re.compile(r"\d{1,3}")

_SIGNATURES = re.compile(r"sigs_(?P<year>\d{4})|\w+?(?P<first>\d{4})_(s2|bs|c6|c1)_signatures")
_HISTOGRAMS = re.compile(r"hists_(?P<year>\d{4})")
_PARCELS = re.compile(r"parcels_(?P<year>\d{4})")

_FIRST_GENERATION = {
    ("bs", "VV"): "VVb",
    ("bs", "VH"): "VHb",
    ("c6", "VV"): "VVc",
    ("c6", "VH"): "VHc",
    ("c1", "VV"): "VVc",
    ("c1", "VH"): "VHc",
    ("s2", "SC"): "SCL",
}

_ROWS = pa.schema(
    [
        ("obsid", pa.int64()),
        ("pid", pa.int32()),
        ("band", pa.string()),
        *((name, pa.float32()) for name in STATISTICS),
    ]
)
_HISTS = pa.schema([("obsid", pa.int64()), ("pid", pa.int32()), ("hist", pa.string())])


@dataclass(frozen=True)
class OriginalTables:
    """Which tables are taken over; a name may carry its schema, ``nl.parcels_2020``.

    Attributes:
        parcels: Parcels that the signatures are of.
        signatures: Tables of signatures, of either generation.
        histograms: Tables of class histograms.
        catalogue: The catalogue.
        aois: Areas of interest, or empty; only a PostGIS store takes them.
    """

    parcels: str
    signatures: tuple[str, ...]
    histograms: tuple[str, ...] = ()
    catalogue: str = "dias_catalogue"
    aois: str = ""


@dataclass
class ImportReport:
    """What was taken over, and what was not.

    Attributes:
        parcels: Parcels.
        skipped: Parcels that could not be used, or were repaired.
        observations: Observations by status, as they are in the store now.
        rows: Rows of signatures.
        histograms: Class histograms.
        repeated: Rows that were there before, equal or not: only one of each was taken.
        strangers: Rows of parcels that are not in the table of parcels.
        orphans: Rows of observations that are not in the catalogue.
        unfinished: References of observations that were never finished; neither they nor their rows were taken.
        busy: References of observations that another worker had in the store.
        aois: Areas of interest.
    """

    parcels: int = 0
    skipped: tuple[Skipped, ...] = ()
    observations: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    histograms: int = 0
    repeated: int = 0
    strangers: int = 0
    orphans: int = 0
    unfinished: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    aois: int = 0


def find_tables(source_url: str, year: int | None = None) -> OriginalTables:
    """The tables of a year by the original's names, in the schema of the address.

    Args:
        source_url: ``postgresql://user@host/database?schema=nl``; the schema is ``public`` by default.
        year: Needed if there are several.

    Raises:
        UsageError: There are none, or of several years.
    """
    database = Database(parse_address(source_url))
    query = """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace =
        (SELECT oid FROM pg_namespace WHERE nspname = %s) ORDER BY relname"""
    names = database.run(lambda c: [name for (name,) in c.execute(query, (database.address.schema,))])
    database.close()
    parcels = [name for name in names if _year(_PARCELS, name, year)]
    signatures = tuple(name for name in names if _year(_SIGNATURES, name, year))
    if len(parcels) != 1 or not signatures:
        found = ", ".join(names) or "none"
        raise UsageError(
            f"{len(parcels)} tables of parcels and {len(signatures)} of signatures, of tables: {found}",
            subject=database.address.label,
            advice="Name the year, or the tables",
        )
    return OriginalTables(
        parcels=parcels[0],
        signatures=signatures,
        histograms=tuple(name for name in names if _year(_HISTOGRAMS, name, year)),
        aois="aois" if "aois" in names else "",
    )


def import_original(
    source_url: str, store: Store, tables: OriginalTables | None = None, *, id_column: str = "ogc_fid"
) -> ImportReport:
    """Take parcels, catalogue, signatures and histograms over; again gives the same. The store is initialised.

    The tables are read as they are at one moment, once, sorted by observation on the server (which needs room for that,
    about as much as the tables). Orbits are not known to the original and stay unknown.

    Args:
        source_url: ``postgresql://user@host/database?schema=nl``; the schema is where tables without one are.
        store: Where to; it has no parcels, or the same.
        tables: None to find them by name.
        id_column: Column of parcels with what their owner calls them.

    Raises:
        UsageError: A table or column is missing, or the store has other parcels.
        DataError: Parcels or histograms cannot be understood.
        NetworkError: A server does not answer.
    """
    chosen = tables or find_tables(source_url)
    report = ImportReport()
    parcels = _parcels(source_url, chosen.parcels, id_column, report)
    database = Database(parse_address(source_url))
    with ExitStack() as stack:
        stack.callback(database.close)
        stack.enter_context(database.errors())
        streams = []
        catalogue = stack.enter_context(_reading(database))
        waiting = _catalogue(catalogue, chosen.catalogue)
        for name, table, schema in _sources(chosen):
            connection = stack.enter_context(_reading(database))
            query = _ordered(table, schema)
            rows = stack.enter_context(closing(_by_observation(copied(connection, query, schema), name)))
            streams.append(rows)
        areas = _areas(catalogue, chosen.aois) if chosen.aois else {}
        store.init()
        store.put_parcels(parcels)
        if isinstance(store, PostgisStore):
            report.aois = store.put_aois(areas)
        for obsid, parts in groupby(merge(*streams, key=lambda part: part[0]), key=lambda part: part[0]):
            pieces = [(kind, rows) for _, kind, rows in parts]
            if obsid not in waiting:
                report.orphans += sum(rows.num_rows for _, rows in pieces)
                continue
            observation, status = waiting.pop(obsid)
            _take_over(store, observation, status, pieces, parcels, report)
        for observation, status in waiting.values():
            _take_over(store, observation, status, [], parcels, report)
    return report


def _parcels(source_url: str, table: str, id_column: str, report: ImportReport) -> ParcelSet:
    """The parcels with the numbers that the original gave them."""
    reading = read_parcels(_table_address(source_url, table), id_column=id_column)
    found = reading.parcels
    report.parcels, report.skipped = len(found), reading.skipped
    attributes = dict(found.attributes)
    numbers = found.ids if found.id_column == "ogc_fid" else attributes.pop("ogc_fid", None)
    if numbers is None:
        raise UsageError(
            "it has no column ogc_fid, which signatures name parcels by",
            subject=table,
            advice="Make a view of it that calls the number of a parcel ogc_fid",
        )
    return replace(found, pid=numbers.astype(np.int32), attributes=attributes)


def _table_address(source_url: str, table: str) -> str:
    parts = urlsplit(source_url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    schema, name = table.split(".", 1) if "." in table else (options.get("schema", "public"), table)
    return urlunsplit(parts._replace(query=urlencode(options | {"schema": schema, "table": name})))


def _sources(tables: OriginalTables) -> Iterator[tuple[str, str, pa.Schema]]:
    yield from (("signatures", table, _ROWS) for table in tables.signatures)
    yield from (("histograms", table, _HISTS) for table in tables.histograms)


@contextmanager
def _reading(database: Database) -> Iterator[Connection]:
    """A connection that sees the source at one moment."""
    with database.connection() as connection, snapshot(connection):
        yield connection


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split(".", 1))


def _ordered(table: str, schema: pa.Schema) -> sql.Composed:
    """All rows of a table, observation by observation, in our types."""
    casts = {"obsid": "::bigint", "pid": "::integer", "band": "::text", "hist": "::text"}
    columns = [
        sql.SQL("{}{}").format(sql.Identifier(name), sql.SQL(casts.get(name, "::real")))
        for name in schema.names
    ]
    return sql.SQL("SELECT {} FROM {} WHERE obsid IS NOT NULL AND pid IS NOT NULL ORDER BY obsid").format(
        sql.SQL(", ").join(columns), _identifier(table)
    )


def _by_observation(
    batches: Iterator[pa.RecordBatch], kind: str
) -> Generator[tuple[int, str, pa.Table], None, None]:
    """Rows that come sorted by observation, an observation at a time."""
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        obsid = batch["obsid"].to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(obsid)) + 1).tolist(), len(obsid)]
        for begin, end in pairwise(cuts):
            if pending and pending[-1]["obsid"][0].as_py() != obsid[begin]:
                yield _together(pending, kind)
                pending = []
            pending.append(batch.slice(begin, end - begin))
    if pending:
        yield _together(pending, kind)


def _together(batches: Sequence[pa.RecordBatch], kind: str) -> tuple[int, str, pa.Table]:
    table = pa.Table.from_batches(batches)
    return table["obsid"][0].as_py(), kind, table


def _catalogue(connection: Connection, table: str) -> dict[int, tuple[Observation, str]]:
    """Observations with their status by number, in the order of time."""
    query = sql.SQL(
        """SELECT id, reference, obstime, trim(sensor::text), trim(card::text), ST_AsBinary(footprint),
            trim(status::text)
        FROM {} ORDER BY obstime, id"""
    ).format(_identifier(table))
    found = {}
    for obsid, reference, obstime, sensor, card, footprint, status in connection.execute(query):
        shape = _geometry(footprint)
        found[int(obsid)] = Observation(reference, obstime, sensor, card, shape), status
    return found


def _areas(connection: Connection, table: str) -> dict[str, BaseGeometry]:
    """Areas of interest by name; several polygons of one name make one area."""
    query = sql.SQL(
        "SELECT name, ST_AsBinary(ST_Multi(ST_Union(wkb_geometry))) FROM {} WHERE name IS NOT NULL GROUP BY name"
    ).format(_identifier(table))
    return {name: _geometry(wkb) for name, wkb in connection.execute(query)}


def _geometry(wkb: bytes | None) -> BaseGeometry:
    """A geometry; an empty polygon where there is none."""
    shape = None if wkb is None else shapely.from_wkb(wkb)
    return shapely.Polygon() if shape is None else shape


def _take_over(
    store: Store,
    observation: Observation,
    status: str,
    pieces: Sequence[tuple[str, pa.Table]],
    parcels: ParcelSet,
    report: ImportReport,
) -> None:
    """One observation with all its rows, or with the status that says why it has none."""
    if status in _UNFINISHED:
        report.unfinished.append(observation.reference)
        return
    with store.taken(observation) as work:
        if work is None:
            report.busy.append(observation.reference)
            return
        if status in (EXTRACTED, FINAL):
            extraction = _extraction(observation, pieces, parcels.pid, report)
            report.rows += work.load(extraction)
            report.histograms += len(extraction.histograms.pid) if extraction.histograms else 0
            word = EXTRACTED
        else:
            word = NO_PARCELS if status in _NO_PARCELS_BEFORE else status
            work.fail(word)
    report.observations[word] = report.observations.get(word, 0) + 1


def _extraction(
    observation: Observation,
    pieces: Sequence[tuple[str, pa.Table]],
    known: NDArray[np.int32],
    report: ImportReport,
) -> Extraction:
    tables: dict[str, list[pa.Table]] = {"signatures": [], "histograms": []}
    for kind, rows in pieces:
        tables[kind].append(_of_known(rows, known, report))
    bands: Sequence[BandSignatures] = ()
    histograms = None
    if tables["signatures"]:
        bands = tuple(_bands(pa.concat_tables(tables["signatures"]), observation.card, report))
    if tables["histograms"]:
        histograms = _histograms(pa.concat_tables(tables["histograms"]), observation.reference, report)
    return Extraction(observation, bands, histograms, {"imported": "JRC tables"})


def _of_known(rows: pa.Table, known: NDArray[np.int32], report: ImportReport) -> pa.Table:
    is_known = np.isin(rows["pid"].to_numpy(), known)
    report.strangers += int((~is_known).sum())
    return rows.filter(pa.array(is_known))


def _bands(rows: pa.Table, card: str, report: ImportReport) -> Iterator[BandSignatures]:
    """Signatures band by band, each parcel once: of repeated rows the one with the most pixels."""
    codes = np.array([band_code(card, band) for band in rows["band"].to_pylist()], object)
    for code in sorted(set(codes.tolist())):
        own = rows.filter(pa.array(codes == code))
        values = {name: pc.fill_null(own[name], np.nan).to_numpy().astype(np.float32) for name in STATISTICS}
        pid = own["pid"].to_numpy()
        order = np.lexsort((*(values[name] for name in reversed(STATISTICS[1:])), -values["count"], pid))
        pid = pid[order]
        first = np.flatnonzero(np.diff(pid, prepend=pid[0] - 1))
        report.repeated += len(pid) - len(first)
        chosen = order[first]
        statistics = {name: column[chosen] for name, column in values.items()}
        is_missing = np.isnan(statistics["mean"])
        yield BandSignatures(
            band=code,
            pid=pid[first].astype(np.int32),
            reason=np.where(is_missing, _NO_DATA, 0).astype(np.uint8),
            values={
                **{
                    name: _without(column, is_missing & (name != "count"))
                    for name, column in statistics.items()
                },
                "valid": np.full(len(first), np.nan, np.float32),  # the original did not note it
            },
        )


def _without(values: NDArray[np.float32], is_missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(is_missing, np.float32(np.nan), values)


def band_code(card: str, band: str) -> str:
    """The band code of today for one of either generation: VV of backscatter is VVb, B4 is B04."""
    band = band.strip()
    single = re.fullmatch(r"B(\d)", band)
    return f"B0{single[1]}" if single else _FIRST_GENERATION.get((card, band), band)


def _histograms(rows: pa.Table, reference: str, report: ImportReport) -> Histograms | None:
    """Histograms, each parcel once: of repeated rows the one with the most pixels."""
    if not rows.num_rows:
        return None
    pid = rows["pid"].to_numpy()
    texts = rows["hist"].combine_chunks().dictionary_encode()
    counts = _counts(texts.dictionary.to_pylist(), reference)[texts.indices.to_numpy()]
    order = np.lexsort((-counts.sum(axis=1), pid))
    first = np.flatnonzero(np.diff(pid[order], prepend=pid[order[0]] - 1))
    report.repeated += len(pid) - len(first)
    chosen = order[first]
    return Histograms(pid[chosen].astype(np.int32), counts[chosen])


def _counts(texts: Sequence[str], reference: str) -> NDArray[np.float32]:
    """Pixels per class of JSON objects such as ``{"4": 93, "3": 4}``."""
    parsed: list[Mapping[str, float]] = []
    for text in texts:
        value = _parsed(text)
        if value is None:
            raise DataError(f"a histogram is not one: {text[:80]!r}", subject=reference)
        parsed.append(value)
    counts = np.zeros((len(parsed), 1 + max((int(k) for one in parsed for k in one), default=0)), np.float32)
    for row, value in enumerate(parsed):
        for key, count in value.items():
            counts[row, int(key)] = count
    return counts


def _parsed(text: str) -> Mapping[str, float] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    is_histogram = isinstance(value, dict) and all(
        _CLASSES.fullmatch(key) and isinstance(count, int | float) for key, count in value.items()
    )
    return value if is_histogram else None


def _year(pattern: re.Pattern[str], name: str, year: int | None) -> bool:
    match = pattern.fullmatch(name)
    if match is None:
        return False
    found = next(int(text) for text in match.groupdict().values() if text)
    return year is None or found == year
