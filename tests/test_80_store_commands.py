"""The commands on a store: what they print, what they refuse, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyogrio
import pytest
import shapely
from end_to_end import call_s1card
from postgres_server import PostgresServer, database_url, postgres
from store_contract import TIME, fail, load, make_band, make_extraction, make_observation, make_parcels

from s1card.parcels.records import Extraction, Histograms
from s1card.store import Store, open_store
from s1card.store.similar_ids import similar_ids

__all__ = ["database_url", "postgres"]

LATER = TIME + timedelta(days=6)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two cards of backscatter, one of coherence, and one that failed."""
    store = open_store(str(tmp_path / "store"))
    fill(store)
    return str(tmp_path / "store")


def fill(store: Store) -> None:
    store.init()
    store.put_parcels(make_parcels())
    load(store, make_extraction(make_observation("S1A_1_CARD_BS")))
    later = make_observation("S1A_2_CARD_BS", LATER, orbit_direction="descending", relative_orbit=37)
    load(store, make_extraction(later, reasons=[0, 3, 0, 0], level=2.0))
    coherence = make_observation("S1_COH6", LATER, "c6")
    load(store, Extraction(coherence, [make_band("VVc", [1, 2, 3], 0.5)]))
    fail(store, make_observation("S1A_3_CARD_BS", LATER), "Rio error")


def answer(*words: object) -> Any:
    """What a command says in JSON."""
    done = call_s1card("store", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*words: object, code: int = 2) -> str:
    """What a command says that ends in an error, and prints nothing else."""
    done = call_s1card("store", *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    return done.stderr


# --- init ---


@pytest.fixture
def parcel_file(tmp_path: Path) -> Path:
    """Three parcels with leading zeros, one without geometry, one that is a line, and one to repair."""
    bow = shapely.Polygon([(0, 0), (200, 200), (200, 0), (0, 200)])
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(200, 0, 300, 100), None, bow]
    path = tmp_path / "parcels.gpkg"
    pyogrio.raw.write(
        path,
        np.array([None if each is None else each.wkb for each in shapes], object),
        field_data=[np.array(["001", "002", "003", "004"], object)],
        fields=["code"],
        geometry_type="Polygon",
        driver="GPKG",
        crs="EPSG:32632",
        layer="fields",
    )
    return path


def test_init_makes_a_store(tmp_path: Path) -> None:
    place = tmp_path / "new"
    for _ in range(2):
        done = call_s1card("store", "init", "--store", place)
        assert (done.returncode, done.stdout) == (0, f"{place}: 0 parcels\n")
    assert open_store(str(place)).info().parcels == 0


def test_init_takes_parcels_in_and_says_what_was_left_out(tmp_path: Path, parcel_file: Path) -> None:
    words = (
        "init",
        "--store",
        tmp_path / "new",
        "--parcels",
        parcel_file,
        "--id",
        "code",
        "--layer",
        "fields",
    )
    done = call_s1card("store", *words)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'new'}: 3 parcels\n")
    assert "1 parcels: no geometry (003)" in done.stderr
    assert "1 parcels: repaired geometry (004)" in done.stderr
    assert open_store(str(tmp_path / "new")).parcels().ids.tolist() == ["001", "002", "004"]
    document = answer(*words, "--json")
    assert document["parcels"] == 3
    assert {(each["id"], each["reason"]) for each in document["skipped"]} == {
        ("003", "no geometry"),
        ("004", "repaired geometry"),
    }


def test_init_refuses_other_parcels_and_makes_nothing_of_bad_ones(
    tmp_path: Path, parcel_file: Path, url: str
) -> None:
    assert "other parcels" in refused("init", "--store", url, "--parcels", parcel_file, "--id", "code")
    assert "columns are" in refused(
        "init", "--store", tmp_path / "new", "--parcels", parcel_file, "--id", "x"
    )
    assert not (tmp_path / "new").exists()
    assert "belong to --parcels" in refused("init", "--store", tmp_path / "new", "--id", "x")


