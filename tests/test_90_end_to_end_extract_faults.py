"""Extractions that are killed, disturbed, or run side by side: afterwards every card's rows are there exactly once."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import extract_cases
import psycopg
import pytest
from extract_cases import all_rows, assert_each_once, rectangle, statuses
from extract_workers import Workers, workers_in
from postgres_server import PostgresServer, database_url, postgres

from s1card.store import open_store
from s1card.store.base import EXTRACTED, IN_PROGRESS

__all__ = ["database_url", "postgres"]  # fixtures

KILLS = 20
LONGEST = 0.8  # seconds until a kill: some cards' time
PARCELS = {
    f"{row:02}-{col:02}": rectangle(30 + 9 * row, 20 + 9 * col, 9, 9)
    for row in range(30)
    for col in range(42)
}
ROWS = 2 * len(PARCELS)  # of a card
SMALL_FILE = 4096  # bytes


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cards")
    return [extract_cases.make_card(folder, number) for number in range(4)]


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract_cases.write_parcels(tmp_path_factory.mktemp("parcels") / "parcels.gpkg", PARCELS)


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_in(tmp_path_factory.mktemp("logs")) as found:
        yield found


@pytest.fixture(params=["folder", "postgis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("database_url")


@pytest.fixture
def options(store: str, parcels: Path, tmp_path: Path) -> tuple[object, ...]:
    return "--parcels", parcels, "--store", store, "--weights", tmp_path / "weights"


def assert_whole(store: str) -> None:
    """Every card has all of its rows or none."""
    counts: dict[str, int] = {}
    for row in all_rows(store):
        counts[row["reference"]] = counts.get(row["reference"], 0) + 1
    assert set(counts.values()) <= {ROWS}


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.part") if path.parent.name != "weights"]


def test_killed_at_random(
    workers: Workers, cards: list[Path], store: str, options: tuple[object, ...], tmp_path: Path
) -> None:
    moments = random.Random(3)
    open_store(store).init()
    for round_ in range(KILLS):
        if round_ % 2 == 0:  # so that they have to be computed and written
            shutil.rmtree(tmp_path / "weights", ignore_errors=True)
        # More than there is time for: it is always killed at work.
        worker = workers.start(*moments.choices(cards, k=200), *options)
        time.sleep(moments.uniform(0.0, LONGEST))
        assert worker.kill()
        if round_ % 5 == 4:
            assert_whole(store)
    workers.start(*cards, *options, "--missing").finish()
    assert_each_once(store, cards, ROWS)
    first = all_rows(store)
    workers.start(*cards, *options).finish()
    open_store(store).compact()
    assert all_rows(store) == first
    assert unfinished(tmp_path) == []


def test_two_at_once(workers: Workers, cards: list[Path], store: str, options: tuple[object, ...]) -> None:
    pair = [workers.start(*cards, *options) for _ in range(2)]
    for worker in pair:
        worker.finish()
    assert_each_once(store, cards, ROWS)


@pytest.mark.parametrize("moment", [0.2, 0.4, 0.6])
def test_one_of_two_dies(
    workers: Workers, cards: list[Path], store: str, options: tuple[object, ...], moment: float
) -> None:
    """The other one does all, also what the dead one had in hand."""
    first, second = (workers.start(*cards, *options, "--missing") for _ in range(2))
    time.sleep(moment)
    first.kill()
    second.finish()
    assert_each_once(store, cards, ROWS)


def test_what_a_dead_worker_had_in_hand_is_waited_for(
    workers: Workers, cards: list[Path], parcels: Path, database_url: str, tmp_path: Path
) -> None:
    options = ("--parcels", parcels, "--store", database_url, "--weights", tmp_path / "weights")
    watch = open_store(database_url)
    watch.init()
    for _ in range(10):
        worker = workers.start(*cards, *options, lease=6.0)
        while worker.process.is_alive() and IN_PROGRESS not in watch.observations()["status"].to_pylist():
            time.sleep(0.001)
        worker.kill()
        if IN_PROGRESS in statuses(database_url).values():
            break
    assert IN_PROGRESS in statuses(database_url).values()
    workers.start(*cards, *options, "--missing").finish()
    assert_each_once(database_url, cards, ROWS)


def test_a_corrupt_card(
    workers: Workers, cards: list[Path], store: str, options: tuple[object, ...], tmp_path: Path
) -> None:
    corrupt = Path(shutil.copytree(cards[1], tmp_path / cards[1].name))
    workers.start(*cards[:2], *options).finish()
    text = workers.start(extract_cases.damage(corrupt), *cards[2:], *options).finish(3)
    assert "band VV cannot be read" in text
    good = [cards[0], *cards[2:]]
    assert statuses(store) == {corrupt.name: "Rio error", **{card.name: EXTRACTED for card in good}}
    assert len(all_rows(store)) == ROWS * len(good)
    workers.start(*cards, *options, "--missing").finish()
    assert_each_once(store, cards, ROWS)


def test_a_server_that_restarts(
    workers: Workers,
    postgres: PostgresServer,
    cards: list[Path],
    parcels: Path,
    database_url: str,
    tmp_path: Path,
) -> None:
    moments = random.Random(7)
    options = ("--parcels", parcels, "--store", database_url, "--weights", tmp_path / "weights")
    for _ in range(2):
        worker = workers.start(*cards, *options)
        time.sleep(moments.uniform(0.1, 0.6))
        postgres.restart()
        worker.finish()
        assert_each_once(database_url, cards, ROWS)


def test_no_room_in_the_folder(workers: Workers, cards: list[Path], parcels: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    options = ("--parcels", parcels, "--store", store)
    workers.start(cards[0], *options).finish()
    before = all_rows(store)
    for more in ((), ("--rule", "coverage")):  # no room for rows, nor for weights
        text = workers.start(*cards, *options, *more, largest_file=SMALL_FILE).finish(5)
        assert "Traceback" not in text and "limit" in text
        assert all_rows(store) == before
        assert [path for path in store.rglob("*") if path.name.endswith(".part")] == []
    workers.start(*cards, *options, "--missing").finish()
    assert_each_once(str(store), cards, ROWS)


def test_no_room_on_the_server(
    workers: Workers,
    postgres: PostgresServer,
    cards: list[Path],
    parcels: Path,
    database_url: str,
    tmp_path: Path,
) -> None:
    options = ("--parcels", parcels, "--store", database_url, "--weights", tmp_path / "weights")
    workers.start(cards[0], *options).finish()
    schema = database_url.rpartition("=")[2]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}, public")
        connection.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER no_room AFTER INSERT ON sigs_2021_01 FOR EACH STATEMENT EXECUTE FUNCTION no_room()"
        )
        assert "disk is full" in workers.start(*cards[1:], *options).finish(5)
        assert {row["reference"] for row in all_rows(database_url)} == {cards[0].name}
        connection.execute("DROP TRIGGER no_room ON sigs_2021_01")
    workers.start(*cards, *options, "--missing").finish()
    assert_each_once(database_url, cards, ROWS)
