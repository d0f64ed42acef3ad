"""Areas on the ground, minimum area, area of interest."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from parcel_files import AMERSFOORT, parcel_set, square, squares
from pyproj import Geod, Transformer
from shapely.geometry.polygon import orient

from s1card.errors import UsageError
from s1card.parcels.areas import ground_areas
from s1card.parcels.records import Skipped
from s1card.parcels.reference_system import horizontal_system
from s1card.parcels.selection import select_parcels

PLACES = {
    "EPSG:28992": (155_000.0, 463_000.0),  # oblique stereographic, Bessel
    "EPSG:31287": (525_000.0, 485_000.0),  # Lambert conformal, northing before easting by its authority
    "EPSG:25833": (286_500.0, 5_729_600.0),
    "EPSG:3067": (283_100.0, 7_009_900.0),
    "EPSG:3794": (546_450.0, 94_700.0),
    "EPSG:3035": (3_926_800.0, 3_007_300.0),
    "EPSG:25831": (278_960.0, 4_541_190.0),
    "EPSG:3857": (800_000.0, 9_000_000.0),  # Mercator at 62 degrees: areas 4.6 times too large
    "EPSG:5514": (-740_000.0, -1_045_000.0),  # Krovak
    "EPSG:2263": (1_000_000.0, 200_000.0),  # feet
}
DEGREES = {"EPSG:4258": (-6.5, 53.9), "EPSG:4326": (25.0, 69.5), "EPSG:4807": (2.2, 54.0)}


def geodesic_area(shape: shapely.Geometry, crs: str) -> float:
    """Area by another road: many points on every edge, in degrees on WGS84, between geodesics."""
    fine = shapely.segmentize(shape, shape.length / 4000)
    to_degrees = Transformer.from_crs(horizontal_system(crs), "OGC:CRS84", always_xy=True)
    degrees = shapely.transform(fine, to_degrees.transform, interleaved=False)
    parts = [
        orient(part) for part in shapely.get_parts(degrees)
    ]  # a hole counts as such if it turns the other way
    return sum(Geod(ellps="WGS84").geometry_area_perimeter(part)[0] for part in parts)


@pytest.mark.parametrize("crs", [*PLACES, *DEGREES])
@pytest.mark.parametrize("size", [10.0, 10_000.0])
def test_areas_are_those_of_the_ellipsoid(crs: str, size: float) -> None:
    x, y = (PLACES | DEGREES)[crs]
    side = size if crs in PLACES else size / 111_000.0
    shapes = [
        square(x, y, side),
        shapely.Polygon([(x, y), (x + 3 * side, y + side), (x + 1.5 * side, y + 2 * side)]),
        shapely.Polygon(square(x, y, side).exterior, [square(x + side / 4, y + side / 4, side / 2).exterior]),
        shapely.MultiPolygon([square(x, y, side), square(x + 3 * side, y + side, side)]),
    ]
    areas = ground_areas(parcel_set(shapes).geometries, horizontal_system(crs))
    truth = [geodesic_area(shape, crs) for shape in shapes]
    assert areas == pytest.approx(truth, rel=1e-5, abs=5e-3)  # the geodesic sum has errors of some 0.001 m²
    if crs == "EPSG:3857":
        assert areas[0] / shapes[0].area < 0.25


@given(st.floats(-70, 75), st.floats(-179, 178))
def test_areas_hold_all_over_the_earth(latitude: float, longitude: float) -> None:
    field = square(longitude, latitude, 0.02)
    (area,) = ground_areas(parcel_set([field]).geometries, horizontal_system("EPSG:4326"))
    assert area == pytest.approx(geodesic_area(field, "EPSG:4326"), rel=1e-5)


def test_a_field_that_the_180th_meridian_cuts_has_its_area() -> None:
    middle = Transformer.from_crs("OGC:CRS84", "EPSG:32660", always_xy=True).transform(180.0, 50.0)
    field = square(middle[0] - 500.0, middle[1], 1000.0)
    (area,) = ground_areas(parcel_set([field]).geometries, horizontal_system("EPSG:32660"))
    scale = 0.9996 * (1 + (middle[0] - 500_000.0) ** 2 / (2 * 6.38e6**2))
    assert area == pytest.approx(1e6 / scale**2, rel=1e-5)


def test_a_place_beyond_the_map_has_no_area() -> None:
    areas = ground_areas(
        parcel_set([square(0, 95, 1), square(0, 45, 1)]).geometries, horizontal_system("EPSG:4326")
    )
    assert np.isnan(areas[0]) and areas[1] > 8e9
    assert ground_areas(parcel_set([]).geometries, horizontal_system("EPSG:4326")).shape == (0,)


def test_small_parcels_are_left_out_and_reported() -> None:
    parcels = parcel_set([square(155_000, 463_000, side) for side in (50.0, 54.7, 54.8, 100.0)])
    selection = select_parcels(parcels)
    assert selection.parcels.ids.tolist() == ["p3", "p4"]
    assert selection.parcels.pid.tolist() == [3, 4]
    assert selection.parcels.attributes["crop"].tolist() == ["p3", "p4"]
    assert [one.reason for one in selection.skipped] == ["smaller than the minimum area"] * 2
    assert [one.id for one in selection.skipped] == ["p1", "p2"]
    assert selection.skipped[0].detail == "2500.4 m²"  # lengths on the map are 0.99991 of those on the ground
    assert select_parcels(parcels, minimum_area=0.0).parcels is parcels


def test_the_minimum_is_in_square_metres_on_a_map_in_degrees_and_in_feet() -> None:
    degree = 1 / 111_320.0
    for crs, (x, y), scale in (
        ("EPSG:4326", (5.0, 0.0), degree),
        ("EPSG:2263", PLACES["EPSG:2263"], 1 / 0.3048006),
    ):
        parcels = parcel_set([square(x, y, side * scale) for side in (54.4, 55.2)], crs)
        assert select_parcels(parcels).parcels.ids.tolist() == ["p2"]


def strip(left: float, right: float) -> str:
    """The strip between two x of the Dutch map, 2 km long, as WKT in degrees."""
    to_degrees = Transformer.from_crs(AMERSFOORT, "OGC:CRS84", always_xy=True)
    shape = shapely.box(left, 462_000, right, 464_000)
    return shapely.transform(shape, to_degrees.transform, interleaved=False).wkt


def test_parcels_that_meet_the_area_of_interest_are_selected() -> None:
    parcels = parcel_set(squares(5))  # x from 155,000 in steps of 200
    selection = select_parcels(parcels, area=strip(155_150, 155_450))
    assert selection.parcels.ids.tolist() == ["p2", "p3"]
    assert selection.skipped == tuple(
        Skipped(name, "outside the area of interest") for name in ("p1", "p4", "p5")
    )


@pytest.mark.parametrize(
    ("width", "ids"), [(140.0, ["p1"]), (149.0, ["p1"]), (151.0, ["p1", "p2"]), (351.0, ["p1", "p2", "p3"])]
)
def test_the_area_of_interest_grows_by_metres(width: float, ids: list[str]) -> None:
    """Its right edge is at x = 155,050; the second square begins 150 m to the right."""
    selection = select_parcels(parcel_set(squares(5)), area=strip(155_000, 155_050), aoi_buffer=width)
    assert selection.parcels.ids.tolist() == ids


def test_an_area_far_larger_than_the_map_selects_all_and_its_holes_none() -> None:
    parcels = parcel_set(squares(2))
    world = shapely.box(-180, -90, 180, 90)
    assert len(select_parcels(parcels, area=world.wkt).parcels) == 2
    holed = world.difference(shapely.box(4, 51, 6, 53))
    selection = select_parcels(parcels, area=holed.wkt)
    assert len(selection.parcels) == 0
    assert len(selection.skipped) == 2
    assert selection.parcels.geometries.shape == (0,)
    assert len(select_parcels(selection.parcels, area=world.wkt).parcels) == 0
    elsewhere = shapely.box(100, 10, 101, 11)
    assert len(select_parcels(parcels, area=elsewhere.wkt, aoi_buffer=1000.0).parcels) == 0


@pytest.mark.parametrize("width", [0.0, 1000.0])
def test_long_edges_of_the_area_follow_longitude_and_latitude(width: float) -> None:
    """The parallel of 52 degrees, 20 degrees long, lies 67 km from the straight line on a map of Europe."""
    area = shapely.box(0.0, 45.0, 20.0, 52.0)
    to_map = Transformer.from_crs("OGC:CRS84", "EPSG:3035", always_xy=True)
    edge = 52.0 + width / 111_270.0
    below, above = (to_map.transform(10.0, edge + shift) for shift in (-0.002, 0.002))
    parcels = parcel_set([square(*below, 60.0), square(*above, 60.0)], "EPSG:3035")
    assert select_parcels(parcels, area=area.wkt, aoi_buffer=width).parcels.ids.tolist() == ["p1"]


@pytest.mark.parametrize(
    ("area", "message"),
    [
        ("POLYGON ((0 0, 1 1", "not WKT"),
        ("POINT (1 1)", "not a polygon"),
        ("POLYGON EMPTY", "not a polygon"),
        ("POLYGON ((155000 463000, 156000 463000, 156000 464000, 155000 463000))", "not in degrees"),
    ],
)
def test_a_wrong_area_of_interest_is_refused(area: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select_parcels(parcel_set(squares(1)), area=area)
