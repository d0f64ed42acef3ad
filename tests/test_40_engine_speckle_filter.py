"""Speckle-Filter: published values, hand-made windows, what the filters promise of speckle, SNAP's output."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import Small, apply, chain, product_of, samples, small
from memory_cases import complex_product, noise, product, whole
from scipy.integrate import quad
from scipy.stats import beta, gamma
from snap_cases import case_of
from test_40_engine_snap import decibels

from s1card.engine.native import cell_statistic, speckle_filter
from s1card.engine.native.cell_statistic import CellStatistic
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.lee_sigma import sigma_range
from s1card.engine.native.speckle_filter import BRIGHT_SHARE, _bright
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import GraphError
from s1card.window import Window

__all__ = ["small"]

COUNTED = np.arange(1.0, 17.0, dtype=np.float32).reshape(4, 4)
MEANS = "3.5 4 5 5.5  5.5 6 7 7.5  9.5 10 11 11.5  11.5 12 13 13.5"
FILTERS: tuple[dict[str, Any], ...] = (
    {"filter": "Boxcar", "filterSizeX": 5, "filterSizeY": 3},
    {"filter": "Median", "filterSizeX": 5, "filterSizeY": 5},
    {"filter": "Frost", "filterSizeX": 5, "filterSizeY": 5},
    {"filter": "Lee", "filterSizeX": 7, "filterSizeY": 7, "enl": 4},
    {"filter": "Gamma Map", "filterSizeX": 7, "filterSizeY": 7, "enl": 4},
    {"filter": "Refined Lee"},
    {"filter": "Lee Sigma", "numLooksStr": 4, "windowSize": "9x9"},
    {"filter": "Lee Sigma", "numLooksStr": 1, "windowSize": "5x5", "targetWindowSizeStr": "5x5"},
)


def filtered(values: np.ndarray, unit: str = "intensity", **parameters: Any) -> np.ndarray:
    return samples(apply("Speckle-Filter", product(values, unit), **parameters), "it")


def matrix(text: str, rows: int) -> np.ndarray:
    return np.array(text.split(), float).reshape(rows, -1)


def speckle(looks: int, shape: tuple[int, int], seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).gamma(looks, 1.0 / looks, shape).astype(np.float32)


class TestPublishedValues:
    """Values that the toolbox's own tests hold."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Mean", MEANS),
            ("Boxcar", MEANS),
            ("Lee", MEANS),
            ("Gamma Map", MEANS),
            ("Median", "5 5 6 7  6 6 7 8  10 10 11 12  13 13 14 15"),
            (
                "Frost",
                """2.8108406 3.7109244 4.8278255 5.3469553  5.4066334 6 7 7.5449896
                9.473422 10 11 11.517614  11.532819 12.026602 13.022581 13.539467""",
            ),
            ("None", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"),
        ],
    )
    def test_of_counted_samples(self, name: str, expected: str) -> None:
        got = filtered(COUNTED, "amplitude", filter=name)
        np.testing.assert_allclose(got, matrix(expected, 4), atol=1e-5)

    def test_refined_lee(self) -> None:
        values = matrix(
            """99 105 124 138 128 34 62  105 91 140 98 114 63 31  107 94 128 138 96 61 82
            137 129 136 105 100 55 85  144 145 113 132 119 39 50  102 97 102 110 103 34 53
            107 146 115 123 101 76 56""",
            7,
        )
        expected = """
            117.125 115.6 108.98584 115.59759 111.30918 67.772064 77.42791
            120.4 115.62569 107.23333 99.06635 102.80414 83.69684 79.332756
            117.458336 115.96667 106.94328 122.64238 95.61863 80.35871 83.98103
            118.21429 118.61355 108.13215 115.28595 97.82989 76.00735 85.19781
            118.5 116.052475 105.69444 118.22289 103.49728 76.28018 81.13954
            120.008255 114.69612 106.46667 106.02027 98.75016 78.02842 85.9
            121.4375 119.85731 107.083336 106.53835 97.693275 88.09068 83.8125"""
        got = filtered(values.astype(np.float32), "amplitude", filter="Refined Lee")
        np.testing.assert_allclose(got, matrix(expected, 7), atol=1e-4)

    @pytest.mark.parametrize(
        ("share", "low", "high", "inside"),
        [
            (0.5, 0.436, 1.920, 0.4057),
            (0.6, 0.343, 2.210, 0.4954),
            (0.7, 0.254, 2.582, 0.5911),
            (0.8, 0.168, 3.094, 0.6966),
            (0.9, 0.084, 3.941, 0.8191),
        ],
    )
    def test_ranges_of_one_look(self, share: float, low: float, high: float, inside: float) -> None:
        found = sigma_range(1, share, is_amplitude=False)
        assert (found.low, found.high) == pytest.approx((low, high), rel=6e-3)
        assert found.inside**0.5 == pytest.approx(inside, abs=5e-4)
        assert found.speckle == pytest.approx(1.0, abs=1e-9)

    def test_speckle_of_amplitudes(self) -> None:
        assert sigma_range(1, 0.9, is_amplitude=True).speckle ** 0.5 == pytest.approx(0.5227, abs=1e-4)

    @pytest.mark.parametrize("is_amplitude", [False, True])
    def test_ranges_by_counting(self, is_amplitude: bool) -> None:
        """A million samples: the share in the range, their mean and variance."""
        values = speckle(3, (1000, 1000)).astype(np.float64)
        values = np.sqrt(values) if is_amplitude else values
        values /= values.mean()
        found = sigma_range(3, 0.8, is_amplitude=is_amplitude)
        held = values[(values >= found.low) & (values <= found.high)]
        assert held.size / values.size == pytest.approx(0.8, abs=2e-3)
        assert held.mean() == pytest.approx(1.0, abs=2e-3)
        assert held.var() == pytest.approx(found.inside, rel=5e-3)
        assert values.var() == pytest.approx(found.speckle, rel=1e-2)


