"""What a store holds as files: GeoPackage, CSV, and a folder of both."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from pyproj import CRS
from store_contract import (
    IDS,
    TIME,
    exported,
    load,
    make_band,
    make_extraction,
    make_observation,
    make_parcels,
    square,
)

from s1card.errors import ResourceError, UsageError
from s1card.parcels.records import Extraction, ParcelSet
from s1card.store import Store
from s1card.store.export import aside, export
from s1card.store.folder import FolderStore
from s1card.store.geopackage import CHUNK, write_geopackage

LATER = TIME + timedelta(days=6)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Parcels 1 to 5 on two dates; on the later one parcel 2 has no data."""
    store = FolderStore(str(tmp_path / "store"))
    store.init()
    store.put_parcels(make_parcels())
    load(store, make_extraction(make_observation("first")))
    later = make_observation("second", LATER)
    load(store, make_extraction(later, level=2.0, reasons=[0, 3, 0, 0], extras=("enl",)))
    return store


def read_layer(path: Path) -> tuple[dict[str, Any], dict[str, list[Any]], list[shapely.Geometry]]:
    """Meta, columns and geometries of the layer, NULL as None."""
    meta, table = pyogrio.read_arrow(path, layer="parcels")
    geometries = shapely.from_wkb(table[meta["geometry_name"] or "wkb_geometry"].to_pylist())
    return meta, table.to_pydict(), list(geometries)


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def rounded(values: list[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values]


def test_a_geopackage_holds_parcels_and_their_latest_statistics(store: Store, tmp_path: Path) -> None:
    done = export(store, tmp_path / "out.gpkg")
    assert (done.path, done.parcels) == (tmp_path / "out.gpkg", 6)
    assert [name for name, _ in pyogrio.list_layers(done.path)] == ["parcels"]
    meta, columns, geometries = read_layer(done.path)
    assert meta["crs"] == "EPSG:32632"
    parcels = make_parcels()
    for found, expected in zip(geometries, parcels.geometries, strict=True):
        assert found.geom_type == "MultiPolygon"
        assert found.equals(expected)
    assert columns["parcel_id"] == list(IDS)
    assert columns["pid"] == [1, 2, 3, 5, 6, 7]
    assert columns["crop"] == ["wheat", "maize", "wheat", "wheat", None, "maize"]
    assert columns["code"] == [11, 22, 11, 33, 44, 22]
    assert columns["area"] == [1.0, 1.0, 2.0, 1.0, None, 1.0]
    assert columns["organic"] == [True, False, True, True, False, False]
    assert columns["sown"][0] == date(2020, 10, 1)
    assert columns["sown"][5] is None
    means = [2.011, 1.012, 2.013, 2.015, None, None]  # parcel 2 keeps what the first card said
    assert rounded(columns["VVb_mean"]) == means
    assert columns["VHb_p50"][0] == pytest.approx(12.061, rel=1e-6)
    times = [time and time.replace(tzinfo=None) for time in columns["VVb_obstime"]]
    assert times == [LATER, TIME, LATER, LATER, None, None]
    assert columns["VVb_enl"][:2] == [pytest.approx(2.101, rel=1e-6), None]
    assert "VVb_inc" not in columns


def test_a_geopackage_is_one_that_sqlite_and_qgis_understand(store: Store, tmp_path: Path) -> None:
    path = export(store, tmp_path / "out.gpkg").path
    info = pyogrio.read_info(path, layer="parcels")
    assert info["fid_column"] == "fid" and info["geometry_name"] == "geom"
    assert info["geometry_type"] == "MultiPolygon"
    assert info["total_bounds"] == pytest.approx((500_000, 5_000_000, 540_100, 5_000_300))
    rows = pyogrio.read_arrow(path, sql="SELECT count(*) AS n FROM rtree_parcels_geom")[1]
    assert rows["n"].to_pylist() == [6]
    times = pyogrio.read_arrow(
        path, sql="SELECT CAST(VVb_obstime AS TEXT) AS t, CAST(sown AS TEXT) AS s FROM parcels WHERE pid = 1"
    )[1]
    assert times.to_pylist() == [{"t": "2021-03-10T05:24:36.250Z", "s": "2020-10-01"}]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:28992", "EPSG:3035"])
def test_a_geopackage_has_the_coordinate_system_of_the_parcels(
    crs: str, tmp_path: Path, store: Store
) -> None:
    """In degrees too: x stays before y."""
    parcels = replace(make_parcels(), crs=crs)
    write_geopackage(tmp_path / "out.gpkg", parcels, store.latest())
    meta, _, geometries = read_layer(tmp_path / "out.gpkg")
    assert meta["crs"] == crs
    assert geometries[1].bounds == parcels.geometries[1].bounds


def test_a_coordinate_system_without_a_code_stays(tmp_path: Path, store: Store) -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=47 +lon_0=9.1 +k=1 +x_0=1000 +y_0=0 +ellps=GRS80 +units=m")
    write_geopackage(tmp_path / "out.gpkg", replace(make_parcels(), crs=own.to_wkt()), store.latest())
    found = CRS.from_user_input(read_layer(tmp_path / "out.gpkg")[0]["crs"])
    assert found.to_authority() is None
    assert [each.value for each in found.coordinate_operation.params[:2]] == [47.0, 9.1]


def test_no_column_of_the_owner_is_lost(tmp_path: Path, store: Store) -> None:
    """Not those that a GeoPackage takes for itself, nor those that differ in capitals, nor those called as ours."""
    numbers = np.arange(10, 16, dtype=np.int64)
    names = ["fid", "geom", "PID", "Crop", "CROP", "vvb_mean"]
    parcels = replace(
        make_parcels(), attributes={name: numbers * (k + 1) for k, name in enumerate(names)}, id_column="crop"
    )
    write_geopackage(tmp_path / "out.gpkg", parcels, store.latest())
    _, columns, _ = read_layer(tmp_path / "out.gpkg")
    assert columns["crop"] == list(IDS)
    for k, name in enumerate(["fid", "geom", "PID_2", "Crop_2", "CROP_3", "vvb_mean"]):
        assert columns[name] == (numbers * (k + 1)).tolist(), name
    assert columns["VVb_mean_2"][0] == pytest.approx(2.011, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, 2, 3, 4, 5, 250], np.uint8), [1, 2, 3, 4, 5, 250]),
        (np.array([1, 2, 3, 4, 5, -6], np.int16), [1, 2, 3, 4, 5, -6]),
        (np.array([1, 2, 3, 4, 5, 2**53 + 1]), [1, 2, 3, 4, 5, 2**53 + 1]),
        (np.array([1, 2, 3, 4, 5, 0.5], np.float32), [1, 2, 3, 4, 5, 0.5]),
        (np.array([None] * 6, object), [None] * 6),
        (np.array(["ä", "", None, "'", '"', "日本"], object), ["ä", "", None, "'", '"', "日本"]),
    ],
)
def test_values_of_attributes_stay(
    values: np.ndarray[Any, Any], expected: list[Any], store: Store, tmp_path: Path
) -> None:
    write_geopackage(
        tmp_path / "out.gpkg", replace(make_parcels(), attributes={"it": values}), store.latest()
    )
    assert read_layer(tmp_path / "out.gpkg")[1]["it"] == expected


