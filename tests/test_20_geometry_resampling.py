"""Kernels against scipy, against closed forms, and around samples without data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from s1card.geometry.resampling import METHODS, reach, resample

NEAREST, BILINEAR, CUBIC = METHODS["NEAREST_NEIGHBOUR"], METHODS["BILINEAR_INTERPOLATION"], 4
BISINC = [METHODS[f"BISINC_{n}_POINT_INTERPOLATION"] for n in (5, 11, 21)]
ALL = (NEAREST, BILINEAR, CUBIC, *BISINC)
RANDOM = np.random.default_rng(1).gamma(4.0, 0.25, (40, 50)).astype(np.float32)


def at(source: np.ndarray, points: list[tuple[float, float]], taps: int) -> list[float]:
    line, pixel = np.array(points, np.float64).T
    return [float(v) for v in resample(source, line[None], pixel[None], taps)[0]]


def places(count: int, margin: float, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Random positions at least ``margin`` away from the outer samples."""
    random = np.random.default_rng(seed)
    rows, cols = RANDOM.shape
    line = random.uniform(margin, rows - 1 - margin, (10, count))
    return line, random.uniform(margin, cols - 1 - margin, (10, count))


def test_nearest_rounds_half_up() -> None:
    source = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert at(source, [(0.49, 0.5), (0.5, 1.49), (-0.5, -0.5), (1.49, 2.49)], NEAREST) == [1.0, 4.0, 0.0, 5.0]
    assert np.isnan(at(source, [(1.5, 0.0), (0.0, 2.5), (-0.51, 0.0)], NEAREST)).all()


def test_bilinear_is_scipys() -> None:
    line, pixel = places(200, 0.0)
    expected = map_coordinates(RANDOM, [line, pixel], order=1, mode="nearest")
    np.testing.assert_allclose(resample(RANDOM, line, pixel, BILINEAR), expected, rtol=2e-6)


def test_bilinear_by_hand() -> None:
    source = np.array([[1.0, 3.0], [5.0, 15.0]], np.float32)
    assert at(source, [(0.25, 0.5), (0.0, 0.5), (1.0, 1.0)], BILINEAR) == [4.0, 2.0, 15.0]


def test_cubic_is_catmull_rom() -> None:
    def tensor(y: float, x: float) -> float:
        r, c = int(y), int(x)
        columns = [_hermite(RANDOM[r + k, c - 1 : c + 3].astype(float), x - c) for k in range(-1, 3)]
        return _hermite(np.array(columns), y - r)

    line, pixel = places(20, 1.0)
    expected = np.vectorize(tensor)(line, pixel)
    np.testing.assert_allclose(resample(RANDOM, line, pixel, CUBIC), expected, rtol=1e-6)
    assert METHODS["BICUBIC_INTERPOLATION"] == METHODS["CUBIC_CONVOLUTION"] == CUBIC


def _hermite(samples: np.ndarray, t: float) -> float:
    """Cubic Hermite spline between samples 1 and 2 with central differences as slopes."""
    a, b, c, d = samples
    h00, h10 = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
    h01, h11 = -2 * t**3 + 3 * t**2, t**3 - t**2
    return h00 * b + h10 * (c - a) / 2 + h01 * c + h11 * (d - b) / 2


@pytest.mark.parametrize("taps", BISINC)
def test_bisinc_is_the_windowed_sinc(taps: int) -> None:
    half = taps // 2

    def weights(fraction: float) -> np.ndarray:
        d = np.arange(-half, half + 1) - fraction
        hann = 0.5 * (1 + np.cos(2 * np.pi * d / (taps - 1)))
        w = np.where(np.abs(d) <= half, np.sinc(d) * hann, 0.0)
        return w / w.sum()

    def tensor(y: float, x: float) -> float:
        r, c = int(y), int(x)
        part = RANDOM[r - half : r + half + 1, c - half : c + half + 1].astype(float)
        return float(weights(y - r) @ part @ weights(x - c))

    line, pixel = places(10, half + 1.0)
    expected = np.vectorize(tensor)(line, pixel)
    np.testing.assert_allclose(resample(RANDOM, line, pixel, taps), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("taps", "error"), [(BILINEAR, 0.2995), (CUBIC, 0.0757), (5, 0.1947), (11, 0.0035), (21, 0.0004)]
)
def test_waves_are_kept(taps: int, error: float) -> None:
    """A wave of 5 lines and 6 pixels. The worst is halfway between samples: for short kernels a closed form.

    Bilinear 1 - cos(36 deg) cos(30 deg); cubic and BISINC_5 from their weights (-1, 9, 9, -1) / 16 and
    (-0.03033, 0.53033, 0.53033, -0.03033).
    """
    row, col = np.mgrid[0:40, 0:50]
    wave = (np.cos(2 * np.pi * row / 5.0) * np.cos(2 * np.pi * col / 6.0)).astype(np.float32)
    line, pixel = places(200, 11.0)
    truth = np.cos(2 * np.pi * line / 5.0) * np.cos(2 * np.pi * pixel / 6.0)
    worst = np.abs(resample(wave, line, pixel, taps) - truth).max()
    assert error / 2 < worst < error


