"""``s1card store``: make a store, ask it, draw, export, compact, and take over the tables of the JRC system."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from s1card.cli_parcels import tell_skipped
from s1card.errors import UsageError
from s1card.parcels.records import Skipped
from s1card.store import open_store
from s1card.store.base import Peer, SeriesQuery, Store, StoreInfo
from s1card.store.similar_ids import similar_ids

if TYPE_CHECKING:  # its packages are an extra, which is missed where they are used
    from s1card.store.original import ImportReport, OriginalTables

Answer = TypeVar("Answer")

WIDTH = 240
"""Characters that a line of a table may have: no column is cut, a narrow terminal wraps lines."""

DEFAULT_PEERS = 10
_PASSWORD = re.compile(r"(?<=://)[^/@]*@")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")

_store = click.option(
    "--store",
    "url",
    required=True,
    envvar="S1CARD_STORE",
    metavar="DIR|postgresql://...",
    help="Where the store is  [or: environment variable S1CARD_STORE].",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON for machines.")
_distance = click.option(
    "--distance",
    type=click.FloatRange(min=0, min_open=True),
    default=1000.0,
    show_default=True,
    help="Metres within which peers lie.",
)
_same = click.option(
    "--same",
    "column",
    default="",
    metavar="COLUMN",
    help="Only parcels with the same value in this attribute.",
)


def start_time(text: str) -> datetime:
    """The first moment that is wanted, of a day or a time."""
    return _moment(text, timedelta(0))


def end_time(text: str) -> datetime:
    """The first moment that is no longer wanted; a day is wanted to its end."""
    return _moment(text, timedelta(days=1))


def _moment(text: str, whole_day: timedelta) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time()) + whole_day
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is neither a day such as 2021-03-31 nor an ISO time") from error


_start = click.option("--start", type=start_time, metavar="DATE", help="From this day, or time (UTC), on.")
_end = click.option(
    "--end", type=end_time, metavar="DATE", help="To the end of this day, or before this time (UTC)."
)


@click.group()
def store() -> None:
    """Make a store of parcel statistics, ask it, draw, export, and keep it in order.

    A store is a folder, or a schema of a PostGIS database: postgresql://user@host/database?schema=name. Results go to
    stdout, remarks to stderr.

    Exit codes: 0 done, 2 wrong call (no such store, parcel, attribute or table; a file that exists), 3 bad data (in
    parcels, the store, or nothing to draw), 4 the database does not answer, 5 no room on the disk, 70 our bug.
    """


@store.command("init")
@_store
@click.option(
    "--parcels", metavar="FILE|TABLE", help="Take these parcels in: any vector file, or a PostGIS table."
)
@click.option(
    "--id", "id_column", metavar="COLUMN", help="Column of their ids  [default: one of a usual name]."
)
@click.option("--layer", metavar="NAME", help="Layer of the file, where it has several.")
@click.option("--parcels-crs", "crs", metavar="CRS", help="Their coordinate system, whatever the file says.")
@_as_json
def init_command(
    url: str, parcels: str | None, id_column: str | None, layer: str | None, crs: str | None, as_json: bool
) -> None:
    """Make a store, and take parcels in. Harmless when it exists; parcels cannot be changed later."""
    if parcels is None and (id_column or layer or crs):
        raise click.UsageError("--id, --layer and --parcels-crs belong to --parcels")
    opened = open_store(url)
    skipped: Sequence[Skipped] = ()
    if parcels is not None:
        from s1card.parcels.source import read_parcels  # noqa: PLC0415 - takes long to load

        reading = read_parcels(parcels, id_column=id_column, layer=layer, crs=crs)
        skipped = reading.skipped
        for remark in reading.remarks:
            click.echo(f"{Path(parcels).name}: {remark}", err=True)
        opened.init()
        opened.put_parcels(reading.parcels)
    else:
        opened.init()
    count = opened.info().parcels
    tell_skipped(skipped)
    if as_json:
        _print_json({"store": _place(url), "parcels": count, "skipped": [asdict(each) for each in skipped]})
    else:
        click.echo(f"{_place(url)}: {count:,} parcels")


@store.command("info")
@_store
@_as_json
def info_command(url: str, as_json: bool) -> None:
    """Say what a store holds: parcels, observations by card and status, rows, period, size."""
    info = open_store(url).info()
    if as_json:
        _print_json(_info_document(url, info))
        return
    period = (
        f"{info.first:%Y-%m-%d %H:%M} to {info.last:%Y-%m-%d %H:%M} UTC"
        if info.first and info.last
        else "none"
    )
    for name, text in (
        ("store", _place(url)),
        ("parcels", f"{info.parcels:,}"),
        ("rows", f"{info.rows:,}"),
        ("period", period),
        ("size", _size(info.bytes)),
    ):
        click.echo(f"{name:8} {text}")
    if info.observations:
        _print_table(
            ("card", "status", "observations"),
            ((card, status, f"{count:,}") for (card, status), count in info.observations.items()),
            numbers=("observations",),
        )


@store.command("series")
@click.argument("parcel", metavar="PID")
@_store
@click.option(
    "--band", "bands", multiple=True, metavar="BAND", help="VVb, VHb, VVc, VHc, B04 ...; repeat for more."
)
@_start
@_end
@click.option(
    "--scl", is_flag=True, help="Pixels per class of Sentinel-2's classification instead of statistics."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="For people, for spreadsheets, or lists by column for machines.",
)
def series_command(
    parcel: str,
    url: str,
    bands: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    scl: bool,
    form: str,
) -> None:
    """Write the time series of parcel PID, which is what its owner calls it, leading zeros and all."""
    if scl and bands:
        raise click.UsageError("--scl has no bands: leave --band out")
    opened = open_store(url)
    query = _query(parcel, bands, start, end)
    ask = opened.histograms if scl else opened.series
    found = _of_parcel(opened, parcel, lambda: ask(query))
    from s1card.store.answers import as_csv, columns_of  # noqa: PLC0415 - needs pyarrow, which the store has found

    columns = columns_of(found)
    if form == "json":
        _print_json(columns, indent=None)
    elif form == "csv":
        click.echo(as_csv(columns), nl=False)
    else:
        _print_series(columns)
    if not found.num_rows:
        click.echo(f"parcel {parcel!r} has no such rows in this time", err=True)


@store.command("peers")
@click.argument("parcel", metavar="PID")
@_store
@_distance
@click.option(
    "--max", "limit", type=click.IntRange(min=1), default=10, show_default=True, help="At most so many."
)
@_same
@_as_json
def peers_command(url: str, parcel: str, distance: float, limit: int, column: str, as_json: bool) -> None:
    """List parcels near parcel PID, the nearest first, of at least 3,000 m²."""
    found = _peers(open_store(url), parcel, distance, limit, column)
    if as_json:
        _print_json(
            {
                "pids": [peer.id for peer in found],
                "distance": [round(peer.distance, 2) for peer in found],
                "ogc_fid": [peer.pid for peer in found],
            }
        )
        return
    _print_table(
        ("id", "distance (m)", "number"),
        ((peer.id, f"{peer.distance:.1f}", str(peer.pid)) for peer in found),
        numbers=("distance (m)", "number"),
    )
    if not found:
        click.echo(f"no such parcel within {distance:g} m", err=True)


@store.command("plot")
@click.argument("parcel", metavar="PID")
@_store
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.png", help="[default: PID.png]")
@click.option(
    "--peers",
    "limit",
    type=click.IntRange(min=0),
    help=f"So many peers behind  [default: 0; {DEFAULT_PEERS} with --same].",
)
@_same
@_distance
@_start
@_end
@_as_json
def plot_command(  # an argument per option
    parcel: str,
    url: str,
    out: Path | None,
    limit: int | None,
    column: str,
    distance: float,
    start: datetime | None,
    end: datetime | None,
    as_json: bool,
) -> None:
    """Draw backscatter and coherence of parcel PID over time, by orbit, with its peers behind; a PNG."""
    path = out or Path(f"{_file_name(parcel)}.png")
    if path.suffix.lower() != ".png":
        raise click.BadParameter("pictures are PNG: name the file .png", param_hint="--out")
    opened = open_store(url)
    query = _query(parcel, (), start, end)
    series = _of_parcel(opened, parcel, lambda: opened.series(query))
    wanted = limit if limit is not None else DEFAULT_PEERS if column else 0
    peers = _peers(opened, parcel, distance, wanted, column) if wanted else []
    if len(peers) < wanted:
        click.echo(f"{len(peers)} of {wanted} peers lie within {distance:g} m", err=True)
    from s1card.store.plot import draw_series, write_picture  # noqa: PLC0415 - matplotlib takes long to load

    behind = [opened.series(replace(query, parcel=peer.id)) for peer in peers]
    same = f" of the same {column}" if column else ""
    text = f"{len(peers)} peer{'s' * (len(peers) != 1)}{same} within {distance:g} m"
    write_picture(path, draw_series(parcel, series, behind, text))
    if as_json:
        _print_json({"file": str(path), "rows": series.num_rows, "peers": [peer.id for peer in peers]})
    else:
        click.echo(path)


@store.command("export")
@_store
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE.gpkg|FILE.csv|FOLDER",
    help="Parcels with their latest statistics, rows of statistics, or all there is.",
)
@click.option("--latest", is_flag=True, help="In CSV only the newest row of each parcel and band.")
@click.option("--overwrite", is_flag=True, help="Replace an older export.")
@_as_json
def export_command(url: str, out: Path, latest: bool, overwrite: bool, as_json: bool) -> None:
    """Write a GeoPackage for QGIS, a CSV file, or a folder with both and the catalogue."""
    opened = open_store(url)
    from s1card.progress import reporting  # noqa: PLC0415 - takes long to load
    from s1card.store.export import export  # noqa: PLC0415 - needs pyarrow, which the store has found

    total = 0 if latest else opened.info().rows
    with reporting(out.name, quiet=as_json) as progress:
        done = export(
            opened,
            out,
            latest=latest,
            overwrite=overwrite,
            report=lambda rows: progress(rows, max(total, rows)) if total else None,
        )
    if as_json:
        _print_json({"file": str(done.path), "parcels": done.parcels, "rows": done.rows})
        return
    counts = ((done.parcels, "parcels"), (done.rows, "rows"))
    text = ", ".join(f"{count:,} {name}" for count, name in counts if count) or "nothing but names of columns"
    click.echo(done.path)
    click.echo(text, err=True)


@store.command("compact")
@_store
@_as_json
def compact_command(url: str, as_json: bool) -> None:
    """Put rows into the order in which they are asked for; safe beside readers and writers."""
    done = open_store(url).compact()
    if as_json:
        _print_json({"done": done})
    else:
        click.echo(done)


@store.command("migrate")
@click.argument("source", metavar="SOURCE_URL")
@_store
@click.option("--year", type=int, help="Year in the names of tables, where there are several.")
@click.option("--parcels", metavar="TABLE", help="Table of parcels  [default: parcels_YEAR].")
@click.option(
    "--id", "id_column", default="ogc_fid", show_default=True, metavar="COLUMN", help="Column of parcel ids."
)
@click.option(
    "--signatures",
    multiple=True,
    metavar="TABLE",
    help="Tables of statistics; repeat for more  [default: sigs_YEAR, *YEAR_bs_signatures ...].",
)
@click.option("--histograms", multiple=True, metavar="TABLE", help="Class histograms  [default: hists_YEAR].")
@click.option("--catalogue", metavar="TABLE", help="Catalogue  [default: dias_catalogue].")
@click.option("--aois", metavar="TABLE", help="Areas of interest  [default: aois].")
@_as_json
def migrate_command(  # an argument per option
    source: str,
    url: str,
    year: int | None,
    parcels: str | None,
    id_column: str,
    signatures: tuple[str, ...],
    histograms: tuple[str, ...],
    catalogue: str | None,
    aois: str | None,
    as_json: bool,
) -> None:
    """Take over the tables of the JRC system, of its first or second generation, from a database into a store.

    SOURCE_URL is postgresql://user@host/database?schema=name. Names of tables may carry their schema. Doing it again
    gives the same rows.
    """
    if not source.startswith(("postgresql://", "postgres://")):
        raise click.BadParameter("it has to be an address postgresql://...", param_hint="SOURCE_URL")
    opened = open_store(url)
    try:
        from s1card.store.original import import_original  # noqa: PLC0415 - needs psycopg
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the tables of the JRC system are read with the package {error.name}",
            advice="pip install 's1card[store]'",
        ) from error
    named = {
        "parcels": parcels,
        "signatures": signatures,
        "histograms": histograms,
        "catalogue": catalogue,
        "aois": aois,
    }
    tables = _tables(source, year, {name: value for name, value in named.items() if value})
    report = import_original(source, opened, tables, id_column=id_column)
    tell_skipped(report.skipped)
    if as_json:
        _print_json(asdict(report) | {"tables": asdict(tables)})
    else:
        _print_import(report)


def _tables(source: str, year: int | None, named: Mapping[str, Any]) -> OriginalTables:
    """Tables by the names that were given, the others by the original's."""
    from s1card.store.original import OriginalTables, find_tables  # noqa: PLC0415 - needs psycopg

    if {"parcels", "signatures"} <= set(named):
        return OriginalTables(**named)
    return replace(find_tables(source, year), **named)


