"""The folder store: the contract of stores, and what is its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS
from store_contract import (
    IDS,
    TIME,
    StoreContract,
    exported,
    fail,
    load,
    make_extraction,
    make_observation,
    make_parcels,
    series,
    square,
)

from s1card.errors import UsageError
from s1card.parcels.records import ParcelSet
from s1card.store import Store, compaction, naming, open_store
from s1card.store.folder import FolderStore
from s1card.store.geoparquet import z_order
from s1card.store.naming import STALE_SECONDS, new_version, observation_number, part_path
from s1card.store.visible import Files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(place: Path) -> Store:
    return FolderStore(str(place))


@pytest.fixture
def reopened(place: Path) -> Callable[[], Store]:
    return lambda: FolderStore(str(place))


@pytest.fixture
def ready(store: FolderStore) -> FolderStore:
    store.init()
    store.put_parcels(make_parcels())
    return store


def row_files(place: Path) -> list[Path]:
    return sorted(place.glob("sigs/*/*.parquet"))


def means(store: Store) -> dict[str, float]:
    return {row["reference"]: round(row["mean"], 3) for row in series(store, "007", bands=["VVb"])}


class TestFolderStore(StoreContract):
    """Everything that every store does."""


# --- The place ---


def test_an_address_opens_the_store_of_a_folder(place: Path) -> None:
    open_store(f"file://{place}").init()
    assert isinstance(open_store(str(place)), FolderStore)
    assert open_store(str(place)).info().rows == 0
    assert sorted(path.name for path in place.iterdir()) == ["sigs", "store.json"]


def test_a_folder_with_other_files_is_left_alone(place: Path, store: Store) -> None:
    place.mkdir()
    (place / "thesis.doc").touch()
    with pytest.raises(UsageError, match=r"thesis\.doc"):
        store.init()
    assert [path.name for path in place.iterdir()] == ["thesis.doc"]


def test_an_empty_folder_that_was_lost_in_a_copy_is_no_harm(place: Path, ready: Store) -> None:
    (place / "sigs").rmdir()
    assert ready.info().rows == 0
    assert ready.compact() == "nothing to compact"
    assert load(ready, make_extraction(make_observation())) == 8


def test_a_file_is_no_folder(place: Path, store: Store) -> None:
    place.touch()
    with pytest.raises(UsageError, match="folder"):
        store.init()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"store": "other", "format": 1}'])
def test_another_store_json_is_refused(place: Path, ready: Store, text: str) -> None:
    (place / "store.json").write_text(text)
    for call in (ready.init, ready.info, ready.compact):
        with pytest.raises(UsageError, match=r"store\.json|format"):
            call()


def test_a_store_of_a_later_format_is_not_touched(place: Path, ready: Store) -> None:
    (place / "store.json").write_text('{"store": "s1card", "format": 2}')
    for call in (
        ready.init,
        ready.info,
        ready.compact,
        lambda: load(ready, make_extraction(make_observation())),
    ):
        with pytest.raises(UsageError, match="newer"):
            call()


@pytest.mark.parametrize("package", ["duckdb", "pyarrow"])
def test_missing_packages_are_named(package: str, place: Path) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from s1card.errors import UsageError\n"
        "from s1card.store import open_store\n"
        "try:\n    open_store(sys.argv[1])\nexcept UsageError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, place], capture_output=True, text=True, check=True)
    assert package in done.stdout and "s1card[store]" in done.stdout


# --- Files ---


def test_files_are_named_by_month_observation_and_version(place: Path, ready: Store) -> None:
    observation = make_observation()
    load(ready, make_extraction(observation))
    (path,) = row_files(place)
    assert path.parent.name == "2021-03"
    assert path.name.startswith(f"{observation_number(observation.reference):013x}-")
    table = pq.read_table(path)
    assert table["pid"].to_pylist() == [1, 1, 2, 2, 3, 3, 5, 5]
    assert table["band"].to_pylist() == ["VHb", "VVb"] * 4
    metadata = json.loads(pq.read_metadata(path).metadata[b"s1card"])["observations"]
    assert [(each["status"], each["rows"], each["settings"]) for each in metadata] == [
        ("extracted", 8, {"rule": "centre"})
    ]


def test_numbers_of_observations_are_the_same_everywhere() -> None:
    digest = hashlib.sha256(b"S1A_GRD_CARD_BS").hexdigest()
    assert observation_number("S1A_GRD_CARD_BS") == int(digest[:13], 16)
    assert observation_number("S1A_GRD_CARD_BS") < 2**52


def test_compaction_leaves_a_file_per_month(place: Path, ready: Store) -> None:
    for k in range(5):
        load(ready, make_extraction(make_observation(f"card-{k}", TIME + timedelta(days=12 * k))))
    assert "5 files of 2 months became 2 with 40 rows" in ready.compact()
    assert [path.parent.name for path in row_files(place)] == ["2021-03", "2021-04"]
    assert all(path.name.startswith("month-") for path in row_files(place))
    assert ready.compact() == "nothing to compact"
    load(ready, make_extraction(make_observation("card-5", TIME)))
    assert "2 files of 1 months became 1 with 32 rows" in ready.compact()


def test_compaction_removes_a_month_without_observations(place: Path, ready: Store) -> None:
    load(ready, make_extraction(make_observation()))
    ready.compact()
    load(ready, make_extraction(make_observation(time=TIME + timedelta(days=60))))
    ready.compact()
    assert [path.parent.name for path in row_files(place)] == ["2021-05"]
    assert ready.info().rows == 8


def test_many_files_are_merged_in_rounds_and_in_ranges(
    place: Path, ready: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN_IN", 3)
    monkeypatch.setattr(compaction, "RANGE_ROWS", 40)
    monkeypatch.setattr(compaction, "SMALLEST_GROUP", 16)
    monkeypatch.setattr(compaction, "MOST_GROUPS", 1000)
    rng = np.random.default_rng(3)
    for k in range(11):
        pids = np.sort(rng.choice(np.arange(1, 200), 60, replace=False)).tolist()
        load(
            ready, make_extraction(make_observation(f"card-{k:02}", TIME + timedelta(hours=k)), pids, level=k)
        )
    before = exported(ready)
    ready.compact()
    (path,) = row_files(place)
    assert exported(ready) == before
    table = pq.read_table(path, columns=["pid", "obstime", "band"]).to_pylist()
    order = [(row["pid"], row["obstime"], row["band"]) for row in table]
    assert order == sorted(order)
    assert pq.read_metadata(path).num_row_groups >= len(before) / 16
    assert pq.read_metadata(path).num_rows == len(before) == 11 * 120


def test_several_threads_use_one_store(ready: Store) -> None:
    """Some load and compact while others ask; nobody sees half of a card."""

    def load_one(k: int) -> int:
        count = load(ready, make_extraction(make_observation(f"card-{k}", TIME + timedelta(days=k)), level=k))
        if k % 5 == 4:
            ready.compact()
        return count

    def ask(k: int) -> tuple[int, int]:
        return len(series(ready, IDS[k % 4])) % 2, ready.info().rows % 8

    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load_one, k) for k in range(10)]
        answers = [pool.submit(ask, k) for k in range(40)]
        assert {each.result() for each in answers} == {(0, 0)}
        assert {each.result() for each in loads} == {8}
    assert ready.info().rows == 80
    assert [row["mean"] for row in series(ready, "007", bands=["VVb"])] == pytest.approx(
        [k + 0.011 for k in range(10)]
    )


# --- Which rows count ---


def test_an_older_file_that_was_not_removed_does_not_count(place: Path, ready: Store, tmp_path: Path) -> None:
    """As after a kill between the renaming of a new file and the removal of the old one."""
    load(ready, make_extraction(make_observation()))
    (old,) = row_files(place)
    kept = shutil.copy(old, tmp_path)
    load(ready, make_extraction(make_observation(), [1], level=5.0))
    assert not old.exists()
    shutil.copy(kept, old)
    assert means(ready) == {"S1A_GRD_CARD_BS": 5.011}
    assert ready.info().rows == 2
    assert set(ready.latest()["pid"].to_pylist()) == {1}
    ready.compact()
    assert len(row_files(place)) == 1
    assert ready.info().rows == 2


def test_merged_files_that_were_not_removed_do_not_count(place: Path, ready: Store, tmp_path: Path) -> None:
    for k in range(3):
        load(ready, make_extraction(make_observation(f"card-{k}"), level=k))
    merged = [(path, shutil.copy(path, tmp_path)) for path in row_files(place)]
    before = exported(ready)
    ready.compact()
    for path, copy in merged[:2]:
        shutil.copy(copy, path)
    assert len(row_files(place)) == 3
    assert exported(ready) == before
    assert ready.info().rows == 24
    ready.compact()
    assert len(row_files(place)) == 1
    assert exported(ready) == before


def test_of_two_compactions_at_once_one_counts(place: Path, ready: Store) -> None:
    for k in range(3):
        load(ready, make_extraction(make_observation(f"card-{k}"), level=k))
    before = exported(ready)
    ready.compact()
    (month,) = row_files(place)
    shutil.copy(month, month.with_name(f"month-{new_version()}.parquet"))
    load(ready, make_extraction(make_observation("card-1"), [2], level=9.0))
    rows = exported(ready)
    assert [row for row in rows if row["reference"] != "card-1"] == [
        row for row in before if row["reference"] != "card-1"
    ]
    assert ready.info().rows == len(rows) == 18
    assert ready.latest().num_rows == 8
    ready.compact()
    assert exported(ready) == rows
    assert len(row_files(place)) == 1


def test_rows_hidden_in_a_compacted_month_are_in_no_answer(ready: Store) -> None:
    load(ready, make_extraction(make_observation("old", TIME), level=1.0))
    load(ready, make_extraction(make_observation("new", TIME + timedelta(days=1)), level=2.0))
    ready.compact()
    fail(ready, make_observation("new", TIME + timedelta(days=1)), "Rio error")
    latest = {(row["pid"], row["band"]): row["mean"] for row in ready.latest().to_pylist()}
    assert latest[1, "VVb"] == pytest.approx(1.011)
    assert means(ready) == {"old": 1.011}
    assert {row["reference"] for row in exported(ready)} == {"old"}


def test_questions_in_sql(ready: FolderStore) -> None:
    load(ready, make_extraction(make_observation("old", TIME), level=1.0))
    load(ready, make_extraction(make_observation("new", TIME + timedelta(days=1)), level=2.0))
    ready.compact()
    load(ready, make_extraction(make_observation("old", TIME), [1, 2], level=5.0))
    question = (
        "SELECT p.crop, d.reference, count(*) AS n FROM sigs s JOIN parcels p USING (pid) "
        "JOIN dias_catalogue d ON d.id = s.obsid WHERE p.id = ? GROUP BY ALL ORDER BY ALL"
    )
    assert ready.sql(question, ["007"]).to_pylist() == [
        {"crop": "wheat", "reference": "new", "n": 2},
        {"crop": "wheat", "reference": "old", "n": 2},
    ]
    assert ready.sql("SELECT count(*) AS n FROM sigs").to_pylist() == [{"n": 8 + 4}]
    with pytest.raises(UsageError, match="signatures"):
        ready.sql("SELECT * FROM signatures")


def test_a_clock_that_is_behind_does_not_hide_new_rows(ready: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    load(ready, make_extraction(make_observation(), level=1.0))
    ready.compact()
    behind = time.time_ns() - 10**12
    monkeypatch.setattr(naming.time, "time_ns", lambda: behind)
    load(ready, make_extraction(make_observation(), level=2.0))
    assert means(ready) == {"S1A_GRD_CARD_BS": 2.011}
    ready.compact()
    load(ready, make_extraction(make_observation(), level=3.0))
    assert means(ready) == {"S1A_GRD_CARD_BS": 3.011}


def test_a_reading_that_another_process_disturbed_is_not_believed(
    place: Path, ready: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is read while files are replaced may show neither the old ones nor the new one."""
    load(ready, make_extraction(make_observation()))
    files = Files(place / "sigs")
    (there,) = files.names().items()
    readings = iter([{}, {there[0]: there[1]}, {there[0]: there[1]}])
    monkeypatch.setattr(files, "_read_names", lambda: next(readings))
    assert dict([there]) == files.names()


