"""Baselines against straight flight, finite differences of ranges, SNAP's values and a real pair."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from geometry_cases import EPOCH, Circle, ecef, lagrange, vectors_of, zero_doppler_root
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq, fsolve

from s1card.errors import OrbitError
from s1card.geometry.baseline import Baseline, baseline_at
from s1card.geometry.ellipsoid import FLATTENING, SEMI_MAJOR_AXIS
from s1card.geometry.orbit import OrbitTable, tabulate_orbit
from s1card.scene import Scene, make_pair, open_scene
from s1card.scene.records import StateVectors

WAVELENGTH = 0.0554657595
TIMES = np.arange(-20.0, 21.0, 4.0)
HEIGHT, ASIDE = 700_000.0, 500_000.0
RANGE = math.hypot(HEIGHT, ASIDE)
SIN, COS = ASIDE / RANGE, HEIGHT / RANGE


def straight(
    up: float = 0.0, east: float = 0.0, *, late: float = 0.0, yaw: float = 0.0, side: int = 1
) -> OrbitTable:
    """Straight flight to the north over the equator, 700 km high and 500 km to the west of longitude 0 (or the east).

    Args:
        up, east: Shift of the orbit, m.
        late: Seconds by which it passes the equator after the epoch.
        yaw: Turn of the track to the west about its place at the equator, rad.
        side: -1 for a track to the east of the point, so that it looks left.
    """
    start = np.array([SEMI_MAJOR_AXIS + HEIGHT + up, -side * ASIDE + east, 0.0])
    velocity = 7000.0 * np.array([0.0, -math.sin(yaw), math.cos(yaw)])
    position = start + (TIMES[:, None] - late) * velocity
    return tabulate_orbit(vectors_of(TIMES, position, np.tile(velocity, (TIMES.size, 1))), EPOCH)


def range_of(orbit: OrbitTable, point: np.ndarray) -> float:
    """Shortest distance of an orbit to a point, by bisection."""
    return zero_doppler_root((orbit.position, orbit.velocity), point, orbit.time[0], orbit.time[-1])[1]


class TestStraightFlight:
    """Seen from the reference, up is at the incidence angle from the line of sight; all in one plane."""

    @given(st.floats(-500, 500), st.floats(-500, 500), st.sampled_from([-1, 1]))
    def test_parallel_tracks(self, up: float, east: float, side: int) -> None:
        found = baseline_at(straight(side=side), straight(up, east, side=side), 0.0, 0.0)
        away = side * east
        assert found.perpendicular == pytest.approx(COS * away + SIN * up, abs=1e-6)
        assert found.parallel == pytest.approx(RANGE - math.hypot(HEIGHT + up, ASIDE - away), abs=1e-6)
        assert found.parallel == pytest.approx(SIN * away - COS * up, abs=0.3)
        assert found.along_track == pytest.approx(0.0, abs=1e-6)
        assert found.length == pytest.approx(math.hypot(up, east), abs=1e-6)
        assert found.slant_range == pytest.approx(RANGE, abs=1e-6)
        assert found.incidence_angle == pytest.approx(math.degrees(math.asin(SIN)), abs=1e-9)

    def test_time_of_passing_does_not_matter(self) -> None:
        found = baseline_at(straight(late=3.0), straight(30.0, 40.0, late=-5.5), 0.0, 0.0)
        assert found.perpendicular == pytest.approx(COS * 40 + SIN * 30, abs=1e-6)
        assert found.along_track == pytest.approx(0.0, abs=1e-6)

    def test_epochs_are_the_orbits_own(self) -> None:
        moved = straight(30.0, 40.0)
        moved = OrbitTable(EPOCH + np.timedelta64(12, "D"), moved.time, moved.coefficients)
        assert baseline_at(straight(), moved, 0.0, 0.0) == baseline_at(
            straight(), straight(30.0, 40.0), 0.0, 0.0
        )

    @pytest.mark.parametrize("yaw", [-1e-5, 1e-5, 1e-3])
    def test_crossing_tracks(self, yaw: float) -> None:
        """Zero Doppler is where the turned track is nearest: yaw times the distance in plan further on."""
        found = baseline_at(straight(), straight(0.0, 100.0, yaw=yaw), 0.0, 0.0)
        plan = ASIDE - 100.0
        assert found.along_track == pytest.approx(-plan * math.sin(yaw) * math.cos(yaw), abs=1e-6)
        aside = 100.0 + plan * math.sin(yaw) ** 2
        assert found.perpendicular == pytest.approx(COS * aside, abs=1e-6)
        assert found.length == pytest.approx(math.hypot(aside, found.along_track), abs=1e-6)

    def test_height_of_ambiguity(self) -> None:
        found = baseline_at(straight(), straight(east=100.0), 0.0, 0.0)
        expected = -WAVELENGTH * math.hypot(HEIGHT, ASIDE - 100.0) * SIN / (2 * 100.0 * COS)
        assert found.height_of_ambiguity(WAVELENGTH) == pytest.approx(expected, rel=1e-9)
        assert found.height_of_ambiguity(WAVELENGTH) < 0
        same = baseline_at(straight(), straight(), 0.0, 0.0)
        assert (same.perpendicular, same.parallel, same.length) == (0.0, 0.0, 0.0)
        assert same.height_of_ambiguity(WAVELENGTH) == math.inf


@given(
    st.floats(-200, 200),
    st.floats(-200, 200),
    st.floats(-1e-5, 1e-5),
    st.floats(-1000, 5000),
    st.sampled_from([-1, 1]),
)
def test_height_of_ambiguity_is_what_turns_the_phase(
    up: float, east: float, yaw: float, height: float, side: int
) -> None:
    """A point that rises at constant time and range of the reference: the range of the secondary tells."""
    reference, secondary = straight(side=side), straight(up, east, yaw=yaw, side=side)
    place = np.array([SEMI_MAJOR_AXIS + height, 0.0, 0.0])
    found = baseline_at(reference, secondary, 0.0, 0.0, height)
    assume(abs(found.perpendicular) > 1.0)
    distance = range_of(reference, place)

    def phase(rise: float) -> float:
        """Of the point ``rise`` above the first: further from the track on the circle of constant range."""
        above = HEIGHT - height - rise
        point = np.array([place[0] + rise, side * (math.sqrt(distance**2 - above**2) - ASIDE), 0.0])
        return -4 * math.pi / WAVELENGTH * (range_of(reference, point) - range_of(secondary, point))

    slope = (phase(50.0) - phase(-50.0)) / 100.0
    assert found.height_of_ambiguity(WAVELENGTH) == pytest.approx(2 * math.pi / slope, rel=1e-6)


class TestCircularOrbits:
    first, second = Circle(), Circle(radius=7_071_080.0, start=0.70001, inclination=math.radians(98.1801))

    def test_against_bisection(self) -> None:
        times = np.arange(-70.0, 81.0, 10.0)
        tables = [tabulate_orbit(circle.vectors(times), EPOCH) for circle in (self.first, self.second)]
        below = ecef_to_geodetic(self.first.position(3.0))
        longitude, latitude, height = below[0] + 5.0, below[1], 812.0
        point = ecef(longitude, latitude, height)
        found = baseline_at(*tables, longitude, latitude, height)
        roots = [
            zero_doppler_root((c.position, c.velocity), point, -60.0, 70.0) for c in (self.first, self.second)
        ]
        positions = [
            circle.position(root[0]) for circle, root in zip((self.first, self.second), roots, strict=True)
        ]
        vector = positions[1] - positions[0]
        velocity = self.first.velocity(roots[0][0])
        assert found.slant_range == pytest.approx(roots[0][1], abs=1e-4)
        assert found.parallel == pytest.approx(roots[0][1] - roots[1][1], abs=1e-4)
        assert found.length == pytest.approx(np.linalg.norm(vector), abs=1e-4)
        assert found.along_track == pytest.approx(vector @ velocity / np.linalg.norm(velocity), abs=1e-3)
        across = np.cross(point - positions[0], velocity)
        assert found.perpendicular == pytest.approx(vector @ across / np.linalg.norm(across), abs=1e-3)

    def test_point_that_is_not_passed(self) -> None:
        tables = [tabulate_orbit(self.first.vectors(np.arange(-70.0, 81.0, 10.0)), EPOCH)] * 2
        longitude, latitude, _ = ecef_to_geodetic(self.first.position(600.0))
        with pytest.raises(OrbitError, match="does not pass the point") as caught:
            baseline_at(*tables, longitude, latitude)
        assert "2021-06-12" in caught.value.subject
        assert caught.value.advice


def ecef_to_geodetic(point: np.ndarray) -> tuple[float, float, float]:
    """Longitude, latitude (degrees) and height (m), by bisection of the latitude."""
    longitude, radius = math.degrees(math.atan2(point[1], point[0])), math.hypot(point[0], point[1])
    squared = FLATTENING * (2 - FLATTENING)

    def normal(latitude: float) -> float:
        return SEMI_MAJOR_AXIS / math.sqrt(1 - squared * math.sin(latitude) ** 2)

    def miss(latitude: float) -> float:
        return (point[2] + squared * normal(latitude) * math.sin(latitude)) - radius * math.tan(latitude)

    latitude = float(brentq(miss, -1.5, 1.5, xtol=1e-14))
    return longitude, math.degrees(latitude), radius / math.cos(latitude) - normal(latitude)


AMSTERDAM_SECONDARY = np.array([
    (4302007.064085, 998223.243483, 5519030.947855, 6026.294095486, -688.802135034, -4561.661490470),
    (4308030.897469, 997533.442893, 5514466.172392, 6021.370623829, -690.798651340, -4567.887694674),
    (4314049.802540, 996841.646437, 5509895.173565, 6016.440100638, -692.793677863, -4574.108761001),
    (4320063.774599, 996147.855638, 5505317.955627, 6011.502530726, -694.787212148, -4580.324684784),
    (4326072.804718, 995452.072218, 5500734.525190, 6006.557921374, -696.779250313, -4586.535457032),
    (4332076.887774, 994754.297465, 5496144.885973, 6001.606276758, -698.769789733, -4592.741072651),
    (4338076.014833, 994054.533101, 5491549.044590, 5996.647604166, -700.758826513, -4598.941522662),
    (4344070.180780, 993352.780409, 5486947.004770, 5991.681907771, -702.746358031, -4605.136801971),
])  # fmt: skip
"""Precise state vectors, one a second from 2023-03-19T05:50:31.553393, as SNAP 12 wrote them for its co-registered
stack (product metadata in the test data of TUDelftGeodesy/sarxarray; modified Copernicus Sentinel data)."""


BURST_START = np.datetime64("2023-03-31T05:50:33.935118", "us")
MIDDLE_TIME = 761.5 * 2.0555563e-3
MIDDLE_RANGE = 923676.271172281 + (12791.0 - 9178.0) * 2.329562
"""Middle of the burst that SNAP stacked: 1524 lines of 25583 samples."""
SNAP_ANGLE = math.radians(43.65204)
"""Incidence angle there from the geocentric direction."""


@pytest.fixture(scope="module")
def orbits(shared: Path) -> tuple[OrbitTable, OrbitTable]:
    """Of reference and secondary over Amsterdam."""
    metadata = json.loads((shared / "data/slc-pair-amsterdam/metadata.json").read_text())
    listed = metadata["reference"]["orbit_state_vectors"]
    day = np.datetime64("2000-01-01", "us") + np.timedelta64(8490, "D")
    times = np.array([day + np.timedelta64(v["time"][1] * 10**6 + v["time"][2], "us") for v in listed])
    position, velocity = (
        np.array([[float(np.ravel(v[f"{axis}_{kind}"])[0]) for axis in "xyz"] for v in listed])
        for kind in ("pos", "vel")
    )
    later = np.datetime64("2023-03-19T05:50:31.553393", "us") + np.arange(8) * np.timedelta64(1, "s")
    secondary = StateVectors(later, AMSTERDAM_SECONDARY[:, :3], AMSTERDAM_SECONDARY[:, 3:], "POEORB")
    reference = StateVectors(times, position, velocity, "POEORB")
    return tabulate_orbit(reference, BURST_START), tabulate_orbit(secondary, later[0])


@pytest.fixture(scope="module")
def middle(orbits: tuple[OrbitTable, OrbitTable]) -> tuple[float, float]:
    """Longitude and latitude of the middle of the burst on the ellipsoid."""
    position, velocity = orbits[0].position(MIDDLE_TIME), orbits[0].velocity(MIDDLE_TIME)
    longitude, latitude = seen_at(position, velocity, MIDDLE_RANGE, 0.0, (5.0, 52.0))
    return longitude, latitude


def seen_at(
    position: np.ndarray, velocity: np.ndarray, distance: float, height: float, guess: tuple[float, float]
) -> tuple[float, float]:
    """Longitude and latitude of the point of a height at zero Doppler and a distance."""

    def misses(place: np.ndarray) -> list[float]:
        sight = ecef(place[0], place[1], height) - position
        return [float(velocity @ sight) / 7600.0, float(np.linalg.norm(sight)) - distance]

    longitude, latitude = fsolve(misses, guess, xtol=1e-13)
    return float(longitude), float(latitude)


class TestAmsterdam:
    """SNAP's stack of one burst: its baselines are those of the middle of the burst at height 0."""

    def test_snap_counts_the_separation_along_the_track_too(
        self, orbits: tuple[OrbitTable, OrbitTable], middle: tuple[float, float]
    ) -> None:
        found = baseline_at(*orbits, *middle)
        assert snaps_perpendicular(found) == pytest.approx(33.89970016, abs=3e-4)
        assert found.perpendicular == pytest.approx(33.6056, abs=1e-3)
        assert found.along_track == pytest.approx(-4.4513, abs=1e-3)
        assert found.parallel == pytest.approx(19.2355, abs=1e-3)
        height = -WAVELENGTH * found.slant_range * math.sin(SNAP_ANGLE) / (2 * snaps_perpendicular(found))
        assert height == pytest.approx(-526.3593139648438, abs=0.01)
        assert found.incidence_angle == pytest.approx(43.6813, abs=1e-3)
        position, velocity = orbits[0].position(MIDDLE_TIME), orbits[0].velocity(MIDDLE_TIME)
        ranges = [
            range_of(orbits[1], ecef(*seen_at(position, velocity, MIDDLE_RANGE, rise, middle), rise))
            for rise in (-100.0, 100.0)
        ]
        turns = 2 * (ranges[1] - ranges[0]) / WAVELENGTH
        assert found.height_of_ambiguity(WAVELENGTH) == pytest.approx(200.0 / turns, rel=1e-5)
        assert 200.0 / turns == pytest.approx(-531.24, abs=0.01)

    def test_the_other_way_round(
        self, orbits: tuple[OrbitTable, OrbitTable], middle: tuple[float, float]
    ) -> None:
        found = baseline_at(*orbits[::-1], *middle)
        assert -snaps_perpendicular(found) == pytest.approx(-33.89949, abs=3e-4)
        assert found.perpendicular < 0
        assert found.height_of_ambiguity(WAVELENGTH) > 0


