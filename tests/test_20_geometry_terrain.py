"""Incidence angles on planes of known slope, layover and shadow of ridges of known height."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from geometry_cases import View, ecef, lagrange, map_to_geographic, zero_doppler_root
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from pyproj import Proj

from s1card.geometry.geocoding import Geocoder
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.terrain import LAYOVER, SHADOW, LookField, incidence_angles, layover_shadow, look_field
from s1card.simulate.config import GrdConfig
from s1card.window import Window

SPACING = 10.0
THETA = 40.0  # incidence angle of the hand-made views, degrees
TAN = np.tan(np.radians(THETA))


@cache
def view(ascending: bool) -> View:
    return View(GrdConfig(lines=1000, pixels=1500, ascending=ascending, longitude=10.8, range_position=0.4))


def seen_from(azimuth: float, incidence: float = THETA, cell: int = 16) -> LookField:
    """A sensor far away in one direction of the map (degrees clockwise from its top), pixels of 10 m."""
    a, t = np.radians([azimuth, incidence])
    look = np.array([np.sin(t) * np.sin(a), np.sin(t) * np.cos(a), np.cos(t)])
    nodes = np.tile(look, (40, 40, 1))
    return LookField(nodes, np.zeros_like(nodes), np.full((40, 40, 2), SPACING), cell, 0, 0)


def plane(shape: tuple[int, int], slope: float, aspect: float, start: float = 500.0) -> np.ndarray:
    """Heights with one more pixel on each side; ``aspect`` is the way down, clockwise from the map's top."""
    rows, cols = np.mgrid[-1 : shape[0] + 1, -1 : shape[1] + 1] * SPACING
    away = cols * np.sin(np.radians(aspect)) - rows * np.cos(np.radians(aspect))
    return np.asarray(start - np.tan(np.radians(slope)) * away, np.float32)


def angle_to_plane(incidence: float, azimuth: float, slope: float, aspect: float) -> tuple[float, float]:
    """Local incidence by the spherical law of cosines; in the range plane the angle less the slope in it."""
    i, s, d = np.radians([incidence, slope, azimuth - aspect])
    local = np.arccos(np.cos(i) * np.cos(s) + np.sin(i) * np.sin(s) * np.cos(d))
    projected = abs(i - np.arctan(np.tan(s) * np.cos(d)))
    return float(np.degrees(local)), float(np.degrees(projected))


class TestIncidenceOfHandMadeViews:
    @pytest.mark.parametrize(
        ("slope", "aspect", "local", "projected"),
        [
            (0.0, 0.0, 40.0, 40.0),
            (15.0, 90.0, 25.0, 25.0),  # falls towards the sensor in the east: faces it
            (15.0, 270.0, 55.0, 55.0),
            (40.0, 90.0, 0.0, 0.0),
            (60.0, 90.0, 20.0, 20.0),  # steeper than the line of sight: layover
            (60.0, 270.0, 100.0, 100.0),  # turned away: shadow
            (30.0, 0.0, 48.43970, 40.0),  # along track: acos(cos 40 cos 30) and no change in range
        ],
    )
    def test_by_hand(self, slope: float, aspect: float, local: float, projected: float) -> None:
        window = Window(3, 5, 6, 7)
        found = incidence_angles(seen_from(90.0), window, plane(window.shape, slope, aspect))
        assert found[0].dtype == found[1].dtype == np.float32
        # The arc cosine of a float near 1 is good to a few hundredths of a degree.
        tolerance = 0.05 if local < 1 else 2e-3
        np.testing.assert_allclose(found[0], np.full(window.shape, local), rtol=0, atol=tolerance)
        np.testing.assert_allclose(found[1], np.full(window.shape, projected), rtol=0, atol=tolerance)

    @settings(deadline=None)
    @given(st.floats(0, 360), st.floats(0, 360), st.floats(0, 70), st.floats(20, 46))
    def test_any_plane(self, azimuth: float, aspect: float, slope: float, incidence: float) -> None:
        expected = angle_to_plane(incidence, azimuth, slope, aspect)
        field = seen_from(azimuth, incidence)
        found = incidence_angles(field, Window(40, 50, 2, 2), plane((2, 2), slope, aspect))
        for angle, truth in zip(found, expected, strict=True):
            assert angle[1, 1] == pytest.approx(truth, abs=0.1 if truth < 2 else 0.01)

    def test_each_unknown_neighbour_makes_the_angle_unknown(self) -> None:
        window = Window(0, 0, 9, 9)
        height = plane(window.shape, 10.0, 90.0)
        height[5, 6] = np.nan  # row 4, column 5 of the window
        expected = np.zeros(window.shape, np.bool_)
        expected[3:6, 4:7] = True
        for angle in incidence_angles(seen_from(90.0), window, height):
            assert np.array_equal(np.isnan(angle), expected)


