"""Parcels on the map of a card: where edges lie, areas, buffers, what cannot be placed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from parcel_files import AMERSFOORT, parcel_set, square, squares
from pyproj import CRS, Transformer

from s1card.errors import UsageError
from s1card.parcels import chunks
from s1card.parcels.areas import ground_areas
from s1card.parcels.projection import LONGEST_EDGE, project_parcels
from s1card.parcels.records import Skipped
from s1card.parcels.reference_system import Transformation, horizontal_system

UTM_31 = "EPSG:32631"


def exact_points(ring: shapely.LinearRing, source: str, target: str) -> np.ndarray:
    """Points on the edges of a ring, 300 or more, where PROJ's own choice of operation puts them."""
    to_map = Transformer.from_crs(source, target, always_xy=True)
    points = shapely.get_coordinates(shapely.segmentize(ring, ring.length / 300))
    return shapely.points(*to_map.transform(points[:, 0], points[:, 1]))


@pytest.mark.parametrize("crs", [UTM_31, CRS.from_user_input(UTM_31).to_wkt()])
def test_no_bit_changes_where_parcels_are_on_the_map_already(crs: str) -> None:
    rough = shapely.Polygon([(600_000.1, 5e6 + 1 / 3), (609_000.7, 5e6), (605_000.3, 5_009_000.9)])
    parcels = parcel_set([rough, *squares(2)], UTM_31)
    found = project_parcels(parcels, crs)
    assert found.geometries.tobytes() == parcels.geometries.tobytes()  # the very same objects
    assert found.crs == crs
    assert found.pid.tolist() == [1, 2, 3]
    assert (found.skipped, found.operation, found.accuracy) == ((), "", 0.0)


def test_axis_order_of_an_authority_does_not_matter() -> None:
    """EPSG:31287 has northing first, EPSG:4326 latitude; coordinates are x before y all the same."""
    found = project_parcels(parcel_set([square(525_000.0, 485_000.0)], "EPSG:31287"), "EPSG:32633")
    x, y = shapely.get_coordinates(shapely.centroid(found.geometries))[0]
    to_degrees = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True)
    assert to_degrees.transform(x, y) == pytest.approx((14.86, 48.27), abs=0.5)
    (shape,) = project_parcels(parcel_set([square(15.0, 48.0, 0.001)], "EPSG:4326"), "EPSG:32633").geometries
    assert shape.bounds[0] == pytest.approx(500_000.0, abs=0.01)


@pytest.mark.parametrize(
    ("source", "place", "target"),
    [
        (AMERSFOORT, (155_000.0, 463_000.0), UTM_31),
        ("EPSG:3035", (3_926_800.0, 3_007_300.0), UTM_31),
        ("EPSG:3067", (283_100.0, 7_009_900.0), "EPSG:32634"),
        ("EPSG:4258", (22.0, 69.5), "EPSG:32634"),
        ("EPSG:32632", (200_000.0, 7_009_900.0), "EPSG:32631"),
    ],
)
def test_straight_edges_stay_where_they_are(source: str, place: tuple[float, float], target: str) -> None:
    """A field 30 km wide: its edges lie within 0.1 m of their true place, and bend by more."""
    side = 0.3 if source == "EPSG:4258" else 30_000.0
    hole = square(place[0] + side / 3, place[1] + side / 3, side / 5).exterior
    shape = shapely.Polygon(square(*place, side).exterior, [hole])
    (found,) = project_parcels(parcel_set([shape], source), target).geometries
    for ours, theirs in ((found.exterior, shape.exterior), (found.interiors[0], hole)):
        truth = exact_points(theirs, source, target)
        assert shapely.distance(ours, truth).max() < 0.02
        lengths = np.hypot(*np.diff(shapely.get_coordinates(ours), axis=0).T)
        assert lengths.max() < 1.01 * LONGEST_EDGE
    to_map = Transformer.from_crs(source, target, always_xy=True)
    unbent = shapely.LinearRing(np.stack(to_map.transform(*shape.exterior.xy), axis=1))
    assert shapely.distance(unbent, shapely.points(shapely.get_coordinates(found.exterior))).max() > 0.4


@pytest.mark.parametrize("is_clockwise", [False, True])
def test_rings_keep_their_direction_and_the_order_of_vertices(is_clockwise: bool) -> None:
    points = [(0, 0), (90, 10), (120, 100), (40, 130), (-10, 60)][:: -1 if is_clockwise else 1]
    hole = [(30, 30), (60, 40), (40, 60)][:: -1 if is_clockwise else 1]
    long = [(0, 0), (900, 10), (1200, 900)][:: -1 if is_clockwise else 1]
    shapes = [
        shapely.affinity.translate(shapely.Polygon(points, [hole]), 155_000, 463_000),
        shapely.affinity.translate(shapely.Polygon(long), 155_000, 463_000),
    ]
    found = project_parcels(parcel_set(shapes), UTM_31).geometries
    back = Transformer.from_crs(UTM_31, AMERSFOORT, always_xy=True)
    first, second = (shapely.transform(shape, back.transform, interleaved=False) for shape in found)
    assert first.equals_exact(shapes[0], 1e-3)
    assert [first.exterior.is_ccw, first.interiors[0].is_ccw] == [not is_clockwise] * 2
    assert second.exterior.is_ccw != is_clockwise
    corners = [
        round(second.exterior.project(shapely.Point(*corner)), 1) for corner in shapes[1].exterior.coords[:-1]
    ]
    assert corners == sorted(corners) and corners[0] == 0.0
    assert len(second.exterior.coords) > len(long) + 3