def snaps_perpendicular(baseline: Baseline) -> float:
    return math.sqrt(baseline.length**2 - baseline.parallel**2)


@pytest.fixture(scope="module")
def scenes(shared: Path) -> tuple[Scene, Scene]:
    """Reference and secondary over Morocco, 12 days apart."""
    paths = sorted((shared / "data/annotation").glob("S1A_IW_SLC__1SDV_2023*.zip"))
    pair = make_pair([open_scene(path, polarizations=["VV"]) for path in paths])
    return pair.reference[0], pair.secondary[0]


class TestMorocco:
    """By the annotated orbits."""

    @pytest.mark.parametrize(("swath", "row"), [("IW1", 0), ("IW2", 4), ("IW3", 8)])
    def test_against_ranges_of_points_above_each_other(
        self, scenes: tuple[Scene, Scene], swath: str, row: int
    ) -> None:
        vectors = [scene.image("VV", swath).annotation.state_vectors for scene in scenes]
        epochs = [scene.image("VV", swath).annotation.first_line_time for scene in scenes]
        tables = [tabulate_orbit(*both) for both in zip(vectors, epochs, strict=True)]
        grid = scenes[0].image("VV", swath).annotation.geolocation_grid
        column = grid.pixel.size // 2
        place = (grid.longitude[row, column], grid.latitude[row, column], grid.height[row, column])
        found = baseline_at(*tables, *(float(value) for value in place))
        two_way = grid.slant_range_time[row, column] * 299_792_458.0 / 2
        assert found.slant_range == pytest.approx(two_way, abs=5.0)
        assert 27.0 < -found.perpendicular < 30.0
        assert found.length < 40.0
        paths = [lagrange(*both) for both in zip(vectors, epochs, strict=True)]
        point = ecef(*place)
        time, distance = zero_doppler_root(paths[0], point, -5.0, 30.0)
        position, velocity = paths[0][0](time), paths[0][1](time)
        sight = (position - point) / distance
        normal = ecef(*place[:2], place[2] + 1.0) - point
        assert found.incidence_angle == pytest.approx(math.degrees(math.acos(sight @ normal)), abs=1e-6)
        geocentric = math.degrees(math.acos(sight @ point / np.linalg.norm(point)))
        assert geocentric == pytest.approx(grid.incidence_angle[row, column], abs=0.005)
        other = zero_doppler_root(paths[1], point, -5.0, 30.0)[1]
        assert found.parallel == pytest.approx(distance - other, abs=1e-4)

        def risen(rise: float) -> float:
            """Range of the secondary where time and range of the reference stay and the height grows."""
            height = place[2] + rise
            where = seen_at(position, velocity, distance, height, place[:2])
            return zero_doppler_root(paths[1], ecef(*where, height), -5.0, 30.0)[1]

        slope = 4 * math.pi / WAVELENGTH * (risen(100.0) - risen(-100.0)) / 200.0
        assert found.height_of_ambiguity(WAVELENGTH) == pytest.approx(2 * math.pi / slope, rel=1e-5)

    def test_the_other_way_round(self, scenes: tuple[Scene, Scene]) -> None:
        annotations = [scene.image("VV", "IW2").annotation for scene in scenes]
        tables = [tabulate_orbit(one.state_vectors, one.first_line_time) for one in annotations]
        grid = annotations[0].geolocation_grid
        place = float(grid.longitude[0, 0]), float(grid.latitude[0, 0]), float(grid.height[0, 0])
        found, turned = baseline_at(*tables, *place), baseline_at(*tables[::-1], *place)
        assert turned.perpendicular == pytest.approx(-found.perpendicular, abs=2e-3)
        assert turned.parallel == pytest.approx(-found.parallel, abs=1e-9)
        assert turned.length == pytest.approx(found.length, abs=1e-9)
        same = baseline_at(tables[0], tables[0], *place)
        assert same.length == same.parallel == same.perpendicular == 0.0