class TestByHand:
    def test_windows_of_even_size(self) -> None:
        """They begin half their size before the sample."""
        values = np.array([[1, 2, 4, 8, 16]], np.float32)
        got = filtered(values, filter="Boxcar", filterSizeX=4, filterSizeY=1)
        np.testing.assert_allclose(got, [[1.5, 7 / 3, 3.75, 7.5, 28 / 3]], rtol=1e-6)

    def test_rows_and_columns(self) -> None:
        values = np.arange(12, dtype=np.float32).reshape(3, 4)
        got = filtered(values, filter="Boxcar", filterSizeX=1, filterSizeY=3)
        np.testing.assert_allclose(got[1], values[1], rtol=1e-6)
        got = filtered(values, filter="Boxcar", filterSizeX=3, filterSizeY=1)
        np.testing.assert_allclose(got[:, 1:3], values[:, 1:3], rtol=1e-6)

    def test_lee(self) -> None:
        """Mean 2, variance 9: a quarter of it is speckle at one look and a ninth of that at nine looks."""
        values = np.ones((3, 3), np.float32)
        values[1, 1] = 10.0
        one = filtered(values, filter="Lee", enl=1)[1, 1]
        nine = filtered(values, filter="Lee", enl=9)[1, 1]
        assert one == pytest.approx(10 * (1 - 4 / 9) + 2 * 4 / 9)
        assert nine == pytest.approx(10 * (1 - 4 / 81) + 2 * 4 / 81)

    def test_gamma_map(self) -> None:
        values = np.array([[1, 1, 1], [1, 4, 1], [1, 1, 1]], np.float32)
        mean, rough = 12 / 9, 1.0 / (12 / 9) ** 2
        looks = 2.5
        order = (1 + 1 / looks) / (rough - 1 / looks)
        b = order - looks - 1
        expected = (b * mean + np.sqrt((b * mean) ** 2 + 4 * order * looks * mean * 4)) / (2 * order)
        assert filtered(values, filter="Gamma Map", enl=looks)[1, 1] == pytest.approx(expected, rel=1e-6)
        assert filtered(values, filter="Gamma Map", enl=1.5)[1, 1] == pytest.approx(mean, rel=1e-6)
        assert filtered(values, filter="Gamma Map", enl=4)[1, 1] == 4.0

    def test_frost_without_damping_is_the_mean(self) -> None:
        values = speckle(1, (9, 9))
        damped = {"filterSizeX": 5, "filterSizeY": 3}
        mean = filtered(values, filter="Boxcar", **damped)
        np.testing.assert_allclose(
            filtered(values, filter="Frost", dampingFactor=0, **damped), mean, rtol=1e-6
        )

    def test_median_of_large_windows(self) -> None:
        values = speckle(1, (11, 13))
        got = filtered(values, filter="Median", filterSizeX=100, filterSizeY=99)
        np.testing.assert_array_equal(got, np.full(values.shape, np.median(values)))

    def test_lee_sigma_keeps_point_targets(self) -> None:
        """A cluster of six bright samples stays as it is, one of five does not."""
        values = speckle(4, (40, 40))
        values[10:12, 10:13] = 1000.0
        values[30, 30:33], values[31, 30:32] = (1000.0, 1100.0, 1300.0), (1500.0, 1200.0)
        got = filtered(values, filter="Lee Sigma", numLooksStr=4)
        assert np.array_equal(got[10:12, 10:13], values[10:12, 10:13])
        assert np.all(got[30, 30:33] != values[30, 30:33])

    def test_refined_lee_does_not_smooth_across_an_edge(self) -> None:
        values = np.where(np.arange(30) < 15, 1.0, 20.0) * np.ones((30, 1)) * speckle(4, (30, 30))
        got = filtered(values.astype(np.float32), filter="Refined Lee")
        assert got[5:-5, 13].mean() < 1.3
        assert got[5:-5, 16].mean() > 15.0


