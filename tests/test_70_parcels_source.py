"""Reading parcels from files: layers, ids, attributes, coordinate systems, damaged files."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from parcel_files import AMERSFOORT, square, squares, write_vector
from s3_server import running_s3, set_environment

from s1card.errors import DataError, UsageError
from s1card.parcels.records import Skipped
from s1card.parcels.source import read_parcels

FIELD = shapely.geometry.mapping(square(5, 52, 0.001))
FORMATS = ["p.gpkg", "p.shp", "p.geojson", "p.gml", "p.fgb", "p.sqlite"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_parcels(tmp_path: Path, name: str) -> None:
    crs = "EPSG:4326" if name.endswith("json") else AMERSFOORT
    side, x, y = (0.001, 5.0, 52.0) if name.endswith("json") else (100.0, 155_000.0, 463_000.0)
    shapes = [
        square(x, y, side),
        shapely.MultiPolygon([square(x + 2 * side, y, side), square(x, y + 5 * side, side)]),
    ]
    columns = {
        "code": ["0012", "0007"],
        "crop": ["Weizen", "Öllein"],
        "ha": [1.5, 2.25],
        "year": [2023, 2024],
    }
    order = (
        {"SPATIAL_INDEX": "NO"} if name == "p.fgb" else {}
    )  # FlatGeobuf with an index is in an order of its own
    path = write_vector(tmp_path / name, shapes, columns, crs=crs, **order)
    reading = read_parcels(str(path), id_column="code")
    parcels = reading.parcels
    assert parcels.ids.tolist() == ["0012", "0007"]
    assert parcels.pid.tolist() == [1, 2] and parcels.pid.dtype == np.int32
    assert parcels.crs == crs
    assert parcels.id_column == "code"
    # Shapefiles have their own direction of rings, text formats their own digits.
    tolerance = 1e-9 if crs == "EPSG:4326" else 1e-5
    assert [
        a.normalize().equals_exact(b.normalize(), tolerance)
        for a, b in zip(parcels.geometries, shapes, strict=True)
    ]
    assert all(
        a.symmetric_difference(b).area <= tolerance for a, b in zip(parcels.geometries, shapes, strict=True)
    )
    assert parcels.attributes["crop"].tolist() == ["Weizen", "Öllein"]
    assert parcels.attributes["ha"].tolist() == [1.5, 2.25]
    assert parcels.attributes["year"].tolist() == [2023, 2024]
    assert reading.skipped == ()


def test_coordinates_and_rings_are_those_of_the_file(tmp_path: Path) -> None:
    clockwise = shapely.Polygon([(0.1, 0.3), (0.3, 300.7), (300.1, 300.9), (300.3, 0.7)])
    other = shapely.Polygon(list(clockwise.exterior.coords)[::-1], [[(9, 9), (19, 9), (19, 29)]])
    path = write_vector(tmp_path / "p.gpkg", [clockwise, other], {"id": ["a", "b"]}, crs="EPSG:32631")
    read = read_parcels(str(path)).parcels.geometries
    assert shapely.to_wkb(read).tolist() == shapely.to_wkb([clockwise, other]).tolist()


@pytest.mark.parametrize("folder", ["", "folder/", "deep/er/"])
@pytest.mark.parametrize("name", ["inner.shp", "inner.gpkg", "inner.gml"])
def test_zipped_files_are_read(tmp_path: Path, folder: str, name: str) -> None:
    write_vector(tmp_path / name, squares(3), {"id": [1, 2, 3]})
    archive = tmp_path / "p.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr(f"{folder}readme.txt", "about")
        for part in tmp_path.glob("inner.*"):
            writing.write(part, f"{folder}{part.name}")
    assert read_parcels(str(archive)).parcels.ids.tolist() == ["1", "2", "3"]
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"p\.zip: the archive is damaged"):
        read_parcels(str(archive))


def test_layers_of_an_archive_are_its_shapefiles(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_vector(tmp_path / f"{name}.shp", squares(1), {"id": [name]})
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as writing:
        for part in [*tmp_path.glob("a.*"), *tmp_path.glob("b.*")]:
            writing.write(part, f"2023/{part.name}")
    assert read_parcels(str(tmp_path / "p.zip"), layer="b").parcels.ids.tolist() == ["b"]
    with pytest.raises(UsageError, match="several layers: a, b"):
        read_parcels(str(tmp_path / "p.zip"))


@pytest.mark.enable_socket
def test_files_in_an_s3_store_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fgb = write_vector(tmp_path / "p.fgb", squares(3), {"id": [1, 2, 3]})
    table = pa.table({"id": ["007"], "geometry": [shapely.to_wkb(square(5, 52, 0.001))]})
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), tmp_path / "p.parquet")
    with running_s3(tmp_path / "s3") as server:
        set_environment(server, monkeypatch)
        location = server.put("parcels/p.fgb", fgb.read_bytes())
        assert len(read_parcels(location).parcels) == 3
        location = server.put("parcels/p.parquet", (tmp_path / "p.parquet").read_bytes())
        assert read_parcels(location).parcels.ids.tolist() == ["007"]
        with pytest.raises(DataError, match="GDAL cannot read it"):
            read_parcels("s3://bucket/parcels/none.fgb")


def test_an_arc_becomes_straight_pieces_and_gdal_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "arc.gml"
    ring = (
        "<gml:curveMember><gml:Curve><gml:segments><gml:ArcString><gml:posList>155000 463000 155100 463100 155200 "
        "463000</gml:posList></gml:ArcString><gml:LineStringSegment><gml:posList>155200 463000 155000 463000"
        "</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve></gml:curveMember>"
    )
    path.write_text(
        '<c:FeatureCollection xmlns:c="http://c.org" xmlns:gml="http://www.opengis.net/gml/3.2"><c:member>'
        '<c:parcel gml:id="p.1"><c:geom><gml:Surface srsName="urn:ogc:def:crs:EPSG::28992"><gml:patches>'
        f"<gml:PolygonPatch><gml:exterior><gml:Ring>{ring}</gml:Ring></gml:exterior></gml:PolygonPatch>"
        "</gml:patches></gml:Surface></c:geom><c:code>0070</c:code></c:parcel></c:member></c:FeatureCollection>",
        encoding="utf-8",
    )
    parcels = read_parcels(str(path)).parcels
    assert parcels.ids.tolist() == ["p.1"]
    assert parcels.attributes["code"].tolist() == ["0070"]
    assert parcels.geometries[0].area == pytest.approx(np.pi * 100**2 / 2, rel=2e-3)
    assert len(parcels.geometries[0].exterior.coords) > 20
    assert list(tmp_path.iterdir()) == [path]


def test_height_is_dropped(tmp_path: Path) -> None:
    flat = square(155_000, 463_000)
    path = write_vector(
        tmp_path / "p.gpkg", [shapely.force_3d(flat, 7.0)], {"id": [1]}, geometry_type="Polygon Z"
    )
    (read,) = read_parcels(str(path)).parcels.geometries
    assert not read.has_z and read.equals_exact(flat)


# --- ids


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array(["007", " 7", "7"], object), ["007", " 7", "7"]),
        (np.array([2**62 + 1, 7, -1], np.int64), [str(2**62 + 1), "7", "-1"]),
        (np.array([115_102_010.0, 7.0, 0.0]), ["115102010", "7", "0"]),
        (np.array([1.5, 1e15, 2.0**53]), ["1.5", "1000000000000000", "9007199254740992"]),
        (np.arange("2023-01-01", "2023-01-04", dtype="M8[D]"), ["2023-01-01", "2023-01-02", "2023-01-03"]),
    ],
)  # fmt: skip
def test_ids_are_exact_text(tmp_path: Path, values: np.ndarray, texts: list[str]) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(3), {"key": values})
    assert read_parcels(str(path), id_column="key").parcels.ids.tolist() == texts


def test_ids_that_floating_point_has_rounded_are_refused(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(2), {"key": [1e17, 2e17]})
    with pytest.raises(DataError, match=r"key: .*too large to be exact ids"):
        read_parcels(str(path), id_column="key")


def test_the_column_of_ids_is_guessed_by_its_name_in_the_order_of_the_guesses(tmp_path: Path) -> None:
    columns = {"gml_id": ["g1", "g2"], "Parcel_ID": ["a", "b"], "identity": ["x", "y"]}
    parcels = read_parcels(str(write_vector(tmp_path / "p.shp", squares(2), columns))).parcels
    assert parcels.ids.tolist() == ["a", "b"]
    assert parcels.id_column == "Parcel_ID"
    assert set(parcels.attributes) == {"gml_id", "identity"}


def test_without_a_usual_name_the_columns_are_listed(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.shp", squares(2), {"kennung": ["a", "b"], "crop": ["x", "y"]})
    with pytest.raises(UsageError, match=r"columns are kennung, crop\. .*--id, or fid"):
        read_parcels(str(path))
    with pytest.raises(UsageError, match=r"there is no column nr; the columns are kennung, crop"):
        read_parcels(str(path), id_column="nr")
    assert read_parcels(str(path), id_column="KENNUNG").parcels.ids.tolist() == ["a", "b"]
    assert read_parcels(str(path), id_column="fid").parcels.ids.tolist() == ["0", "1"]


def test_the_number_that_a_geopackage_gives_each_feature_is_a_last_resort(tmp_path: Path) -> None:
    path = write_vector(
        tmp_path / "p.gpkg", squares(2), {"crop": ["x", "y"]}, layer_options={"FID": "nummer"}
    )
    with sqlite3.connect(path) as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")  # they call functions that only GDAL has
        database.execute("update p set nummer = 4711 where nummer = 2")
    database.close()
    assert read_parcels(str(path), id_column="nummer").parcels.ids.tolist() == ["1", "4711"]
    assert read_parcels(str(path), id_column="fid").parcels.ids.tolist() == ["1", "4711"]
    with pytest.raises(UsageError, match="columns are crop, nummer"):
        read_parcels(str(path))


def geojson(path: Path, ids: list[object]) -> Path:
    features = [
        {"type": "Feature", "id": name, "properties": {"a": 1}, "geometry": FIELD}
        for name in ids
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_ids_of_geojson_features_are_found(tmp_path: Path) -> None:
    assert read_parcels(str(geojson(tmp_path / "a.geojson", [70, 9]))).parcels.ids.tolist() == ["70", "9"]
    assert read_parcels(str(geojson(tmp_path / "b.geojson", ["007", "9"]))).parcels.ids.tolist() == [
        "007",
        "9",
    ]


def test_missing_ids_are_an_error_that_names_the_features(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.fgb", squares(4), {"id": np.array(["a", None, "b", ""], object)},
                        SPATIAL_INDEX="NO")  # fmt: skip
    with pytest.raises(DataError, match=r"p\.fgb: 2 parcels have no id in column id: features 2, 4"):
        read_parcels(str(path))


def test_ids_that_occur_twice_are_an_error_that_names_them(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(8), {"id": ["a", "b", "a", "c", "c", "c", "d", "07"]})
    with pytest.raises(
        DataError, match=r"2 ids in column id belong to several parcels: a \(2 times\), c \(3 times\)"
    ):
        read_parcels(str(path))


def test_ids_of_features_that_are_no_parcels_do_not_matter(tmp_path: Path) -> None:
    shapes = [*squares(2), None, shapely.Point(1, 1), None]
    ids = np.array(["a", "b", "a", None, None], object)
    path = write_vector(tmp_path / "p.gpkg", shapes, {"id": ids})
    reading = read_parcels(str(path))
    assert reading.parcels.ids.tolist() == ["a", "b"]
    assert reading.skipped == (
        Skipped("a", "no geometry"),
        Skipped("4", "not a polygon", "point"),
        Skipped("5", "no geometry"),
    )


def test_numbers_of_parcels_are_positions_in_the_source(tmp_path: Path) -> None:
    path = write_vector(
        tmp_path / "p.gpkg", [None, *squares(1), None, square(0, 0)], {"id": ["a", "b", "c", "d"]}
    )
    assert read_parcels(str(path)).parcels.pid.tolist() == [2, 4]


# --- attributes


def test_attributes_have_few_types(tmp_path: Path) -> None:
    properties = [
        {
            "id": "a",
            "n": 7,
            "x": 1.5,
            "t": "z",
            "yes": True,
            "when": "2023-05-06",
            "list": ["p", "q"],
            "map": {"k": 1},
        },
        {"id": "b", "n": None, "x": None, "t": None, "yes": False, "when": None, "list": None, "map": None},
    ]
    features = [{"type": "Feature", "properties": values, "geometry": FIELD} for values in properties]
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_parcels(str(path)).parcels.attributes
    assert found["n"].dtype == np.float64 and found["n"][0] == 7 and np.isnan(found["n"][1])
    assert found["x"][0] == 1.5 and np.isnan(found["x"][1])
    assert found["t"].tolist() == ["z", None]
    assert found["yes"].dtype == np.bool_ and found["yes"].tolist() == [True, False]
    assert found["when"].dtype.kind == "M" and str(found["when"][0]).startswith("2023-05-06")
    assert np.isnat(found["when"][1])
    assert [json.loads(found["list"][0]), found["list"][1]] == [["p", "q"], None]
    assert [json.loads(found["map"][0]), found["map"][1]] == [{"k": 1}, None]


def test_text_in_an_old_code_page_is_decoded(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.shp", squares(1), {"id": ["ž1"], "crop": ["Łubin"]}, encoding="CP1250")
    parcels = read_parcels(str(path)).parcels
    assert (parcels.ids[0], parcels.attributes["crop"][0]) == ("ž1", "Łubin")


# --- layers


def test_one_of_several_layers_has_to_be_named(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(1), {"id": ["one"]}, layer="arable")
    write_vector(path, squares(2), {"id": ["x", "y"]}, layer="grass", append=True)
    with pytest.raises(UsageError, match=r"several layers: arable, grass\. .*--layer"):
        read_parcels(str(path))
    with pytest.raises(UsageError, match="no layer wood; the layers are arable, grass"):
        read_parcels(str(path), layer="wood")
    assert read_parcels(str(path), layer="grass").parcels.ids.tolist() == ["x", "y"]


def test_tables_without_geometries_do_not_count_as_layers(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(1), {"id": ["one"]}, layer="parcels")
    pyogrio.raw.write(path, geometry=None, field_data=[np.array(["x"], object)], fields=["code"], layer="codes",
                      append=True)  # fmt: skip
    assert read_parcels(str(path)).parcels.ids.tolist() == ["one"]


# --- coordinate reference systems


def test_a_file_without_coordinate_system_needs_one_stated(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.shp", squares(1), {"id": ["a"]})
    path.with_suffix(".prj").unlink()
    with pytest.raises(
        DataError, match=r"p\.shp: it does not state its coordinate reference system\. .*--parcels-crs"
    ):
        read_parcels(str(path))
    assert read_parcels(str(path), crs=AMERSFOORT).parcels.crs == AMERSFOORT


@pytest.mark.parametrize(
    "text",
    ['LOCAL_CS["site",UNIT["metre",1]]', "EPSG:4978", "EPSG:123456", "nonsense"],
)
def test_a_system_without_place_on_earth_is_refused(tmp_path: Path, text: str) -> None:
    path = write_vector(tmp_path / "p.shp", squares(1), {"id": ["a"]})
    with pytest.raises(DataError, match=r"coordinate reference system.*--parcels-crs"):
        read_parcels(str(path), crs=text)


def test_a_local_system_in_the_file_is_refused_as_well(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.shp", squares(1), {"id": ["a"]})
    path.with_suffix(".prj").write_text('LOCAL_CS["site grid",UNIT["metre",1]]')
    with pytest.raises(DataError, match="coordinate reference system"):
        read_parcels(str(path))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4807", "EPSG:32631"])
def test_coordinates_that_cannot_be_of_their_system_are_refused(tmp_path: Path, crs: str) -> None:
    far = [square(4e8, 9e8)] if crs == "EPSG:32631" else squares(1)
    path = write_vector(tmp_path / "p.fgb", far, {"id": ["a"]}, crs=crs)
    with pytest.raises(DataError, match=r"have no place in .*--parcels-crs"):
        read_parcels(str(path))


def test_heights_of_a_system_do_not_matter(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "p.gpkg", squares(1), {"id": ["a"]}, crs="EPSG:7415")
    assert read_parcels(str(path)).parcels.crs == AMERSFOORT


def test_a_system_of_no_authority_is_kept_as_wkt(tmp_path: Path) -> None:
    crs = "+proj=laea +lat_0=52 +lon_0=5 +ellps=GRS80 +units=m"
    path = write_vector(tmp_path / "p.gpkg", [square(0, 0)], {"id": ["a"]}, crs=crs)
    found = read_parcels(str(path)).parcels.crs
    assert found.startswith("PROJCRS[") and "Lambert Azimuthal Equal Area" in found


# --- files that are wrong


def test_wrong_files_are_errors_that_name_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.gpkg: there is no such file"):
        read_parcels(str(tmp_path / "none.gpkg"))
    junk = tmp_path / "junk.gpkg"
    junk.write_bytes(b"junk" * 100)
    with pytest.raises(DataError, match=r"junk\.gpkg: GDAL cannot read it"):
        read_parcels(str(junk))
    empty = write_vector(tmp_path / "empty.gpkg", [], {"id": np.array([], object)}, geometry_type="Polygon")
    with pytest.raises(DataError, match=r"empty\.gpkg: it holds no feature"):
        read_parcels(str(empty))
    points = write_vector(tmp_path / "points.gpkg", [shapely.Point(1, 1)] * 2, {"id": ["a", "b"]})
    with pytest.raises(DataError, match=r"points\.gpkg: none of its 2 features can be used: not a polygon"):
        read_parcels(str(points))


@pytest.mark.parametrize("name", ["p.gpkg", "p.fgb", "p.shp", "p.geojson"])
def test_a_truncated_file_is_an_error(tmp_path: Path, name: str) -> None:
    crs = "EPSG:4326" if name.endswith("json") else AMERSFOORT
    shapes = [square(5 + k / 1000, 52, 0.001) for k in range(3000)] if crs != AMERSFOORT else squares(3000)
    whole = write_vector(tmp_path / name, shapes, {"id": np.arange(3000)}, crs=crs)
    assert len(read_parcels(str(whole)).parcels) == 3000
    part = tmp_path / f"part{whole.suffix}"
    for extra in tmp_path.glob("p.*"):
        shutil.copy(extra, tmp_path / f"part{extra.suffix}")
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=rf"part{whole.suffix}"):
        read_parcels(str(part))
