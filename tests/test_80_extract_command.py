"""The command ``extract``: what it makes of its options, and what it says of bad input."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import card_cases
import exactextract
import extract_cases
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from end_to_end import band, call_s1card, run_s1card
from end_to_end import make_card as make_card_of_scene
from extract_cases import FIELDS, SHOWN, all_rows, extract, power, rectangle, statuses, write_parcels
from pyproj import Transformer
from rasterio.features import geometry_mask
from sentinel2_factory import make_sentinel2

from s1card.geometry.map_grid import MapGrid
from s1card.parcels.records import STATISTICS
from s1card.parcels.weights import KEPT
from s1card.raster import BandSpec, DimapSink
from s1card.simulate import GrdConfig, simulate_grd
from s1card.store import open_store
from s1card.store.base import EXTRACTED, NO_PARCELS, SeriesQuery

TRANSFORM = Affine(*card_cases.GRID.transform)


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cards")
    return [extract_cases.make_card(folder, number, inc=number == 0) for number in range(3)]


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parcels(tmp_path_factory.mktemp("parcels") / "parcels.gpkg")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def series(store: Path, parcel: str, *bands: str) -> list[dict[str, Any]]:
    return open_store(str(store)).series(SeriesQuery(parcel, bands)).to_pylist()


def refused(done: Any, code: int, *fragments: str) -> None:
    """Exit code and one message that helps."""
    assert done.returncode == code, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in done.stderr and "bug of s1card" not in errors[0]
    for fragment in fragments:
        assert fragment in errors[0]


# --- Results ---


def test_rows_are_those_of_the_pixels(cards: list[Path], parcels: Path, store: Path) -> None:
    found = extract(cards[0], "--parcels", parcels, "--store", store)
    assert found["parcels"] == len(FIELDS) - 1
    assert found["skipped"] == {"smaller than the minimum area": 1}
    (card,) = found["cards"]
    assert (card["reference"], card["status"]) == (cards[0].name, EXTRACTED)
    assert (card["parcels"], card["rows"], card["outside"]) == (SHOWN, 2 * SHOWN, 1)
    assert card["reasons"] == {"no pixel": 2, "no data": 2}
    for name in ("007", "7", "0042", "overlaps 007", "half pixel", "at the hole"):
        inside = ~geometry_mask([FIELDS[name]], card_cases.GRID.shape, TRANSFORM)
        for row, polarization in zip(series(store, name, "VVb", "VHb"), ("VH", "VV"), strict=True):
            values = power(0, polarization)[inside].astype(np.float64)
            values = values[np.isfinite(values)]
            quartiles = np.percentile(values, [25, 50, 75])
            truth = [len(values), values.mean(), values.std(), values.min(), values.max(), *quartiles]
            assert [row[key] for key in STATISTICS] == pytest.approx(truth, rel=1e-6)
            assert row["valid"] == pytest.approx(len(values) / inside.sum())
            assert row["band"] == f"{polarization}b" and row["reason"] is None
            assert row["obstime"] == extract_cases.time_of(0)
    assert [row["reason"] for row in series(store, "strip")] == ["no pixel"] * 2
    assert [row["reason"] for row in series(store, "cloud")] == ["no data"] * 2
    assert series(store, "elsewhere") == series(store, "small") == []


def test_coverage_is_that_of_exactextract(cards: list[Path], parcels: Path, store: Path) -> None:
    extract(cards[0], "--parcels", parcels, "--store", store, "--rule", "coverage")
    names = [name for name in FIELDS if name not in ("small", "elsewhere", "cloud")]
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(FIELDS[name])}
        for name in names
    ]
    operations = ["count", "mean", "stdev", "min", "max", "quantile(q=0.25)", "median", "quantile(q=0.75)"]
    keys = ["count", "mean", "stdev", "min", "max", "quantile_25", "median", "quantile_75"]
    peer = exactextract.exact_extract(str(band(cards[0], "VV")), features, operations)
    for name, truth in zip(names, peer, strict=True):
        (row,) = series(store, name, "VVb")
        values = [truth["properties"][key] for key in keys]
        assert [row[key] for key in STATISTICS] == pytest.approx(values, rel=1e-6), name
    assert [row["reason"] for row in series(store, "cloud")] == ["no data"] * 2


def test_the_mean_of_a_field_is_the_truth_of_the_scene(tmp_path: Path, store: Path) -> None:
    config = GrdConfig(lines=300, pixels=300, targets=0, looks=1000, terrain="flat")
    scene = simulate_grd(config, tmp_path / "scene")
    card = make_card_of_scene(scene.safe, scene.dem, tmp_path / "cards")
    fields = scene.truth / "fields.gpkg"
    # Away from the edges of fields, where pixels are mixed.
    extract(
        card, "--parcels", fields, "--store", store, "--buffer", 40, "--min-pixels", 4, "--with", "mean_db"
    )
    meta, _, _, columns = pyogrio.raw.read(fields, columns=["id", "gamma0_VV_db"], read_geometry=False)
    truth = dict(zip(meta["fields"], columns, strict=True))
    expected = dict(zip(map(str, truth["id"]), truth["gamma0_VV_db"], strict=True))
    opened = open_store(str(store))
    numbers = opened.parcels()
    ids = dict(zip(numbers.pid.tolist(), numbers.ids, strict=True))
    found = [row for row in opened.latest().to_pylist() if row["band"] == "VVb"]
    assert len(found) > 50
    errors = np.array([row["mean_db"] - expected[ids[row["pid"]]] for row in found])
    assert np.abs(errors).max() < 0.5  # truth lies between -30 and -8 dB
    assert abs(errors.mean()) < 0.03


def test_coherence(tmp_path: Path, parcels: Path, store: Path) -> None:
    card = extract_cases.make_coherence_card(tmp_path)
    extract(card, "--parcels", parcels, "--store", store, "--with", "mean_db", "--with", "enl")
    rows = series(store, "007")
    assert [row["band"] for row in rows] == ["VHc", "VVc"]
    assert {row["card"] for row in rows} == {"c6"}
    assert rows[0]["mean_db"] is None and rows[0]["enl"] is None  # decibels are for power


def test_sentinel2(tmp_path: Path, store: Path) -> None:
    product = make_sentinel2(tmp_path)
    scene_grid = MapGrid("EPSG:32633", 300_000.0, 4_700_040.0, 10.0, 10.0, 240, 240)
    y = scene_grid.top - 2000
    parcels = {
        "007": shapely.box(301_000, y, 301_200, y + 200),
        "edge": shapely.box(299_900, y, 300_100, y + 100),
    }
    file = write_parcels(tmp_path / "parcels.gpkg", parcels)
    done = extract(product.folder, "--parcels", file, "--store", store)
    assert done["cards"][0]["rows"] == 4
    assert [row["band"] for row in series(store, "007")] == ["B04", "B08"]
    pixels = product.values["B04"][180:200, 100:120].astype(np.float64) - 1000
    assert series(store, "007", "B04")[0]["mean"] == pytest.approx(pixels.mean(), rel=1e-6)
    (row,) = open_store(str(store)).histograms(SeriesQuery("007")).to_pylist()
    classes, counts = np.unique(product.values["SCL"][90:100, 50:60], return_counts=True)
    assert json.loads(row["hist"]) == {str(k): n for k, n in zip(classes, counts, strict=True)}
    assert series(store, "edge", "B04")[0]["count"] == 100
    assert series(store, "edge", "B04")[0]["valid"] == pytest.approx(0.5)


def test_cards_of_the_original(tmp_path: Path, parcels: Path, store: Path) -> None:
    reference = "S1B_IW_GRDH_1SDV_20190301T172436_20190301T172501_015164_01C5BF_40F5_CARD_BS"
    document = tmp_path / f"{reference}.dim"
    grid = card_cases.GRID
    sink = DimapSink(
        document, grid, [BandSpec("Gamma0_VV", nodata=None), BandSpec("Gamma0_VH", nodata=None)], {}
    )
    for index, name in enumerate(("VV", "VH")):
        sink.write(index, grid.window, np.nan_to_num(power(0, name)))
    sink.close()
    pair = tmp_path / "S1B_20190301T172436__1A_20190223T172513_20190223T172540_CARD-COH6.tif"
    write_tiff(pair, power(0, "VH"), power(0, "VV"))
    done = call_s1card("extract", pair, "--parcels", parcels, "--store", store)
    refused(done, 2, "does not name its 2 bands", "for example VV,VH")
    extract(document, "--parcels", parcels, "--store", store)
    extract(pair, "--store", store, "--band", "VH", "--band", "VV")
    rows = {row["band"]: row["mean"] for row in series(store, "007")}
    assert rows["VVb"] == rows["VVc"] == pytest.approx(power(0, "VV")[40:60, 30:50].mean(), rel=1e-5)
    assert rows["VHb"] == rows["VHc"] == pytest.approx(power(0, "VH")[40:60, 30:50].mean(), rel=1e-5)
    assert statuses(store) == {reference: EXTRACTED, pair.stem: EXTRACTED}


def test_a_geotiff_that_says_little(tmp_path: Path, parcels: Path, store: Path) -> None:
    raster = write_tiff(tmp_path / "ndvi.tif", np.where(np.isnan(power(0, "VV")), -1, power(0, "VV")))
    common = (raster, "--parcels", parcels, "--store", store, "--band", "ndvi")
    refused(call_s1card("extract", *common), 2, "unknown: obstime, sensor, card", "ndvi.tif")
    stated = ("--obstime", "2021-05-31T10:00:00", "--sensor", "2A", "--card-kind", "s2", "--nodata", -1)
    extract(*common, *stated)
    (row,) = series(store, "at the hole")
    assert (row["band"], row["obstime"], row["sensor"]) == ("ndvi", datetime(2021, 5, 31, 10), "2A")
    assert (row["count"], row["valid"]) == (175, pytest.approx(175 / 400))


@pytest.mark.parametrize("nodata", [-9999.0, np.nan, 1e9])
def test_no_data_that_no_sample_can_be(nodata: float, parcels: Path, store: Path, tmp_path: Path) -> None:
    raster = write_tiff(
        tmp_path / "S2A_20210531T100000_B04.tif", np.full(card_cases.GRID.shape, 7), dtype="uint16"
    )
    extract(raster, "--parcels", parcels, "--store", store, "--nodata", nodata)
    assert {(row["count"], row["mean"], row["valid"]) for row in series(store, "007")} == {(400, 7, 1)}


def test_complex_values(parcels: Path, store: Path, tmp_path: Path) -> None:
    raster = write_tiff(tmp_path / "S1A_20210531T051000_VV_CARD_BS.tif", power(0, "VV"), dtype="complex64")
    done = call_s1card("extract", raster, "--parcels", parcels, "--store", store)
    refused(done, 3, "complex", raster.name)
    assert all_rows(store) == []


def write_tiff(
    path: Path, *bands: np.ndarray, dtype: str = "float32", grid: MapGrid = card_cases.GRID
) -> Path:
    profile = {
        "driver": "GTiff", "height": grid.rows, "width": grid.cols, "count": len(bands), "dtype": dtype,
        "crs": grid.crs, "transform": Affine(*grid.transform),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as to:
        for index, values in enumerate(bands, 1):
            to.write(values.astype(dtype), index)
    return path


# --- Options ---


def test_optional_statistics(cards: list[Path], parcels: Path, store: Path) -> None:
    extras = [word for name in ("mean_db", "enl", "inc") for word in ("--with", name)]
    extract(cards[0], "--parcels", parcels, "--store", store, *extras)
    for row in series(store, "007"):
        assert row["mean_db"] == pytest.approx(10 * np.log10(row["mean"]), abs=1e-4)
        assert row["enl"] == pytest.approx((row["mean"] / row["std"]) ** 2, rel=1e-4)
        assert row["inc"] == pytest.approx(extract_cases.angles()[40:60, 30:50].mean(), rel=1e-5)
    (bare,) = series(store, "strip", "VVb")
    assert bare["mean_db"] is bare["enl"] is bare["inc"] is None


def test_a_buffer_and_fewest_pixels(cards: list[Path], parcels: Path, store: Path) -> None:
    found = extract(cards[0], "--parcels", parcels, "--store", store, "--buffer", 30, "--min-pixels", 100)
    assert series(store, "007", "VVb")[0]["count"] == 14 * 14
    (short,) = series(store, "7", "VVb")
    assert (short["count"], short["reason"], short["mean"]) == (4 * 4 + 2 * 6, "too few pixels", None)
    assert {row["reason"] for row in series(store, "strip")} == {"no pixel"}  # nothing is left of it
    assert found["cards"][0]["reasons"]["too few pixels"] > 0


def test_areas_and_smallest_parcels(cards: list[Path], parcels: Path, store: Path, tmp_path: Path) -> None:
    area = write_parcels(tmp_path / "area.gpkg", {"a": rectangle(35, 25, 30, 30)})
    found = extract(cards[0], "--parcels", parcels, "--store", store, "--aoi", area, "--min-area", 0)
    assert found["parcels"] == 2
    assert found["skipped"] == {"outside the area of interest": len(FIELDS) - 2}
    assert {row["pid"] for row in all_rows(store)} == {1, 4}
    extract(cards[0], "--parcels", parcels, "--store", store, "--min-area", 0)
    assert series(store, "small", "VVb")[0]["count"] == 16
    done = call_s1card("extract", cards[0], "--store", store, "--aoi", "100,10,101,11")
    refused(done, 2, "none of the 10 parcels is wanted", "--aoi")


def test_bands(cards: list[Path], parcels: Path, store: Path) -> None:
    extract(cards[0], "--parcels", parcels, "--store", store, "--band", "VH")
    assert {row["band"] for row in all_rows(store)} == {"VHb"}
    done = call_s1card("extract", cards[0], "--store", store, "--band", "HH")
    refused(done, 3, "no band HH", "VV, VH")


def test_the_parcels_of_the_store_are_enough(
    cards: list[Path], parcels: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(call_s1card("extract", cards[0], "--store", store), 2, "no parcels yet", "--parcels")
    extract(cards[0], "--parcels", parcels, "--store", store)
    extract(cards[1], "--store", store)
    assert len(series(store, "007", "VVb")) == 2
    monkeypatch.setenv("S1CARD_STORE", str(store))
    extract(cards[2])
    assert len(series(store, "007", "VVb")) == 3


def test_again_gives_the_same_rows(cards: list[Path], parcels: Path, store: Path) -> None:
    extract(*cards, "--parcels", parcels, "--store", store)
    first = all_rows(store)
    assert len(first) == 2 * SHOWN * len(cards)
    extract(*cards, "--parcels", parcels, "--store", store, "--threads", 1)
    assert all_rows(store) == first
    extract(*cards[:1], "--store", store, "--buffer", 10)
    again = all_rows(store)
    assert [row for row in again if row["reference"] != cards[0].name] == first[2 * SHOWN :]
    others = [row for row in again if row["reference"] == cards[0].name]
    assert len(others) == 2 * SHOWN
    assert max(row["count"] for row in others) == 18 * 18


def test_only_what_is_missing(cards: list[Path], parcels: Path, store: Path, tmp_path: Path) -> None:
    extract(cards[0], "--parcels", parcels, "--store", store)
    other = tmp_path / cards[1].name
    shutil.copytree(cards[1], other)
    extract(other, "--store", store)
    item = other / f"{other.name}.json"
    content = json.loads(item.read_text())
    content["assets"]["VV"]["file:checksum"] = "1220" + 64 * "0"  # another version
    item.write_text(json.dumps(content))
    done = extract(cards[0], other, cards[2], "--store", store, "--missing")
    assert [card["rows"] for card in done["cards"]] == [0, 2 * SHOWN, 2 * SHOWN]
    words = call_s1card("extract", cards[0], "--store", store, "--missing").stdout
    assert words == f"{cards[0].name}: extracted, left alone\n"


def test_weights_are_kept(cards: list[Path], parcels: Path, store: Path, tmp_path: Path) -> None:
    extract(*cards, "--parcels", parcels, "--store", store)
    (kept,) = (store / "weights").iterdir()
    before = kept.stat()
    rows = all_rows(store)
    extract(cards[0], "--store", store)
    assert kept.stat().st_ino == before.st_ino  # read, not written again
    kept.write_bytes(kept.read_bytes()[:1000])  # damaged: computed anew
    extract(*cards, "--store", store)
    assert all_rows(store) == rows
    assert kept.stat().st_size == before.st_size
    left, mine = (store / "weights" / f".{name}.npz.part" for name in ("left", "mine"))
    for path in (left, mine):
        path.touch()
    os.utime(left, (0, 0))  # of a process that died long ago
    extract(cards[0], "--store", store, "--weights", tmp_path / "elsewhere", "--rule", "coverage")
    assert [path.suffix for path in (tmp_path / "elsewhere").iterdir()] == [".npz"]
    assert len(list((store / "weights").glob("*.npz"))) == 1
    kept.unlink()
    extract(cards[0], "--store", store)
    assert sorted((store / "weights").iterdir()) == sorted([kept, mine])


def test_of_weights_those_used_last_are_kept(cards: list[Path], parcels: Path, store: Path) -> None:
    extract(cards[0], "--parcels", parcels, "--store", store)
    (used,) = (store / "weights").iterdir()
    os.utime(used, (0, 0))
    others = [store / "weights" / f"{number:02}.npz" for number in range(20)]
    for age, path in enumerate(others):
        path.touch()
        os.utime(path, (10**9 - age, 10**9 - age))
    extract(cards[0], "--store", store)  # uses the first one again
    extract(cards[0], "--store", store, "--buffer", 5)
    left = sorted((store / "weights").iterdir())
    assert len(left) == KEPT and used in left
    assert [path for path in left if path in others] == others[: KEPT - 2]


def test_two_zones(cards: list[Path], parcels: Path, store: Path, tmp_path: Path) -> None:
    """A neighbour's card lies in the zone to the west: the same field, other pixels."""
    rows = np.arange(700, dtype=np.float32)[:, np.newaxis] + np.zeros(700, np.float32)
    grid = MapGrid("EPSG:32632", 795_000.0, 4_665_000.0, 10.0, 10.0, 700, 700)
    west = write_tiff(tmp_path / "S1A_20210120T051000_VV_CARD_BS.tif", rows, grid=grid)
    extract(cards[0], west, "--parcels", parcels, "--store", store)
    here, there = series(store, "007", "VVb")
    assert here["count"] == 400 and there["count"] == pytest.approx(400, abs=4)
    to_west = Transformer.from_crs("EPSG:32633", grid.crs, always_xy=True)
    _, northing = to_west.transform(*FIELDS["007"].centroid.coords[0])
    assert there["mean"] == pytest.approx((grid.top - northing) / 10 - 0.5, abs=0.2)
    assert len(list((store / "weights").iterdir())) == 2