class TestSpeckle:
    """Even ground, four looks, a quarter of a million samples. The most probable value is less than the mean."""

    VALUES = speckle(4, (512, 512))

    @pytest.mark.parametrize(
        ("parameters", "gain", "drift"),
        [
            ({"filter": "Boxcar", "filterSizeX": 5, "filterSizeY": 5}, 24.0, 0.005),
            ({"filter": "Frost", "filterSizeX": 5, "filterSizeY": 5}, 8.0, 0.005),
            ({"filter": "Lee", "filterSizeX": 5, "filterSizeY": 5, "enl": 4}, 10.0, 0.005),
            ({"filter": "Gamma Map", "filterSizeX": 5, "filterSizeY": 5, "enl": 4}, 10.0, 0.025),
            ({"filter": "Refined Lee"}, 4.0, 0.02),
            ({"filter": "Lee Sigma", "numLooksStr": 4}, 10.0, 0.005),
            ({"filter": "Lee Sigma", "numLooksStr": 4, "sigmaStr": 0.5}, 3.0, 0.02),
        ],
    )
    def test_mean_is_kept_and_looks_are_gained(
        self, parameters: dict[str, Any], gain: float, drift: float
    ) -> None:
        values = self.VALUES
        got = filtered(values, **parameters).astype(np.float64)
        assert got.mean() == pytest.approx(values.mean(dtype=np.float64), rel=drift)
        assert got.mean() ** 2 / got.var() > gain * 4

    def test_estimated_looks_are_those_of_the_image(self) -> None:
        values = self.VALUES
        known = filtered(values, filter="Lee", filterSizeX=5, filterSizeY=5, enl=4)
        for unit, given in (("intensity", values), ("amplitude", np.sqrt(values))):
            plane = apply("Speckle-Filter", product(given, unit), filter="Lee", estimateENL=True)
            assert plane.band("it").unit == unit
        found = filtered(values, filter="Lee", filterSizeX=5, filterSizeY=5, estimateENL=True, enl=99)
        assert np.std(found) == pytest.approx(np.std(known), rel=0.02)


def expected_median(looks: int, count: int) -> float:
    """Expectation of the median of an odd number of samples: an order statistic of gamma distributed ones."""
    rank = count // 2 + 1

    def part(u: float) -> float:
        return float(gamma.ppf(u, looks, scale=1.0 / looks) * beta.pdf(u, rank, count - rank + 1))

    return float(quad(part, 0.0, 1.0, epsabs=1e-9, limit=200)[0])


def expected_gamma_map(looks: int, count: int) -> float:
    """Expectation of the most probable reflectance over the mean of its window, by independent windows.

    Mean and shape of a window of gamma distributed samples are independent (Lukacs, 1955), so that the shape alone,
    which is Dirichlet distributed, says it. Any sample of a window may be that in the middle: all of them count.
    """
    windows = np.random.default_rng(11).dirichlet(np.full(count, looks), 200_000) * count
    rough, speckle_variance = windows.var(axis=1, ddof=1), 1.0 / looks
    windows = windows[(rough > speckle_variance) & (rough < 2.0 * speckle_variance)]
    rough = windows.var(axis=1, ddof=1)[:, None]
    order = (1.0 + speckle_variance) / (rough - speckle_variance)
    half = (order - looks - 1.0) / (2.0 * order)
    reflectance = half + np.sqrt(half**2 + looks * windows / order)
    return 1.0 + float((reflectance - windows).sum()) / (200_000 * count)


