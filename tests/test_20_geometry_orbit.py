"""Orbits: interpolation and zero Doppler against closed forms, scipy, real orbit files and published values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from geometry_cases import EPOCH, Circle, ecef, lagrange, vectors_of, zero_doppler_root
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.errors import OrbitError
from s1card.geometry.orbit import OrbitTable, tabulate_orbit, zero_doppler
from s1card.scene.orbit import read_orbit_file
from s1card.scene.records import StateVectors

CIRCLE = Circle()
TIMES = np.arange(-70.0, 81.0, 10.0)
TABLE = tabulate_orbit(CIRCLE.vectors(TIMES), EPOCH)
AZORES = np.datetime64("2022-09-18T07:49:21.513561", "us"), np.datetime64("2022-09-18T07:49:46.683848", "us")
MIDNIGHT = np.datetime64("2022-09-18T00:00:00", "us")


def solve(table: OrbitTable, point: np.ndarray, guess: float = 0.0) -> tuple[float, float]:
    time, distance = zero_doppler(table.time, table.coefficients, *(float(c) for c in point), guess)
    return float(time), float(distance)


def point_beside(t: float, across: float, height: float = 0.0) -> np.ndarray:
    """A point near the ground, to the right of the track at time t and ``across`` rad away from below it."""
    s, v = CIRCLE.position(t), CIRCLE.velocity(t)
    right = np.cross(v, s) / np.linalg.norm(np.cross(v, s))
    direction = np.cos(across) * s / np.linalg.norm(s) + np.sin(across) * right
    return np.asarray((6_371_000.0 + height) * direction)


class TestInterpolation:
    @settings(deadline=None)
    @given(st.floats(-70.0, 80.0))
    def test_circular_orbit(self, t: float) -> None:
        np.testing.assert_allclose(TABLE.position(t), CIRCLE.position(t), rtol=0, atol=1e-5)
        np.testing.assert_allclose(TABLE.velocity(t), CIRCLE.velocity(t), rtol=0, atol=1e-8)

    def test_vectors_are_met(self) -> None:
        for t in TIMES:
            np.testing.assert_allclose(TABLE.position(t), CIRCLE.position(t), rtol=0, atol=1e-8)

    @pytest.mark.parametrize("count", [4, 5, 7, 8, 12])
    def test_degree_is_that_of_eight_vectors_or_fewer(self, count: int) -> None:
        """A polynomial of the highest degree that the vectors carry is met; one degree more is not."""
        degree = min(count, 8) - 1
        times = np.arange(count) * 10.0
        for power, is_exact in ((degree, True), (degree + 1, False)):
            values = 1e4 * (times[:, None] / 100.0) ** power * np.array([1.0, -2.0, 3.0])
            found = tabulate_orbit(vectors_of(times, values), EPOCH).position(12.5)
            expected = 1e4 * 0.125**power * np.array([1.0, -2.0, 3.0])
            assert (np.abs(found - expected).max() < 1e-7) == is_exact

    def test_uneven_vectors(self) -> None:
        """As where two restituted files meet."""
        times = np.array([0.0, 10.0, 20.0, 30.0, 43.7, 53.7, 63.7, 73.7, 83.7])
        table = tabulate_orbit(CIRCLE.vectors(times), EPOCH)
        for t in (0.1, 9.9, 29.9, 36.0, 43.6, 43.8, 80.0):
            np.testing.assert_allclose(table.position(t), CIRCLE.position(t), rtol=0, atol=1e-4)

    def test_epoch_only_moves_the_times(self) -> None:
        moved = tabulate_orbit(CIRCLE.vectors(TIMES), EPOCH + np.timedelta64(7_250_000, "us"))
        np.testing.assert_allclose(moved.position(0.0), TABLE.position(7.25), rtol=0, atol=1e-6)

    def test_real_precise_orbit_predicts_vectors_left_out(self, shared: Path) -> None:
        file = next((shared / "data" / "orbits").glob("*POEORB*"))
        middle = np.datetime64("2023-10-13T12:00:00", "us")
        known = read_orbit_file(file, middle, middle + np.timedelta64(20, "s"))
        half = StateVectors(
            known.time[::2], known.position[::2], known.velocity[::2], known.source, known.name
        )
        table = tabulate_orbit(half, middle)
        times = (known.time - middle) / np.timedelta64(1, "s")
        for k in range(9, known.time.size - 9, 2):
            np.testing.assert_allclose(table.position(times[k]), known.position[k], rtol=0, atol=2e-3)
            np.testing.assert_allclose(table.velocity(times[k]), known.velocity[k], rtol=0, atol=2e-5)


class TestWhereThereIsNoOrbit:
    @pytest.mark.parametrize("t", [-80.001, 90.001, -1e6, 1e9, np.nan])
    def test_nothing_is_made_up(self, t: float) -> None:
        assert np.isnan(TABLE.position(t)).all()
        assert np.isnan(TABLE.velocity(t)).all()

    @pytest.mark.parametrize("t", [-80.0, -75.0, 85.0, 90.0])
    def test_one_interval_beyond_is_still_the_orbit(self, t: float) -> None:
        """GRD annotation of 2015 ends 2 ms after the last line, and lattice nodes lie beyond that."""
        np.testing.assert_allclose(TABLE.position(t), CIRCLE.position(t), rtol=0, atol=1e-3)

    @pytest.mark.parametrize("t", [-95.0, 105.0, 600.0])
    def test_points_seen_before_or_after_have_no_time(self, t: float) -> None:
        assert np.isnan(solve(TABLE, point_beside(t, 0.06))).all()

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_too_few_vectors(self, count: int) -> None:
        with pytest.raises(OrbitError, match=f"only {count} orbit state vectors") as caught:
            tabulate_orbit(vectors_of(np.arange(count) * 10.0, np.zeros((count, 3))), EPOCH)
        assert caught.value.subject == "by hand"
        assert "orbit file" in str(caught.value.advice)

    @pytest.mark.parametrize("times", [[0, 10, 10, 20, 30], [0, 10, 30, 20, 40], [40, 30, 20, 10, 0]])
    def test_times_that_do_not_increase(self, times: list[int]) -> None:
        with pytest.raises(OrbitError, match="not in time order"):
            tabulate_orbit(vectors_of(np.array(times, np.float64), np.zeros((5, 3))), EPOCH)


class TestZeroDoppler:
    @pytest.mark.parametrize("guess", [-5.0, 2.0, 9.0])
    def test_straight_flight(self, guess: float) -> None:
        """Sensor at (80000, 0, -2000 + 1000 t), target at (5000, 0, 0): closest at 2 s, 75 km away."""
        times = np.arange(-10.0, 11.0)
        position = np.stack([np.full(21, 80_000.0), np.zeros(21), -2000.0 + 1000.0 * times], axis=1)
        table = tabulate_orbit(vectors_of(times, position, np.tile([0.0, 0.0, 1000.0], (21, 1))), EPOCH)
        time, distance = solve(table, np.array([5000.0, 0.0, 0.0]), guess)
        assert time == pytest.approx(2.0, abs=1e-12)
        assert distance == pytest.approx(75_000.0, abs=1e-8)

    @settings(deadline=None)
    @given(st.floats(-60.0, 70.0), st.floats(0.03, 0.12), st.floats(-500.0, 9000.0), st.floats(-60.0, 70.0))
    def test_against_bisection_from_any_guess(
        self, t: float, across: float, height: float, guess: float
    ) -> None:
        point = point_beside(t, across, height)
        expected = zero_doppler_root((CIRCLE.position, CIRCLE.velocity), point, -69.0, 79.0)
        time, distance = solve(TABLE, point, guess)
        assert time == pytest.approx(expected[0], abs=1e-9)
        assert distance == pytest.approx(expected[1], abs=1e-5)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> StateVectors:
    """The restituted orbit of the Azores crop."""
    return read_orbit_file(next((shared / "data" / "slc-crop-azores").glob("*.EOF")), *AZORES)


class TestAzores:
    """A real restituted orbit; expected values were computed independently, the first point is published."""

    @pytest.mark.parametrize("seconds", [-10.0, 0.0, 8.486439, 25.170287])
    def test_against_scipy(self, vectors: StateVectors, seconds: float) -> None:
        position, velocity = lagrange(vectors, AZORES[0])
        table = tabulate_orbit(vectors, AZORES[0])
        np.testing.assert_allclose(table.position(seconds), position(seconds), rtol=0, atol=2e-6)
        np.testing.assert_allclose(table.velocity(seconds), velocity(seconds), rtol=0, atol=1e-8)

    @pytest.mark.parametrize(
        ("seconds", "distance"), [(-10.0, 2.156), (0.0, 2.157), (8.486439, 2.244), (25.170287, 0.905)]
    )
    def test_stated_distance_to_the_cubic(
        self, vectors: StateVectors, seconds: float, distance: float
    ) -> None:
        cubic, _ = lagrange(vectors, AZORES[0], points=4)
        found = np.linalg.norm(tabulate_orbit(vectors, AZORES[0]).position(seconds) - cubic(seconds))
        assert found * 1000 == pytest.approx(distance, abs=2e-3)

    @pytest.mark.parametrize(
        ("place", "second_of_day", "slant_range"),
        [
            ((-27.2264349, 38.6393705, 58.82), 28180.346937656, 929319.037768),
            ((-27.2813912, 38.6393705, 204.0), 28180.461909056, 932486.710346),
            ((-27.1807716, 38.2550504, -40.0), 28186.473047495, 921830.918777),
        ],
    )
    def test_stated_times_and_ranges(
        self,
        vectors: StateVectors,
        place: tuple[float, float, float],
        second_of_day: float,
        slant_range: float,
    ) -> None:
        start = (AZORES[0] - MIDNIGHT) / np.timedelta64(1, "us") * 1e-6
        time, distance = solve(tabulate_orbit(vectors, AZORES[0]), ecef(*place))
        # The stated times were made from days in one float64: 0.1 us, or a millimetre along the track.
        assert start + time == pytest.approx(second_of_day, abs=3e-7)
        assert distance == pytest.approx(slant_range, abs=1e-4)
        root = zero_doppler_root(lagrange(vectors, AZORES[0]), ecef(*place), -5.0, 30.0)
        assert (time, distance) == pytest.approx(root, rel=0, abs=1e-6)