def test_init_overrides_the_coordinate_system(tmp_path: Path, parcel_file: Path) -> None:
    words = ("--parcels", parcel_file, "--id", "code", "--parcels-crs", "EPSG:25832")
    assert call_s1card("store", "init", "--store", tmp_path / "new", *words).returncode == 0
    assert open_store(str(tmp_path / "new")).parcels().crs == "EPSG:25832"


# --- info ---


def test_info(url: str) -> None:
    document = answer("info", "--store", url, "--json")
    assert document.pop("bytes") > 0
    assert document == {
        "store": url,
        "parcels": 6,
        "rows": 19,
        "observations": [
            {"card": "bs", "status": "Rio error", "count": 1},
            {"card": "bs", "status": "extracted", "count": 2},
            {"card": "c6", "status": "extracted", "count": 1},
        ],
        "first": "2021-03-04T05:24:36.250000Z",
        "last": "2021-03-10T05:24:36.250000Z",
    }
    text = call_s1card("store", "info", "--store", url).stdout
    assert "rows     19\n" in text
    assert "period   2021-03-04 05:24 to 2021-03-10 05:24 UTC\n" in text
    assert "bs    Rio error             1\n" in text


def test_the_store_may_stand_in_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S1CARD_STORE", url)
    assert answer("info", "--json")["rows"] == 19
    monkeypatch.delenv("S1CARD_STORE")
    assert "--store" in refused("info", "--json")


def test_a_place_without_a_store_is_a_wrong_call(tmp_path: Path) -> None:
    for words in (["info"], ["series", "7"], ["peers", "7"], ["plot", "7"], ["compact"]):
        assert "s1card store init" in refused(*words, "--store", tmp_path / "nowhere")
    assert "s1card store init" in refused(
        "export", "--out", tmp_path / "o.csv", "--store", tmp_path / "nowhere"
    )


# --- series ---


def test_series_as_json_is_what_the_original_answers(url: str) -> None:
    columns = answer("series", "007", "--store", url, "--format", "json")
    assert list(columns)[:10] == [
        "date_part",
        "band",
        "count",
        "mean",
        "std",
        "min",
        "p25",
        "p50",
        "p75",
        "max",
    ]
    assert {len(values) for values in columns.values()} == {5}
    assert columns["band"] == ["VHb", "VVb", "VHb", "VVb", "VVc"]
    assert columns["date_part"] == pytest.approx([1614835476.25] * 2 + [1615353876.25] * 3, abs=1e-6)
    assert columns["obstime"][0] == "2021-03-04T05:24:36.250000Z"
    assert columns["mean"] == [11.011, 1.011, 12.011, 2.011, 0.511]  # as many digits as float32 knows
    assert columns["reference"][-1] == "S1_COH6"
    assert columns["relative_orbit"] == [117, 117, 37, 37, 117]
    assert columns["enl"] == [None] * 5


def test_series_of_a_parcel_without_data_says_why(url: str) -> None:
    columns = answer("series", "7", "--store", url, "--band", "VVb", "--format", "json")
    assert columns["mean"] == [1.012, None]
    assert columns["reason"] == [None, "no data"]
    text = call_s1card("store", "series", "7", "--store", url).stdout
    assert text.count("no data") == 2


def test_series_as_csv(url: str) -> None:
    done = call_s1card("store", "series", "007", "--store", url, "--format", "csv", "--band", "VVb")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["mean"] for row in rows] == ["1.011", "2.011"]
    assert (rows[0]["date_part"], rows[0]["obstime"]) == ("1614835476.25", "2021-03-04T05:24:36.250000Z")
    assert rows[0]["enl"] == ""


def test_series_for_people(url: str) -> None:
    lines = call_s1card("store", "series", "007", "--store", url).stdout.splitlines()
    assert lines[0].split()[:5] == ["time", "(UTC)", "band", "orbit", "count"]
    assert lines[1].split()[:4] == ["2021-03-04", "05:24", "VHb", "A117"]
    assert lines[1].split()[-1] == f"{10 * np.log10(11.011):.2f}"
    assert lines[3].split()[3] == "D37"
    assert len(lines[5].split()) == len(lines[1].split()) - 1  # coherence is not told in dB
    assert len(lines) == 6 and "…" not in "".join(lines)


