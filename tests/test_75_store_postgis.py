from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import psycopg
import pytest
import shapely
from postgres_server import PostgresServer, database_url, postgres
from psycopg import sql
from pyproj import CRS, Geod, Transformer
from store_contract import (
    TIME,
    StoreContract,
    exported,
    load,
    make_band,
    make_extraction,
    make_observation,
    make_parcels,
    square,
)

from s1card.errors import UsageError
from s1card.parcels.records import REASONS, Extraction, ParcelSet
from s1card.store import Store, open_store
from s1card.store.base import NO_PARCELS
from s1card.store.copy_binary import HEADER, TRAILER, signature_blocks
from s1card.store.postgis import PostgisStore
from s1card.store.rows import signature_rows

__all__ = ["database_url", "postgres"]


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, database_url: str) -> Store:
        return open_store(database_url)

    @pytest.fixture
    def reopened(self, database_url: str) -> Callable[[], Store]:
        return lambda: PostgisStore(database_url)


@pytest.fixture
def store(database_url: str) -> PostgisStore:
    store = PostgisStore(database_url)
    store.init()
    return store


@pytest.fixture
def admin(postgres: PostgresServer, store: PostgisStore, database_url: str) -> Iterator[psycopg.Connection]:
    schema = sql.Identifier(database_url.rpartition("=")[2])
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path TO {}, public").format(schema))
        yield connection


def parcels(crs: str = "EPSG:32632", **attributes: np.ndarray) -> ParcelSet:
    geometries = np.array([square(500_000, 5_000_000), square(500_200, 5_000_000)], object)
    ids = np.array(["a", "b"], object)
    return ParcelSet(np.array([1, 2], np.int32), ids, geometries, crs, attributes)


# --- Tables ---


def test_tables_are_those_of_the_original(store: PostgisStore, admin: psycopg.Connection) -> None:
    store.put_parcels(make_parcels())
    load(store, make_extraction(make_observation()))
    query = """SELECT format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = %s::regclass AND attname = %s AND NOT attisdropped"""
    expected = {
        ("parcels", "ogc_fid"): "integer",
        ("parcels", "wkb_geometry"): "geometry(Geometry,32632)",
        ("dias_catalogue", "id"): "integer",
        ("dias_catalogue", "obstime"): "timestamp without time zone",
        ("dias_catalogue", "reference"): "character varying(120)",
        ("dias_catalogue", "sensor"): "character(2)",
        ("dias_catalogue", "card"): "character(2)",
        ("dias_catalogue", "status"): "character varying(24)",
        ("dias_catalogue", "footprint"): "geometry(Geometry,4326)",
        ("sigs", "pid"): "integer",
        ("sigs", "obsid"): "integer",
        ("sigs", "band"): "character(3)",
        **{("sigs", name): "real" for name in ("count", "mean", "std", "min", "max", "p25", "p50", "p75")},
        ("hists", "hist"): "jsonb",
        ("aois", "name"): "text",
    }
    found = {key: admin.execute(query, key).fetchone() for key in expected}
    assert found == {key: (kind,) for key, kind in expected.items()}
    # The original's question for a series works as it is.
    rows = admin.execute(
        """SELECT extract(epoch FROM d.obstime) AS date_part, s.band, s.count, s.mean, s.std, s.min, s.p25, s.p50,
            s.p75, s.max
        FROM parcels p, sigs s, dias_catalogue d
        WHERE p.ogc_fid = s.pid AND s.obsid = d.id AND p.ogc_fid = 1 AND s.band IN ('VVb', 'VHb')
        ORDER BY date_part, s.band"""
    ).fetchall()
    assert [row[1] for row in rows] == ["VHb", "VVb"]


def test_months_are_tables(store: PostgisStore, admin: psycopg.Connection) -> None:
    times = [datetime(2021, 12, 31, 23, 59, 59, 999_999), datetime(2022, 1, 1), datetime(2020, 2, 29, 12)]
    for k, time in enumerate(times):
        load(store, make_extraction(make_observation(f"s{k}", time)))
    query = "SELECT tableoid::regclass::text, min(obstime), count(*) FROM sigs GROUP BY 1 ORDER BY 1"
    assert admin.execute(query).fetchall() == [
        ("sigs_2020_02", times[2], 8),
        ("sigs_2021_12", times[0], 8),
        ("sigs_2022_01", times[1], 8),
    ]
    assert [row["obstime"] for row in exported(store) if (row["pid"], row["band"]) == (1, "VVb")] == sorted(
        times
    )
    batches = [batch["obstime"][0].as_py() for batch in store.export_rows()]
    assert batches == sorted(times)  # in the order of time


