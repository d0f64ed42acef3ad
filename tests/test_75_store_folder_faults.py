"""The folder store when processes are killed, disks are full and files are damaged."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from store_contract import (
    TIME,
    exported,
    load,
    make_band,
    make_extraction,
    make_observation,
    make_parcels,
    series,
)

from s1card.errors import DataError, ResourceError
from s1card.parcels.records import Extraction, ParcelSet
from s1card.store.base import SeriesQuery
from s1card.store.folder import FolderStore

KILLS = 20
CARDS = 5
PARCELS = 3000
LARGEST_FILE = 20_000  # bytes; a card has more
NO_ROOM = 5
PATIENCE = 60.0  # seconds


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(str(tmp_path / "store"))
    store.init()
    store.put_parcels(make_parcels())
    return store


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Processes that need not import everything first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        forkserver.ensure_running()
    return context


def large_card(number: int, level: int) -> Extraction:
    """The mean of every row tells the level: level + up to 3.02."""
    observation = make_observation(f"card-{number}", TIME + timedelta(days=number))
    pids = np.arange(1, PARCELS + 1).tolist()
    return Extraction(observation, [make_band(band, pids, level) for band in ("VVb", "VHb")])


def load_for_ever(folder: str, first_level: int, log: str) -> None:
    """Load one card after the other, each time with a higher level, and note in a file what was done."""
    store = FolderStore(folder)
    with Path(log).open("a", buffering=1) as done:
        for level in range(first_level, first_level + 1_000_000, 100):
            number = level // 100 % CARDS
            load(store, large_card(number, level))
            done.write(f"{number} {level}\n")


def compact_for_ever(folder: str) -> None:
    store = FolderStore(folder)
    while True:
        store.compact()
        time.sleep(0.01)


def begin(has_begun: Event, target: Callable[..., None], *args: object) -> None:
    has_begun.set()
    target(*args)


def start(context: ForkServerContext, target: Callable[..., None], *args: object) -> ForkServerProcess:
    """A process that has begun with its work."""
    has_begun = context.Event()
    process = context.Process(target=begin, args=(has_begun, target, *args), daemon=True)
    process.start()
    assert has_begun.wait(PATIENCE)
    return process


def kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join(PATIENCE)
    assert process.exitcode == -9


def count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def levels(log: Path) -> dict[int, int]:
    """The last level of each card that was loaded to the end."""
    lines = log.read_text().splitlines() if log.exists() else []
    return {int(number): int(level) for number, level in (line.split() for line in lines)}


def assert_complete(store: FolderStore, done: dict[int, int]) -> None:
    """Every card has all its rows once, of one version, not older than the last one that was loaded to the end."""
    counts: Counter[tuple[str, int]] = Counter()
    keys = set()
    rows = 0
    for batch in store.export_rows():
        table = batch.to_pydict()
        rows += batch.num_rows
        counts.update(
            (name, int(mean) // 100) for name, mean in zip(table["reference"], table["mean"], strict=True)
        )
        keys |= set(zip(table["reference"], table["pid"], table["band"], strict=True))
    assert len(keys) == rows
    assert set(counts.values()) <= {2 * PARCELS}
    found = {int(name.removeprefix("card-")): level * 100 for name, level in counts}
    assert len(found) == len(counts)
    assert set(done) <= set(found)
    assert all(found[number] >= level for number, level in done.items())
    assert store.info().rows == rows


def test_killed_at_random_while_another_compacts(
    context: ForkServerContext, store: FolderStore, tmp_path: Path
) -> None:
    rng = random.Random(7)
    folder, log = str(store.folder), tmp_path / "log"
    compactor = start(context, compact_for_ever, folder)
    reader = FolderStore(folder)
    for round_number in range(KILLS):
        before = count_lines(log)
        loader = start(context, load_for_ever, folder, 100_100 * round_number, str(log))
        deadline = time.monotonic() + rng.uniform(0.02, 0.3)
        must_load = (
            round_number % 2 == 1
        )  # however slow the machine is, some are killed later than in their first load
        while time.monotonic() < deadline or (must_load and count_lines(log) == before):
            rows = reader.series(SeriesQuery("007"))
            keys = list(zip(rows["reference"].to_pylist(), rows["band"].to_pylist(), strict=True))
            assert len(keys) == len(set(keys)) == 2 * len(set(rows["reference"].to_pylist()))
        kill(loader)
        if round_number % 4 == 3:
            kill(compactor)
            assert_complete(FolderStore(folder), levels(log))
            compactor = start(context, compact_for_ever, folder)
    kill(compactor)
    done = levels(log)
    assert set(done) == set(range(CARDS))
    assert_complete(FolderStore(folder), done)
    store.compact()
    assert_complete(store, done)
    files = [path.name for path in (store.folder / "sigs" / "2021-03").iterdir()]
    assert len(files) == 1 and files[0].startswith("month-")


def test_two_compact_while_one_loads_and_one_reads(
    context: ForkServerContext, store: FolderStore, tmp_path: Path
) -> None:
    """Nobody is disturbed: the loading goes on, and the reader never misses a card that has been there."""
    folder, log = str(store.folder), tmp_path / "log"
    for number in range(CARDS):
        load(store, large_card(number, 0))
    others = [start(context, compact_for_ever, folder) for _ in range(2)]
    others.append(start(context, load_for_ever, folder, 1000, str(log)))
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        rows = series(store, "7")
        assert len(rows) == 2 * CARDS
        assert store.info().rows == 2 * PARCELS * CARDS
        assert store.latest().num_rows == 2 * PARCELS
    assert all(process.is_alive() for process in others)
    for process in others:
        kill(process)
    assert len(levels(log)) >= 2
    assert_complete(store, levels(log))


# --- Disk full ---


def limited(folder: str, what: str) -> None:
    """Do something with small files only; the exit code tells of a ResourceError."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    store = FolderStore(folder)
    works: dict[str, Callable[[], object]] = {
        "load": lambda: load(store, large_card(0, 5)),
        "compact": store.compact,
        "parcels": lambda: store.put_parcels(many_parcels()),
    }
    try:
        works[what]()
    except ResourceError as error:
        assert folder in str(error)
        os._exit(NO_ROOM)


