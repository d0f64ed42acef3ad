"""Kernels against scipy, against closed forms, and around samples without data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from s1card.geometry.resampling import METHODS, PIXELS_REACH, reach, resample, resample_pixels

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


def axes(count: int, step: float, first: float) -> np.ndarray:
    """Places of map pixels so many samples apart, and of one more at either end."""
    return first + step * np.arange(-1, count + 1)


def over(source: np.ndarray, line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    return resample_pixels(source, *np.meshgrid(line, pixel, indexing="ij"))


def cubic(distance: np.ndarray) -> np.ndarray:
    """Catmull-Rom: Keys (1981), a = -1/2."""
    t = np.abs(distance)
    inner = 1.0 - 2.5 * t**2 + 1.5 * t**3
    outer = 2.0 - 4.0 * t + 2.5 * t**2 - 0.5 * t**3
    return np.where(t < 1, inner, np.where(t < 2, outer, 0.0))


class TestOverPixels:
    def test_fine_pixels_take_six_points(self) -> None:
        """A kernel of fourth order gives cubics back exactly, and a wave better than that of four points."""
        line, pixel = axes(30, 0.3, 10.2), axes(40, 0.35, 12.7)
        y, x = np.meshgrid(line[1:-1], pixel[1:-1], indexing="ij")
        row, col = np.mgrid[0:40, 0:50]
        smooth = (0.01 * (row - 15.0) ** 3 - 0.2 * (col - 20.0) ** 2 + col).astype(np.float32)
        expected = 0.01 * (y - 15.0) ** 3 - 0.2 * (x - 20.0) ** 2 + x
        np.testing.assert_allclose(over(smooth, line, pixel), expected, atol=5e-4)
        wave = np.cos(2 * np.pi * row / 6.0).astype(np.float32)
        truth = np.cos(2 * np.pi * y / 6.0)
        six, four = over(wave, line, pixel), resample(wave, y, x, CUBIC)
        assert np.abs(six - truth).max() < 0.5 * np.abs(four - truth).max()

    @pytest.mark.parametrize("step", [0.8, 1.0])
    def test_pixels_no_larger_than_samples_are_interpolated(self, step: float) -> None:
        line, pixel = axes(25, step, 5.2), axes(30, step, 7.7)
        inner = np.meshgrid(line[1:-1], pixel[1:-1], indexing="ij")
        np.testing.assert_allclose(over(RANDOM, line, pixel), resample(RANDOM, *inner, CUBIC), atol=1e-5)

    @pytest.mark.parametrize(("down", "across"), [(1.0, 1.5), (1.25, 1.0), (2.0, 1.75)])
    def test_larger_pixels_draw_the_kernel_out(self, down: float, across: float) -> None:
        line, pixel = axes(12, down, 8.4), axes(15, across, 9.3)
        row, col = np.mgrid[0:40, 0:50]
        for i, y in enumerate(line[1:-1]):
            for j, x in enumerate(pixel[1:-1]):
                weights = cubic((row - y) / down) * cubic((col - x) / across)
                expected = float((weights * RANDOM).sum() / weights.sum())
                if i % 5 == 0 and j % 5 == 0:
                    got = over(RANDOM, line[i : i + 3], pixel[j : j + 3])
                    assert float(got[0, 0]) == pytest.approx(expected, rel=5e-5)

    def test_no_sample_is_left_out(self) -> None:
        """On average each counts as much as any other; points alone leave out what lies between them."""
        weight = np.zeros((2, 16))
        line, pixel = axes(20, 1.0, 4.0), axes(20, 1.9, 4.0)
        inner = np.meshgrid(line[1:-1], pixel[1:-1], indexing="ij")
        for sample in range(16):
            source = np.zeros((30, 50), np.float32)
            source[:, 12 + sample] = 1.0
            weight[:, sample] = over(source, line, pixel).sum(), resample(source, *inner, CUBIC).sum()
        mean = weight.mean(axis=1, keepdims=True)
        ours, points = np.abs(weight / mean - 1.0).max(axis=1)
        assert ours < 0.02
        assert points > 0.5

    def test_responses_stay_in_their_place(self) -> None:
        """A response of 2 samples, on pixels of 1.4 samples, however it lies to them."""
        line, pixel = axes(20, 1.0, 5.0), axes(20, 1.4, 5.0)
        inner = np.meshgrid(line[1:-1], pixel[1:-1], indexing="ij")
        errors = []
        for shift in np.arange(0.0, 7.0, 0.23):
            centre = 15.0 + shift
            response = np.sinc((np.arange(50) - centre) / 2.0) ** 2
            source = np.tile(response.astype(np.float32), (40, 1))
            found = [
                _centroid(values[10], (centre - 5.0) / 1.4)
                for values in (over(source, line, pixel), resample(source, *inner, BILINEAR))
            ]
            errors.append(np.abs(np.array(found) - (centre - 5.0) / 1.4))
        ours, bilinear = np.max(errors, axis=0)
        assert ours < 0.01
        assert bilinear > 0.03

    def test_windows_give_the_same_bits(self) -> None:
        random = np.random.default_rng(4)
        line = np.cumsum(random.uniform(0.2, 1.6, (24, 27)), axis=0)
        pixel = np.cumsum(random.uniform(0.2, 1.6, (24, 27)), axis=1)
        whole = resample_pixels(RANDOM, line, pixel)
        part = resample_pixels(RANDOM, line[5:20, 3:19], pixel[5:20, 3:19])
        assert np.array_equal(part, whole[5:18, 3:17], equal_nan=True)
        first, last = 2, 2 + PIXELS_REACH
        inside = (line[1:-1, 1:-1] >= last) & (pixel[1:-1, 1:-1] >= last)
        cut = resample_pixels(RANDOM[first:, first:], line, pixel, (first, first))
        assert inside.any()
        assert np.array_equal(cut[inside], whole[inside], equal_nan=True)

    def test_constants_holes_and_unknown_places(self) -> None:
        source = np.full((40, 50), 0.7, np.float32)
        source[20, 25] = np.nan
        line, pixel = np.meshgrid(axes(36, 1.1, -1.0), axes(40, 1.3, -1.0), indexing="ij")
        line[12, 12] = np.nan
        got = resample_pixels(source, line, pixel)
        y, x = line[1:-1, 1:-1], pixel[1:-1, 1:-1]
        known = (y >= 0) & (y <= 39) & (x >= 0) & (x <= 49)
        hole = (np.floor(y + 0.5) == 20) & (np.floor(x + 0.5) == 25)
        assert hole.any()
        assert np.array_equal(np.isfinite(got), known & ~hole)
        np.testing.assert_allclose(got[np.isfinite(got)], 0.7, rtol=1e-6)


def _centroid(values: np.ndarray, start: float) -> float:
    """Centre of a response under a Gaussian window that is centred on the result."""
    place, index = start, np.arange(values.size)
    for _ in range(50):
        weight = values * np.exp(-((index - place) ** 2) / (2 * 2.5**2))
        place = float((weight * index).sum() / weight.sum())
    return place