def test_the_report_for_people(cards: list[Path], parcels: Path, store: Path) -> None:
    done = call_s1card("extract", *cards[:2], "--parcels", parcels, "--store", store)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == "1 parcels: smaller than the minimum area (small)"
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [card.name for card in cards[:2]]
    assert "16 rows of 8 parcels, 2 with the reason 'no pixel', 2 with the reason 'no data'" in lines[0]
    assert "1 parcels lie outside" in lines[0] and "rows/s" in lines[0]


# --- Bad input ---


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        (None, "does not state its coordinate reference system"),
        ('LOCAL_CS["site",UNIT["metre",1]]', "has no place on earth"),
    ],
)
def test_parcels_without_a_place(
    crs: str | None, words: str, cards: list[Path], store: Path, tmp_path: Path
) -> None:
    file = write_parcels(tmp_path / "parcels.gpkg", crs=crs)
    if crs is None:
        file = write_parcels(tmp_path / "parcels.shp", crs=crs)
    done = call_s1card("extract", cards[0], "--parcels", file, "--store", store)
    refused(done, 3, words, "--parcels-crs")
    found = extract(cards[0], "--parcels", file, "--store", store, "--parcels-crs", card_cases.GRID.crs)
    assert found["cards"][0]["rows"] == 2 * SHOWN