class TestMean:
    """What filters do to the mean of even ground is what their definitions do: neither more nor less."""

    @pytest.mark.parametrize(("looks", "within"), [(1, 2e-3), (4, 6e-4)])
    @pytest.mark.parametrize("size", [3, 5, 7])
    def test_median(self, looks: int, size: int, within: float) -> None:
        found = shift(looks, size, filter="Median")
        assert found == pytest.approx(expected_median(looks, size * size), abs=within)
        assert found < 0.94

    def test_median_of_one_look_in_closed_form(self) -> None:
        """Order statistics of exponential samples are sums of fractions."""
        assert expected_median(1, 9) == pytest.approx(1 / 9 + 1 / 8 + 1 / 7 + 1 / 6 + 1 / 5, abs=1e-6)
        assert expected_median(4, 10_001) == pytest.approx(gamma.median(4, scale=0.25), abs=1e-4)

    @pytest.mark.parametrize(("looks", "within"), [(1, 1.5e-3), (4, 4e-4)])
    @pytest.mark.parametrize("size", [3, 5, 7])
    def test_gamma_map(self, looks: int, size: int, within: float) -> None:
        found = shift(looks, size, filter="Gamma Map", enl=looks)
        assert found == pytest.approx(expected_gamma_map(looks, size * size), abs=within)
        assert found < 0.99

    @pytest.mark.parametrize("looks", [1, 4])
    @pytest.mark.parametrize("name", ["Boxcar", "Frost", "Lee"])
    def test_filters_that_keep_it(self, name: str, looks: int) -> None:
        assert shift(looks, 5, filter=name, enl=looks) == pytest.approx(1.0, abs=2e-4)


def shift(looks: int, size: int, **parameters: Any) -> float:
    """Mean of filtered speckle over the mean of the speckle, a million samples away from the edges."""
    values = speckle(looks, (1000, 1000))
    got = filtered(values, filterSizeX=size, filterSizeY=size, **parameters)
    inner = np.s_[4:-4, 4:-4]
    return float(got[inner].mean(dtype=np.float64) / values[inner].mean(dtype=np.float64))


class TestSamplesWithoutData:
    @pytest.mark.parametrize("parameters", FILTERS, ids=lambda p: p["filter"])
    def test_stay_without_and_do_not_count(self, parameters: dict[str, Any]) -> None:
        values = np.full((20, 20), 3.0, np.float32)
        values[5:9, 7:12] = np.nan
        values[:, 18:] = np.nan
        got = filtered(values, **parameters)
        np.testing.assert_allclose(got, values, rtol=1e-6)

    def test_zero_amplitudes(self) -> None:
        amplitude = np.full((8, 8), 7, np.uint16)
        amplitude[2, 3] = 0
        made = apply("Speckle-Filter", product_of({"VV": amplitude}), filter="Boxcar")
        got = samples(made, "Amplitude_VV")
        assert np.isnan(got[2, 3])
        assert np.all(got[~np.isnan(got)] == 7.0)
        band = made.band("Amplitude_VV")
        assert band.dtype == "float32"
        assert np.isnan(band.nodata)

    def test_nothing_at_all(self) -> None:
        values = np.full((6, 6), np.nan, np.float32)
        for parameters in FILTERS:
            assert np.all(np.isnan(filtered(values, estimateENL=True, **parameters)))


