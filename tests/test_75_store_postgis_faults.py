from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import postgis_workers
import psycopg
import pytest
from postgis_workers import SCENES, extraction
from postgres_server import PORT, PostgresServer, database_url, postgres
from psycopg import sql
from store_contract import TIME, load, make_extraction, make_observation, make_parcels, statuses

from s1card.errors import NetworkError, ResourceError, UsageError
from s1card.parcels.records import Extraction, Observation
from s1card.store import database
from s1card.store.base import EXTRACTED, IN_PROGRESS, INGESTED, NO_PARCELS, SeriesQuery
from s1card.store.lease import MAX_ATTEMPTS
from s1card.store.postgis import PostgisStore

__all__ = ["database_url", "postgres"]

TABLES = {"s1card_store", "aois", "dias_catalogue", "sigs", "hists"}


@pytest.fixture
def store(database_url: str) -> PostgisStore:
    store = PostgisStore(database_url, lease=1.0)
    store.init()
    return store


@pytest.fixture
def admin(postgres: PostgresServer, store: PostgisStore) -> Iterator[psycopg.Connection]:
    """A connection beside the store, in its schema."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        schema = store._database.address.schema
        connection.execute(sql.SQL("SET search_path TO {}, public").format(sql.Identifier(schema)))
        yield connection


def workers(mode: str, url: str, seed: int) -> None:
    """Run workers to their end."""
    command = [sys.executable, postgis_workers.__file__, mode, url, str(seed)]
    done = subprocess.run(command, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def assert_complete(connection: psycopg.Connection) -> None:
    """Every scene is in the store with all its rows, once, and there is nothing else."""
    found = connection.execute(
        """SELECT d.reference, d.status, d.lease_until, d.sig_rows, d.hist_rows, count(*), count(DISTINCT (pid, band)),
            min(s.count), max(s.count), (SELECT count(*) FROM hists h WHERE h.obsid = d.id),
            count(*) FILTER (WHERE mean IS NULL)
        FROM dias_catalogue d JOIN sigs s ON s.obsid = d.id AND s.obstime = d.obstime GROUP BY d.id ORDER BY d.id"""
    ).fetchall()
    expected = []
    for number in range(SCENES):
        scene = extraction(number)
        histograms = scene.histograms
        assert histograms is not None
        rows, nulls = scene.row_count, 2 * int((scene.bands[0].reason > 0).sum())
        hists = len(histograms.pid)
        expected.append(
            (f"scene-{number}", EXTRACTED, None, rows, hists, rows, rows, number, number, hists, nulls)
        )
    assert sorted(found) == sorted(expected)
    assert connection.execute("SELECT count(*) FROM sigs").fetchone() == (
        sum(extraction(number).row_count for number in range(SCENES)),
    )
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        )
    }
    months = {f"{table}_2021_{month:02}" for table in ("sigs", "hists") for month in (1, 2)}
    assert tables == TABLES | months


# --- Workers that die ---


def test_killed_workers_leave_whole_scenes(
    database_url: str, store: PostgisStore, admin: psycopg.Connection
) -> None:
    """Twenty workers, two at a time, are killed while they load the same scenes again and again."""
    workers("kill", database_url, 1)
    partial = admin.execute(
        """SELECT d.reference FROM dias_catalogue d
        LEFT JOIN (SELECT obsid, pid, band FROM sigs GROUP BY obsid, pid, band HAVING count(*) = 1) s ON s.obsid = d.id
        GROUP BY d.id HAVING count(s.pid) <> d.sig_rows"""
    ).fetchall()
    assert partial == []
    assert admin.execute("SELECT sum(attempts) > 10, sum(sig_rows) > 0 FROM dias_catalogue").fetchone() == (
        True,
        True,
    )
    postgis_workers.load_all(database_url, 3)
    assert_complete(admin)


def test_two_workers_at_once(database_url: str, store: PostgisStore, admin: psycopg.Connection) -> None:
    workers("load", database_url, 1)
    assert_complete(admin)
    names = {
        name for (name,) in admin.execute("SELECT DISTINCT split_part(worker, ':', 2) FROM dias_catalogue")
    }
    assert len(names) == 2  # both had something to do


def test_a_server_that_restarts_is_survived(
    postgres: PostgresServer, database_url: str, store: PostgisStore, admin: psycopg.Connection
) -> None:
    moments = random.Random(5)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(postgis_workers.load_all, database_url, 7)
        for _ in range(2):
            time.sleep(moments.uniform(0.05, 0.3))
            postgres.restart()
        loading.result(timeout=60)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {store._database.address.schema}, public")
        assert_complete(connection)


def test_a_restart_within_a_load(postgres: PostgresServer, store: PostgisStore) -> None:
    """The transaction is lost after its last row; it is done again, not twice."""
    scene = extraction(1)
    restarts = iter([postgres.restart])

    class Slow(Extraction):
        @property
        def settings(self) -> dict[str, str]:  # asked for after the rows, before the end of the transaction
            next(restarts, lambda: None)()
            return {}

        @settings.setter
        def settings(self, _: object) -> None: ...

    slow = Slow.__new__(Slow)
    for name in ("observation", "bands", "histograms"):
        object.__setattr__(slow, name, getattr(scene, name))
    assert load(store, slow) == scene.row_count
    assert next(restarts, None) is None
    assert sum(batch.num_rows for batch in store.export_rows()) == scene.row_count


def test_an_end_that_was_not_seen_is_noticed(store: PostgisStore, admin: psycopg.Connection) -> None:
    """The server committed, but the connection broke before it could say so: nothing is done twice."""
    observation = make_observation()
    with store.taken(observation) as work:
        assert work is not None
        assert work.load(make_extraction(observation)) == 8
        before = admin.execute("SELECT ctid FROM sigs").fetchall()
        assert work.load(make_extraction(observation)) == 8
        assert admin.execute("SELECT ctid FROM sigs").fetchall() == before


# --- Leases ---


def test_a_scene_belongs_to_one_worker(store: PostgisStore, database_url: str) -> None:
    other = PostgisStore(database_url)
    observation = make_observation()
    with store.taken(observation) as mine:
        assert mine is not None
        with other.taken(observation) as theirs:
            assert theirs is None
        with other.taken(make_observation("another")) as theirs:
            assert theirs is not None
        assert statuses(store)[observation.reference] == IN_PROGRESS
    assert statuses(store)[observation.reference] == INGESTED
    with other.taken(observation) as theirs:
        assert theirs is not None


def test_the_lease_lasts_as_long_as_its_worker(store: PostgisStore, database_url: str) -> None:
    other = PostgisStore(database_url)
    with store.taken(make_observation()) as mine:
        assert mine is not None
        end = time.monotonic() + 2.5  # leases are for one second
        while time.monotonic() < end:
            time.sleep(0.25)
            with other.taken(make_observation()) as theirs:
                assert theirs is None
    assert threading.active_count() == 1 or not any(
        "lease" in thread.name for thread in threading.enumerate()
    )


def test_who_lost_the_lease_loads_nothing(
    store: PostgisStore, database_url: str, admin: psycopg.Connection
) -> None:
    observation = make_observation()
    other = PostgisStore(database_url)
    with store.taken(observation) as mine:
        assert mine is not None
        admin.execute("UPDATE dias_catalogue SET lease_until = now() - interval '1 s'")
        with other.taken(observation) as theirs:
            assert theirs is not None
            with pytest.raises(NetworkError, match="another worker has taken"):
                mine.load(make_extraction(observation))
            with pytest.raises(NetworkError, match="another worker has taken"):
                mine.fail(NO_PARCELS)
            theirs.load(make_extraction(observation, [1]))
        with pytest.raises(NetworkError, match="another worker has taken"):
            mine.load(make_extraction(observation))
    assert store.info().rows == 2
    assert statuses(store) == {observation.reference: EXTRACTED}


def test_an_error_is_noted_with_the_scene(store: PostgisStore, admin: psycopg.Connection) -> None:
    query = "SELECT status, error, attempts, lease_until FROM dias_catalogue"
    with pytest.raises(ValueError, match="no good"), store.taken(make_observation()):
        raise ValueError("no good")
    assert admin.execute(query).fetchall() == [(INGESTED, "ValueError: no good", 1, None)]
    load(store, make_extraction(make_observation()))
    assert admin.execute(query).fetchall() == [(EXTRACTED, None, 2, None)]
    with pytest.raises(ValueError, match="again"), store.taken(make_observation()):
        raise ValueError("again")
    assert admin.execute(query).fetchall() == [(EXTRACTED, "ValueError: again", 3, None)]
    assert store.info().rows == 8


def test_claim_hands_out_the_oldest_scene_that_waits(store: PostgisStore, admin: psycopg.Connection) -> None:
    times = [TIME + timedelta(days=k) for k in range(4)]
    scenes = [make_observation(f"scene {k}", time) for k, time in enumerate(times)]
    assert store.register([scenes[2], scenes[1], scenes[3]]) == 3
    assert store.register([scenes[0], make_observation("scene 1", card="c6")]) == 1
    load(store, make_extraction(scenes[0]))
    with store.claim() as first, store.claim() as second:
        assert first is not None and second is not None
        assert [work.observation.reference for work in (first, second)] == ["scene 1", "scene 2"]
        assert first.observation.obstime == times[1]
        with store.claim("c6") as none:
            assert none is None
        first.load(make_extraction(scenes[1]))
        second.fail(NO_PARCELS)
    admin.execute(  # a worker that died with the scene
        "UPDATE dias_catalogue SET status = %s, worker = 'dead', lease_until = now() - interval '1 s' "
        "WHERE status = %s",
        (IN_PROGRESS, INGESTED),
    )
    for _ in range(MAX_ATTEMPTS):
        with store.claim("bs") as work:
            assert work is not None and work.observation.reference == "scene 3"
    with store.claim() as work:
        assert work is None


def test_observations_keep_what_is_known(store: PostgisStore) -> None:
    seen: Observation = make_observation(
        "S1_COH", card="c6", pair_sensor="1B", pair_time=TIME - timedelta(days=6), checksum="ab"
    )
    store.register([seen])
    with store.claim() as work:
        assert work is not None
        found = work.observation
    assert found.footprint.equals(seen.footprint)
    assert {**vars(found), "footprint": None} == {**vars(seen), "footprint": None}


def test_months_made_at_once(store: PostgisStore, database_url: str, admin: psycopg.Connection) -> None:
    """Ten workers need the same new months in the same moment, while somebody reads in a long transaction."""
    with admin.transaction():
        admin.execute("SELECT count(*) FROM sigs")
        stores = [PostgisStore(database_url) for _ in range(10)]
        scenes = [make_observation(f"s{k}", TIME + timedelta(days=31 * (k % 2))) for k in range(10)]
        with ThreadPoolExecutor(10) as pool:
            counts = pool.map(load, stores, map(make_extraction, scenes))
            assert list(counts) == [8] * 10
    assert store.info().rows == 80


# --- Servers that cannot ---


def test_no_server(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(NetworkError, match="does not answer"):
        PostgisStore(f"postgresql://me:secret@/x?host={tmp_path}").info()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "url", ["postgresql://host/db?nonsense=1", "postgresql://[::1/db", "postgresql:///?schema="]
)
def test_wrong_address(url: str) -> None:
    with pytest.raises(UsageError):
        PostgisStore(url)


def test_no_store_and_no_database(postgres: PostgresServer, database_url: str) -> None:
    with pytest.raises(UsageError, match="no store") as caught:
        PostgisStore(database_url).info()
    assert "store init" in str(caught.value)
    with pytest.raises(UsageError, match="no such database"):
        PostgisStore(database_url.replace("/test?", "/nowhere?")).init()
    with pytest.raises(UsageError, match="no such user"):
        PostgisStore(database_url.replace("test@", "nobody@")).init()


def test_a_later_format_is_refused(store: PostgisStore, database_url: str, admin: psycopg.Connection) -> None:
    admin.execute("UPDATE s1card_store SET value = '99' WHERE key = 'format'")
    for call in (PostgisStore(database_url).info, PostgisStore(database_url).init):
        with pytest.raises(UsageError, match="format 99"):
            call()


@pytest.fixture
def guest(postgres: PostgresServer) -> Iterator[str]:
    """A user without rights who needs a password."""
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        connection.execute("DROP DATABASE IF EXISTS plain")
        connection.execute("CREATE DATABASE plain")
        rules.write_text(f"local all guest scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)
        yield f"postgresql://guest:right@/plain?host={postgres.folder}&port={PORT}"
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")


def test_passwords_and_rights(guest: str, postgres: PostgresServer, store: PostgisStore) -> None:
    with pytest.raises(UsageError, match="does not let us in") as caught:
        PostgisStore(guest.replace("right", "wr0ng")).init()
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(UsageError, match="rights are missing"):
        PostgisStore(f"{guest}&schema=mine").init()
    with psycopg.connect(postgres.url.replace("/test?", "/plain?"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA mine AUTHORIZATION guest")
    with pytest.raises(UsageError, match="we may not make it") as caught:
        PostgisStore(f"{guest}&schema=mine").init()
    assert "CREATE EXTENSION" in str(caught.value)
    with psycopg.connect(postgres.url.replace("/test?", "/plain?"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA gis")
        connection.execute("CREATE EXTENSION postgis SCHEMA gis")
        connection.execute("GRANT USAGE ON SCHEMA gis TO guest")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA gis TO guest")
    own = PostgisStore(f"{guest}&schema=mine")  # now it works, with PostGIS in a schema of its own
    own.init()
    own.put_parcels(make_parcels())
    load(own, make_extraction(make_observation()))
    assert own.series(SeriesQuery("007")).num_rows == 2
    assert [peer.id for peer in own.peers("007", limit=1)] == ["7"]
    own.close()


def test_a_server_whose_disk_is_full(store: PostgisStore, admin: psycopg.Connection) -> None:
    """The server says so while rows come in; nothing of them stays, and the scene can be taken again."""
    load(store, make_extraction(make_observation()))
    admin.execute(
        """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"""
    )
    admin.execute("CREATE TRIGGER no_room AFTER INSERT ON sigs FOR EACH STATEMENT EXECUTE FUNCTION no_room()")
    admin.execute(
        "CREATE TRIGGER no_room AFTER INSERT ON sigs_2021_03 FOR EACH STATEMENT EXECUTE FUNCTION no_room()"
    )
    with pytest.raises(ResourceError, match="disk is full"):
        load(store, make_extraction(make_observation(), [1]))
    with pytest.raises(ResourceError, match="disk is full"):
        load(store, make_extraction(make_observation("new")))
    assert statuses(store) == {"S1A_GRD_CARD_BS": EXTRACTED, "new": INGESTED}
    assert store.info().rows == 8
    admin.execute("DROP TRIGGER no_room ON sigs_2021_03")
    load(store, make_extraction(make_observation("new")))
    assert store.info().rows == 16


def test_a_server_that_does_not_come_back(
    postgres: PostgresServer, store: PostgisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BACK_OFF", (0.05, 0.05))
    postgres.stop()
    try:
        with pytest.raises(NetworkError, match="run again"):
            store.info()
    finally:
        postgres.start()
    assert store.info().rows == 0