def test_series_of_a_time(url: str) -> None:
    def times(*words: str) -> list[str]:
        columns = answer("series", "007", "--store", url, "--band", "VVb", "--format", "json", *words)
        return [text[:10] for text in columns["obstime"]]

    assert times("--end", "2021-03-04") == ["2021-03-04"]  # the whole day
    assert times("--end", "2021-03-04T05:24:36") == []
    assert times("--start", "2021-03-10") == ["2021-03-10"]
    assert times("--start", "2021-03-10T06:00:00+01:00") == ["2021-03-10"]
    assert times("--start", "2021-03-10T07:00:00+01:00") == []
    assert times("--start", "2021-03-04", "--end", "2021-03-10") == ["2021-03-04", "2021-03-10"]
    assert "neither a day" in refused("series", "007", "--store", url, "--start", "March")
    assert "behind" in refused(
        "series", "007", "--store", url, "--start", "2022-01-01", "--end", "2021-01-01"
    )


def test_an_empty_series_is_said(url: str) -> None:
    done = call_s1card("store", "series", "far", "--store", url, "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "'far' has no such rows" in done.stderr


def test_class_histograms(url: str) -> None:
    counts = np.zeros((1, 12), np.float32)
    counts[0, [3, 4]] = 4, 93
    scene = make_observation("S2A.SAFE", card="s2")
    load(open_store(url), Extraction(scene, [], Histograms(np.array([1], np.int32), counts)))
    columns = answer("series", "007", "--store", url, "--scl", "--format", "json")
    assert columns["hist"] == [{"3": 4, "4": 93}]
    assert list(columns)[:2] == ["date_part", "hist"]
    assert '{"3": 4, "4": 93}' in call_s1card("store", "series", "007", "--store", url, "--scl").stdout
    (row,) = csv.DictReader(
        io.StringIO(call_s1card("store", "series", "007", "--store", url, "--scl", "--format", "csv").stdout)
    )
    assert json.loads(row["hist"]) == {"3": 4, "4": 93}
    assert "no bands" in refused("series", "007", "--store", url, "--scl", "--band", "VVb")


@pytest.mark.parametrize("command", ["series", "peers", "plot"])
def test_an_unknown_parcel_leads_to_those_that_were_meant(command: str, url: str) -> None:
    assert "none of the 6 parcels" in refused(command, "42", "--store", url)
    assert "Did you mean '0042'?" in refused(command, "42", "--store", url)
    assert "such as '007' or '7'" in refused(command, "nothing", "--store", url)


def test_similar_ids() -> None:
    ids = ["NL-0001", "NL-0002", "NL-0003", "NL-0100", "nl-0002", "DE-0001"]
    assert similar_ids("nl-0001", ids)[0] == "NL-0001"
    assert similar_ids("NL-0002 ", ids)[:2] == ["NL-0002", "nl-0002"]
    assert similar_ids("NL-00011", ids)[0] == "NL-0001"
    assert similar_ids("FR-0001", ids) == []
    assert similar_ids("", ids) == []


# --- peers ---


def test_peers(url: str) -> None:
    document = answer("peers", "007", "--store", url, "--json")
    assert document == {"pids": ["7", "0042", "it's"], "distance": document["distance"], "ogc_fid": [2, 3, 5]}
    assert document["distance"] == pytest.approx([50, 250, 850], rel=5e-3)
    assert answer("peers", "007", "--store", url, "--json", "--max", "1")["pids"] == ["7"]
    assert answer("peers", "007", "--store", url, "--json", "--distance", "300")["pids"] == ["7", "0042"]
    assert answer("peers", "007", "--store", url, "--json", "--same", "crop")["pids"] == ["0042", "it's"]
    assert call_s1card("store", "peers", "007", "--store", url).stdout.splitlines()[1].split()[0] == "7"
    assert "within 1 m" in call_s1card("store", "peers", "007", "--store", url, "--distance", "1").stderr


def test_peers_of_an_attribute_that_is_not_there(url: str) -> None:
    text = refused("peers", "007", "--store", url, "--same", "fruit")
    assert "fruit" in text and "crop" in text


# --- plot ---


def test_plot(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.png"
    done = call_s1card("store", "plot", "007", "--store", url, "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{out}\n", "")
    alone = out.read_bytes()
    assert alone.startswith(b"\x89PNG")
    document = answer("plot", "007", "--store", url, "--out", out, "--same", "crop", "--json")
    assert document == {"file": str(out), "rows": 5, "peers": ["0042", "it's"]}
    assert out.read_bytes() != alone
    done = call_s1card("store", "plot", "007", "--store", url, "--out", out, "--peers", "5")
    assert "3 of 5 peers lie within 1000 m" in done.stderr
    monkeypatch.chdir(tmp_path)
    assert call_s1card("store", "plot", "it's", "--store", url).stdout == "it_s.png\n"
    assert (tmp_path / "it_s.png").is_file()


def test_plot_of_nothing_is_an_error(url: str, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert "no Sentinel-1 observation" in refused("plot", "far", "--store", url, "--out", out, code=3)
    words = ("plot", "007", "--store", url, "--out", out, "--start", "2022-01-01")
    assert "no Sentinel-1 observation" in refused(*words, code=3)
    assert ".png" in refused("plot", "007", "--store", url, "--out", tmp_path / "a.jpg")
    assert not out.exists()


# --- export and compact ---


def test_export(url: str, tmp_path: Path) -> None:
    for name, parcels, rows in (("a.gpkg", 6, 0), ("a.csv", 0, 19), ("all", 6, 19)):
        document = answer("export", "--store", url, "--out", tmp_path / name, "--json")
        assert document == {"file": str(tmp_path / name), "parcels": parcels, "rows": rows}
    done = call_s1card("store", "export", "--store", url, "--out", tmp_path / "b.csv", "--latest")
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'b.csv'}\n", "11 rows\n")
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 12
    assert "--overwrite" in refused("export", "--store", url, "--out", tmp_path / "b.csv")
    done = call_s1card("store", "export", "--store", url, "--out", tmp_path / "b.csv", "--overwrite")
    assert "19 rows" in done.stderr
    assert "100 %" in done.stderr
    assert ".shp" in refused("export", "--store", url, "--out", tmp_path / "b.shp")


def test_compact(url: str) -> None:
    before = answer("series", "007", "--store", url, "--format", "json")
    done = call_s1card("store", "compact", "--store", url)
    assert done.returncode == 0 and "became 1" in done.stdout
    assert answer("compact", "--store", url, "--json") == {"done": "nothing to compact"}
    assert answer("series", "007", "--store", url, "--format", "json") == before


# --- what is missing ---


@pytest.mark.parametrize("package", ["duckdb", "pyarrow"])
def test_a_missing_extra_is_named(package: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("s1card.store.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "s1card.cli_store", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    text = refused("info", "--store", url)
    assert f"package {package}" in text and "pip install 's1card[store]'" in text


def test_missing_matplotlib_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "s1card.store.plot", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = refused("plot", "007", "--store", url, "--out", "a.png")
    assert "matplotlib" in text and "pip install 's1card[store]'" in text


# --- PostGIS ---

_ORIGINAL = """
CREATE TABLE dias_catalogue (id serial PRIMARY KEY, obstime timestamp NOT NULL, reference varchar(120) NOT NULL,
    sensor char(2) NOT NULL, card char(2) NOT NULL, status varchar(24) NOT NULL, footprint geometry(Polygon, 4326));
INSERT INTO dias_catalogue VALUES
    (1, '2020-05-01T05:50', 'S1A_A_CARD_BS', '1A', 'bs', 'extracted', ST_MakeEnvelope(4, 50, 7, 53, 4326)),
    (2, '2020-05-07T05:50', 'S1A_B_CARD_BS', '1A', 'bs', 'inprogress', ST_MakeEnvelope(4, 50, 7, 53, 4326));
CREATE TABLE parcels_2020 (ogc_fid serial PRIMARY KEY, wkb_geometry geometry(MultiPolygon, 28992), gid varchar);
INSERT INTO parcels_2020
    SELECT n, ST_Multi(ST_MakeEnvelope(155000 + 200 * n, 463000, 155100 + 200 * n, 463100, 28992)), '00' || n
    FROM generate_series(1, 3) n;
CREATE TABLE sigs_2020 (pid int, obsid int, band char(3), count real, mean real, std real, min real, max real,
    p25 real, p50 real, p75 real);
INSERT INTO sigs_2020 SELECT n, 1, 'VVb', 50, n, 0, n, n, n, n, n FROM generate_series(1, 4) n;
INSERT INTO sigs_2020 SELECT * FROM sigs_2020 WHERE pid = 1;
CREATE VIEW fields AS SELECT * FROM parcels_2020 WHERE ogc_fid < 3;
"""


@pytest.fixture
def original(postgres: PostgresServer, database_url: str) -> str:
    """Tables of the JRC system's second generation, in a schema of their own."""
    schema = database_url.rpartition("=")[2]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE SCHEMA {schema}; SET search_path TO {schema}, public; {_ORIGINAL}".encode()
        )
    return database_url


def test_migrate(original: str, tmp_path: Path) -> None:
    place = tmp_path / "store"
    done = call_s1card("store", "migrate", original, "--store", place, "--id", "gid")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["3 parcels, 3 rows, 0 histograms", "1 observations: extracted"]
    assert "1 rows were there more than once" in done.stderr
    assert "1 rows of parcels that are not" in done.stderr
    assert "1 observations were never finished" in done.stderr
    columns = answer("series", "002", "--store", place, "--format", "json")
    assert (columns["mean"], columns["reference"]) == ([2], ["S1A_A_CARD_BS"])
    document = answer("migrate", original, "--store", place, "--id", "gid", "--json")
    assert (document["rows"], document["repeated"]) == (3, 1)
    assert document["tables"]["signatures"] == ["sigs_2020"]


def test_migrate_takes_the_tables_that_are_named(original: str, tmp_path: Path) -> None:
    words = ("migrate", original, "--store", tmp_path / "store", "--json")
    document = answer(*words, "--parcels", "fields", "--signatures", "sigs_2020")
    assert (document["parcels"], document["strangers"]) == (2, 2)
    assert document["tables"]["parcels"] == "fields"
    assert "nowhere" in refused(*words, "--catalogue", "nowhere")
    assert "0 tables of parcels" in refused(*words, "--year", "1999")
    assert "postgresql://" in refused("migrate", tmp_path, "--store", tmp_path / "store")


def test_the_same_commands_on_a_server(database_url: str, tmp_path: Path) -> None:
    fill(open_store(database_url))
    with_password = database_url.replace("test@", "test:secret@")
    info = answer("info", "--store", with_password, "--json")
    assert (info["parcels"], info["rows"]) == (6, 19)
    assert "secret" not in info["store"] and info["store"].startswith("postgresql:///test?")
    assert answer("series", "007", "--store", database_url, "--format", "json", "--band", "VVb")["mean"] == [
        1.011,
        2.011,
    ]
    assert answer("peers", "007", "--store", database_url, "--same", "crop", "--json")["pids"] == [
        "0042",
        "it's",
    ]
    assert "Did you mean '0042'?" in refused("series", "42", "--store", database_url)
    for name in ("a.gpkg", "a.csv", "all", "a.png"):
        command = ("plot", "007", "--peers", "2") if name == "a.png" else ("export",)
        done = call_s1card("store", *command, "--store", database_url, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert pyogrio.read_info(tmp_path / "a.gpkg")["crs"] == "EPSG:32632"
    assert len((tmp_path / "all" / "sigs.csv").read_text().splitlines()) == 20
    assert "vacuumed" in call_s1card("store", "compact", "--store", database_url).stdout


@pytest.mark.enable_socket
def test_a_server_that_does_not_answer_is_a_matter_of_the_network() -> None:
    text = refused("info", "--store", "postgresql://me:secret@127.0.0.1:1/nothing", code=4)
    assert "does not answer" in text and "secret" not in text


def test_times_of_answers_are_utc_whatever_the_zone_of_the_machine(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "America/Lima")
    time.tzset()
    try:
        columns = answer("series", "007", "--store", url, "--band", "VVc", "--format", "json")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert columns["date_part"] == [(LATER - datetime(1970, 1, 1)).total_seconds()]
