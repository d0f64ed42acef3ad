"""Lines and pixels: ground range polynomials and their inverse, slant range, crops, real annotation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import card_cases
import numpy as np
import pytest
from geometry_cases import EPOCH, View, ground_range_root
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.errors import SceneError
from s1card.geometry.radar_grid import GroundRange, RadarGrid, RangeTable, SlantRange, radar_grid
from s1card.scene import open_scene
from s1card.scene.records import Annotation, CoordinateConversion
from s1card.simulate.config import GrdConfig
from s1card.window import Window

# Polynomial, slant range and their root as published with SNAP's tests; the root was bisected independently.
WIDE = [
    631472.8789249088, 0.3166902223370849, 7.865149038750229e-7, -3.957704908474775e-13, -2.925522813361202e-19,
    6.3335584020426205e-25, -2.9413809749818036e-32, -1.200473077501047e-36, 1.8014886333677e-42,
    -1.0241528233671593e-48, -2.2068205749647573e-55, 6.021394462107571e-61, -2.373033835294464e-67,
]  # fmt: skip

IW = View(GrdConfig(lines=4_000, pixels=25_000))


def ground_grid(axis: GroundRange, pixels: int) -> RadarGrid:
    return RadarGrid(EPOCH, 0.0, 0.0015, 1000, pixels, axis)


def looked_up(table: RangeTable, time: float, slant: float) -> float:
    """Pixel by numpy's linear interpolation along slant range, then along time, which goes on beyond the ends."""
    place = table.near + table.step * np.arange(table.pixel.shape[1])
    assert place[0] <= slant <= place[-1]
    pixel = np.array([np.interp(slant, place, row) for row in table.pixel])
    if table.time.size == 1:
        return float(pixel[0])
    k = int(np.clip(np.searchsorted(table.time, time, side="right") - 1, 0, table.time.size - 2))
    weight = (time - table.time[k]) / (table.time[k + 1] - table.time[k])
    return float(pixel[k] + weight * (pixel[k + 1] - pixel[k]))


class TestPublishedPolynomial:
    AXIS = GroundRange(40.0, 0.0, np.zeros(1), np.array([WIDE]), np.zeros(1))
    SLANT = 970530.4563706246

    def test_inverse_is_the_exact_root(self) -> None:
        table = ground_grid(self.AXIS, 13_638).range_table()
        ground = looked_up(table, 0.0, self.SLANT) * 40.0
        assert ground == pytest.approx(545516.6122435, abs=3e-4)
        # SNAP stops bisecting 6 mm away.
        assert abs(ground - 545516.6183853149) > 5e-3

    def test_forward(self) -> None:
        pixel = np.array([545516.6122435 / 40.0])
        slant = ground_grid(self.AXIS, 13_638).slant_range(np.zeros(1), pixel)
        assert slant[0] == pytest.approx(self.SLANT, abs=1e-6)


class TestGroundRange:
    AXIS = GroundRange(
        spacing=10.0,
        first=200.0,
        time=np.array([0.0, 2.0]),
        coefficients=np.array([[800_000.0, 0.5, 1e-7], [800_004.0, 0.5, 1e-7]]),
        origin=np.array([0.0, 100.0]),
    )

    def test_by_hand(self) -> None:
        """Pixel 30 lies at 500 m: 800250.025 m by the first record, 800204.016 m by the second."""
        grid = ground_grid(self.AXIS, 3000)
        times = np.array([0.0, 0.5, 2.0, 3.0, -2.0])
        expected = [800_250.025, 800_238.52275, 800_204.016, 800_181.0115, 800_296.034]
        np.testing.assert_allclose(grid.slant_range(times, np.array(30.0)), expected, rtol=0, atol=1e-6)
        assert grid.slant_range(times[:, None], np.arange(4.0)).shape == (5, 4)

    @settings(deadline=None)
    @given(st.floats(0.0, 2.0), st.floats(-300.0, 3300.0))
    def test_table_is_the_inverse(self, time: float, pixel: float) -> None:
        grid = ground_grid(self.AXIS, 3000)
        slant = grid.slant_range(np.array(time), np.array(pixel))
        assert looked_up(grid.range_table(), time, float(slant)) == pytest.approx(pixel, abs=1e-4)

    def test_table_reaches_beyond_the_image(self) -> None:
        table = ground_grid(self.AXIS, 3000).range_table()
        assert table.pixel[:, 0].max() <= -300.0
        assert table.pixel[:, -1].min() >= 3300.0
        assert np.all(np.diff(table.pixel, axis=1) > 0)