def test_times_of_attributes_stay(store: Store, tmp_path: Path) -> None:
    times = np.array(["2020-10-01T11:30:00.250"] * 5 + ["NaT"], "datetime64[us]")
    write_geopackage(tmp_path / "out.gpkg", replace(make_parcels(), attributes={"it": times}), store.latest())
    found = read_layer(tmp_path / "out.gpkg")[1]["it"]
    assert [each and each.replace(tzinfo=None) for each in found] == times.tolist()


def test_many_parcels_go_in_pieces(tmp_path: Path, store: Store) -> None:
    count = CHUNK + 3
    geometries = np.array([square(10 * (k % 300), 10 * (k // 300), 5) for k in range(count)], object)
    pid = np.arange(count, 0, -1, dtype=np.int32)  # not ascending
    crop = np.array([None] * CHUNK + ["a", "b", None], object)  # a text is first seen in the second piece
    parcels = ParcelSet(pid, pid.astype(str).astype(object), geometries, "EPSG:32632", {"crop": crop})
    write_geopackage(tmp_path / "out.gpkg", parcels, store.latest())
    _, columns, found = read_layer(tmp_path / "out.gpkg")
    assert columns["pid"] == pid.tolist()
    assert columns["crop"][-3:] == ["a", "b", None]
    assert found[-1].bounds == geometries[-1].bounds
    with_statistics = {
        p: m for p, m in zip(columns["pid"], columns["VVb_mean"], strict=True) if m is not None
    }
    assert sorted(with_statistics) == [1, 2, 3, 5]
    assert with_statistics[5] == pytest.approx(2.015, rel=1e-6)


def test_csv_holds_every_row_with_the_parcels_id(store: Store, tmp_path: Path) -> None:
    seen: list[int] = []
    done = export(store, tmp_path / "out.csv", report=seen.append)
    rows = read_csv(done.path)
    assert len(rows) == done.rows == seen[-1] == 16
    assert list(rows[0])[:6] == ["id", "pid", "obsid", "band", "obstime", "reference"]
    names = dict(zip(make_parcels().pid.tolist(), IDS, strict=True))
    found = sorted(rows, key=lambda row: (int(row["pid"]), row["obstime"], row["reference"], row["band"]))
    for row, expected in zip(found, exported(store), strict=True):
        assert row["id"] == names[expected["pid"]]
        assert row["obstime"] == expected["obstime"].isoformat(" ")
        mean = np.float32(row["mean"]) if row["mean"] else None
        assert mean == (None if expected["mean"] is None else np.float32(expected["mean"]))
        assert row["reason"] == (expected["reason"] or "")


def test_csv_of_the_latest(store: Store, tmp_path: Path) -> None:
    done = export(store, tmp_path / "out.csv", latest=True)
    rows = read_csv(done.path)
    assert done.rows == len(rows) == 8
    assert {(row["id"], row["obstime"][:10]) for row in rows} == {
        ("007", "2021-03-10"),
        ("7", "2021-03-04"),
        ("0042", "2021-03-10"),
        ("it's", "2021-03-10"),
    }


def test_csv_of_a_store_without_rows_has_a_head(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path / "store"))
    store.init()
    store.put_parcels(make_parcels())
    assert export(store, tmp_path / "out.csv").rows == 0
    assert (
        (tmp_path / "out.csv")
        .read_text()
        .startswith('"id","pid","obsid","band","obstime","reference","count"')
    )
    assert export(store, tmp_path / "out.gpkg").parcels == 6
    assert "VVb_mean" not in pyogrio.read_info(tmp_path / "out.gpkg")["fields"]


def test_a_folder_holds_everything(store: Store, tmp_path: Path) -> None:
    done = export(store, tmp_path / "all")
    assert (done.parcels, done.rows) == (6, 16)
    assert sorted(path.name for path in done.path.iterdir()) == [
        "dias_catalogue.csv",
        "parcels.gpkg",
        "sigs.csv",
    ]
    catalogue = read_csv(done.path / "dias_catalogue.csv")
    assert [(row["reference"], row["status"]) for row in catalogue] == [
        ("first", "extracted"),
        ("second", "extracted"),
    ]
    assert shapely.from_wkt(catalogue[0]["footprint"]).equals(shapely.box(8.5, 45.0, 9.5, 46.0))
    assert {row["id"] for row in catalogue} == {row["obsid"] for row in read_csv(done.path / "sigs.csv")}


@pytest.mark.parametrize("name", ["out.gpkg", "out.csv", "out"])
def test_what_exists_is_only_replaced_on_request(store: Store, tmp_path: Path, name: str) -> None:
    export(store, tmp_path / name)
    before = _bytes(tmp_path / name)
    load(store, make_extraction(make_observation("third", LATER + timedelta(days=6)), [1], 3.0))
    with pytest.raises(UsageError, match="overwrite"):
        export(store, tmp_path / name)
    assert _bytes(tmp_path / name) == before
    export(store, tmp_path / name, overwrite=True)
    assert _bytes(tmp_path / name) != before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["store", name])


def test_what_is_no_export_is_never_replaced(store: Store, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("precious")
    for name in ("folder.csv", "file", "store"):
        with pytest.raises(UsageError):
            export(store, tmp_path / name, overwrite=True)
    assert (tmp_path / "file").read_text() == "precious"
    assert store.info().rows == 16


def test_a_format_that_is_not_known_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.shp.*\.gpkg"):
        export(store, tmp_path / "out.shp")


def test_a_store_without_parcels_leaves_nothing(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path / "store"))
    store.init()
    for name in ("out.gpkg", "out.csv", "out"):
        with pytest.raises(UsageError, match="parcels"):
            export(store, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


class Breaking:
    """A store whose rows end in an error after the first batch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def export_rows(self) -> Iterator[pa.RecordBatch]:
        yield next(iter(self._store.export_rows()))
        raise KeyboardInterrupt


def test_an_interrupted_export_leaves_nothing_and_keeps_the_older_one(store: Store, tmp_path: Path) -> None:
    for name in ("out.csv", "out"):
        with pytest.raises(KeyboardInterrupt):
            export(Breaking(store), tmp_path / name)  # type: ignore[arg-type]
        assert [path.name for path in tmp_path.iterdir()] == ["store"]
    export(store, tmp_path / "out.csv")
    before = _bytes(tmp_path / "out.csv")
    with pytest.raises(KeyboardInterrupt):
        export(Breaking(store), tmp_path / "out.csv", overwrite=True)  # type: ignore[arg-type]
    assert _bytes(tmp_path / "out.csv") == before


def test_nothing_has_the_final_name_before_it_is_complete(tmp_path: Path) -> None:
    with aside(tmp_path / "out") as part:
        part.write_text("half")
        assert not (tmp_path / "out").exists()
        part.write_text("whole")
    assert (tmp_path / "out").read_text() == "whole"


_FULL = """
import resource, sys, signal
from pathlib import Path
from s1card.errors import ResourceError
from s1card.store import open_store
from s1card.store.export import export

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store, out, limit = open_store(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
store.parcels()
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    export(store, out)
except ResourceError as error:
    print(error)
    sys.exit(0)
sys.exit(1)
"""


@pytest.mark.parametrize(("name", "limit"), [("out.gpkg", 60_000), ("out.csv", 1000)])
def test_a_disk_without_room_is_named_and_nothing_stays(
    store: Store, tmp_path: Path, name: str, limit: int
) -> None:
    """A limit on the size of files stands for a full disk."""
    words = [sys.executable, "-c", _FULL, str(tmp_path / "store"), str(tmp_path / name), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert name in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_place_that_cannot_be_written_is_named(store: Store) -> None:
    with pytest.raises(ResourceError, match="/proc"):
        export(store, Path("/proc/nowhere/out.csv"))


def test_bands_of_other_sensors_are_exported_too(store: Store, tmp_path: Path) -> None:
    load(store, Extraction(make_observation("scene", card="s2"), [make_band("B04", [1, 7], 0.5)]))
    _, columns, _ = read_layer(export(store, tmp_path / "out.gpkg").path)
    assert rounded(columns["B04_mean"]) == [0.511, None, None, None, None, 0.517]


def _bytes(path: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted(path.iterdir())] if path.is_dir() else [path.read_bytes()]
