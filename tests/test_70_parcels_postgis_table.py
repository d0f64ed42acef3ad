"""Parcels from tables of a real PostGIS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psycopg
import pytest
from parcel_files import AMERSFOORT, squares
from postgres_server import PostgresServer, database_url, postgres  # noqa: F401 - fixtures
from pyproj import CRS

from s1card.errors import DataError, NetworkError, UsageError
from s1card.parcels.postgis_table import parse_address
from s1card.parcels.source import read_parcels

SCHEMA = 'odd "schema"'


@dataclass(frozen=True)
class Database:
    """A database with a schema for one test."""

    url: str
    connection: psycopg.Connection

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)
        self.connection.commit()

    def table(self, name: str, schema: str = SCHEMA) -> str:
        return f"{self.url}&schema={schema.replace(' ', '%20').replace(chr(34), '%22')}&table={name}"


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:  # noqa: F811
    with psycopg.connect(postgres.url) as connection:
        connection.execute('create schema "odd ""schema"""')
        connection.execute('set search_path to "odd ""schema""", public')
        connection.commit()
        yield Database(postgres.url, connection)
        connection.rollback()
        connection.execute('drop schema "odd ""schema""" cascade')


def fill(
    database: Database, name: str, key: str, values: list[object], geometry: str = "geometry(Polygon, 28992)"
) -> None:
    database.run(f'create table "{name}" (code {key}, geom {geometry})')
    with database.connection.cursor() as cursor:
        cursor.executemany(
            f'insert into "{name}" values (%s, st_geomfromtext(%s, 28992))',
            [(value, shape.wkt) for value, shape in zip(values, squares(len(values)), strict=True)],
        )
    database.connection.commit()


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        ("text", ["007", "7"], ["007", "7"]),
        ("bigint", [2**63 - 1, -1], [str(2**63 - 1), "-1"]),
        ("numeric", ["12345678901234567890.00", "1e3"], ["12345678901234567890", "1000"]),
        ("double precision", [12.0, 1.25], ["12", "1.25"]),
        ("varchar(9)", ["é", " é"], ["é", " é"]),
        ("uuid", [uuid.UUID(int=1), uuid.UUID(int=2)], [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
    ],
)
def test_ids_of_every_type_are_exact(
    database: Database, kind: str, values: list[object], texts: list[str]
) -> None:
    fill(database, "Parcels 2023; drop", kind, values)
    parcels = read_parcels(database.table("Parcels%202023;%20drop"), id_column="code").parcels
    assert sorted(parcels.ids.tolist()) == sorted(texts)
    assert parcels.crs == AMERSFOORT
    assert sorted(shape.bounds for shape in parcels.geometries) == [shape.bounds for shape in squares(2)]


def test_rows_come_in_the_order_of_the_key(database: Database) -> None:
    fill(database, "p", "int primary key", [30, 4, 100])
    parcels = read_parcels(database.table("p"), id_column="code").parcels
    assert parcels.ids.tolist() == ["4", "30", "100"]
    assert parcels.pid.tolist() == [1, 2, 3]
    assert parcels.geometries[0].bounds == squares(2)[1].bounds


def test_a_table_of_the_same_name_in_another_schema_does_not_matter(database: Database) -> None:
    fill(database, "p", "text", ["a"])
    database.run("create schema other", "create table other.p (id text, place geometry(Polygon, 3857))")
    try:
        assert read_parcels(database.table("p"), id_column="code").parcels.crs == AMERSFOORT
    finally:
        database.run("drop schema other cascade")


def test_attributes_have_few_types(database: Database) -> None:
    fill(database, "p", "text primary key", ["a", "b"])
    database.run(
        "alter table p add ha numeric, add n int, add yes bool, add day date, add moment timestamptz, add note jsonb, "
        "add tags text[], add share real, add fixed char(3)",
        "update p set ha = 1.5, n = 3, yes = true, day = '2023-05-06', moment = '2023-05-06 07:08:09.5+02', "
        "note = '{\"k\": 1}', tags = '{x,y}', share = 0.5, fixed = 'ab' where code = 'a'",
        "update p set day = 'infinity', moment = '-infinity' where code = 'b'",
    )
    found = read_parcels(database.table("p"), id_column="code").parcels.attributes
    assert found["ha"][0] == 1.5 and np.isnan(found["ha"][1])
    assert found["n"][0] == 3 and np.isnan(found["n"][1])
    assert found["yes"][0] == 1 and np.isnan(found["yes"][1])
    assert str(found["day"][0]) == "2023-05-06" and np.isnat(found["day"][1])
    assert found["moment"][0] == np.datetime64("2023-05-06T05:08:09.5") and np.isnat(found["moment"][1])
    assert found["note"].tolist() == ['{"k": 1}', None]
    assert found["tags"].tolist() == ["{x,y}", None]
    assert found["share"].dtype == np.float32 and found["share"][0] == 0.5
    assert found["fixed"].tolist() == ["ab", None]


