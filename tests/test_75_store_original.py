from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import shapely
from postgres_server import PostgresServer, database_url, postgres
from psycopg import sql
from store_contract import exported, series, statuses

from s1card.errors import DataError, NetworkError, UsageError
from s1card.store import Store, open_store
from s1card.store.base import SeriesQuery
from s1card.store.original import OriginalTables, band_code, find_tables, import_original

__all__ = ["database_url", "postgres"]

# As the original's manual has them: no keys.
CATALOGUE = """
CREATE TABLE dias_catalogue (id serial PRIMARY KEY, obstime timestamp without time zone NOT NULL,
    reference varchar(120) NOT NULL, sensor char(2) NOT NULL, card char(2) NOT NULL,
    status varchar(24) NOT NULL DEFAULT 'ingested', footprint geometry(Polygon, 4326));
CREATE TABLE aois (name text, wkb_geometry geometry(Polygon, 4326));
INSERT INTO aois VALUES ('nl', ST_MakeEnvelope(5, 51, 6, 52, 4326)), ('nl', ST_MakeEnvelope(6, 51, 7, 52, 4326));
CREATE TABLE parcels_2020 (ogc_fid serial PRIMARY KEY, wkb_geometry geometry(MultiPolygon, 28992), gws_gewas text,
    gid varchar);
INSERT INTO parcels_2020 (ogc_fid, wkb_geometry, gws_gewas, gid)
    SELECT 10 * n, ST_Multi(ST_MakeEnvelope(155000 + 200 * n, 463000, 155100 + 200 * n, 463100, 28992)), 'gras',
        '00' || n
    FROM generate_series(1, 3) n;
"""
SIGNATURES = """
CREATE TABLE {} (pid int, obsid int, band char({length}), count real, mean real, std real, min real, max real,
    p25 real, p50 real, p75 real)
"""
HISTOGRAMS = "CREATE TABLE hists_2020 (pid int, obsid int, hist json)"

# obsid, status
SCENES = [
    (1, "2020-05-03T05:50", "S1A_GRD_A_CARD_BS", "1A", "bs", "extracted"),
    (2, "2020-05-01T05:50", "S1B_GRD_B_CARD_BS", "1B", "bs", "final"),
    (3, "2020-05-03T05:50", "S1_COH", "1A", "c6", "extracted"),
    (4, "2020-05-04T10:40", "S2A_MSIL2A.SAFE", "2A", "s2", "extracted"),
    (5, "2020-06-01T10:40", "S2A_CRASHED.SAFE", "2A", "s2", "inprogress"),
    (6, "2020-06-02T05:50", "S1A_SEA", "1A", "bs", "No_parcels"),
    (7, "2020-06-03T05:50", "S1A_LOST", "1A", "bs", "!S3 VV.img"),
    (8, "2020-06-04T05:50", "S1A_WAITS", "1A", "bs", "ingested"),
    (9, "2020-06-05T05:50", "S1A_EMPTY", "1A", "bs", "extracted"),
]


@pytest.fixture
def source(postgres: PostgresServer, database_url: str) -> Iterator[psycopg.Connection]:
    """A database of the original's, in a schema of its own; with catalogue, areas and parcels."""
    schema = sql.Identifier(database_url.rpartition("=")[2])
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET search_path TO {}, public").format(schema))
        connection.execute(CATALOGUE)
        footprint = "ST_MakeEnvelope(4, 50, 7, 53, 4326)"
        for scene in SCENES:
            values = "INSERT INTO dias_catalogue VALUES (%s, %s, %s, %s, %s, %s, " + footprint + ")"
            connection.execute(values, (scene[0], *scene[1:]))
        yield connection


