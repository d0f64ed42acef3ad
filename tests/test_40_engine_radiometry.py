"""Thermal noise, calibration and decibels, against values computed by hand and published ones."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from engine_cases import (
    apply,
    azimuth_vector,
    calibration_of,
    map_product,
    noise_of,
    noise_vector,
    product_of,
    samples,
)

from s1card.engine.native.calibration import calibration_table
from s1card.engine.native.luts import interpolate_linear
from s1card.engine.native.subset import crop
from s1card.engine.native.thermal_noise_removal import noise_field
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.scene.records import SwathBounds
from s1card.window import Window

FLOOR = np.float32(1e-5)


class TestNoiseTables:
    """Numbers of S1A 2018-08-15 15:48:15, IW1 VV, published with another implementation."""

    @pytest.mark.parametrize(
        ("nodes", "values", "line", "expected"),
        [
            ([0, 10], [1.169806, 1.165006], 0, 1.1698060035705566),
            ([0, 10], [1.169806, 1.165006], 1, 1.1693260073661804),
            ([0, 10], [1.169806, 1.165006], 9, 1.1654860377311707),
            ([350, 360], [1.046592, 1.044360], 355, 1.0454760193824768),
            ([1773, 1783], [1.067256, 1.064512], 1780, 1.065335202217102),
            ([1783, 1793], [1.064512, 1.061775], 1789, 1.0628697872161865),
            ([2120, 2160], [435.3350, 434.0292], 2140, 434.6820983886719),
            ([2120, 2160], [435.3350, 434.0292], 2149, 434.38829650878904),
            ([2120, 2160], [430.8632, 429.5716], 2140, 430.21739196777344),
        ],
    )
    def test_linear_between_nodes(
        self, nodes: list[int], values: list[float], line: int, expected: float
    ) -> None:
        table = interpolate_linear(np.array(nodes), np.array(values, np.float32), line + 1)
        assert table[line] == pytest.approx(expected, rel=6e-8)

    @pytest.mark.parametrize(
        ("burst", "rows", "corners"),
        [
            (0, (0, 9), (508.49372833971574, 508.1500371367685, 506.61591652368406, 506.27349453482145)),
            (1, (1780, 1789), (458.3257322693022, 458.0161362946692, 457.26506785749007, 456.9561883545915)),
        ],
    )
    def test_product_of_azimuth_and_range(
        self, burst: int, rows: tuple[int, int], corners: tuple[float, ...]
    ) -> None:
        """One range vector for each burst of 1,503 lines, as the published values have it."""
        pixel = [0, 40, 2120, 2160, 10000, 10040]
        ranges = [
            noise_vector(751, pixel, [553.4255, 550.0337, 435.3350, 434.0292, 343.5680, 343.2108]),
            noise_vector(2254, pixel, [548.1295, 544.7658, 430.8632, 429.5716, 339.9029, 339.5352]),
        ]
        lines = [0, 10, 350, 360, 1773, 1783, 1793]
        factors = [1.169806, 1.165006, 1.046592, 1.044360, 1.067256, 1.064512, 1.061775]
        first = 1503 * burst
        block = azimuth_vector((first, first + 1502, 0, 10039), lines, factors)
        image = product_of({"VV": np.ones((3006, 10040), np.uint16)}, noise=noise_of(ranges, [block])).scene
        window = Window(rows[0], 2140, 10, 10)
        tile = noise_field(image.images[0]).evaluate(window)
        got = (tile[0, 0], tile[0, 9], tile[9, 0], tile[9, 9])
        assert got == pytest.approx(corners, rel=2e-7)

    def test_azimuth_factor_extrapolates(self) -> None:
        """The toolbox's own synthetic case: intensities 0, 1, 2 less noise at line 148 of the image."""
        value = [0.5717662, 0.5684432, 0.5651545, 0.5618995]
        lines = [-148, 0, 148, 296, 444, 592]
        noise = noise_of(
            [noise_vector(line, [0, 3, 6, 9], value) for line in lines],
            [azimuth_vector((0, 5951, 0, 20512), [0, 3, 6, 9], [1.170246, 1.165498, 1.160769, 1.156195])],
        )
        whole = product_of({"VV": np.zeros((600, 10), np.uint16)}, noise=noise)
        field = noise_field(whole.scene.images[0])
        row = field.evaluate(Window(148, 0, 1, 3))[0]
        assert row[0] / np.float32(value[0]) == pytest.approx(0.944266, abs=5e-6)  # float32 table
        # i = q = 0, 1, 2: the intensity is 0, 2, 8; zero stays zero.
        assert 2.0 - row[1] == pytest.approx(1.4611448, abs=1e-4)
        assert 8.0 - row[2] == pytest.approx(7.4621906, abs=1e-4)