def test_no_overlap(cards: list[Path], store: Path, tmp_path: Path) -> None:
    file = write_parcels(tmp_path / "parcels.gpkg", {"far": rectangle(90_000, 30, 20, 20)})
    done = call_s1card("extract", cards[0], "--parcels", file, "--store", store)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{cards[0].name}: No parcels; 1 parcels lie outside\n"
    assert statuses(store) == {cards[0].name: NO_PARCELS}
    assert all_rows(store) == []


def test_ids_that_are_not_distinct(cards: list[Path], store: Path, tmp_path: Path) -> None:
    ids = ["007", "007", *list(FIELDS)[2:]]
    file = write_parcels(tmp_path / "parcels.gpkg", ids=ids)
    done = call_s1card("extract", cards[0], "--parcels", file, "--store", store)
    refused(done, 3, "parcels.gpkg", "007")
    assert all_rows(store) == []


def test_a_geometry_collection_and_others(cards: list[Path], store: Path, tmp_path: Path) -> None:
    mixed = {
        "mix": shapely.GeometryCollection([FIELDS["007"], shapely.Point(301_000, 4_659_000)]),
        "bow": shapely.Polygon(
            [(300_300, 4_659_000), (300_500, 4_659_200), (300_500, 4_659_000), (300_300, 4_659_200)]
        ),
        "line": shapely.LineString([(300_300, 4_659_000), (300_500, 4_659_200)]),
        "void": shapely.Polygon(),
    }
    file = write_parcels(tmp_path / "parcels.gpkg", mixed)
    done = call_s1card("extract", cards[0], "--parcels", file, "--store", store)
    assert done.returncode == 0, done.stderr
    for words in (
        "geometry collection (mix)",
        "repaired geometry (bow)",
        "not a polygon (line)",
        "empty geometry (void)",
    ):
        assert f"1 parcels: {words}" in done.stderr
    assert series(store, "mix", "VVb")[0]["count"] == 400
    assert len(series(store, "bow", "VVb")) == 1
    assert len(open_store(str(store)).parcels()) == 2