def test_curves_heights_nulls_and_views(database: Database) -> None:
    database.run(
        "create table base (id int, geom geometry(GeometryZ, 28992))",
        "insert into base values (1, 'srid=28992;CURVEPOLYGON Z (CIRCULARSTRING Z (155000 463000 7, 155200 463000 7, "
        "155000 463000 7))'), (2, null), (3, 'srid=28992;POINT Z (1 2 3)')",
        "create view p as select * from base",
    )
    reading = read_parcels(database.table("p"))
    (shape,) = reading.parcels.geometries
    assert not shape.has_z and shape.area == pytest.approx(np.pi * 100**2, rel=2e-3)
    assert [(one.id, one.reason) for one in reading.skipped] == [("2", "no geometry"), ("3", "not a polygon")]


def test_system_of_columns_that_do_not_state_it(database: Database) -> None:
    fill(database, "p", "text", ["a", "b"], "geometry")
    assert read_parcels(database.table("p"), id_column="code").parcels.crs == AMERSFOORT
    database.run("update p set geom = st_setsrid(geom, 0)")
    with pytest.raises(DataError, match=r"does not state its coordinate reference system\. .*--parcels-crs"):
        read_parcels(database.table("p"), id_column="code")
    assert read_parcels(database.table("p"), id_column="code", crs=AMERSFOORT).parcels.crs == AMERSFOORT
    database.run("update p set geom = st_setsrid(geom, 3857) where code = 'a'")
    with pytest.raises(DataError, match="several SRIDs: 0, 3857"):
        read_parcels(database.table("p"), id_column="code")


def test_a_system_of_the_database_alone_is_read_as_wkt(database: Database) -> None:
    laea = CRS.from_user_input("+proj=laea +lat_0=52 +lon_0=5 +datum=WGS84").to_wkt("WKT1_GDAL")
    database.connection.execute(
        "insert into spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) values (990001, 'own', 1, %s, '')",
        (laea.replace("unknown", "mine", 1),),
    )
    database.run(
        "create table p (id text, geom geometry(Polygon, 990001))",
        "insert into p values ('a', 'srid=990001;POLYGON ((0 0, 0 100, 100 100, 0 0))')",
    )
    try:
        assert 'PROJCRS["mine"' in read_parcels(database.table("p")).parcels.crs
    finally:
        database.run("drop table p", "delete from spatial_ref_sys where srid = 990001")


def test_geography_is_longitude_and_latitude(database: Database) -> None:
    database.run(
        "create table p (id text, place geography(Polygon))",
        "insert into p values ('a', 'POLYGON ((5 52, 5 52.001, 5.001 52.001, 5 52))')",
    )
    parcels = read_parcels(database.table("p")).parcels
    assert parcels.crs == "EPSG:4326"
    assert parcels.geometries[0].bounds == (5, 52, 5.001, 52.001)


def test_one_of_several_geometry_columns_has_to_be_named(database: Database) -> None:
    fill(database, "p", "text", ["a"])
    database.run(
        "alter table p add middle geometry(Point, 28992)", "alter table p add more geometry(Polygon, 28992)"
    )
    database.run("update p set more = geom")
    with pytest.raises(UsageError, match=r"geometry columns geom, middle, more\. .*--layer"):
        read_parcels(database.table("p"), id_column="code")
    parcels = read_parcels(database.table("p"), id_column="code", layer="more").parcels
    assert set(parcels.attributes) == set()


def test_addresses() -> None:
    plain = parse_address("postgresql://me:secret@host:5433/db?table=gis.parcels&sslmode=require")
    assert plain.connection == "postgresql://me:secret@host:5433/db?sslmode=require"
    assert (plain.schema, plain.table, plain.name) == ("gis", "parcels", "gis.parcels")
    assert parse_address("postgres:///db?table=parcels").schema is None
    dotted = parse_address("postgresql:///db?schema=a.b&table=c.d")
    assert (dotted.schema, dotted.table) == ("a.b", "c.d")
    with pytest.raises(UsageError, match="names no table"):
        parse_address("postgresql://host/db")


def test_wrong_addresses_are_errors_without_passwords(database: Database, postgres: PostgresServer) -> None:  # noqa: F811
    fill(database, "p", "text", ["a"])
    database.run("create table plain (id int)")
    assert len(read_parcels(f"{postgres.url}&table=odd%20%22schema%22.p", id_column="code").parcels) == 1
    with pytest.raises(UsageError, match="there is no such table"):
        read_parcels(database.table("none"))
    with pytest.raises(UsageError, match="there is no such table"):
        read_parcels(f"{postgres.url}&table=p")
    with pytest.raises(UsageError, match="the table has no geometry column"):
        read_parcels(database.table("plain"))
    nowhere = f"postgresql://me:secret@/test?host={postgres.folder}/none&table=p"
    with pytest.raises(NetworkError, match="the database does not answer") as caught:
        read_parcels(nowhere)
    assert "secret" not in str(caught.value)