def test_one_operation_serves_all_points_and_is_named() -> None:
    found = project_parcels(parcel_set(squares(3)), UTM_31)
    assert "Amersfoort to WGS 84" in found.operation
    assert found.accuracy == 1.0


def test_areas_are_kept_by_the_transformation() -> None:
    parcels = parcel_set(squares(50, side=180.0))
    found = project_parcels(parcels, UTM_31)
    before = ground_areas(parcels.geometries, horizontal_system(AMERSFOORT))
    assert ground_areas(found.geometries, horizontal_system(UTM_31)) == pytest.approx(before, rel=1e-6)


def test_parcels_without_place_on_the_map_come_back_with_a_reason() -> None:
    near, far, pole = square(5.0, 52.0, 0.001), square(93.0, 0.0, 0.001), square(0.0, 89.9999, 0.001)
    found = project_parcels(parcel_set([near, far, pole, near], "EPSG:4326"), UTM_31)
    assert found.pid.tolist() == [1, 4]
    assert len(found.geometries) == len(found) == 2
    assert found.skipped[0] == Skipped("p2", "outside the map projection")
    assert [one.id for one in found.skipped] == ["p2", "p3"]
    assert found.skipped_pid.tolist() == [2, 3]


def test_a_parcel_whose_area_is_not_kept_comes_back_with_a_reason() -> None:
    """A square that straddles the edge of the map: Mercator repeats itself beyond 180 degrees."""
    over = shapely.box(179.9, 10.0, 180.1, 10.1)
    found = project_parcels(parcel_set([over, square(10.0, 10.0, 0.01)], "EPSG:4326"), "EPSG:3395")
    assert found.skipped == (Skipped("p1", "area not kept by the transformation"),)
    assert found.pid.tolist() == [2]


def test_an_inward_buffer_is_in_metres_of_the_map() -> None:
    parcels = parcel_set(
        [square(600_000, 5e6, 100.0), square(601_000, 5e6, 19.0), square(602_000, 5e6, 21.0)], UTM_31
    )
    found = project_parcels(parcels, UTM_31, buffer=10.0)
    assert found.pid.tolist() == [1, 3]
    assert found.geometries[0].bounds == (600_010, 5_000_010, 600_090, 5_000_090)
    assert shapely.area(found.geometries) == pytest.approx([6400.0, 1.0])
    assert found.skipped == (Skipped("p2", "vanishes by the inward buffer"),)
    assert found.skipped_pid.tolist() == [2] and found.skipped_pid.dtype == np.int32
    feet = parcel_set([square(1_000_000, 200_000, 100.0)], "EPSG:2263")
    (shape,) = project_parcels(feet, "EPSG:2263", buffer=3.048006096).geometries
    assert shape.bounds == pytest.approx((1_000_010, 200_010, 1_000_090, 200_090))
    assert parcels.geometries[0].bounds == (600_000, 5_000_000, 600_100, 5_000_100)


def test_a_buffer_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        project_parcels(parcel_set(squares(1)), UTM_31, buffer=-1.0)
    with pytest.raises(UsageError, match="needs a grid in metres"):
        project_parcels(parcel_set(squares(1)), "EPSG:4326", buffer=1.0)


def test_nothing_comes_of_nothing() -> None:
    found = project_parcels(parcel_set([]), UTM_31, buffer=5.0)
    assert (len(found), found.geometries.shape, found.skipped) == (0, (0,), ())


def test_the_result_depends_neither_on_pieces_nor_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    parcels = parcel_set(squares(300))
    whole = project_parcels(parcels, UTM_31, buffer=3.0).geometries
    monkeypatch.setattr(chunks, "CHUNK", 7)
    pieces = project_parcels(parcels, UTM_31, buffer=3.0).geometries
    assert shapely.to_wkb(pieces).tolist() == shapely.to_wkb(whole).tolist()


def test_a_transformation_serves_many_threads() -> None:
    """PROJ's objects may not be shared between threads: with a shared one the process dies."""
    points = np.random.default_rng(1).uniform((20_000, 310_000), (270_000, 590_000), (40_000, 2))
    to_map = Transformation(
        horizontal_system(AMERSFOORT), horizontal_system(UTM_31), (20_000, 310_000, 270_000, 590_000)
    )
    shapes = shapely.points(points)
    moved = chunks.in_chunks(lambda some: shapely.transform(some, to_map), np.tile(shapes, 4), threads=8)
    assert len(moved) == 8
    expected = to_map(points)
    assert np.array_equal(shapely.get_coordinates(np.concatenate(moved))[:40_000], expected)
