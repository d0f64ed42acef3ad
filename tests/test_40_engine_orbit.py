"""Apply-Orbit-File: SNAP's resampling to seconds, and which file is taken."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from engine_cases import Small, build, small

from s1card.engine.native.apply_orbit_file import resampled
from s1card.errors import OrbitError
from s1card.geometry.orbit import tabulate_orbit
from s1card.scene.orbit import read_orbit_file
from s1card.scene.records import StateVectors

__all__ = ["small"]

FIRST = np.datetime64("2022-09-18T07:49:21.513561", "us")
LAST = np.datetime64("2022-09-18T07:49:46.683848", "us")

TABLE = {
    -10: (5144746.861687, -1894583.049958, 4464525.634835, 3766.907810, -3282.361278, -5717.853232),
    0: (5182102.980057, -1927327.175311, 4407096.096962, 3704.249716, -3266.387297, -5767.946453),
}


class TestResampling:
    def test_published_restituted_orbit(self, shared: Path) -> None:
        vectors = read_orbit_file(_azores(shared), FIRST, LAST)
        seconds = resampled(vectors, FIRST, LAST, 3)
        assert seconds.time.size == 45
        assert seconds.time[0] == FIRST - np.timedelta64(10, "s")
        assert np.unique(np.diff(seconds.time)).tolist() == [np.timedelta64(1, "s")]
        for second, expected in TABLE.items():
            # Published from times as days in one float64, which are good to 0.1 us, or 1 mm along the track.
            assert seconds.position[second + 10] == pytest.approx(expected[:3], abs=3e-4)
            assert seconds.velocity[second + 10] == pytest.approx(expected[3:], abs=2e-6)

    def test_cubic_is_not_lagrange_of_eight(self, shared: Path) -> None:
        vectors = read_orbit_file(_azores(shared), FIRST, LAST)
        exact = tabulate_orbit(vectors, FIRST).position(0.0)
        distance = np.linalg.norm(resampled(vectors, FIRST, LAST, 3).position[10] - exact)
        assert distance == pytest.approx(0.002157, abs=2e-5)
        assert np.linalg.norm(resampled(vectors, FIRST, LAST, 7).position[10] - exact) < 1e-4

    def test_polynomial_is_met(self) -> None:
        """A cubic orbit is resampled without error by a cubic, and not by a parabola."""
        t = np.arange(-60.0, 90.0, 10.0)
        values = np.stack([1e-3 * t**3 - t**2 + 7.0 * t + k for k in range(3)], axis=1)
        vectors = StateVectors(FIRST + (t * 1e6).astype("timedelta64[us]"), values, 2 * values, "POEORB")
        seconds = resampled(vectors, FIRST, FIRST + np.timedelta64(5, "s"), 3)
        s = np.arange(25) - 10.0
        np.testing.assert_allclose(seconds.position[:, 1], 1e-3 * s**3 - s**2 + 7.0 * s + 1, atol=1e-9)
        parabola = resampled(vectors, FIRST, FIRST + np.timedelta64(5, "s"), 2)
        assert np.abs(parabola.position - seconds.position).max() > 0.1


def _azores(shared: Path) -> Path:
    return next((shared / "data/slc-crop-azores").glob("*.EOF"))


class TestChoice:
    def test_file_folder_and_neighbour_of_the_scene(self, small: Small) -> None:
        for place in (small.files.orbit, small.files.orbit.parent, "auto"):
            product = build(small.read, ("Apply-Orbit-File", {}), orbit=place)
            assert product.orbit.source == "POEORB"
            assert product.orbit.name == small.files.orbit.name
            assert product.name.endswith("_Orb")

    def test_missing_file(self, small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(OrbitError) as caught:
            build(small.read, ("Apply-Orbit-File", {}), orbit=tmp_path)
        assert caught.value.exit_code == 3
        with caplog.at_level(logging.WARNING):
            product = build(small.read, ("Apply-Orbit-File", {"continueOnFail": True}), orbit=tmp_path)
        assert "the annotated orbit is used" in caplog.text
        annotated = product.scene.images[0].annotation.state_vectors
        assert np.array_equal(product.orbit.position, annotated.position)
        assert product.orbit.source == "annotation"
