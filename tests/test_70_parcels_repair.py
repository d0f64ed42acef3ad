"""What becomes of geometries that are no valid polygons: repaired, reduced or left out, never without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from parcel_files import square, write_vector
from shapely import wkt

from s1card.parcels.records import Skipped
from s1card.parcels.repair import STILL_USED, Remark, polygonal_parts, usable_polygons
from s1card.parcels.source import read_parcels

BOW_TIE = "POLYGON ((0 0, 100 100, 100 0, 0 100, 0 0))"


def array(*texts: str | None) -> np.ndarray:
    result = np.empty(len(texts), dtype=object)
    result[:] = [None if text is None else wkt.loads(text) for text in texts]
    return result


def test_valid_polygons_are_the_same_objects() -> None:
    shapes = array(
        "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 1, 2 2, 1 1))",
        "MULTIPOLYGON (((0 0, 0 9, 9 9, 0 0)))",
        "POLYGON ((9 0, 9 9, 0 9, 9 0))",
    )
    found = usable_polygons(shapes)
    assert found.remarks == ()
    assert all(a is b for a, b in zip(found.geometries, shapes, strict=True))


@pytest.mark.parametrize(
    ("text", "reason", "area"),
    [
        (BOW_TIE, "Self-intersection", 5000.0),
        # A spike, a hole outside, a hole that crosses the shell, shells one in the other, two that overlap.
        ("POLYGON ((0 0, 0 10, 10 10, 10 0, 5 0, 5 -5, 5 0, 0 0))", "", 100.0),
        (
            "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0), (20 20, 21 20, 21 21, 20 20))",
            "Hole lies outside shell",
            100.5,
        ),
        ("POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0), (5 5, 15 5, 15 6, 5 6, 5 5))", "Self-intersection", 95.0),
        ("MULTIPOLYGON (((0 0, 0 9, 9 9, 9 0, 0 0)), ((1 1, 1 2, 2 2, 2 1, 1 1)))", "Nested shells", 81.0),
        ("MULTIPOLYGON (((0 0, 0 2, 2 2, 2 0, 0 0)), ((1 0, 1 2, 3 2, 3 0, 1 0)))", "Self-intersection", 6.0),
    ],
)
def test_invalid_polygons_are_repaired_and_reported(text: str, reason: str, area: float) -> None:
    found = usable_polygons(array("POLYGON ((0 0, 1 0, 1 1, 0 0))", text))
    (remark,) = found.remarks
    assert (remark.position, remark.reason) == (1, "repaired geometry")
    assert remark.detail.startswith(reason)
    assert f" to {area:.6g} in the square of the source's unit" in remark.detail
    repaired = found.geometries[1]
    assert repaired.is_valid and repaired.geom_type in ("Polygon", "MultiPolygon")
    assert repaired.area == pytest.approx(area)


def test_what_is_no_polygon_is_left_out_and_reported() -> None:
    texts = [
        None,
        "POLYGON EMPTY",
        "MULTIPOLYGON EMPTY",
        "POINT EMPTY",
        "POINT (1 2)",
        "LINESTRING (0 0, 1 1)",
        "MULTIPOINT (0 0, 1 1)",
        "POLYGON ((0 0, 5 5, 9 9, 0 0))",
        "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1))",
        "GEOMETRYCOLLECTION EMPTY",
    ]
    found = usable_polygons(array(*texts))
    assert all(one is None for one in found.geometries)
    assert found.remarks == (
        Remark(0, "no geometry"),
        Remark(1, "empty geometry"),
        Remark(2, "empty geometry"),
        Remark(3, "empty geometry"),
        Remark(4, "not a polygon", "point"),
        Remark(5, "not a polygon", "linestring"),
        Remark(6, "not a polygon", "multipoint"),
        Remark(7, "no area", found.remarks[7].detail),
        Remark(8, "not a polygon", "collection of 1 Point, 1 LineString"),
        Remark(9, "empty geometry"),
    )
    assert not STILL_USED & {remark.reason for remark in found.remarks}


def test_coordinates_that_are_not_finite_leave_a_parcel_out() -> None:
    rings = [[(0, 0), (0, np.nan), (1, 1), (0, 0)], [(0, 0), (np.inf, 1), (1, 1), (0, 0)]]
    with np.errstate(invalid="ignore"):
        bad = shapely.polygons(rings)
    found = usable_polygons(bad)
    assert [remark.reason for remark in found.remarks] == ["coordinates not finite"] * 2
    assert found.geometries.tolist() == [None, None]


def test_polygons_of_collections_are_used() -> None:
    nested = (
        "GEOMETRYCOLLECTION (POINT (1 1), GEOMETRYCOLLECTION (POLYGON ((0 0, 1 0, 1 1, 0 0))), "
        "MULTIPOLYGON (((5 5, 6 5, 6 6, 5 5)), ((7 7, 8 7, 8 8, 7 7))))"
    )
    single = "GEOMETRYCOLLECTION (POLYGON ((0 0, 2 0, 2 2, 0 0)))"
    crossing = f"GEOMETRYCOLLECTION ({BOW_TIE})"
    found = usable_polygons(array(nested, single, crossing))
    assert [one.geom_type for one in found.geometries] == ["MultiPolygon", "Polygon", "MultiPolygon"]
    assert [one.area for one in found.geometries] == pytest.approx([1.5, 2.0, 5000.0])
    assert [(remark.position, remark.reason) for remark in found.remarks] == [
        (0, "geometry collection"),
        (1, "geometry collection"),
        (2, "geometry collection"),
        (2, "repaired geometry"),
    ]
    assert found.remarks[0].detail == "polygons used of 1 Point, 1 GeometryCollection, 1 MultiPolygon"
    assert {remark.reason for remark in found.remarks} == STILL_USED


def test_polygonal_parts_keep_their_owners() -> None:
    parts = polygonal_parts(
        array(
            "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((2 2, 3 2, 3 3, 2 2)))",
            None,
            "POINT (0 0)",
            "GEOMETRYCOLLECTION (POLYGON ((4 4, 5 4, 5 5, 4 4)), POINT (0 0))",
            "MULTIPOLYGON (((6 6, 7 6, 7 7, 6 6)), EMPTY, ((8 8, 9 8, 9 9, 8 8)), ((9 0, 10 0, 10 1, 9 0)))",
        )
    )
    assert [None if one is None else shapely.get_num_geometries(one) for one in parts] == [
        2,
        None,
        None,
        1,
        3,
    ]
    assert parts[3].equals(wkt.loads("POLYGON ((4 4, 5 4, 5 5, 4 4))"))
    assert parts[4].bounds == (6, 0, 10, 9)


def test_reports_carry_the_ids_of_the_parcels(tmp_path: Path) -> None:
    x, y = 155_000, 463_000
    broken = shapely.affinity.translate(wkt.loads(BOW_TIE), x, y)
    several = shapely.GeometryCollection([square(x, y), shapely.Point(x, y)])
    shapes = [square(x, y), broken, None, shapely.Point(x, y), several, shapely.Polygon()]
    path = write_vector(tmp_path / "p.gpkg", shapes, {"id": [f"00{k}" for k in range(6)]})
    reading = read_parcels(str(path))
    assert reading.parcels.ids.tolist() == ["000", "001", "004"]
    assert reading.parcels.pid.tolist() == [1, 2, 5]
    assert [(one.id, one.reason) for one in reading.skipped] == [
        ("001", "repaired geometry"),
        ("002", "no geometry"),
        ("003", "not a polygon"),
        ("004", "geometry collection"),
        ("005", "empty geometry"),
    ]
    assert reading.skipped[0].detail.startswith("Self-intersection[155050 463050]; area 0 to 5000 ")
    assert reading.skipped[2] == Skipped("003", "not a polygon", "point")
    assert shapely.is_valid(reading.parcels.geometries).all()