def test_versions_sort_as_they_count() -> None:
    versions = [new_version()]
    for _ in range(50):
        versions.append(new_version(above=versions[-1]))
    assert versions == sorted(set(versions))


def test_unfinished_files_of_the_dead_go_and_those_of_the_living_stay(place: Path, ready: Store) -> None:
    load(ready, make_extraction(make_observation()))
    final = place / "sigs" / "2021-03" / "x.parquet"
    mine, old = part_path(final), part_path(final)
    other = final.with_name(f".x.parquet.00000000-{os.getpid()}-00000000.part")  # of another machine
    code = (
        "import sys, pathlib; from s1card.store.naming import part_path\n"
        "for path in sys.argv[1:]: print(part_path(pathlib.Path(path)))"
    )
    words = [sys.executable, "-c", code, final, place / "parcels.parquet"]
    dead = map(Path, subprocess.check_output(words, text=True).splitlines())
    for path in (mine, old, other, *dead):
        path.touch()
    long_ago = time.time() - STALE_SECONDS - 5
    os.utime(old, (long_ago, long_ago))
    assert "3 unfinished files removed" in ready.compact()
    assert set(place.rglob("*.part")) == {mine, other}
    assert ready.info().rows == 8


# --- Parcels ---


def test_parcels_are_geoparquet(place: Path, ready: Store) -> None:
    table = pq.read_table(place / "parcels.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"], column["encoding"]) == ("1.1.0", "geometry", "WKB")
    assert column["geometry_types"] == ["MultiPolygon", "Polygon"]
    assert CRS.from_json_dict(column["crs"]) == CRS("EPSG:32632")
    assert column["covering"]["bbox"]["ymax"] == ["bbox", "ymax"]
    boxes = {row["id"]: row["bbox"] for row in table.select(["id", "bbox"]).to_pylist()}
    assert boxes["small"] == {"xmin": 500_000, "ymin": 5_000_150, "xmax": 500_050, "ymax": 5_000_200}
    assert set(table["id"].to_pylist()) == set(IDS)