def test_a_series_goes_through_the_index(store: PostgisStore, admin: psycopg.Connection) -> None:
    pids = range(1, 5001)
    for k in range(3):
        load(store, make_extraction(make_observation(f"s{k}", TIME + timedelta(days=k)), pids))
    store.compact()
    plan = "\n".join(row[0] for row in admin.execute("EXPLAIN SELECT * FROM sigs WHERE pid = 77"))
    assert "Seq Scan" not in plan and "pid" in plan


# --- Binary COPY ---


def test_bytes_of_a_copy() -> None:
    """Worked out by hand from the format's description."""
    band = make_band("VVb", [258], 1.0)
    for values in band.values.values():
        values[:] = 1.0
    (block,) = signature_blocks(
        signature_rows(Extraction(make_observation(), [band])), 3, datetime(2000, 1, 1, 0, 0, 1)
    )
    one = bytes.fromhex("00000004 3f800000")
    assert b"".join(block.chunks()) == (
        HEADER
        + bytes.fromhex("000d 00000004 00000102 00000004 00000003 00000003")
        + b"VVb"
        + bytes.fromhex("00000008 00000000000f4240")
        + one * 9
        + TRAILER
    )


def test_every_pattern_of_missing_values_comes_back(store: PostgisStore) -> None:
    """Random statistics are missing, for random reasons, over more rows than one chunk holds."""
    rng = np.random.default_rng(3)
    count = 70_000
    pid = np.arange(1, count + 1, dtype=np.int32)
    band = make_band("B8A", pid, 0.0, extras=("mean_db", "enl", "inc"))
    for name in ("mean_db", "enl", "inc"):
        band.values[name][rng.random(count) < 0.3] = np.nan
    band.reason[:] = rng.integers(0, len(REASONS), count)
    assert load(store, Extraction(make_observation(), [band])) == count
    rows = list(store.export_rows())
    found = {
        name: np.concatenate([row[name].to_numpy(zero_copy_only=False) for row in rows])
        for name in ("pid", "band", "reason", *band.values)
    }
    order = np.argsort(found["pid"])
    np.testing.assert_array_equal(found["pid"][order], pid)
    assert set(found["band"]) == {"B8A"}
    for name, values in band.values.items():
        np.testing.assert_array_equal(found[name][order].astype(np.float32), values, err_msg=name)
    reasons = [REASONS.index(text or "") for text in found["reason"][order]]
    np.testing.assert_array_equal(reasons, band.reason)


def test_band_codes_have_three_characters(store: PostgisStore) -> None:
    with pytest.raises(UsageError, match="NDVI"):
        load(store, Extraction(make_observation(), [make_band("NDVI", [1], 1.0)]))
    load(store, Extraction(make_observation(), [make_band("B8", [1], 1.0)]))
    assert [row["band"] for row in exported(store)] == ["B8"]


def test_texts_that_are_too_long(store: PostgisStore) -> None:
    with pytest.raises(UsageError, match="too long"):
        load(store, make_extraction(make_observation("x" * 121)))
    with store.taken(make_observation()) as work:
        assert work is not None
        work.fail("a status of more than 24 characters")
    (row,) = store.observations().to_pylist()
    assert row["status"] == "a status of more than 24"


def test_footprints_are_polygons(store: PostgisStore) -> None:
    halves = shapely.MultiPolygon([shapely.box(179, 50, 180, 51), shapely.box(-180, 50, -179, 51)])
    for name, shape in (("both", halves), ("3D", shapely.force_3d(shapely.box(1, 2, 3, 4)))):
        observation = make_observation(name)
        object.__setattr__(observation, "footprint", shape)
        with store.taken(observation) as work:
            assert work is not None
            work.fail(NO_PARCELS)
    shapes = [shapely.from_wkb(row["footprint"]) for row in store.observations().to_pylist()]
    assert shapes[0].equals(halves)
    assert not shapes[1].has_z
    observation = make_observation("point")
    object.__setattr__(observation, "footprint", shapely.Point(1, 2))
    with pytest.raises(UsageError, match="Point"), store.taken(observation):
        pass


# --- Parcels ---