class TestNoiseBlocks:
    RANGES = (noise_vector(0, [0, 9], [1.0, 10.0]), noise_vector(10, [0, 9], [3.0, 30.0]))

    def field(
        self, blocks: list[tuple[int, int, int, int]], bounds: tuple[SwathBounds, ...] = ()
    ) -> np.ndarray:
        azimuths = [azimuth_vector(area, [area[0]], [2.0]) for area in blocks]
        product = product_of(
            {"VV": np.ones((11, 10), np.uint16)}, noise=noise_of(list(self.RANGES), azimuths), bounds=bounds
        )
        return noise_field(product.scene.images[0]).evaluate(Window(0, 0, 11, 10))

    def test_linear_in_line_and_pixel(self) -> None:
        noise = self.field([(0, 10, 0, 9)])
        line, pixel = np.mgrid[0:11, 0:10]
        np.testing.assert_allclose(noise, 2 * (1 + pixel) * (1 + line / 5), rtol=1e-6)

    def test_no_noise_outside_blocks(self) -> None:
        noise = self.field([(2, 4, 3, 5)])
        inside = np.zeros_like(noise, bool)
        inside[2:5, 3:6] = True
        assert (noise[~inside] == 0).all()
        assert (noise[inside] > 0).all()

    def test_block_of_one_row_or_column_is_not_skipped(self) -> None:
        assert (self.field([(3, 3, 0, 9)])[3] > 0).all()
        assert (self.field([(0, 10, 4, 4)])[:, 4] > 0).all()

    def test_block_without_vector_takes_the_nearest(self) -> None:
        across = np.tile(1 + np.arange(10), (3, 1))
        np.testing.assert_allclose(self.field([(1, 3, 0, 9)])[1:4], 2 * across, rtol=1e-6)
        np.testing.assert_allclose(self.field([(7, 9, 0, 9)])[7:10], 6 * across, rtol=1e-6)

    def test_nearest_within_the_span_of_its_subswath(self) -> None:
        span = SwathBounds("IW1", np.datetime64("2021-01-19", "us"), 5, 10, 0, 9)
        noise = self.field([(1, 3, 0, 9)], (span,))
        np.testing.assert_allclose(noise[2], 6 * (1 + np.arange(10)), rtol=1e-6)

    def test_window_does_not_change_values(self) -> None:
        product = product_of(
            {"VV": np.ones((11, 10), np.uint16)},
            noise=noise_of(list(self.RANGES), [azimuth_vector((0, 10, 0, 9), [0, 7], [1.0, 3.0])]),
        )
        field = noise_field(product.scene.images[0])
        whole = field.evaluate(Window(0, 0, 11, 10))
        for part in Window(0, 0, 11, 10).tiles(3, 4):
            assert np.array_equal(field.evaluate(part), whole[part.slices_in(Window(0, 0, 11, 10))])


AMPLITUDE = np.array([[0, 3, 4], [5, 6, 20]], np.uint16)
FLAT_NOISE = noise_of([noise_vector(0, [0, 10], [16.0, 16.0])])