class TestSimulatedScene:
    """Full width: the polynomials of 30.4 to 46.1 degrees of incidence, eight records."""

    @settings(deadline=None)
    @given(st.floats(0.0, 3_999.0), st.floats(-100.0, 25_100.0))
    def test_round_trip_within_a_millimetre(self, line: float, pixel: float) -> None:
        time = IW.radar.azimuth_time(line)
        slant = float(IW.radar.slant_range(time, np.array(pixel)))
        error = (looked_up(self.table, float(time), slant) - pixel) * IW.radar.range_axis.spacing
        assert abs(error) < 1e-3
        axis = IW.radar.range_axis
        assert isinstance(axis, GroundRange)
        assert ground_range_root(axis, float(time), slant) == pytest.approx(pixel, abs=1e-5)

    table = IW.radar.range_table()

    def test_lines(self) -> None:
        lines = np.array([0.0, 0.25, 1234.5, 3_999.0])
        np.testing.assert_allclose(IW.radar.line(IW.radar.azimuth_time(lines)), lines, rtol=0, atol=1e-9)
        assert IW.radar.azimuth_time(0.0) == IW.radar.first_azimuth_time
        assert IW.radar.azimuth_time(3_999) == pytest.approx(IW.radar.last_azimuth_time, abs=1e-12)


class TestSlantRange:
    GRID = RadarGrid(EPOCH, 0.5, 0.002, 1500, 20_000, SlantRange(800_000.0, 2.5))

    def test_by_hand(self) -> None:
        """(900000 m - 800000 m) / 2.5 m = 40000, at any time."""
        slant = self.GRID.slant_range(np.array([0.0, 7.0]), np.array([40_000.0, 0.5]))
        np.testing.assert_allclose(slant, [900_000.0, 800_001.25], rtol=0, atol=1e-9)
        assert looked_up(self.GRID.range_table(), 3.0, 812_345.0) == pytest.approx(4938.0, abs=1e-7)

    @given(st.floats(-1000.0, 21_000.0))
    def test_table_is_the_inverse(self, pixel: float) -> None:
        slant = float(self.GRID.slant_range(np.zeros(()), np.array(pixel)))
        assert looked_up(self.GRID.range_table(), 0.0, slant) == pytest.approx(pixel, abs=1e-6)


@pytest.mark.parametrize("grid", [IW.radar, TestSlantRange.GRID, ground_grid(TestGroundRange.AXIS, 3000)])
def test_crop(grid: RadarGrid) -> None:
    window = Window(100, 700, 300, 900)
    cut = grid.crop(window)
    assert cut.shape == (300, 900)
    assert cut.window == Window(0, 0, 300, 900)
    line, pixel = np.array([0.0, 17.25, 299.0]), np.array([-3.0, 400.5, 899.0])
    time = cut.azimuth_time(line)
    np.testing.assert_allclose(time, grid.azimuth_time(line + 100), rtol=0, atol=1e-12)
    slant = cut.slant_range(time, pixel)
    np.testing.assert_allclose(slant, grid.slant_range(time, pixel + 700), rtol=0, atol=1e-8)
    table = cut.range_table()
    for t, s, p in zip(time, slant, pixel, strict=True):
        assert looked_up(table, float(t), float(s)) == pytest.approx(p, abs=1e-4)
    twice = cut.crop(Window(20, 30, 40, 50))
    once = grid.crop(Window(120, 730, 40, 50))
    assert twice.first_azimuth_time == pytest.approx(once.first_azimuth_time, abs=1e-12)
    np.testing.assert_allclose(
        twice.slant_range(time, pixel), once.slant_range(time, pixel), rtol=0, atol=1e-8
    )