def test_attributes_of_every_type(store: PostgisStore) -> None:
    attributes = {
        "Name": np.array(["Ä", "tab\tnew\nline\\"], object),
        "name": np.array([None, ""], object),
        "id": np.array(["x", "y"], object),  # the table has a column of that name
        "ogc_fid": np.array([7, 8], np.int16),
        'odd "; name': np.array([2**64 - 1, 0], np.uint64),
        "u4": np.array([2**32 - 1, 0], np.uint32),
        "f4": np.array([0.1, np.nan], np.float32),
        "f8": np.array([np.inf, 1e-300]),
        "flag": np.array([True, False]),
        "day": np.array(["2021-02-03", "NaT"], "datetime64[D]"),
        "moment": np.array(["2021-02-03T04:05:06.789123", "1066-10-14T00:00:00"], "datetime64[us]"),
        "n" * 70: np.array([1, 2]),
        "n" * 71: np.array([3, 4]),
    }
    store.put_parcels(parcels(**attributes))
    found = store.parcels()
    assert list(found.attributes) == list(attributes)
    for name, values in attributes.items():
        assert found.attributes[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found.attributes[name], values, err_msg=name)
    assert store.peers("a", column="f4") == []
    assert store.peers("a", column="id") == []


LAEA = CRS("+proj=laea +lat_0=51 +lon_0=9 +ellps=GRS80 +units=m").to_wkt()


@pytest.mark.parametrize(
    ("crs", "x", "y", "step"),
    [
        ("EPSG:28992", 155_000, 463_000, 50.0),
        ("ESRI:102014", 1_000_000, 1_500_000, 50.0),
        ("EPSG:3857", 667_916, 6_621_293, 50.0),
        ("EPSG:2264", 1_500_000, 600_000, 200.0),  # US feet
        (LAEA, 0, 0, 50.0),
        ("OGC:CRS84", 6, 51, 0.001),
    ],
)
def test_any_coordinate_system(
    store: PostgisStore, crs: str, x: float, y: float, step: float, admin: psycopg.Connection
) -> None:
    """Distances are true ones, and systems that the database does not know are entered into its list."""
    geometries = np.array([square(x, y, 2 * step), square(x + 3 * step, y, 2 * step)], object)
    count = "SELECT count(*) FROM spatial_ref_sys"
    ((before,),) = admin.execute(count).fetchall()
    given = ParcelSet(np.array([1, 2], np.int32), np.array(["a", "b"], object), geometries, crs)
    store.put_parcels(given)
    assert store.parcels().digest == given.digest
    transformer = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    gap = np.array([transformer.transform(x + k * step, y + 2 * step) for k in (2, 3)])
    (peer,) = store.peers("a")
    assert peer.distance == pytest.approx(Geod(ellps="WGS84").inv(*gap[0], *gap[1])[2], rel=1e-3)
    assert admin.execute(count).fetchall() == [(before + (crs in (LAEA, "OGC:CRS84")),)]


def test_two_systems_without_a_code_do_not_mix(postgres: PostgresServer, database_url: str) -> None:
    for latitude in (51, 52, 51):
        crs = CRS(f"+proj=laea +lat_0={latitude} +lon_0=9 +ellps=GRS80").to_wkt()
        store = PostgisStore(f"{database_url}_{latitude}")
        store.init()
        store.put_parcels(
            ParcelSet(np.array([1], np.int32), np.array(["a"], object), np.array([square(0, 0)], object), crs)
        )
    with psycopg.connect(postgres.url) as connection:
        query = "SELECT count(DISTINCT srid) FROM geometry_columns WHERE f_table_name = 'parcels' AND srid >= 910000"
        counts = connection.execute(
            query + " AND f_table_schema LIKE %s", (database_url.rpartition("=")[2] + "%",)
        )
        assert counts.fetchone() == (2,)


def test_what_is_written_meanwhile_does_not_disturb_an_export(store: PostgisStore) -> None:
    for k in range(3):
        load(store, make_extraction(make_observation(f"s{k}", TIME + timedelta(days=k))))
    batches = store.export_rows()
    first = next(batches)
    load(store, make_extraction(make_observation("s2", TIME + timedelta(days=2)), [1]))
    load(store, make_extraction(make_observation("s3", TIME + timedelta(days=3))))
    assert first.num_rows + sum(batch.num_rows for batch in batches) == 24
    assert sum(batch.num_rows for batch in store.export_rows()) == 26
    abandoned = store.export_rows()
    next(abandoned)
    abandoned.close()
    assert store.info().rows == 26
