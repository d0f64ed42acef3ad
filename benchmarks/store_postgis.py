"""A PostGIS store of many rows: loading, a parcel's series, neighbours, bytes per row.

python -m benchmarks.store_postgis [--rows 100_000_000] [--parcels 700_000] [--folder DIR] [--url postgresql://...]

Starts a server of its own with the settings that docs/parcels.md recommends, unless it is given one. Cards have two
bands with the eight statistics and the valid share; every card touches all parcels, and one comes every 19 hours: some
50 million rows a month, as a paying agency has. The server's folder, or the schemas in a given one, are removed at the
end.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from psycopg import sql

from benchmarks.measure import machine
from benchmarks.store_folder import FIRST, extraction, milliseconds, parcels, peak_mib, report
from s1card.parcels.records import Extraction
from s1card.store.base import SeriesQuery
from s1card.store.copy_binary import signature_blocks
from s1card.store.database import Connection
from s1card.store.load import copy_blocks
from s1card.store.postgis import PostgisStore
from s1card.store.rows import signature_rows
from tests.postgres_server import start_server

INTERVAL = timedelta(hours=19)
SCHEMA, EMPTY = "benchmark_full", "benchmark_empty"
SETTINGS = """
fsync = on
full_page_writes = on
autovacuum = on
shared_buffers = 2GB
max_wal_size = 8GB
checkpoint_timeout = 15min
wal_compression = lz4
maintenance_work_mem = 512MB
effective_cache_size = 8GB
random_page_cost = 1.1
"""


def card(number: int, count: int) -> Extraction:
    made = extraction(number, count)
    return replace(made, observation=replace(made.observation, obstime=FIRST + number * INTERVAL))


def load(store: PostgisStore, one: Extraction) -> float:
    """Seconds."""
    begun = time.perf_counter()
    with store.taken(one.observation) as work:
        work.load(one)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--parcels", type=int, default=700_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    if options.url:
        run(options.url, options.rows, options.parcels)
        return
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    server = start_server(SETTINGS, options.folder)
    try:
        run(server.url, options.rows, options.parcels)
    finally:
        server.stop("fast")
        shutil.rmtree(server.folder)


def run(url: str, rows: int, count: int) -> None:
    print(machine(), flush=True)
    full = PostgisStore(with_schema(url, SCHEMA))
    try:
        full.init()
        begun = time.perf_counter()
        full.put_parcels(parcels(count))
        print(f"{count:,} parcels: {time.perf_counter() - begun:.1f} s", flush=True)
        copy_rate(full, count)
        cards = -(-rows // (2 * count))
        fill(full, cards, count)
        begun = time.perf_counter()
        full.compact()
        print(f"vacuum and analyze: {time.perf_counter() - begun:.0f} s", flush=True)
        loading_ratio(full, url, cards, count)
        ask(full, count)
        info = full.info()
        print(f"{info.rows:,} rows, {info.bytes / 1e9:.1f} GB, {info.bytes / info.rows:.0f} bytes per row")
        print(f"peak memory of this process: {peak_mib():.0f} MiB")
    finally:
        drop(full, SCHEMA)
        full.close()


def with_schema(url: str, schema: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}schema={schema}"


def drop(store: PostgisStore, schema: str) -> None:
    statement = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
    store._database.run(lambda connection: connection.execute(statement))


def copy_rate(store: PostgisStore, count: int) -> None:
    """Rows per second of encoding, and of the COPY with it, into a table without indexes."""
    rows = signature_rows(card(0, count))
    begun = time.perf_counter()
    size = sum(len(chunk) for block in signature_blocks(rows, 1, FIRST) for chunk in block.chunks())
    encoding = time.perf_counter() - begun

    def copy(connection: Connection) -> float:
        connection.execute("CREATE TABLE plain (LIKE sigs)")
        begun = time.perf_counter()
        copy_blocks(connection, "plain", signature_blocks(rows, 1, FIRST))
        seconds = time.perf_counter() - begun
        connection.execute("DROP TABLE plain")
        return seconds

    copying = min(store._database.run(copy) for _ in range(3))
    print(f"encoding {size / 1e6:.0f} MB: {len(rows) / encoding:,.0f} rows/s")
    print(f"COPY without indexes, encoding included: {len(rows) / copying:,.0f} rows/s", flush=True)


def fill(store: PostgisStore, cards: int, count: int) -> None:
    seconds = []
    for number in range(cards):
        seconds.append(load(store, card(number, count)))
        if number % 8 == 7 or number == cards - 1:
            recent = statistics.median(seconds[-8:])
            print(f"cards to {number + 1}: {recent:.2f} s each, {2 * count / recent:,.0f} rows/s", flush=True)


def loading_ratio(store: PostgisStore, url: str, number: int, count: int) -> None:
    """One card more into the full store and into an empty one, in turn."""
    into_full, into_empty, again = [], [], []
    for k in range(7):
        one = card(number + k, count)
        empty = PostgisStore(with_schema(url, EMPTY))
        empty.init()
        into_empty.append(load(empty, one))
        drop(empty, EMPTY)
        empty.close()
        into_full.append(load(store, one))
        if k < 2:
            again.append(load(store, one))
    full, none = statistics.median(into_full), statistics.median(into_empty)
    print("full:", [round(each, 2) for each in into_full], "empty:", [round(each, 2) for each in into_empty])
    print(
        f"one card more ({2 * count:,} rows): {full:.2f} s into the full store, {none:.2f} s into an empty one, "
        f"ratio {full / none:.2f}, {2 * count / full:,.0f} rows/s; again {statistics.median(again):.2f} s"
    )


def ask(store: PostgisStore, count: int) -> None:
    rng = np.random.default_rng(1)
    ids = [f"{k:08d}" for k in rng.integers(1, count + 1, 200)]
    store.series(SeriesQuery(ids[0]))
    for label in ("a parcel's series, first time", "a parcel's series, warm"):
        times = sorted(
            milliseconds(lambda parcel=parcel: store.series(SeriesQuery(parcel))) for parcel in ids
        )
        report(label, times)
    print(f"rows of it: {store.series(SeriesQuery(ids[0])).num_rows}")
    times = sorted(milliseconds(lambda parcel=parcel: store.peers(parcel, column="crop")) for parcel in ids)
    report("peers within 1 km of the same crop", times)
    begun = time.perf_counter()
    first = next(store.export_rows()).num_rows
    print(f"first {first:,} rows of an export: {time.perf_counter() - begun:.2f} s", flush=True)
    begun = time.perf_counter()
    print(
        f"latest of all parcels: {store.latest().num_rows:,} rows, {time.perf_counter() - begun:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