@given(st.floats(0.0, 39.0), st.floats(0.0, 49.0), st.sampled_from(ALL))
@settings(max_examples=150, deadline=None)
def test_constants_and_samples_are_kept(y: float, x: float, taps: int) -> None:
    flat = np.full((40, 50), 0.7, np.float32)
    assert at(flat, [(y, x)], taps) == [pytest.approx(0.7, rel=1e-6)]
    row, col = int(y), int(x)
    assert at(RANDOM, [(row, col)], taps) == [pytest.approx(float(RANDOM[row, col]), rel=1e-5)]


@given(st.floats(12.0, 25.0), st.floats(12.0, 35.0), st.sampled_from(ALL), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_only_samples_within_reach_matter(y: float, x: float, taps: int, cut: int) -> None:
    """The window that the geocoder reads is enough: a crop gives the same bits as the whole."""
    n = reach(taps)
    r, c = int(y) - n - (cut > 5), int(x) - n - cut % 2
    part = np.ascontiguousarray(RANDOM[r : int(y) + n + 2, c : int(x) + n + 2])
    assert at(part, [(y - r, x - c)], taps) == pytest.approx(at(RANDOM, [(y, x)], taps), rel=3e-7)


class TestNoData:
    def hole(self) -> np.ndarray:
        source = np.full((30, 30), 2.0, np.float32)
        source[15, 15] = np.nan
        return source

    @pytest.mark.parametrize("taps", ALL)
    def test_holes_neither_grow_nor_shrink(self, taps: int) -> None:
        """A result is there exactly where the nearest sample is, and nodata does not bleed into it."""
        line, pixel = np.meshgrid(np.arange(12.0, 18.0, 0.125), np.arange(12.0, 18.0, 0.125), indexing="ij")
        got = resample(self.hole(), line, pixel, taps)
        rounded = np.floor(line + 0.5), np.floor(pixel + 0.5)
        missing = (rounded[0] == 15) & (rounded[1] == 15)
        assert np.array_equal(np.isnan(got), missing)
        np.testing.assert_allclose(got[~missing], 2.0, rtol=1e-6)

    def test_weights_of_the_valid_samples(self) -> None:
        source = np.array([[1.0, np.nan], [3.0, 5.0]], np.float32)
        weights = np.array([0.75 * 0.75, 0.25 * 0.75, 0.25 * 0.25])
        expected = float(weights @ [1.0, 3.0, 5.0] / weights.sum())
        assert at(source, [(0.25, 0.25)], BILINEAR) == [pytest.approx(expected, rel=1e-6)]

    @pytest.mark.parametrize("taps", ALL[1:])
    def test_rim_of_the_image(self, taps: int) -> None:
        """The last line and pixel are used, nothing beyond their centres."""
        inside = at(RANDOM, [(39.0, 49.0), (0.0, 0.0), (38.999, 0.5), (0.0, 48.7)], taps)
        assert np.isfinite(inside).all()
        assert inside[:2] == pytest.approx([float(RANDOM[39, 49]), float(RANDOM[0, 0])], rel=1e-5)
        outside = [(39.01, 3.0), (-0.01, 3.0), (3.0, 49.01), (3.0, -0.01), (np.nan, 3.0), (3.0, np.nan)]
        assert np.isnan(at(RANDOM, outside, taps)).all()

    @pytest.mark.parametrize("taps", ALL[1:])
    def test_single_lines_hold_no_area(self, taps: int) -> None:
        assert np.isnan(at(RANDOM[:1], [(0.0, 3.5)], taps)).all()