class TestIncidenceOfScenes:
    """The view from an orbit: the sensor is found by bisection, angles on the ground by PROJ."""

    @pytest.mark.parametrize("ascending", [True, False])
    @pytest.mark.parametrize(("crs", "spacing"), [("EPSG:32632", 10.0), ("EPSG:4326", 8.983e-5)])
    @pytest.mark.parametrize(("slope", "aspect"), [(0.0, 0.0), (20.0, 80.0), (20.0, 260.0), (35.0, 10.0)])
    def test_planes(self, ascending: bool, crs: str, spacing: float, slope: float, aspect: float) -> None:
        scene = view(ascending)
        grid = scene.grid(crs, spacing, 500, 700)
        window = Window(280, 290, 40, 50)
        height = self.slope_on_map(grid, window, slope, aspect)
        found = incidence_angles(look_field(scene.geocoder(grid), window), window, height)
        for row, col in ((0, 0), (39, 0), (20, 25), (0, 49), (39, 49)):
            place = map_to_geographic(grid, np.array(280 + row), np.array(290 + col))
            at_height = float(height[row + 1, col + 1])
            incidence, azimuth = self.sight(scene, float(place[0]), float(place[1]), at_height)
            expected = angle_to_plane(incidence, azimuth, slope, aspect)
            assert (found[0][row, col], found[1][row, col]) == pytest.approx(expected, rel=0, abs=5e-3)

    @staticmethod
    def slope_on_map(grid: MapGrid, window: Window, slope: float, aspect: float) -> np.ndarray:
        """Falling towards a true azimuth: by the scale and convergence that PROJ states for the map."""
        rows, cols = np.mgrid[-1 : window.rows + 1, -1 : window.cols + 1].astype(np.float64)
        middle = map_to_geographic(grid, np.array(window.row + 20.0), np.array(window.col + 25.0))
        if grid.is_geographic:
            # A degree on the ellipsoid by its radii of curvature.
            a, e2, lat = 6378137.0, 0.00669437999014, np.radians(float(middle[1]))
            w = np.sqrt(1 - e2 * np.sin(lat) ** 2)
            width = np.radians(grid.spacing_x) * a / w * np.cos(lat)
            tall = np.radians(grid.spacing_y) * a * (1 - e2) / w**3
            turn = 0.0
        else:
            factors = Proj(grid.crs).get_factors(float(middle[0]), float(middle[1]))
            width, tall = grid.spacing_x / factors.parallel_scale, grid.spacing_y / factors.meridional_scale
            turn = factors.meridian_convergence
        direction = np.radians(aspect - turn)
        away = cols * width * np.sin(direction) - rows * tall * np.cos(direction)
        return np.asarray(800.0 - np.tan(np.radians(slope)) * away, np.float32)

    @staticmethod
    def sight(scene: View, longitude: float, latitude: float, height: float) -> tuple[float, float]:
        """Incidence angle and azimuth (true, degrees) under which the sensor is seen."""
        paths = lagrange(scene.vectors, scene.radar.epoch)
        point = ecef(longitude, latitude, height)
        time, _ = zero_doppler_root(paths, point, -10.0, 20.0)
        sight = paths[0](time) - point
        lon, lat = np.radians([longitude, latitude])
        east = sight @ [-np.sin(lon), np.cos(lon), 0.0]
        north = sight @ [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)]
        up = sight @ [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
        return (
            float(np.degrees(np.arctan2(np.hypot(east, north), up))),
            float(np.degrees(np.arctan2(east, north))),
        )

    def test_right_looking(self) -> None:
        """Ascending, the sensor stands in the west; descending, in the east."""
        for ascending, side in ((True, -1.0), (False, 1.0)):
            scene = view(ascending)
            grid = scene.grid("EPSG:32632", 10.0, 500, 700)
            field = look_field(scene.geocoder(grid), Window(280, 290, 5, 5))
            assert side * field.at_zero[0, 0, 0] > 0.4
            np.testing.assert_allclose(field.spacing, 10.0, rtol=5e-4)


@cache
def rough() -> np.ndarray:
    return np.random.default_rng(4).normal(900.0, 60.0, (300, 300)).astype(np.float32)


class TestIndependenceOfTheCut:
    WHOLE = Window(250, 260, 90, 80)

    @pytest.mark.parametrize(("crs", "spacing"), [("EPSG:32632", 10.0), ("EPSG:4326", 8.983e-5)])
    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 89), st.integers(0, 79), st.integers(1, 60), st.integers(1, 60))
    def test_bits(self, crs: str, spacing: float, row: int, col: int, rows: int, cols: int) -> None:
        window = Window(250 + row, 260 + col, rows, cols).intersection(self.WHOLE)
        cut = window.slices_in(self.WHOLE)
        for part, whole in zip(
            products(crs, spacing, window), products(crs, spacing, self.WHOLE), strict=True
        ):
            assert np.array_equal(part, whole[cut])