class TestThermalNoiseRemoval:
    def test_subtracts_power_and_clips(self) -> None:
        product = apply("ThermalNoiseRemoval", product_of({"VV": AMPLITUDE}, noise=FLAT_NOISE))
        expected = [[np.nan, FLOOR, 0.0], [9.0, 20.0, 384.0]]
        np.testing.assert_array_equal(samples(product, "Intensity_VV"), np.array(expected, np.float32))
        assert [band.name for band in product.bands] == ["Intensity_VV"]
        assert product.name.endswith("_NR")

    def test_negative_power_is_kept_on_demand(self) -> None:
        source = product_of({"VV": AMPLITUDE}, noise=FLAT_NOISE)
        product = apply("ThermalNoiseRemoval", source, clipNegativeValues=False)
        assert samples(product, "Intensity_VV")[0, 1] == -7.0

    def test_offset_of_a_subset(self) -> None:
        noise = noise_of([noise_vector(0, [0, 2], [0.0, 2.0]), noise_vector(1, [0, 2], [10.0, 12.0])])
        whole = product_of({"VV": np.full((2, 3), 10, np.uint16)}, noise=noise)
        part = apply("ThermalNoiseRemoval", crop(whole, Window(1, 1, 1, 2)))
        np.testing.assert_allclose(samples(part, "Intensity_VV"), [[89.0, 88.0]], rtol=1e-6)

    def test_noise_bands_in_decibels(self) -> None:
        source = product_of({"VH": AMPLITUDE, "VV": AMPLITUDE}, noise=FLAT_NOISE)
        product = apply("ThermalNoiseRemoval", source, outputNoise=True)
        assert [b.name for b in product.bands] == ["Intensity_VH", "Intensity_VV", "NEP_VH", "NEP_VV"]
        assert samples(product, "NEP_VV")[0, 0] == pytest.approx(10 * np.log10(16.0), rel=1e-6)

    def test_selected_polarisations(self) -> None:
        source = product_of({"VH": AMPLITUDE, "VV": AMPLITUDE}, noise=FLAT_NOISE)
        product = apply("ThermalNoiseRemoval", source, selectedPolarisations="VV")
        assert [band.name for band in product.bands] == ["Intensity_VV"]
        with pytest.raises(GraphError, match="names HH, but the scene has VH, VV"):
            apply("ThermalNoiseRemoval", source, selectedPolarisations="HH")

    def test_after_calibration_as_before_it(self) -> None:
        calibration = calibration_of([0, 4], [0, 2], [[10.0, 12.0], [14.0, 16.0]])
        source = product_of({"VV": AMPLITUDE}, noise=FLAT_NOISE, calibration=calibration)
        before = apply("Calibration", apply("ThermalNoiseRemoval", source, clipNegativeValues=False))
        after = apply("ThermalNoiseRemoval", apply("Calibration", source), clipNegativeValues=False)
        np.testing.assert_allclose(samples(after, "Sigma0_VV"), samples(before, "Sigma0_VV"), atol=1e-7)
        noise = apply("ThermalNoiseRemoval", apply("Calibration", source), outputNoise=True)
        assert samples(noise, "NESZ_VV")[0, 0] == pytest.approx(10 * np.log10(0.16), rel=1e-5)

    def test_only_once_and_back(self) -> None:
        source = product_of({"VV": AMPLITUDE}, noise=FLAT_NOISE)
        removed = apply("ThermalNoiseRemoval", source, clipNegativeValues=False)
        with pytest.raises(GraphError, match="has been removed"):
            apply("ThermalNoiseRemoval", removed)
        with pytest.raises(GraphError, match="is still in"):
            apply("ThermalNoiseRemoval", source, reIntroduceThermalNoise=True)
        back = apply("ThermalNoiseRemoval", removed, reIntroduceThermalNoise=True)
        np.testing.assert_allclose(samples(back, "Intensity_VV")[1], [25.0, 36.0, 400.0])
        with pytest.raises(GraphError, match="has been removed"):
            apply("ThermalNoiseRemoval", product_of({"VV": AMPLITUDE}, denoised=True))

    def test_told_nothing(self) -> None:
        with pytest.raises(GraphError, match="neither to remove noise nor to add it"):
            apply("ThermalNoiseRemoval", product_of({"VV": AMPLITUDE}), removeThermalNoise=False)

    def test_placeholder_noise_of_old_scenes(self, caplog: pytest.LogCaptureFixture) -> None:
        """IPF 2.36 annotates zeros: nothing is removed, and it is told."""
        with caplog.at_level(logging.WARNING):
            product = apply("ThermalNoiseRemoval", product_of({"VV": AMPLITUDE}, ipf=(2, 36)))
        assert "annotated as zero, nothing is removed" in caplog.text
        expected = [[np.nan, 9.0, 16.0], [25.0, 36.0, 400.0]]
        np.testing.assert_array_equal(samples(product, "Intensity_VV"), expected)


