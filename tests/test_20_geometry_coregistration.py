"""Coregistration against ground points found by root finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geometry_cases import EPOCH, TO_ECEF, Circle, ecef, zero_doppler_root
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from scipy.optimize import fsolve

from s1card.geometry.burst_resampling import places
from s1card.geometry.coregistration import (
    FINE_LINE_STEP,
    FINE_PIXEL_STEP,
    Coregistration,
    ground_point,
    seen_in_secondary,
)
from s1card.geometry.dem import Dem
from s1card.geometry.ellipsoid import geodetic
from s1card.geometry.orbit import tabulate_orbit
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.window import Window

LINES, PIXELS = 700, 2100
NEAR, SPACING = 845_000.0, 2.329562
INTERVAL = 2.0555563e-3
TIMES = np.arange(-60.0, 61.0, 10.0)
DELAY = 0.7e-3  # s: the secondary's lines are not the reference's
REFERENCE = Circle()

Heights = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # ellipsoidal height (m) at longitude, latitude (degrees)


def pass_beside(radius: float, turn: float) -> Circle:
    """An orbit whose tracks are ``radius`` m higher and turned aside by ``turn`` rad of longitude."""
    return replace(
        REFERENCE,
        radius=REFERENCE.radius + radius,
        earth=REFERENCE.earth,
        inclination=np.radians(98.18) + turn,
    )


NEIGHBOURS = {
    "same orbit": pass_beside(0.0, 0.0),
    "20 m": pass_beside(12.0, -2e-6),
    "200 m": pass_beside(-90.0, 2.6e-5),
}


@dataclass(frozen=True, eq=False)
class Case:
    """Two passes over a terrain."""

    secondary: Circle
    dem: Dem
    heights: Heights

    @cached_property
    def coregistration(self) -> Coregistration:
        axis = SlantRange(NEAR, SPACING)
        return Coregistration(
            RadarGrid(EPOCH, 0.0, INTERVAL, LINES, PIXELS, axis),
            RadarGrid(EPOCH, DELAY, INTERVAL, LINES, PIXELS, SlantRange(NEAR - 30.0, SPACING)),
            tabulate_orbit(REFERENCE.vectors(TIMES), EPOCH),
            tabulate_orbit(self.secondary.vectors(TIMES), EPOCH),
            self.dem,
        )

    def ground(self, line: float, pixel: float, start: float = 0.0) -> np.ndarray:
        """Longitude, latitude, height that a reference sample sees; the search begins at a height."""
        time, slant_range = line * INTERVAL, NEAR + pixel * SPACING
        sensor, velocity = REFERENCE.position(time), REFERENCE.velocity(time)

        flat = np.array([*right_below(time, slant_range), 0.0])
        unit = np.array([1e-5, 1e-5, 1.0])  # about a metre each

        def misses(x: np.ndarray) -> list[float]:
            place = flat + x * unit
            point = ecef(*place)
            along = float(velocity @ (point - sensor) / np.linalg.norm(velocity))
            height = self.heights(place[:1], place[1:2])[0]
            return [along, float(np.linalg.norm(point - sensor)) - slant_range, float(place[2] - height)]

        found, info, *_ = fsolve(misses, [0.0, 0.0, start], full_output=True)
        assert np.abs(info["fvec"]).max() < 1e-5
        return np.asarray(flat + found * unit)

    def truth(self, line: float, pixel: float, start: float = 0.0) -> tuple[float, float, float, float]:
        """Line and pixel in the secondary, difference of range (m) and height (m)."""
        place = self.ground(line, pixel, start)
        paths = self.secondary.position, self.secondary.velocity
        time, slant_range = zero_doppler_root(paths, ecef(*place), -5.0, 8.0)
        found = (time - DELAY) / INTERVAL, (slant_range - NEAR + 30.0) / SPACING
        return (*found, slant_range - NEAR - pixel * SPACING, float(place[2]))


def right_below(time: float, slant_range: float) -> tuple[float, float]:
    """Longitude and latitude, about, of the ground to the right of the flight."""
    sensor, velocity = REFERENCE.position(time), REFERENCE.velocity(time)
    up = sensor / np.linalg.norm(sensor)
    right = np.cross(velocity, up)
    right /= np.linalg.norm(right)
    radius = 6_370_000.0
    for _ in range(3):
        distance = np.linalg.norm(sensor)
        cosine = (distance**2 + slant_range**2 - radius**2) / (2.0 * distance * slant_range)
        point = sensor + slant_range * (np.sqrt(1.0 - cosine**2) * right - cosine * up)
        longitude, latitude, _ = TO_ECEF.transform(*point, direction="INVERSE")
        radius = float(np.linalg.norm(ecef(longitude, latitude, 0.0)))
    return longitude, latitude


def hills(amplitude: float, wavelength: float) -> Heights:
    """Hills and valleys of a wavelength (degrees of latitude)."""

    def heights(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        turns = 2 * np.pi / wavelength
        return np.asarray(
            800.0 + amplitude * np.sin(turns * longitude * 0.7) * np.cos(turns * (latitude + 0.3 * longitude))
        )

    return heights


def write_terrain(path: Path, heights: Heights, step: float = 1e-4) -> Dem:
    """The terrain around the reference burst, sampled at a step (degrees)."""
    corners = [right_below(t, r) for t in (-0.1, 1.6) for r in (NEAR - 3000.0, NEAR + 9000.0)]
    (west, south), (east, north) = np.min(corners, axis=0) - 0.1, np.max(corners, axis=0) + 0.1
    longitude, latitude = np.meshgrid(np.arange(west, east, step), np.arange(north, south, -step))
    shape = {"height": longitude.shape[0], "width": longitude.shape[1]}
    transform = Affine(step, 0.0, west - step / 2, 0.0, -step, north + step / 2)
    with rasterio.open(
        path, "w", "GTiff", count=1, crs="EPSG:4326", dtype="float32", transform=transform, **shape
    ) as dataset:
        dataset.write(heights(longitude, latitude).astype(np.float32), 1)
    return Dem.open(path, "ellipsoid", sea="nodata")


@pytest.fixture(scope="module")
def gentle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dem, Heights]:
    """Slopes of up to 8 degrees."""
    heights = hills(60.0, 0.025)
    return write_terrain(tmp_path_factory.mktemp("gentle") / "dem.tif", heights), heights


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dem, Heights]:
    """Slopes of up to 30 degrees."""
    heights = hills(260.0, 0.025)
    return write_terrain(tmp_path_factory.mktemp("steep") / "dem.tif", heights), heights


SAMPLES = [(0, 0), (3, 1501), (333, 777), (350, 2099), (698, 5), (699, 1303)]


@pytest.mark.parametrize("name", NEIGHBOURS)
@pytest.mark.parametrize("terrain", ["gentle", "steep"])
def test_places_of_samples(name: str, terrain: str, request: pytest.FixtureRequest) -> None:
    dem, heights = request.getfixturevalue(terrain)
    case = Case(NEIGHBOURS[name], dem, heights)
    placement = case.coregistration.place(Window(0, 0, LINES, PIXELS))
    for line, pixel in SAMPLES:
        here = Window(line, pixel, 1, 1)
        (found_line,), (found_pixel,) = (a[0] for a in places(placement, here))
        row, col = line / FINE_LINE_STEP - placement.row, pixel / FINE_PIXEL_STEP - placement.col
        start = placement.height[round(row), round(col)]
        expected = case.truth(line, pixel, start)
        assert found_line == pytest.approx(expected[0], abs=0.0005)
        assert found_pixel == pytest.approx(expected[1], abs=0.002)


@pytest.mark.parametrize("terrain", ["gentle", "steep"])
def test_heights_and_ranges_at_nodes(terrain: str, request: pytest.FixtureRequest) -> None:
    dem, heights = request.getfixturevalue(terrain)
    case = Case(NEIGHBOURS["200 m"], dem, heights)
    placement = case.coregistration.place(Window(0, 0, LINES, PIXELS))
    for row, col in ((3, 4), (100, 30), (177, 222), (340, 260)):
        line, pixel = (placement.row + row) * FINE_LINE_STEP, (placement.col + col) * FINE_PIXEL_STEP
        *_, difference, height = case.truth(line, pixel, placement.height[row, col])
        assert placement.height[row, col] == pytest.approx(height, abs=0.15)  # of a sampled terrain
        assert placement.range_difference[row, col] == pytest.approx(difference, abs=2e-4)
        flat = replace(case, heights=lambda x, y: np.zeros(x.shape)).truth(line, pixel)
        assert placement.flat_difference[row, col] == pytest.approx(flat[2], abs=2e-5)


def test_places_do_not_depend_on_the_window(steep: tuple[Dem, Heights]) -> None:
    coregistration = Case(NEIGHBOURS["200 m"], *steep).coregistration
    whole = places(coregistration.place(Window(0, 0, LINES, PIXELS)), Window(0, 0, LINES, PIXELS))
    for window in (Window(101, 333, 64, 512), Window(640, 1900, 60, 200)):
        part = places(coregistration.place(window), window)
        for found, expected in zip(part, whole, strict=True):
            np.testing.assert_allclose(
                found, expected[window.slices_in(Window(0, 0, LINES, PIXELS))], atol=1e-4
            )  # heights to 1 cm


def test_unknown_terrain_has_the_place_of_height_zero(gentle: tuple[Dem, Heights], tmp_path: Path) -> None:
    dem = write_terrain(tmp_path / "dem.tif", lambda x, y: np.full(x.shape, np.nan), 1e-3)
    unknown = Case(NEIGHBOURS["200 m"], dem, lambda x, y: np.zeros(x.shape))
    placement = unknown.coregistration.place(Window(0, 0, 64, 256))
    assert np.isnan(placement.height).all()
    line, pixel = places(placement, Window(10, 16, 1, 1))
    expected = unknown.truth(10, 16)
    assert line[0, 0] == pytest.approx(expected[0], abs=1e-4)
    assert pixel[0, 0] == pytest.approx(expected[1], abs=1e-4)


@given(st.floats(-180, 180, exclude_min=True), st.floats(-89.9, 89.9), st.floats(-12_000, 12_000))
def test_geodetic_coordinates(longitude: float, latitude: float, height: float) -> None:
    found = geodetic(*ecef(longitude, latitude, height))
    assert np.degrees(found[0]) == pytest.approx(longitude, abs=1e-12)
    assert np.degrees(found[1]) == pytest.approx(latitude, abs=2e-13 * 180)
    assert found[2] == pytest.approx(height, abs=1e-8)


@given(st.floats(-1, 8), st.floats(800_000, 950_000), st.floats(-400, 8000))
def test_ground_point(time: float, slant_range: float, height: float) -> None:
    state = np.concatenate([REFERENCE.position(time), REFERENCE.velocity(time)])
    point = ecef(*right_below(time, slant_range), 0.0)
    longitude, latitude = np.degrees(ground_point(state, slant_range, height, point))
    np.testing.assert_allclose(point, ecef(longitude, latitude, height), atol=1e-6)
    assert np.linalg.norm(point - state[:3]) == pytest.approx(slant_range, abs=1e-6)
    assert (point - state[:3]) @ state[3:] / np.linalg.norm(state[3:]) == pytest.approx(0.0, abs=1e-6)
    assert np.cross(state[3:], state[:3]) @ (point - state[:3]) > 0  # to the right


def test_no_ground_at_that_range() -> None:
    state = np.concatenate([REFERENCE.position(0.0), REFERENCE.velocity(0.0)])
    point = ecef(*right_below(0.0, NEAR), 0.0)
    assert np.isnan(ground_point(state, 500_000.0, 0.0, point)).all()


def test_when_the_secondary_sees_a_sample(gentle: tuple[Dem, Heights]) -> None:
    case = Case(NEIGHBOURS["20 m"], *gentle)
    pair = case.coregistration
    place = case.ground(300, 1000)
    found = seen_in_secondary(
        (pair.reference, pair.reference_orbit), pair.secondary_orbit, (300.0, 1000.0), float(place[2]), 1.0
    )
    expected = zero_doppler_root((case.secondary.position, case.secondary.velocity), ecef(*place), -5.0, 8.0)
    assert found == pytest.approx(expected, abs=1e-7)