class TestOfAnnotation:
    ANNOTATION = card_cases.scene().images[0].annotation

    def test_records_are_put_in_order_and_to_one_degree(self) -> None:
        start = self.ANNOTATION.first_line_time
        later = CoordinateConversion(
            start + np.timedelta64(1_500_000, "us"), 0.0, 0.0, np.zeros(1), 100.0, np.array([8e5, 0.5, 1e-7])
        )
        first = CoordinateConversion(start, 0.0, 0.0, np.zeros(1), 0.0, np.array([8e5, 0.5]))
        grid = radar_grid(replace(self.ANNOTATION, coordinate_conversions=(later, first)))
        axis = grid.range_axis
        assert isinstance(axis, GroundRange)
        assert grid.epoch == start
        assert (grid.shape, grid.line_interval) == ((16_000, 25_000), 0.0015)
        np.testing.assert_allclose(axis.time, [0.0, 1.5], rtol=0, atol=1e-9)
        assert axis.coefficients.tolist() == [[8e5, 0.5, 0.0], [8e5, 0.5, 1e-7]]
        assert axis.origin.tolist() == [0.0, 100.0]
        assert (axis.first, axis.spacing) == (0.0, 10.0)

    def test_ground_range_without_conversions_is_refused(self) -> None:
        with pytest.raises(SceneError, match="no ground range conversion") as caught:
            radar_grid(self.ANNOTATION)
        assert caught.value.subject == "S1A IW VV"

    def test_slant_range(self) -> None:
        grid = radar_grid(replace(self.ANNOTATION, is_ground_range=False))
        axis = grid.range_axis
        assert isinstance(axis, SlantRange)
        assert axis.near == pytest.approx(299_792_458.0 * 0.0053 / 2, abs=1e-9)
        assert axis.spacing == pytest.approx(299_792_458.0 / 6.4e7 / 2, abs=1e-12)

    @pytest.mark.parametrize("name", ["*GRDH*20210119T031653*", "S1B_IW_GRDH*"])
    def test_real_tie_points(self, shared: Path, name: str) -> None:
        """ESA makes its tie points with one record each, whose time is 0.09 s later than theirs."""
        annotation = real_annotation(shared, name)
        grid, ties = radar_grid(annotation), annotation.geolocation_grid
        axis = grid.range_axis
        assert isinstance(axis, GroundRange)
        tie_time = (ties.azimuth_time[:, 0] - grid.epoch) / np.timedelta64(1, "us") * 1e-6
        record = axis.time[np.abs(axis.time[:, None] - tie_time).argmin(axis=0)]
        np.testing.assert_allclose(record - tie_time, 0.09, rtol=0, atol=0.01)
        slant = grid.slant_range(record[:, None], ties.pixel.astype(float))
        np.testing.assert_allclose(slant, ties.slant_range_time * 299_792_458.0 / 2, rtol=0, atol=1e-3)

    @pytest.mark.parametrize("name", ["*20150203T043109*", "*GRDH*20210119T031653*", "S1B_IW_GRDH*"])
    def test_real_round_trip_within_a_millimetre(self, shared: Path, name: str) -> None:
        """Over hills one record differs from the next by up to 80 m of slant range."""
        grid = radar_grid(real_annotation(shared, name))
        table = grid.range_table()
        for time in np.arange(0.0, grid.last_azimuth_time, 0.37):
            for pixel in np.linspace(0.0, grid.pixels - 1.0, 7):
                slant = grid.slant_range(np.array(time), np.array(pixel))
                error = looked_up(table, float(time), float(slant)) - pixel
                assert abs(error * grid.range_axis.spacing) < 1e-3


def real_annotation(shared: Path, name: str) -> Annotation:
    return (
        open_scene(next((shared / "data" / "annotation").glob(name)), polarizations=["VV"])
        .images[0]
        .annotation
    )