def _query(parcel: str, bands: Sequence[str], start: datetime | None, end: datetime | None) -> SeriesQuery:
    if start and end and start.timestamp() >= end.timestamp():
        raise click.UsageError("--start lies behind --end")
    return SeriesQuery(parcel, bands, start, end)


def _peers(opened: Store, parcel: str, distance: float, limit: int, column: str) -> list[Peer]:
    return _of_parcel(
        opened, parcel, lambda: opened.peers(parcel, distance=distance, limit=limit, column=column)
    )


def _of_parcel(opened: Store, parcel: str, ask: Callable[[], Answer]) -> Answer:
    """An answer about a parcel; if there is no such parcel, what may have been meant."""
    try:
        return ask()
    except UsageError:
        ids = opened.parcels().ids.tolist()
        if parcel in ids:  # something else is wrong
            raise
        similar = similar_ids(parcel, ids)
        hint = (
            f"Did you mean {' or '.join(map(repr, similar))}?"
            if similar
            else f"Ids are exact text, such as {' or '.join(map(repr, ids[:2]))}"
        )
        raise UsageError(
            f"none of the {len(ids):,} parcels of the store is called {parcel!r}", advice=hint
        ) from None


def _info_document(url: str, info: StoreInfo) -> dict[str, Any]:
    return {
        "store": _place(url),
        "parcels": info.parcels,
        "rows": info.rows,
        "observations": [
            {"card": card, "status": status, "count": count}
            for (card, status), count in info.observations.items()
        ],
        "first": info.first and info.first.isoformat() + "Z",
        "last": info.last and info.last.isoformat() + "Z",
        "bytes": info.bytes,
    }