@cache
def geocoder_of(crs: str, spacing: float) -> Geocoder:
    scene = view(True)
    return scene.geocoder(scene.grid(crs, spacing, 500, 700))


@cache
def products(crs: str, spacing: float, window: Window) -> tuple[np.ndarray, ...]:
    """Both angles and the mask, over the same rough terrain."""
    field, margin = look_field(geocoder_of(crs, spacing), window), 24

    def heights(grown: int) -> np.ndarray:
        row, col = window.row - 200 - grown, window.col - 200 - grown
        return rough()[row : row + window.rows + 2 * grown, col : col + window.cols + 2 * grown].copy()

    return (
        *incidence_angles(field, window, heights(1)),
        layover_shadow(field, window, heights(margin), margin),
    )


def masked(profile: ArrayLike, azimuth: float = 90.0, margin: int = 60) -> np.ndarray:
    """Mask along a profile of heights that lies in the range direction, nearest the sensor last."""
    row = np.asarray(profile, np.float32)
    flat = np.pad(np.tile(row, (1, 1)), ((margin, margin), (margin, margin)), mode="edge")
    turns = {90.0: 0, 0.0: 1, 270.0: 2, 180.0: 3}[azimuth]
    turned = np.ascontiguousarray(np.rot90(flat, turns))
    window = Window(0, 0, turned.shape[0] - 2 * margin, turned.shape[1] - 2 * margin)
    mask = layover_shadow(seen_from(azimuth), window, turned, margin)
    return np.rot90(mask, -turns)[0]


def wall(height: float, at: int = 100, size: int = 200) -> np.ndarray:
    profile = np.zeros(size)
    profile[at] = height
    return profile


