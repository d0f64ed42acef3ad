"""Multilook: published values, hand-made blocks, SNAP's output, and geometry that does not move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import Small, apply, build, map_product, node, product_of, samples, small
from memory_cases import complex_product, noise, product, ties_of, whole
from snap_cases import case_of
from test_40_engine_snap import decibels

from s1card.engine.native import multilook
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.multilook import looked_grid
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Band, Looks, Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import GroundRange, RadarGrid, SlantRange
from s1card.geometry.tops import SubSwath
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

__all__ = ["small"]

PLAIN = {"grSquarePixel": False}


class TestPublishedValues:
    """An amplitude band of 4 x 16, spacings 0.5 and 2 m in slant range at 30 degrees: square at 4 x 2 looks."""

    @pytest.fixture
    def source(self) -> Product:
        source = product(np.arange(1.0, 65.0, dtype=np.float32).reshape(4, 16), "amplitude")
        image = source.scene.images[0]
        spaced = replace(image.annotation, range_pixel_spacing=0.5, azimuth_pixel_spacing=2.0)
        return replace(source, scene=replace(source.scene, images=(replace(image, annotation=spaced),)))

    def test_amplitude_is_the_root_of_the_mean_power(self, source: Product) -> None:
        expected = [
            [13.247642, 16.598192, 20.186628, 23.906067],
            [43.260838, 47.196400, 51.141960, 55.095370],
        ]
        looked = apply("Multilook", source, nRgLooks=4)
        np.testing.assert_allclose(samples(looked, "it"), expected, atol=1e-5)

    def test_what_is_known_of_it(self, source: Product) -> None:
        looked = apply("Multilook", source, nRgLooks=4)
        assert looked.looks == Looks(2, 4)
        assert looked.ground_spacing == pytest.approx((4.0, 4.0))
        assert looked.radar_grid.line_interval == 2 * source.radar_grid.line_interval
        half_line = source.radar_grid.line_interval / 2
        assert looked.radar_grid.first_azimuth_time == pytest.approx(half_line, abs=1e-15)
        assert looked.name == f"{source.name}_ML"
        assert dict(looked.facts)["Multilook"] == "4 samples in range, 2 lines in azimuth"
        assert dict(looked.measures) == {"looks_range": 4, "looks_azimuth": 2}

    def test_looks_of_looks(self, source: Product) -> None:
        again = apply("Multilook", apply("Multilook", source, nRgLooks=4), nRgLooks=2, nAzLooks=1, **PLAIN)
        assert again.looks == Looks(2, 8)
        assert dict(again.measures) == {"looks_range": 8, "looks_azimuth": 2}
        assert again.ground_spacing == pytest.approx((4.0, 8.0))

    @pytest.mark.parametrize(("pixels", "lines"), [(1, 1), (5, 3), (6, 3), (8, 4)])
    def test_lines_of_a_square(self, source: Product, pixels: int, lines: int) -> None:
        """Half a line is rounded up; where one line is too long already, the number of pixels stays."""
        assert apply("Multilook", source, nRgLooks=pixels, nAzLooks=9).looks == Looks(lines, pixels)


class TestMeans:
    VALUES = np.array([[1, 2, 3, 10], [5, np.nan, 7, 30], [1, 1, 1, 1]], np.float32)

    def test_of_intensity(self) -> None:
        looked = apply("Multilook", product(self.VALUES), nRgLooks=2, nAzLooks=2, **PLAIN)
        np.testing.assert_allclose(samples(looked, "it"), [[8 / 3, 12.5]], rtol=1e-7)
        band = looked.band("it")
        assert (band.unit, band.dtype, band.polarization) == ("intensity", "float32", "VV")
        assert np.isnan(band.nodata)

    def test_left_over_samples_are_dropped(self) -> None:
        looked = apply("Multilook", product(self.VALUES), nRgLooks=3, nAzLooks=1, **PLAIN)
        assert looked.shape == (3, 1)
        np.testing.assert_allclose(samples(looked, "it"), [[2.0], [6.0], [1.0]], rtol=1e-7)

    def test_blocks_without_data(self) -> None:
        values = np.full((2, 4), np.nan, np.float32)
        values[1, 3] = 5.0
        looked = apply("Multilook", product(values), nRgLooks=2, nAzLooks=2, **PLAIN)
        np.testing.assert_array_equal(samples(looked, "it"), np.array([[np.nan, 5.0]], np.float32))

    @pytest.mark.parametrize(("unit", "factor"), [("intensity_db", 10.0), ("amplitude_db", 5.0)])
    def test_decibels_are_averaged_as_power(self, unit: str, factor: float) -> None:
        power = np.array([[1.0, 100.0], [10.0, np.nan]])
        values = (factor * np.log10(power)).astype(np.float32)
        looked = apply("Multilook", product(values, unit), nRgLooks=2, nAzLooks=2, **PLAIN)
        assert samples(looked, "it")[0, 0] == pytest.approx(factor * np.log10(37.0), abs=1e-5)

    @pytest.mark.parametrize("unit", ["coherence", "phase", "deg", "meters"])
    def test_all_else_is_averaged_as_it_is(self, unit: str) -> None:
        values = np.array([[0.25, -0.5], [0.0, 1.0]], np.float32)
        looked = apply("Multilook", product(values, unit), nRgLooks=2, nAzLooks=2, **PLAIN)
        assert samples(looked, "it")[0, 0] == 0.1875

    def test_zero_amplitude_is_no_data_and_zero_intensity_is(self) -> None:
        values = np.array([[0, 3], [4, 0]], np.uint16)
        amplitude = apply("Multilook", product(values, "amplitude", 0), nRgLooks=2, nAzLooks=2, **PLAIN)
        assert samples(amplitude, "it")[0, 0] == pytest.approx(np.sqrt(12.5))
        intensity = product(values.astype(np.float32), "intensity")
        looked = apply("Multilook", intensity, nRgLooks=2, nAzLooks=2, **PLAIN)
        assert samples(looked, "it")[0, 0] == 1.75

    def test_amplitude_and_its_virtual_intensity_agree(self) -> None:
        values = np.random.default_rng(2).integers(0, 500, (12, 12)).astype(np.uint16)
        source = product_of({"VV": values})
        power = Band("Intensity_VV", "intensity", lambda w: _power(values[w.slices_in(whole(values))]), "VV")
        source = replace(
            source, bands=(*source.bands, replace(power, is_virtual=True)), ties=ties_of((12, 12))
        )
        looked = apply("Multilook", source, nRgLooks=3, nAzLooks=4, **PLAIN)
        assert [band.is_virtual for band in looked.bands] == [False, True]
        np.testing.assert_allclose(
            samples(looked, "Amplitude_VV") ** 2, samples(looked, "Intensity_VV"), rtol=1e-6
        )

    def test_only_named_bands(self) -> None:
        source = product_of({"VV": np.ones((4, 4), np.uint16), "VH": np.ones((4, 4), np.uint16)})
        source = replace(source, ties=ties_of((4, 4)))
        looked = apply("Multilook", source, sourceBands="Amplitude_VH", nRgLooks=2, nAzLooks=2, **PLAIN)
        assert [band.name for band in looked.bands] == ["Amplitude_VH"]


class TestComplexImages:
    def test_mean_of_complex_samples(self) -> None:
        values, valid = noise((6, 8)), np.random.default_rng(3).random((6, 8)) < 0.7
        valid[:3, :4] = False
        source = complex_product(values, valid)
        looked = apply("Multilook", source, nRgLooks=4, nAzLooks=3, **PLAIN)
        got = samples(looked, "i_VV") + 1j * samples(looked, "q_VV")
        blocks = np.where(valid, values, 0).reshape(2, 3, 2, 4).sum((1, 3))
        count = valid.reshape(2, 3, 2, 4).sum((1, 3))
        assert count[0, 0] == 0
        np.testing.assert_allclose(got, blocks / np.maximum(count, 1), atol=1e-6)
        assert np.array_equal(looked.signals[0].valid(Window(0, 0, 2, 2)), count > 0)
        power = samples(looked, "Intensity_VV")
        assert np.isnan(power[0, 0])
        np.testing.assert_allclose(power.ravel()[1:], np.abs(got.ravel()[1:]) ** 2, rtol=1e-5)

    def test_detected(self) -> None:
        values = noise((4, 6))
        looked = apply(
            "Multilook", complex_product(values), nRgLooks=3, nAzLooks=2, outputIntensity=True, **PLAIN
        )
        assert [(b.name, b.unit, b.is_virtual) for b in looked.bands] == [
            ("Intensity_VV", "intensity", False)
        ]
        assert looked.signals == ()
        mean = (np.abs(values) ** 2).reshape(2, 2, 2, 3).mean((1, 3))
        np.testing.assert_allclose(samples(looked, "Intensity_VV"), mean, rtol=1e-6)

    def test_phase_is_that_of_the_mean(self) -> None:
        """Phases around half a turn do not cancel."""
        values = np.exp(1j * np.array([[3.1, -3.1], [-3.0, 3.0]]))
        source = complex_product(values, interferogram=True)
        for parameters in ({}, {"sourceBands": "Phase_VV"}):
            looked = apply("Multilook", source, nRgLooks=2, nAzLooks=2, **PLAIN, **parameters)
            assert abs(samples(looked, "Phase_VV")[0, 0]) == pytest.approx(np.pi, abs=1e-6)
            names = [band.name for band in looked.real_bands()]
            assert names == (["Phase_VV"] if parameters else ["i_VV", "q_VV"])

    def test_named_bands(self) -> None:
        source = complex_product(noise((4, 4)))
        both = apply("Multilook", source, sourceBands="i_VV,q_VV", nRgLooks=2, nAzLooks=2, **PLAIN)
        assert [band.name for band in both.real_bands()] == ["i_VV", "q_VV"]
        power = apply("Multilook", source, sourceBands="Intensity_VV", nRgLooks=2, nAzLooks=2, **PLAIN)
        assert [band.name for band in power.real_bands()] == ["Intensity_VV"]
        with pytest.raises(GraphError, match=r"only one part of the complex image VV.*i_VV and q_VV"):
            apply("Multilook", source, sourceBands="i_VV", nRgLooks=2, nAzLooks=2, **PLAIN)


class TestGrid:
    def test_samples_lie_in_the_middle_of_their_blocks(self) -> None:
        time, slope = np.array([-1.0, 1.0]), np.array([[8e5, 0.6, 1e-7], [8e5, 0.61, 1e-7]])
        axes = SlantRange(8e5, 2.3), GroundRange(10.0, 50.0, time, slope, np.zeros(2))
        for axis in axes:
            grid = RadarGrid(np.datetime64("2021-01-01", "us"), 0.3, 0.002, 31, 50, axis)
            looked = looked_grid(grid, Looks(3, 4))
            assert looked.shape == (10, 12)
            line, pixel = np.array([0.0, 9.0]), np.array([0.0, 11.0])
            middle_line, middle_pixel = line * 3 + 1.0, pixel * 4 + 1.5
            np.testing.assert_allclose(
                looked.azimuth_time(line), grid.azimuth_time(middle_line), rtol=0, atol=1e-12
            )
            np.testing.assert_allclose(
                looked.slant_range(looked.azimuth_time(line), pixel),
                grid.slant_range(grid.azimuth_time(middle_line), middle_pixel),
                rtol=0,
                atol=1e-6,
            )

    def test_tie_points_and_valid_samples(self) -> None:
        source = product(np.ones((60, 80), np.float32), valid=Window(4, 9, 50, 60))
        looked = apply("Multilook", source, nRgLooks=4, nAzLooks=3, **PLAIN)
        line, pixel = np.array([0.0, 7.0, 19.0]), np.array([0.0, 11.0, 19.0])
        there = source.tie_grid.position(line * 3 + 1, pixel * 4 + 1.5)
        np.testing.assert_allclose(looked.tie_grid.position(line, pixel), there, rtol=0, atol=1e-12)
        assert looked.valid == Window(2, 3, 16, 14)  # lines 6..53, pixels 12..67

    def test_order_of_work(self) -> None:
        source = product(np.ones((60, 80), np.float32), order=lambda w: float(w.row + 1000 * w.rows))
        looked = apply("Multilook", source, nRgLooks=4, nAzLooks=3, **PLAIN)
        assert looked.order is not None
        assert looked.order(Window(5, 0, 2, 1)) == 15 + 6000


class TestRefusals:
    def test_map(self) -> None:
        grid = MapGrid("EPSG:32632", 5e5, 5e6, 10, 10, 4, 4)
        with pytest.raises(GraphError, match=r"needs radar geometry"):
            apply("Multilook", map_product(np.ones((4, 4), np.float32), grid), **PLAIN)

    def test_bursts(self) -> None:
        bursts = SubSwath.__new__(SubSwath)
        stack = product(np.ones((4, 4), np.float32), bursts=bursts)
        with pytest.raises(GraphError, match=r"Multilook needs one image.*Place TOPSAR-Deburst before it"):
            apply("Multilook", stack, **PLAIN)

    def test_too_many_looks(self) -> None:
        source = product(np.ones((4, 4), np.float32))
        with pytest.raises(GraphError, match=r"blocks of 5 lines x 1 samples leave nothing of 4 x 4"):
            apply("Multilook", source, nAzLooks=5, **PLAIN)

    @pytest.mark.parametrize("operator", ["Calibration", "ThermalNoiseRemoval", "Remove-GRD-Border-Noise"])
    def test_look_up_tables_need_the_samples_of_the_scene(self, small: Small, operator: str) -> None:
        with pytest.raises(GraphError, match=r"its source is multilooked.*before Multilook"):
            build(small.read, ("Multilook", {"nRgLooks": 2}), (operator, {}))

    def test_normalisation_needs_them_too(self, small: Small) -> None:
        steps = ("Multilook", {"nRgLooks": 2}), small.terrain_correction(applyRadiometricNormalization=True)
        with pytest.raises(GraphError, match=r"its source is multilooked.*before Multilook"):
            build(small.read, *steps)


def test_window_and_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise((101, 203))
    source = complex_product(values, np.abs(values) > 0.2)
    source = replace(source, bands=(*source.bands, product(np.abs(values).astype(np.float32)).bands[0]))
    expected = {}
    for part in (1 << 20, 97, 1):
        monkeypatch.setattr(multilook, "PART", part)
        looked = apply("Multilook", source, nRgLooks=4, nAzLooks=3, **PLAIN)
        for name in ("i_VV", "q_VV", "it"):
            got = samples(looked, name)
            assert got.tobytes() == expected.setdefault(name, got.tobytes())
            for window in (Window(0, 0, 1, 1), Window(3, 7, 20, 13), Window(32, 49, 1, 1)):
                there = window.slices_in(looked.grid.window)
                assert samples(looked, name, window).tobytes() == got[there].tobytes()


def test_snap(shared: Path) -> None:
    case = case_of(shared, "multilook_4x3")
    looked = case.product()
    assert list(looked.shape) == case.meta["size"]
    ours, theirs = looked.band("Sigma0_VV").read(case.window), case.snap("Sigma0_VV")
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    difference = np.abs(decibels(ours, theirs))
    assert np.percentile(difference, [50, 99]).max() < 5e-5
    assert np.mean(difference > 1e-3) < 0.01  # where SNAP takes samples without data for zeros


class TestPlace:
    """Bands that tell line and pixel: their means, geocoded, are what they are without multilook."""

    @pytest.mark.parametrize(("pixels", "lines"), [(2, 2), (3, 5)])
    def test_on_the_map(self, small: Small, pixels: int, lines: int) -> None:
        source = _telling_place(build(small.read))
        looked = apply("Multilook", source, nRgLooks=pixels, nAzLooks=lines, **PLAIN)
        _, there = small.terrain_correction(pixelSpacingInMeter=20, alignToStandardGrid=True)
        plain, mean = (_terrain_corrected(p, there) for p in (source, looked))
        assert isinstance(plain.grid, MapGrid) and isinstance(mean.grid, MapGrid)
        col, row = (
            round((mean.grid.left - plain.grid.left) / 20),
            round((plain.grid.top - mean.grid.top) / 20),
        )
        both = plain.grid.window.intersection(mean.grid.window.moved(row, col))
        for name in ("line", "pixel"):
            difference = samples(plain, name, both) - samples(mean, name, both.moved(-row, -col))
            assert np.isfinite(difference).mean() > 0.6  # the image lies aslant on the map
            assert np.nanmax(np.abs(difference)) < 2e-3  # of a sample of 10 m

    def test_spacing_of_the_map_follows(self, small: Small) -> None:
        looked = build(small.read, ("Multilook", {"nRgLooks": 3, "nAzLooks": 2, **PLAIN}))
        _, there = small.terrain_correction(pixelSpacingInMeter=0)
        grid = _terrain_corrected(looked, there).grid
        assert isinstance(grid, MapGrid)
        assert grid.spacing_x == pytest.approx(30.0)


def _telling_place(source: Product) -> Product:
    def line(window: Window) -> np.ndarray:
        return np.add.outer(np.arange(window.row, window.row_end), np.zeros(window.cols)).astype(np.float32)

    def pixel(window: Window) -> np.ndarray:
        return np.add.outer(np.zeros(window.rows), np.arange(window.col, window.col_end)).astype(np.float32)

    return replace(source, bands=(Band("line", "", line), Band("pixel", "", pixel)))


def _terrain_corrected(source: Product, parameters: dict[str, Any]) -> Product:
    values = resolve_parameters(node("it", "Terrain-Correction", "", **parameters))
    return OPERATORS["Terrain-Correction"]([source], values, Context(Surroundings()))


def _power(amplitude: np.ndarray) -> np.ndarray:
    power = amplitude.astype(np.float32) ** 2
    power[amplitude == 0] = np.nan
    return power