def _print_series(columns: Mapping[str, Sequence[Any]]) -> None:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if "hist" in columns:
        cells = ([_readable_time(row["obstime"]), json.dumps(row["hist"]), row["reference"]] for row in rows)
        _print_table(("time (UTC)", "pixels per class", "reference"), cells)
        return
    statistics = ("count", "mean", "std", "min", "p25", "p50", "p75", "max")
    head = ("time (UTC)", "band", "orbit", *statistics, "mean dB", "remark")
    _print_table(head, (_series_row(row, statistics) for row in rows), numbers=(*statistics, "mean dB"))


def _series_row(row: Mapping[str, Any], statistics: Sequence[str]) -> list[str]:
    orbit = f"{(row['orbit_direction'] or '')[:1].upper()}{row['relative_orbit'] or ''}"
    numbers = ["" if row[name] is None else f"{row[name]:.4g}" for name in statistics]
    is_backscatter = row["band"].endswith("b") and row["mean"] is not None and row["mean"] > 0
    decibel = f"{10 * math.log10(row['mean']):.2f}" if is_backscatter else ""
    return [_readable_time(row["obstime"]), row["band"], orbit, *numbers, decibel, row["reason"] or ""]


def _readable_time(text: str) -> str:
    return text[:16].replace("T", " ")