class TestLayoverAndShadow:
    @pytest.mark.parametrize("azimuth", [0.0, 90.0, 180.0, 270.0])
    @pytest.mark.parametrize("height", [35.0, 123.0, 310.0])
    def test_wall(self, azimuth: float, height: float) -> None:
        """Shadow h tan(theta) long behind it, layover h / tan(theta) in front, whichever way the sensor stands."""
        mask = masked(wall(height), azimuth)
        distance = (np.arange(200) - 100) * SPACING  # positive towards the sensor
        shadow = (distance < 0) & (-distance < height * TAN)
        layover = (distance >= 0) & (distance <= height / TAN)
        assert np.array_equal(mask & SHADOW > 0, shadow)
        assert np.array_equal(mask & LAYOVER > 0, layover)
        assert shadow.sum() == int(height * TAN / SPACING)

    def test_flat_ground_and_gentle_slopes_are_clear(self) -> None:
        assert not masked(np.zeros(100)).any()
        for slope in (39.0, -49.0):  # foreslope below theta, backslope below 90 - theta
            assert not masked(-np.tan(np.radians(slope)) * SPACING * np.arange(100)).any()

    @pytest.mark.parametrize(("slope", "code"), [(41.0, LAYOVER), (-51.0, SHADOW)])
    def test_steep_slopes(self, slope: float, code: int) -> None:
        mask = masked(-np.tan(np.radians(slope)) * SPACING * np.arange(300), margin=60)
        assert np.all(mask[100:200] == code)

    def test_tent(self) -> None:
        """Foreslope of 30 degrees: no layover. Backslope of 60: shadow on it and behind its foot.

        The top at 115.47 m stands 66.67 m in front of the foot; its shadow is 115.47 tan(40) = 96.89 m long.
        """
        distance = np.arange(200) * SPACING - 1000.0  # of the top, positive towards the sensor
        front = 115.47 - distance * np.tan(np.radians(30))
        behind = 115.47 + distance * np.tan(np.radians(60))
        profile = np.clip(np.where(distance > 0, front, behind), 0, None)
        mask = masked(profile)
        assert not (mask & LAYOVER).any()
        assert np.array_equal(mask & SHADOW > 0, (distance < 0) & (distance > -96.89))

    def test_both(self) -> None:
        """The foot of a second wall in the shadow of the first, nearer one."""
        profile = wall(200.0, at=110)
        profile[100] = 60.0
        mask = masked(profile)
        # 167.8 m of shadow from column 110 reach to 94; the second wall of 60 m lies over 71.5 m before it. Its
        # top stands higher than the line of sight over the first: 200 - 100 / tan(40) = 80.8 m hide it too.
        assert mask[100] == LAYOVER | SHADOW
        assert np.all(mask[101:108] == LAYOVER | SHADOW)
        assert np.all(mask[94:100] == SHADOW)

    def test_unknown_heights_are_no_obstacle(self) -> None:
        profile = wall(310.0)
        profile[100] = np.nan
        assert not masked(profile).any()
        profile = wall(45.0)
        profile[98] = np.nan
        mask = masked(profile)
        assert mask[98] == 0
        assert mask[99] == mask[97] == SHADOW

    def test_terrain_is_followed_no_further_than_the_margin(self) -> None:
        mask = masked(wall(310.0), margin=12)
        assert np.array_equal(np.flatnonzero(mask & SHADOW), np.arange(89, 100))

    @settings(deadline=None, max_examples=60)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([5.0, 40.0, 200.0]))
    def test_random_profiles_by_brute_force(self, seed: int, rough: float) -> None:
        profile = np.random.default_rng(seed).uniform(0, rough, 120).astype(np.float32)
        # The edge goes on beyond both ends, as in ``masked``.
        heights = np.pad(profile, 59, mode="edge").astype(np.float64)
        ground = (np.arange(heights.size) - 59) * SPACING
        slant = -ground * np.sin(np.radians(THETA)) - heights * np.cos(np.radians(THETA))
        expected = np.zeros(120, np.uint8)
        for k in range(59, 179):
            near, far = np.s_[k + 1 : k + 60], np.s_[k - 59 : k]
            # Whoever stands nearer to the sensor on the map and comes later in range, or the other way round.
            if (slant[near] > slant[k]).any() or (slant[far] <= slant[k]).any():
                expected[k - 59] |= LAYOVER
            if ((heights[near] - heights[k]) * TAN > ground[near] - ground[k]).any():
                expected[k - 59] |= SHADOW
        assert np.array_equal(masked(profile), expected)

    def test_direction_in_a_scene(self) -> None:
        """Ascending: the shadow of a wall along the track falls to the east, its layover to the west."""
        for ascending, shadow_side in ((True, 1), (False, -1)):
            scene = view(ascending)
            grid = scene.grid("EPSG:32632", 10.0, 500, 700)
            window, margin = Window(280, 280, 3, 81), 60
            heights = np.zeros((3 + 2 * margin, 81 + 2 * margin), np.float32)
            heights[:, 40 + margin] = 200.0
            mask = layover_shadow(look_field(scene.geocoder(grid), window), window, heights, margin)
            columns = np.flatnonzero(mask[1] & SHADOW) - 40
            assert np.all(columns * shadow_side > 0)
            tan = np.tan(np.radians(self.incidence(scene, grid)))
            # Across the wall the line of sight is turned by the heading, which shortens the shadow a little.
            assert len(columns) * SPACING == pytest.approx(200 * tan * np.cos(np.radians(11)), abs=SPACING)
            columns = np.flatnonzero(mask[1] & LAYOVER) - 40
            assert np.all(columns * shadow_side <= 0)

    @staticmethod
    def incidence(scene: View, grid: MapGrid) -> float:
        longitude, latitude = map_to_geographic(grid, np.array(281), np.array(320))
        return TestIncidenceOfScenes.sight(scene, float(longitude), float(latitude), 0.0)[0]