def test_attributes_may_have_the_names_of_our_columns(store: Store) -> None:
    geometries = np.array([square(0, 0), square(500, 0)], object)
    attributes = {
        name: np.array([k, k + 1]) for k, name in enumerate(("pid", "pid_", "id", "bbox", "geometry"))
    }
    ids = np.array(["a", "b"], object)
    wkt = CRS.from_dict({"proj": "tmerc", "lat_0": 50, "lon_0": 9, "datum": "WGS84"}).to_wkt()
    store.init()
    store.put_parcels(ParcelSet(np.array([4, 9], np.int32), ids, geometries, wkt, attributes))
    parcels = store.parcels()
    assert parcels.crs == wkt
    assert {name: values.tolist() for name, values in parcels.attributes.items()} == {
        name: [k, k + 1] for k, name in enumerate(attributes)
    }
    assert [peer.pid for peer in store.peers("a")] == [9]
    assert store.peers("a", column="pid") == []


def test_peers_are_those_of_a_search_of_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several row groups, thousands of parcels of random size."""
    monkeypatch.setattr("s1card.store.geoparquet.GROUP_ROWS", 100)
    monkeypatch.setattr("s1card.store.neighbours.GROUP_ROWS", 100)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 8000, (2, 1500))
    side = rng.uniform(20, 120, (2, 1500))
    geometries = shapely.box(400_000 + x, 5_600_000 + y, 400_000 + x + side[0], 5_600_000 + y + side[1])
    ids = np.array([f"{k}" for k in range(1500)], object)
    crop = np.array([f"crop {k % 3}" for k in range(1500)], object)
    store.init()
    store.put_parcels(
        ParcelSet(np.arange(1, 1501, dtype=np.int32), ids, geometries, "EPSG:32632", {"crop": crop})
    )
    for parcel in rng.integers(0, 1500, 5):
        distances = shapely.distance(geometries, geometries[parcel])
        is_peer = (distances < 690) & (shapely.area(geometries) >= 3050) & (crop == crop[parcel])
        is_peer[parcel] = False
        expected = set(ids[is_peer])
        found = {
            peer.id: peer.distance
            for peer in store.peers(str(parcel), distance=700, limit=1500, column="crop")
        }
        assert expected <= set(found)
        assert list(found.values()) == sorted(found.values())
        for name, distance in found.items():
            assert distance == pytest.approx(distances[int(name)], rel=2e-3, abs=1e-6)


def test_near_parcels_lie_near_each_other_in_the_file() -> None:
    x, y = (each.ravel() for each in np.meshgrid(np.arange(32), np.arange(32)))
    order = z_order(np.column_stack([x, y, x + 0.5, y + 0.5]).astype(float))
    first = order[: 16 * 16]
    assert x[first].max() == 15 and y[first].max() == 15
    assert sorted(order) == list(range(32 * 32))