def many_parcels() -> ParcelSet:
    """Parcels that no codec makes small."""
    rng = np.random.default_rng(0)
    few = make_parcels()
    geometries = np.resize(few.geometries, 5000)
    ids = np.array([rng.bytes(20).hex() for _ in range(5000)], object)
    return ParcelSet(np.arange(1, 5001, dtype=np.int32), ids, geometries, few.crs)


def everything(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", ["load", "compact", "parcels"])
def test_a_full_disk_changes_nothing(what: str, context: ForkServerContext, tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path / "store"))
    store.init()
    if what != "parcels":
        store.put_parcels(make_parcels())
        for number in range(2):
            load(store, large_card(number, 0))
    before = everything(store.folder)
    process = start(context, limited, str(store.folder), what)
    process.join(PATIENCE)
    assert process.exitcode == NO_ROOM
    assert everything(store.folder) == before
    if what != "parcels":
        assert_complete(store, {0: 0, 1: 0})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "s1card-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_no_room_left_is_said_and_changes_nothing(small_disk: Path) -> None:
    store = FolderStore(str(small_disk / "store"))
    store.init()
    store.put_parcels(make_parcels())
    loaded = 0
    with pytest.raises(ResourceError, match="disk is full"):
        for loaded in range(20):
            load(store, large_card(loaded, 0))
    assert loaded > 0
    assert_complete(store, dict.fromkeys(range(loaded), 0))
    assert not list(store.folder.rglob("*.part"))
    with pytest.raises(ResourceError, match="disk is full"):
        store.compact()
    assert_complete(store, dict.fromkeys(range(loaded), 0))
    assert not list(store.folder.rglob("*.part"))


# --- Damaged files ---


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(keep: float, store: FolderStore) -> None:
    for k in range(2):
        load(store, make_extraction(make_observation(f"card-{k}"), level=k))
    before = exported(store)
    path = sorted(store.folder.glob("sigs/*/*.parquet"))[0]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    fresh = FolderStore(str(store.folder))
    for call in (fresh.info, fresh.latest, fresh.compact, lambda: fresh.series(SeriesQuery("007"))):
        with pytest.raises(DataError, match=path.name):
            call()
    reference = next(name for name in ("card-0", "card-1") if name_of(fresh, name) in path.name)
    path.unlink()  # as the message advises
    load(fresh, make_extraction(make_observation(reference), level=int(reference[-1])))
    assert exported(fresh) == before


def name_of(store: FolderStore, reference: str) -> str:
    from s1card.store.naming import observation_number

    return f"{observation_number(reference):013x}"


def test_a_card_can_be_loaded_again_over_its_damaged_file(store: FolderStore) -> None:
    load(store, make_extraction(make_observation()))
    (path,) = store.folder.glob("sigs/*/*.parquet")
    path.write_bytes(b"PAR1")
    fresh = FolderStore(str(store.folder))
    assert load(fresh, make_extraction(make_observation(), level=3.0)) == 8
    assert fresh.info().rows == 8


def test_a_file_that_is_damaged_inside_is_named(store: FolderStore) -> None:
    load(store, large_card(0, 0))
    (path,) = store.folder.glob("sigs/*/*.parquet")
    column = pq.read_metadata(path).row_group(0).column(0)
    content = bytearray(path.read_bytes())
    begin = column.data_page_offset
    content[begin : begin + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(content)
    fresh = FolderStore(str(store.folder))
    with pytest.raises(DataError, match=path.name):
        fresh.series(SeriesQuery("007"))
    with pytest.raises(DataError, match=path.name):
        fresh.compact()
    with pytest.raises(DataError, match="store"):
        fresh.latest()
    assert path.exists()
    assert not list(store.folder.rglob("*.part"))


def test_damaged_parcels_are_named(store: FolderStore) -> None:
    (store.folder / "parcels.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"parcels\.parquet"):
        FolderStore(str(store.folder)).parcels()
