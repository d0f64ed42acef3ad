"""A folder store of many rows: loading, compaction, a parcel's series, bytes per row.

python -m benchmarks.store_folder [--rows 100_000_000] [--parcels 700_000] [--folder DIR]

Cards of two bands with the eight statistics and the valid share; every card touches all parcels, a card every 1.6 days,
as over a territory that many tracks cross. The folder is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import shapely

from benchmarks.measure import machine
from s1card.parcels.records import STATISTICS, BandSignatures, Extraction, Observation, ParcelSet
from s1card.store.base import SeriesQuery
from s1card.store.folder import FolderStore

FIRST = datetime(2021, 1, 1, 5, 24, 36)
INTERVAL = timedelta(days=1.6)
BANDS = ("VVb", "VHb")


def parcels(count: int) -> ParcelSet:
    """Squares of 80 m on a lattice of 100 m."""
    side = int(np.ceil(np.sqrt(count)))
    row, col = np.divmod(np.arange(count), side)
    x, y = 500_000 + 100.0 * col, 5_000_000 + 100.0 * row
    return ParcelSet(
        pid=np.arange(1, count + 1, dtype=np.int32),
        ids=np.array([f"{k:08d}" for k in range(1, count + 1)], object),
        geometries=shapely.box(x, y, x + 80, y + 80),
        crs="EPSG:32632",
        attributes={"crop": np.array([f"crop {k % 17}" for k in range(count)], object)},
    )


def extraction(number: int, count: int) -> Extraction:
    """Gamma distributed statistics of a card; every 50th parcel has no data."""
    rng = np.random.default_rng(number)
    observation = Observation(
        reference=f"S1A_IW_GRDH_1SDV_{number:06d}_CARD_BS",
        obstime=FIRST + number * INTERVAL,
        sensor="1A",
        card="bs",
        footprint=shapely.box(8.0, 45.0, 11.0, 47.0),
        orbit_direction="ascending",
        relative_orbit=1 + number % 175,
    )
    return Extraction(observation, [band(rng, code, count) for code in BANDS], None, {"rule": "centre"})


def band(rng: np.random.Generator, code: str, count: int) -> BandSignatures:
    mean = rng.gamma(4.0, 0.02, count).astype(np.float32)
    spread = mean * rng.uniform(0.3, 0.5, count).astype(np.float32)
    values = {name: np.maximum(mean + step * spread, 0) for name, step in zip(
        ("min", "p25", "p50", "p75", "max"), (-1.6, -0.7, -0.1, 0.6, 3.1), strict=True
    )}  # fmt: skip
    values = {name: each + rng.random(count, np.float32) * spread / 9 for name, each in values.items()}
    values |= {"mean": mean, "std": spread, "count": rng.integers(30, 900, count).astype(np.float32)}
    values["valid"] = np.where(rng.random(count) < 0.95, 1.0, rng.random(count))
    reason = np.where(np.arange(count) % 50 == 49, 3, 0).astype(np.uint8)
    for name in STATISTICS[1:]:
        values[name][reason > 0] = np.nan
    arrays = {name: each.astype(np.float32) for name, each in values.items()}
    return BandSignatures(code, np.arange(1, count + 1, dtype=np.int32), reason, arrays)


def load(store: FolderStore, card: Extraction) -> float:
    """Seconds."""
    begun = time.perf_counter()
    with store.taken(card.observation) as work:
        work.load(card)
    return time.perf_counter() - begun


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def series_times(store: FolderStore, ids: Sequence[str]) -> list[float]:
    return sorted(milliseconds(lambda parcel=parcel: store.series(SeriesQuery(parcel))) for parcel in ids)


def duckdb_times(folder: Path, pids: Sequence[int]) -> list[float]:
    """The same rows by DuckDB alone, in one connection, for comparison."""
    files = [str(path) for path in folder.glob("sigs/*/*.parquet")]
    with duckdb.connect() as connection:
        question = "SELECT * FROM read_parquet(?) WHERE pid = ? ORDER BY obstime, band"
        ask = [
            milliseconds(lambda pid=pid: connection.execute(question, [files, pid]).fetchall())
            for pid in pids
        ]
    return sorted(ask[1:])


def report(label: str, times: Sequence[float]) -> None:
    print(
        f"{label:46} median {statistics.median(times):7.1f} ms, 95 % {times[int(len(times) * 0.95)]:7.1f} ms, "
        f"max {times[-1]:7.1f} ms",
        flush=True,
    )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def loading_ratio(store: FolderStore, folder: Path, number: int, count: int) -> None:
    """One card more into the full store and into an empty one, in turn, as fresh processes would find them."""
    into_full, into_empty = [], []
    for k in range(5):
        card = extraction(number + k, count)
        into_full.append(load(FolderStore(str(store.folder)), card))
        empty = FolderStore(str(folder / f"empty-{k}"))
        empty.init()
        into_empty.append(load(empty, card))
        shutil.rmtree(empty.folder)
    full, none = statistics.median(into_full), statistics.median(into_empty)
    print(
        f"one card more ({2 * count:,} rows): {full:.2f} s into the full store, {none:.2f} s into an empty one, "
    )
    print(f"ratio {full / none:.2f}, {2 * count / full:,.0f} rows/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--parcels", type=int, default=700_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="s1card-store-") as scratch:
        run(Path(scratch), options.rows, options.parcels)


def run(folder: Path, rows: int, count: int) -> None:
    cards = -(-rows // (2 * count))
    print(f"{machine()}, load {os.getloadavg()[0]:.1f} before the start")
    store = FolderStore(str(folder / "store"))
    store.init()
    parcel_set = parcels(count)
    print(f"parcels written in {milliseconds(lambda: store.put_parcels(parcel_set)) / 1e3:.1f} s")
    seconds = [load(store, extraction(number, count)) for number in range(cards)]
    print(f"{cards} cards of {2 * count:,} rows loaded: {statistics.median(seconds):.2f} s each (median), "
          f"first {seconds[0]:.2f}, last {seconds[-1]:.2f}; peak {peak_mib():.0f} MiB", flush=True)  # fmt: skip
    rng = np.random.default_rng(1)
    ids = [f"{k:08d}" for k in rng.integers(1, count + 1, 200)]
    report("series before compaction", series_times(store, ids[:20]))
    begun = time.perf_counter()
    print(store.compact())
    print(f"compaction {time.perf_counter() - begun:.0f} s, peak of the process {peak_mib():.0f} MiB")
    fresh = FolderStore(str(store.folder))
    print(f"series, first of all (new process state): {series_times(fresh, ids[:1])[0]:.0f} ms")
    report("series, warm, another parcel each time", series_times(fresh, ids[1:]))
    report("series, warm, the same parcel", series_times(fresh, ids[:1] * 50))
    report("the same rows by DuckDB alone", duckdb_times(store.folder, [int(text) for text in ids[:20]]))
    report(
        "peers within 1 km",
        sorted(milliseconds(lambda parcel=parcel: fresh.peers(parcel)) for parcel in ids[:50]),
    )
    print(f"latest of all parcels: {milliseconds(fresh.latest) / 1e3:.1f} s, peak {peak_mib():.0f} MiB")
    info = fresh.info()
    sigs = sum(path.stat().st_size for path in store.folder.glob("sigs/*/*.parquet"))
    print(f"{info.rows:,} rows, {sigs / 1e9:.2f} GB, {sigs / info.rows:.1f} bytes per row")
    loading_ratio(store, folder, cards, count)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