def _print_import(report: ImportReport) -> None:
    click.echo(f"{report.parcels:,} parcels, {report.rows:,} rows, {report.histograms:,} histograms")
    for status, count in sorted(report.observations.items()):
        click.echo(f"{count:,} observations: {status}")
    remarks = (
        (report.repeated, "rows were there more than once; one of each was taken"),
        (report.strangers, "rows of parcels that are not in the table of parcels were left out"),
        (report.orphans, "rows of observations that are not in the catalogue were left out"),
        (len(report.unfinished), "observations were never finished, and were left out"),
        (len(report.busy), "observations are in the hands of other workers; run this again"),
    )
    for count, text in remarks:
        if count:
            click.echo(f"{count:,} {text}", err=True)


def _print_json(value: object, indent: int | None = 2) -> None:
    click.echo(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in head:
        table.add_column(title, justify="right" if title in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=WIDTH).print(table)


def _size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < 1000 else f"{value:.0f} {_UNITS[unit]}"


def _place(url: str) -> str:
    """A store's address as it may be shown: without user and password."""
    return _PASSWORD.sub("", url)


def _file_name(parcel: str) -> str:
    """A parcel's id as the name of a file."""
    return re.sub(r"[^\w.-]+", "_", parcel).lstrip(".") or "parcel"