def test_cards_that_fail_among_good_ones(
    cards: list[Path], parcels: Path, store: Path, tmp_path: Path
) -> None:
    broken = extract_cases.damage(Path(shutil.copytree(cards[1], tmp_path / cards[1].name)))
    cut = Path(shutil.copytree(cards[0], tmp_path / "cut"))
    raster = cut / f"{cards[0].name}_VH.tif"
    raster.write_bytes(raster.read_bytes()[:-100])
    nameless = write_tiff(tmp_path / "S1A_20210131T051000.tif", power(0, "VV"), power(0, "VH"))
    words = (broken, cards[0], nameless, cut, tmp_path / "missing", cards[2])
    done = run_s1card("extract", *words, "--parcels", parcels, "--store", store, "--json")
    refused(done, 3, "4 of 6 cards failed", "band VV cannot be read", broken.name)
    found = json.loads(done.stdout)
    assert [card["reference"] for card in found["cards"]] == [cards[0].name, cards[2].name]
    errors = {Path(one["card"]).name: one["error"] for one in found["failed"]}
    assert set(errors) == {broken.name, nameless.name, "cut", "missing"}
    assert "the card says" in errors["cut"]
    assert "does not name its 2 bands" in errors[nameless.name]
    assert statuses(store) == {broken.name: "Rio error", cards[0].name: EXTRACTED, cards[2].name: EXTRACTED}
    assert {row["reference"] for row in all_rows(store)} == {cards[0].name, cards[2].name}
    assert done.stderr.count("WARNING") == 4


