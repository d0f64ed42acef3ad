"""GoldsteinPhaseFiltering: fringes of known phase in noise, the definition written out, patches that never move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import apply, samples
from interferogram_cases import Pair, complex_samples, pair
from memory_cases import complex_product, noise, product

from s1card.engine.native import goldstein_filter
from s1card.engine.native.goldstein_filter import Goldstein
from s1card.engine.native.product import Product
from s1card.engine.native.slc import with_signals
from s1card.errors import GraphError
from s1card.window import Window

__all__ = ["pair"]

SHAPE = (300, 420)


def fringes(shape: tuple[int, int], per_line: float, per_pixel: float) -> np.ndarray:
    """Phase (rad) of plane fringes, cycles per line and pixel."""
    line, pixel = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.asarray(2 * np.pi * (per_line * line + per_pixel * pixel))


def interferogram(phase: np.ndarray, coherence: float, seed: int = 1) -> np.ndarray:
    """One look of two images of that coherence."""
    first = noise(phase.shape, seed)
    second = coherence * first + np.sqrt(1 - coherence**2) * noise(phase.shape, seed + 100)
    return np.asarray(first * np.conj(second) * np.exp(1j * phase))


def filtered(values: np.ndarray, goldstein: Goldstein, window: Window | None = None) -> np.ndarray:
    window = window or Window(0, 0, *values.shape)
    around = goldstein.reach(window, values.shape)
    part = values[around.slices_in(Window(0, 0, *values.shape))]
    return goldstein.filter(part, around, window, values.shape)


def errors(values: np.ndarray, phase: np.ndarray) -> np.ndarray:
    return np.angle(values * np.exp(-1j * phase))


class TestFringes:
    @pytest.mark.parametrize("rate", [(0.0, 0.0), (0.0137, 0.031), (-0.008, 0.003), (0.1, -0.07)])
    @pytest.mark.parametrize(("coherence", "least"), [(0.4, 2.0), (0.7, 6.0), (0.95, 3.5)])
    def test_noise_falls_without_bias(
        self, rate: tuple[float, float], coherence: float, least: float
    ) -> None:
        phase = fringes(SHAPE, *rate)
        values = interferogram(phase, coherence)
        before = errors(values, phase).std()
        spread = [errors(filtered(values, Goldstein(a, 64, 3)), phase).std() for a in (0.2, 0.5, 1.0)]
        assert before > spread[0] > spread[1]
        assert before / spread[2] > least
        result = filtered(values, Goldstein(1.0, 64, 3))
        mean = np.angle((result / np.abs(result) * np.exp(-1j * phase)).mean())
        assert abs(mean) < 0.02

    @pytest.mark.parametrize("size", [32, 64, 128, 256])
    @pytest.mark.parametrize("smoothing", [3, 5, 7])
    def test_all_sizes(self, size: int, smoothing: int) -> None:
        phase = fringes(SHAPE, 0.013, -0.021)
        values = interferogram(phase, 0.6)
        result = filtered(values, Goldstein(1.0, size, smoothing))
        assert errors(result, phase).std() < 0.6 * errors(values, phase).std()

    def test_as_good_at_the_edges(self) -> None:
        """What would not be filled is filled too: the last patch ends with the image."""
        phase = fringes(SHAPE, 0.0, 0.0)
        result = errors(filtered(interferogram(phase, 0.7), Goldstein(1.0, 64, 3)), phase)
        for edge in (result[:16], result[-16:], result[:, :16], result[:, -16:]):
            assert edge.std() < 0.3

    def test_bright_targets_do_not_hinder(self) -> None:
        phase = fringes(SHAPE, 0.01, 0.02)
        values = interferogram(phase, 0.7)
        random = np.random.default_rng(4)
        at = random.integers(0, SHAPE[0], 12), random.integers(0, SHAPE[1], 12)
        bright = values.copy()
        bright[at] *= 1e4
        plain, disturbed = (errors(filtered(v, Goldstein(1.0, 64, 3)), phase) for v in (values, bright))
        assert disturbed.std() < 0.5 * errors(values, phase).std()
        assert plain.std() < disturbed.std()

    def test_nearly_no_filter_is_none(self) -> None:
        values = interferogram(fringes(SHAPE, 0.01, 0.02), 0.5)
        result = filtered(values, Goldstein(1e-12, 64, 3))
        np.testing.assert_allclose(result, values, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("shape", [(40, 50), (64, 64), (65, 200), (1, 7)])
    def test_small_images(self, shape: tuple[int, int]) -> None:
        """A pure fringe stays one, however small the image is; its scale is that of a patch that it fills."""
        phase = fringes(shape, 2 / 64, -3 / 64)
        result = filtered(np.exp(1j * phase), Goldstein(0.5, 64, 3))
        assert np.abs(errors(result, phase)).max() < (1e-9 if min(shape) >= 64 else 0.8)
        assert np.abs(errors(filtered(np.exp(1j * phase), Goldstein(1e-12, 64, 3)), phase)).max() < 1e-9


class TestDefinition:
    def test_written_out(self) -> None:
        """Every patch, every frequency and every weight with a loop of its own."""
        values, goldstein = interferogram(fringes((70, 45), 0.02, 0.05), 0.6), Goldstein(0.7, 32, 5)
        total, weights = np.zeros(values.shape, complex), np.zeros(values.shape)
        triangle = 1 - np.abs(np.arange(32) - 15.5) / 16
        for row in (0, 8, 16, 24, 32, 38):
            for col in (0, 8, 13):
                there = slice(row, row + 32), slice(col, col + 32)
                spectrum = np.fft.fft2(values[there])
                gain = np.empty((32, 32))
                for i in range(32):
                    for j in range(32):
                        around = spectrum[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
                        gain[i, j] = np.abs(around).mean() / np.abs(spectrum).mean()
                total[there] += np.fft.ifft2(spectrum * gain**0.7) * np.outer(triangle, triangle)
                weights[there] += np.outer(triangle, triangle)
        np.testing.assert_allclose(filtered(values, goldstein), total / weights, rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize(
        ("length", "starts"),
        [(20, [0]), (32, [0]), (33, [0, 1]), (40, [0, 8]), (45, [0, 8, 13]), (70, [0, 8, 16, 24, 32, 38])],
    )
    def test_patches(self, length: int, starts: list[int]) -> None:
        assert Goldstein(1.0, 32, 3).starts(length).tolist() == starts

    @pytest.mark.parametrize("window", [Window(0, 0, 1, 1), Window(50, 77, 40, 30), Window(290, 400, 10, 20)])
    def test_window_does_not_matter(self, window: Window) -> None:
        values, goldstein = interferogram(fringes(SHAPE, 0.01, 0.02), 0.5), Goldstein(1.0, 64, 3)
        whole = filtered(values, goldstein)[window.slices_in(Window(0, 0, *SHAPE))]
        np.testing.assert_allclose(filtered(values, goldstein, window), whole, rtol=1e-13)

    def test_batches_do_not_matter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values, goldstein = interferogram(fringes(SHAPE, 0.01, 0.02), 0.5), Goldstein(1.0, 32, 3)
        whole = filtered(values, goldstein).tobytes()
        for batch in (1, 5 * 32 * 32):
            monkeypatch.setattr(goldstein_filter, "BATCH", batch)
            assert filtered(values, goldstein).tobytes() == whole


def with_coherence(source: Product, coherence: np.ndarray) -> Product:
    band = replace(product(coherence.astype(np.float32), "coherence").bands[0], name="coh_VV")
    return replace(source, bands=(*source.bands, band))


class TestOperator:
    def test_filters_interferograms(self) -> None:
        phase = fringes(SHAPE, 0.01, 0.02)
        values = interferogram(phase, 0.6)
        valid = np.ones(SHAPE, bool)
        valid[:30], valid[100:180, 100:200] = False, False
        values[~valid] = 0
        source = with_coherence(complex_product(values, valid, interferogram=True), np.ones(SHAPE))
        result = apply("GoldsteinPhaseFiltering", source, FFTSizeString=32, windowSizeString=5, alpha=0.8)
        assert [b.name for b in result.bands] == ["i_VV", "q_VV", "Intensity_VV", "Phase_VV", "coh_VV"]
        assert result.name == f"{source.name}_Flt"
        facts = dict(result.facts)
        assert facts["GoldsteinPhaseFiltering"] == "alpha 0.8, patches of 32, smoothed by 5"
        got = complex_samples(result)
        assert np.array_equal(np.isfinite(got), valid)
        expected = filtered(values, Goldstein(0.8, 32, 5))
        np.testing.assert_allclose(got[valid], expected[valid], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(samples(result, "Phase_VV")[valid], np.angle(expected)[valid], atol=1e-3)

    def test_nothing_but_nodata(self) -> None:
        source = complex_product(np.zeros((80, 80), complex), np.zeros((80, 80), bool), interferogram=True)
        result = apply("GoldsteinPhaseFiltering", source)
        assert np.isnan(complex_samples(result)).all()

    def test_low_coherence_stays_as_it_is(self) -> None:
        values = interferogram(fringes(SHAPE, 0.01, 0.02), 0.6)
        coherence = np.random.default_rng(5).random(SHAPE)
        coherence[0, :9] = np.nan
        source = with_coherence(complex_product(values, interferogram=True), coherence)
        masked = apply("GoldsteinPhaseFiltering", source, useCoherenceMask=True, coherenceThreshold=0.4)
        plain = apply("GoldsteinPhaseFiltering", source)
        low = coherence < 0.4
        np.testing.assert_allclose(complex_samples(masked)[low], values[low], rtol=1e-6)
        assert np.array_equal(complex_samples(masked)[~low], complex_samples(plain)[~low])
        assert dict(masked.facts)["GoldsteinPhaseFiltering"].endswith("where coherence is at least 0.4")

    def test_its_own_coherence_decides(self) -> None:
        values = interferogram(fringes((64, 64), 0.01, 0.02), 0.6)
        source = complex_product(values, interferogram=True)
        dates = "12Jun2021_18Jun2021"
        named = with_signals(source, [replace(source.signals[0], name=f"ifg_VV_{dates}")])
        other, own = (with_coherence(source, np.full((64, 64), v)).bands[-1] for v in (0.0, 1.0))
        bands = (
            replace(other, name=f"coh_VH_{dates}", polarization="VH"),
            replace(own, name=f"coh_VV_{dates}"),
        )
        named = replace(named, bands=(*named.bands, *bands))
        result = apply("GoldsteinPhaseFiltering", named, useCoherenceMask=True)
        assert not np.allclose(complex_samples(result), values)

    def test_refusals(self) -> None:
        with pytest.raises(GraphError, match=r"needs an interferogram.*Place Interferogram before it"):
            apply("GoldsteinPhaseFiltering", complex_product(noise((8, 8))))
        source = complex_product(noise((8, 8)), interferogram=True)
        with pytest.raises(GraphError, match=r"needs a band of coherence.*includeCoherence"):
            apply("GoldsteinPhaseFiltering", source, useCoherenceMask=True)

    def test_window_does_not_matter(self) -> None:
        values = interferogram(fringes((300, 1500), 0.01, 0.02), 0.6)
        whole = apply("GoldsteinPhaseFiltering", complex_product(values, interferogram=True))
        expected = samples(whole, "i_VV")
        for window in (Window(250, 1000, 40, 60), Window(7, 3, 1, 1)):
            part = apply("GoldsteinPhaseFiltering", complex_product(values, interferogram=True))
            there = np.ascontiguousarray(expected[window.slices_in(whole.grid.window)])
            assert samples(part, "i_VV", window).tobytes() == there.tobytes()


class TestBursts:
    OPTIONS = ("Interferogram", {"subtractTopographicPhase": True, "cohWinAz": 3, "squarePixel": False})
    FILTER = ("GoldsteinPhaseFiltering", {"FFTSizeString": 32})

    def test_bursts_do_not_mix(self, pair: Pair) -> None:
        source, result = pair.product(self.OPTIONS), pair.product(self.OPTIONS, self.FILTER)
        assert source.bursts is not None
        values, got = complex_samples(source), complex_samples(result)
        assert np.array_equal(np.isnan(values), np.isnan(got))
        for index in range(2):
            rows = slice(index * source.bursts.lines_per_burst, (index + 1) * source.bursts.lines_per_burst)
            alone = filtered(np.nan_to_num(values[rows]), Goldstein(1.0, 32, 3))
            there = np.isfinite(got[rows])
            scale = np.abs(alone[there]).mean()
            np.testing.assert_allclose(got[rows][there] / scale, alone[there] / scale, atol=1e-5, rtol=1e-4)

    def test_phase_of_a_pair_without_geometry_is_zero(self, pair: Pair) -> None:
        """Both dates have seen the same ground: less noise around zero, before and after joining the bursts."""
        deburst = ("TOPSAR-Deburst", {})
        unfiltered = complex_samples(pair.product(self.OPTIONS, deburst))
        for steps in ((self.FILTER, deburst), (deburst, self.FILTER)):
            result = complex_samples(pair.product(self.OPTIONS, *steps))
            there = np.isfinite(result) & (np.abs(unfiltered) > 0)
            assert np.abs(np.angle(result[there])).mean() < 0.7 * np.abs(np.angle(unfiltered[there])).mean()