@pytest.fixture(params=["folder", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Store:
    return open_store(str(tmp_path / "store") if request.param == "folder" else f"{database_url}_copy")


def signatures(connection: psycopg.Connection, table: str, length: int, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(sql.SQL(SIGNATURES).format(sql.Identifier(table), length=sql.Literal(length)))
    insert = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)")
    for pid, obsid, band, mean, *count in rows:
        rest = [mean if mean is None else mean + k / 10 for k in range(1, 7)]
        values = (pid, obsid, band, count[0] if count else 50, mean, *rest)
        connection.execute(insert.format(sql.Identifier(table)), values)


def second_generation(connection: psycopg.Connection) -> None:
    rows = [
        (10, 1, "VVb", 1.0),
        (20, 1, "VVb", 2.0),
        (10, 1, "VHb", 3.0),
        (10, 1, "VHb", 3.0),  # twice
        (10, 2, "VVb", 4.0),
        (10, 3, "VVc", 0.5),
        (10, 3, "VHc", 0.4),
        (20, 4, "B04", 300.0),
        (30, 4, "B04", None, 0),
        (10, 5, "B04", 999.0),  # of a scene that was not finished
        (99, 1, "VVb", 999.0),  # of no parcel
        (10, 77, "VVb", 999.0),  # of no scene
    ]
    signatures(connection, "sigs_2020", 3, rows)
    connection.execute(HISTOGRAMS)
    hists = [
        (20, 4, '{"4": 93, "3": 4}'),
        (20, 4, '{"3": 4, "4": 93}'),
        (30, 4, '{"11": 7}'),
        (10, 5, '{"4": 1}'),
    ]
    for row in hists:
        connection.execute("INSERT INTO hists_2020 VALUES (%s, %s, %s)", row)


def test_second_generation(source: psycopg.Connection, database_url: str, store: Store) -> None:
    second_generation(source)
    tables = find_tables(database_url)
    assert tables == OriginalTables("parcels_2020", ("sigs_2020",), ("hists_2020",), "dias_catalogue", "aois")
    for _ in range(2):  # again gives the same
        report = import_original(database_url, store, id_column="gid")
        assert (report.parcels, report.rows, report.histograms) == (3, 8, 2)
        assert (report.repeated, report.strangers, report.orphans) == (2, 1, 1)
        assert report.observations == {"extracted": 5, "No parcels": 1, "!S3 VV.img": 1}
        assert (report.unfinished, report.busy) == (["S2A_CRASHED.SAFE", "S1A_WAITS"], [])
        rows = [(row["pid"], row["reference"], row["band"], row["mean"]) for row in exported(store)]
        assert rows == [
            (10, "S1B_GRD_B_CARD_BS", "VVb", 4.0),
            (10, "S1A_GRD_A_CARD_BS", "VHb", 3.0),
            (10, "S1A_GRD_A_CARD_BS", "VVb", 1.0),
            (10, "S1_COH", "VHc", pytest.approx(0.4)),
            (10, "S1_COH", "VVc", 0.5),
            (20, "S1A_GRD_A_CARD_BS", "VVb", 2.0),
            (20, "S2A_MSIL2A.SAFE", "B04", 300.0),
            (30, "S2A_MSIL2A.SAFE", "B04", None),
        ]
    assert statuses(store) == {
        "S1A_GRD_A_CARD_BS": "extracted",
        "S1B_GRD_B_CARD_BS": "extracted",
        "S1_COH": "extracted",
        "S2A_MSIL2A.SAFE": "extracted",
        "S1A_EMPTY": "extracted",
        "S1A_SEA": "No parcels",
        "S1A_LOST": "!S3 VV.img",
    }
    (row,) = series(store, "002", bands=["VVb"])
    assert row["obstime"] == datetime(2020, 5, 3, 5, 50)
    statistics = [row[name] for name in ("count", "mean", "std", "min", "max", "p25", "p50", "p75")]
    assert statistics == pytest.approx([50, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6])
    assert (row["orbit_direction"], row["relative_orbit"], row["valid"], row["reason"]) == (None,) * 4
    (none,) = series(store, "003")
    assert (none["count"], none["mean"], none["reason"]) == (0, None, "no data")
    (found,) = store.histograms(SeriesQuery("002")).to_pylist()
    assert json.loads(found["hist"]) == {"3": 4, "4": 93}
    parcels = store.parcels()
    assert (list(parcels.pid), list(parcels.ids), parcels.crs) == (
        [10, 20, 30],
        ["001", "002", "003"],
        "EPSG:28992",
    )
    assert list(parcels.attributes) == ["gws_gewas"]
    assert [peer.id for peer in store.peers("001", distance=150, column="gws_gewas")] == ["002"]


def test_first_generation(source: psycopg.Connection, database_url: str, store: Store) -> None:
    signatures(
        source, "nl2020_bs_signatures", 2, [(10, 1, "VV", 1.0), (10, 1, "VH", 2.0), (10, 1, "VV", 1.5, 60)]
    )
    signatures(source, "nl2020_c6_signatures", 2, [(10, 3, "VV", 0.5), (10, 3, "VH", 0.4)])
    signatures(
        source, "nl2020_s2_signatures", 2, [(20, 4, "B4", 3.0), (20, 4, "B8", 4.0), (20, 4, "SC", 5.0)]
    )
    report = import_original(database_url, store)
    assert (report.rows, report.repeated) == (7, 1)
    assert {(row["pid"], row["band"]): row["mean"] for row in exported(store)} == {
        (10, "VVb"): 1.5,  # of rows that differ, the one with more pixels
        (10, "VHb"): 2.0,
        (10, "VVc"): 0.5,
        (10, "VHc"): pytest.approx(0.4),
        (20, "B04"): 3.0,
        (20, "B08"): 4.0,
        (20, "SCL"): 5.0,
    }
    assert list(store.parcels().ids) == ["10", "20", "30"]


def test_areas_of_interest(source: psycopg.Connection, database_url: str) -> None:
    second_generation(source)
    report = import_original(database_url, open_store(f"{database_url}_copy"))
    assert report.aois == 1
    query = sql.SQL("SELECT name, ST_AsBinary(wkb_geometry) FROM {}.aois")
    schema = sql.Identifier(f"{database_url.rpartition('=')[2]}_copy")
    ((name, area),) = source.execute(query.format(schema)).fetchall()
    assert name == "nl"
    assert shapely.from_wkb(area).equals(shapely.box(5, 51, 7, 52))


def test_many_rows_come_in_blocks(source: psycopg.Connection, database_url: str, store: Store) -> None:
    """More than one block of the stream, scenes across the borders of blocks, rows in no order."""
    second_generation(source)
    source.execute(
        "INSERT INTO parcels_2020 SELECT n, wkb_geometry, 'x', 'n' || n FROM parcels_2020, "
        "generate_series(1000, 9999) n WHERE ogc_fid = 10"
    )
    source.execute(
        "INSERT INTO sigs_2020 SELECT n, o, b, 1, o * 10000 + n, 1, 1, 1, 1, 1, 1 "
        "FROM generate_series(1000, 9999) n, unnest(ARRAY[1, 2, 9]) o, unnest(ARRAY['VVb', 'VHb']) b "
        "ORDER BY random()"
    )
    report = import_original(database_url, store)
    assert report.rows == 8 + 9000 * 6
    assert [row["mean"] for row in series(store, "5000")] == [25000.0] * 2 + [15000.0] * 2 + [95000.0] * 2


def test_names_of_bands() -> None:
    assert band_code("s2", "B8A") == "B8A"
    assert band_code("s2", "B11") == "B11"
    assert band_code("c1", "VV ") == "VVc"
    assert band_code("bs", "VVb") == "VVb"


def test_years_and_names(source: psycopg.Connection, database_url: str, store: Store) -> None:
    with pytest.raises(UsageError, match="0 of signatures"):
        find_tables(database_url)
    second_generation(source)
    source.execute("CREATE TABLE parcels_2021 AS TABLE parcels_2020")
    source.execute("CREATE TABLE sigs_2021 AS TABLE sigs_2020")
    with pytest.raises(UsageError, match="2 tables of parcels"):
        import_original(database_url, store)
    assert find_tables(database_url, 2021).signatures == ("sigs_2021",)
    evil = '"; DROP TABLE parcels_2020; --'
    source.execute(sql.SQL("ALTER TABLE sigs_2020 RENAME TO {}").format(sql.Identifier(evil)))
    schema = database_url.rpartition("=")[2]
    named = OriginalTables(f"{schema}.parcels_2020", (evil,))
    assert import_original(database_url, store, named).rows == 8
    with pytest.raises(UsageError, match="sigs_1999"):
        import_original(database_url, store, OriginalTables("parcels_2020", ("sigs_1999",)))


def test_sources_that_cannot_be(
    source: psycopg.Connection, database_url: str, store: Store, tmp_path: Path
) -> None:
    second_generation(source)
    with pytest.raises(NetworkError):
        import_original(f"postgresql://@/x?host={tmp_path}", store)
    source.execute("""INSERT INTO hists_2020 VALUES (10, 4, '{"a": 1}')""")
    with pytest.raises(DataError, match=r"S2A_MSIL2A\.SAFE: a histogram is not one"):
        import_original(database_url, store)
    source.execute("ALTER TABLE parcels_2020 RENAME ogc_fid TO fid")
    with pytest.raises(UsageError, match="ogc_fid"):
        import_original(database_url, store, id_column="gid")