class TestProduct:
    def test_name_bands_and_history(self) -> None:
        values = np.ones((4, 4), np.uint16)
        source = product_of({"VV": values, "VH": values})
        made = apply("Speckle-Filter", source, sourceBands="Amplitude_VH")
        assert made.name == f"{source.name}_Spk"
        assert [band.name for band in made.bands] == ["Amplitude_VH"]
        assert made.facts == (("Speckle-Filter", "Lee Sigma, window 7x7, 1 looks"),)

    def test_complex_images_become_intensities(self) -> None:
        values = noise((12, 9))
        made = apply("Speckle-Filter", complex_product(values), filter="Boxcar")
        assert [(b.name, b.unit, b.is_virtual) for b in made.bands] == [("Intensity_VV", "intensity", False)]
        assert made.signals == ()
        assert samples(made, "Intensity_VV")[4, 4] == pytest.approx(
            (np.abs(values[3:6, 3:6]) ** 2).mean(), rel=1e-5
        )

    def test_unknown_bands_are_refused(self) -> None:
        with pytest.raises(GraphError, match="no band 'Sigma0_VV'; there are it"):
            apply("Speckle-Filter", product(COUNTED), sourceBands="Sigma0_VV")


class TestNothingDependsOnTheWindow:
    def values(self) -> np.ndarray:
        field = np.exp(np.sin(np.arange(300)[:, None] / 20.0) + np.cos(np.arange(2300) / 30.0))
        values = (field * speckle(2, (300, 2300))).astype(np.float32)
        values[100:120, 40:400] = np.nan
        return values

    @pytest.mark.parametrize("parameters", FILTERS, ids=lambda p: p["filter"])
    def test_of_reading(self, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither on the window nor on the order nor on where tiles end."""
        values = self.values()
        whole_image = filtered(values, estimateENL=True, **parameters)
        monkeypatch.setattr(speckle_filter, "Tiling", partial(Tiling, rows=61, cols=500))
        one = apply("Speckle-Filter", product(values), estimateENL=True, **parameters)
        for window in reversed(list(whole(values).tiles(97, 311))):
            got = samples(one, "it", window)
            assert got.tobytes() == whole_image[window.slices_in(whole(values))].tobytes()


class TestCells:
    def test_numbers_are_interpolated_between_centres(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cell_statistic, "CELL", 4)
        values = np.zeros((4, 12), np.float32)
        values[:, 4:8], values[:, 8:] = 8.0, np.nan
        cells = CellStatistic(values.shape, lambda w: values[w.slices_in(whole(values))], lambda v: v.mean())
        got = cells.evaluate(Window(0, 0, 1, 12))[0]
        np.testing.assert_allclose(got, [0, 0, 1, 3, 5, 7, 8, 8, 8, 8, np.nan, np.nan])

    def test_share_of_bright_samples(self) -> None:
        values = np.random.default_rng(1).permutation(np.arange(1.0, 1001.0, dtype=np.float32))
        assert _bright(values) == 1000 * BRIGHT_SHARE
        assert _bright(values[:1]) == values[0]


@pytest.mark.parametrize("name", ["Lee Sigma", "Lee"])
def test_files_depend_on_neither_blocks_nor_threads(small: Small, tmp_path: Path, name: str) -> None:
    found = set()
    for threads, block in ((1, 512), (2, 512), (2, 1024)):
        target = tmp_path / f"{threads}-{block}.tif"
        graph = chain(
            small.read,
            ("Calibration", {}),
            ("Speckle-Filter", {"filter": name, "estimateENL": True, "numLooksStr": 4}),
            small.terrain_correction(),
            ("Write", {"file": target, "formatName": "GeoTIFF-BigTIFF"}),
        )
        NativeEngine(Surroundings(orbit="none", threads=threads, block=block)).run(graph)
        found.add(target.read_bytes())
    assert len(found) == 1


class TestSnap:
    def test_refined_lee(self, shared: Path) -> None:
        case = case_of(shared, "sf_refined_lee")
        ours = case.product().band("Sigma0_VV").read(case.window)
        difference = np.abs(decibels(ours, case.snap("Sigma0_VV")))
        assert np.median(difference) <= 1e-4
        assert np.percentile(difference, 99) <= 2e-3

    def test_lee_sigma(self, shared: Path) -> None:
        """SNAP finds the bright samples tile by tile, we around each sample: point targets differ, no more."""
        case = case_of(shared, "sf_lee_sigma")
        product = case.product()
        ours, theirs = product.band("Sigma0_VV").read(case.window), case.snap("Sigma0_VV")
        difference = np.abs(decibels(ours, theirs))
        assert np.median(difference) <= 2e-2
        assert np.mean(difference > 0.3) <= 0.02
        assert np.nanmean(ours) == pytest.approx(np.nanmean(theirs), rel=2e-3)