def test_a_network_that_is_away_ends_the_run(cards: list[Path], parcels: Path, store: Path) -> None:
    away = {
        "AWS_S3_ENDPOINT": "127.0.0.1:9", "AWS_HTTPS": "NO", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    words = ("s3://b/1", cards[0], "s3://b/2", "s3://b/3", "s3://b/4", cards[1])
    done = run_s1card("extract", *words, "--parcels", parcels, "--store", store, **away)
    refused(done, 4, "4 of 6 cards failed", "s3://b/1: the object store does not answer")
    assert "cards behind 5/6 are not tried" in done.stderr
    assert statuses(store) == {cards[0].name: EXTRACTED}


def test_damage_that_only_checksums_show(
    cards: list[Path], parcels: Path, store: Path, tmp_path: Path
) -> None:
    card = Path(shutil.copytree(cards[0], tmp_path / cards[0].name))
    raster = card / f"{card.name}_VV.tif"
    content = bytearray(raster.read_bytes())
    content[-1] ^= 1
    raster.write_bytes(content)
    extract(card, "--parcels", parcels, "--store", store)
    done = call_s1card("extract", card, "--store", store, "--verify")
    refused(done, 3, "another checksum", f"{card.name}_VV.tif")


def test_a_card_that_broke_loses_its_rows(
    cards: list[Path], parcels: Path, store: Path, tmp_path: Path
) -> None:
    card = Path(shutil.copytree(cards[0], tmp_path / cards[0].name))
    extract(card, cards[1], "--parcels", parcels, "--store", store)
    extract_cases.damage(card)
    refused(call_s1card("extract", card, "--store", store), 3, "cannot be read")
    assert {row["reference"] for row in all_rows(store)} == {cards[1].name}


def test_places_that_are_no_store(cards: list[Path], parcels: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    common = ("extract", cards[0], "--parcels", parcels, "--store")
    refused(call_s1card(*common, tmp_path / "full"), 2, "letter.txt")
    refused(call_s1card(*common, parcels), 2, "this is a file")
    refused(call_s1card(*common, f"postgresql://x@/y?host={tmp_path}"), 4, "does not answer")
    assert call_s1card("extract", cards[0], "--parcels", parcels).returncode == 2


def test_other_parcels_than_those_of_the_store(
    cards: list[Path], parcels: Path, store: Path, tmp_path: Path
) -> None:
    extract(cards[0], "--parcels", parcels, "--store", store)
    rows = all_rows(store)
    others = write_parcels(tmp_path / "others.gpkg", {"1": FIELDS["007"]})
    refused(call_s1card("extract", cards[0], "--parcels", others, "--store", store), 2, "holds other parcels")
    assert all_rows(store) == rows


def test_parcels_that_are_not_there(cards: list[Path], parcels: Path, store: Path, tmp_path: Path) -> None:
    done = call_s1card("extract", cards[0], "--parcels", tmp_path / "none.gpkg", "--store", store)
    refused(done, 3, "none.gpkg")
    done = call_s1card("extract", cards[0], "--parcels", parcels, "--id", "number", "--store", store)
    refused(done, 2, "number", "crop")