class TestCalibration:
    LUT = calibration_of([-2, 2, 6], [0, 2], [[10.0, 14.0], [20.0, 28.0], [10.0, 14.0]], dn=2.0)

    def test_bilinear_table(self) -> None:
        table = calibration_table(self.LUT, "Sigma0", 4).evaluate(Window(0, 0, 9, 4))
        line_factor = np.array(
            [1.5, 1.75, 2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5]
        )  # goes on straight after line 6
        pixel = np.array([10.0, 12.0, 14.0, 16.0])
        np.testing.assert_allclose(table, line_factor[:, None] * pixel, rtol=1e-6)

    def test_quantities(self) -> None:
        source = product_of({"VV": np.full((3, 3), 30, np.uint16)}, calibration=self.LUT)
        product = apply("Calibration", source, outputGammaBand=True, outputBetaBand=True)
        assert [band.name for band in product.bands] == ["Sigma0_VV", "Gamma0_VV", "Beta0_VV"]
        assert samples(product, "Sigma0_VV")[2, 0] == pytest.approx(900 / 20.0**2)
        assert samples(product, "Beta0_VV")[2, 0] == pytest.approx(900 / 40.0**2)
        assert samples(product, "Gamma0_VV")[2, 2] == pytest.approx(900 / (4 * 28.0) ** 2)

    def test_sigma_if_nothing_is_wanted(self) -> None:
        product = apply("Calibration", product_of({"VV": AMPLITUDE}), outputSigmaBand=False)
        assert [band.name for band in product.bands] == ["Sigma0_VV"]

    def test_order_of_bands(self) -> None:
        source = product_of({"VH": AMPLITUDE, "VV": AMPLITUDE})
        product = apply("Calibration", source, outputBetaBand=True)
        assert [b.name for b in product.bands] == ["Sigma0_VH", "Beta0_VH", "Sigma0_VV", "Beta0_VV"]

    def test_intensity_gives_the_same_as_amplitude(self) -> None:
        source = product_of({"VV": AMPLITUDE})
        intensity = apply("ThermalNoiseRemoval", source)
        expected = samples(apply("Calibration", source), "Sigma0_VV")
        np.testing.assert_array_equal(samples(apply("Calibration", intensity), "Sigma0_VV"), expected)
        assert np.isnan(expected[0, 0])  # digital number 0 is no data

    def test_twice_and_foreign_files_are_refused(self) -> None:
        calibrated = apply("Calibration", product_of({"VV": AMPLITUDE}))
        with pytest.raises(GraphError, match="calibrated already"):
            apply("Calibration", calibrated)
        with pytest.raises(GraphError, match="externalAuxFile"):
            apply("Calibration", product_of({"VV": AMPLITUDE}), externalAuxFile="cal.xml")

    def test_missing_band(self) -> None:
        with pytest.raises(GraphError, match="no band 'Amplitude_HH'; there are Amplitude_VV"):
            apply("Calibration", product_of({"VV": AMPLITUDE}), sourceBands="Amplitude_HH")


class TestDecibels:
    GRID = MapGrid("EPSG:32633", 0.0, 0.0, 10.0, 10.0, 1, 4)

    def test_there_and_back(self) -> None:
        linear = map_product(np.array([[1.0, 0.01, 200.0, 0.5]], np.float32), self.GRID)
        decibels = apply("LinearToFromdB", linear)
        band = decibels.band("Sigma0_VV_db")
        assert band.unit == "intensity_db"
        np.testing.assert_allclose(samples(decibels, band.name), [[0.0, -20.0, 23.0103, -3.0103]], atol=1e-5)
        back = apply("LinearToFromdB", decibels)
        assert back.band("Sigma0_VV").unit == "intensity"
        np.testing.assert_allclose(samples(back, "Sigma0_VV"), samples(linear, "Sigma0_VV"), rtol=1e-6)

    def test_no_decibels_of_nothing(self) -> None:
        """SNAP writes -1e-30 here, which reads as 0 dB."""
        values = np.array([[0.0, -1.0, np.nan, 1e-31]], np.float32)
        got = samples(apply("LinearToFromdB", map_product(values, self.GRID)), "Sigma0_VV_db")
        assert np.isnan(got[0, :3]).all()
        assert got[0, 3] == pytest.approx(-310.0, abs=1e-3)

    def test_amplitude(self) -> None:
        source = product_of({"VV": np.array([[0, 100]], np.uint16)})
        got = samples(apply("LinearToFromdB", source), "Amplitude_VV_db")
        assert np.isnan(got[0, 0])
        assert got[0, 1] == 20.0

    def test_named_bands_only(self) -> None:
        source = product_of({"VH": AMPLITUDE, "VV": AMPLITUDE})
        product = apply("LinearToFromdB", source, sourceBands="Amplitude_VV")
        assert [band.name for band in product.bands] == ["Amplitude_VV_db"]
