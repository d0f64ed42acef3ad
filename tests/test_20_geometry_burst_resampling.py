"""Resampling of a TOPS burst against signals that are known everywhere: sums of complex exponentials with a carrier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1card.geometry.burst_resampling import (
    deramp_samples,
    needed_window,
    places,
    resample_burst,
)
from s1card.geometry.coregistration import FINE_LINE_STEP, FINE_PIXEL_STEP, Placement
from s1card.geometry.interpolation_kernel import interpolation_kernel
from s1card.geometry.patch_kernels import kernel_weights
from s1card.geometry.phasor import phasor
from s1card.geometry.resampling import METHODS
from s1card.geometry.tops import Carrier
from s1card.window import Window

LINES, PIXELS = 120, 300
BURST = Window(0, 0, LINES, PIXELS)
INTERVAL = 2.0555563e-3
INNER = Window(24, 37, 61, 203)

Response = Callable[[np.ndarray], np.ndarray]


def carrier_of(kt: float = 1700.0, fdc: float = 20.0) -> Carrier:
    """A carrier as real ones are: rate and centroid change over range by some percent in 20,000 samples."""
    ramp = np.arange(PIXELS) / 20_000
    return Carrier(INTERVAL, kt * (1.0 - 0.05 * ramp), 0.06 + 0.002 * ramp, fdc * (1.0 + ramp))


@dataclass(frozen=True)
class Signal:
    """Band-limited samples that are known at any place: exponentials within the given bandwidths (cycles a sample)."""

    carrier: Carrier
    bandwidth: tuple[float, float] = (0.66, 0.88)
    waves: int = 12

    def at(
        self,
        line: np.ndarray,
        pixel: np.ndarray,
        *,
        with_carrier: bool = True,
        response: Response = lambda frequency: np.ones(frequency.shape[0]),
    ) -> np.ndarray:
        random = np.random.default_rng(3)
        f = random.uniform(-0.5, 0.5, (self.waves, 2)) * self.bandwidth
        amplitude = 100.0 * np.exp(2j * np.pi * random.uniform(0, 1, self.waves)) * response(f)
        turns = f[:, 0, None, None] * line + f[:, 1, None, None] * pixel
        values = (amplitude[:, None, None] * np.exp(2j * np.pi * turns)).sum(axis=0)
        return values * np.exp(-1j * self.carrier.phase(line, pixel)) if with_carrier else values

    def samples(self) -> np.ndarray:
        """One polarization of the whole burst, float32: 1 x lines x pixels x 2."""
        values = self.at(*(a.astype(float) for a in np.indices((LINES, PIXELS))))
        return np.stack([values.real, values.imag], axis=-1).astype(np.float32)[None]


def placement_of(line: np.ndarray, pixel: np.ndarray) -> Placement:
    """A placement of the whole burst from shifts at all nodes, one more on each side."""
    nothing = np.zeros(line.shape)
    return Placement(-1, -1, nothing, line, pixel, nothing, nothing)


def nodes() -> tuple[np.ndarray, np.ndarray]:
    """Lines and pixels of the nodes."""
    row = (np.arange(LINES // FINE_LINE_STEP + 4) - 1) * FINE_LINE_STEP
    col = (np.arange(PIXELS // FINE_PIXEL_STEP + 4) - 1) * FINE_PIXEL_STEP
    return np.meshgrid(row.astype(float), col.astype(float), indexing="ij")


def resampled(
    signal: Signal, placement: Placement, method: str, window: Window = INNER, **options: bool
) -> np.ndarray:
    kernel = interpolation_kernel(method)
    part = needed_window(placement, window, kernel, BURST)
    samples = np.ascontiguousarray(signal.samples()[(slice(None), *part.slices_in(BURST))])
    turns = np.zeros(placement.height.shape)
    made = resample_burst(samples, part, BURST, signal.carrier, placement, window, kernel, turns, **options)
    assert made.is_inside.all()
    return np.asarray(made.signal[0])


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """Root of the mean square, relative."""
    return float(np.sqrt(np.mean(np.abs(found - expected) ** 2) / np.mean(np.abs(expected) ** 2)))


@given(st.lists(st.floats(-3e4, 3e4), min_size=1, max_size=40))
def test_phasor(cycles: list[float]) -> None:
    turns = np.array(cycles)
    cosine, sine = np.empty(turns.size, np.float32), np.empty(turns.size, np.float32)
    phasor(turns, cosine, sine)
    np.testing.assert_allclose(cosine + 1j * sine, np.exp(2j * np.pi * (turns - np.round(turns))), atol=3e-7)


def test_deramped_samples() -> None:
    signal = Signal(carrier_of())
    found = deramp_samples(signal.samples()[0], signal.carrier, BURST)
    line, pixel = (a.astype(float) for a in np.indices((LINES, PIXELS)))
    expected = signal.at(line, pixel, with_carrier=False)
    assert error(found[..., 0] + 1j * found[..., 1], expected) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_at_the_samples_themselves_nothing_changes(method: str) -> None:
    signal = Signal(carrier_of())
    line, _ = nodes()
    placement = placement_of(np.full(line.shape, 3.0), np.full(line.shape, -2.0))
    expected = signal.at(*(a + s for a, s in zip(_places(INNER), (3.0, -2.0), strict=True)))
    assert error(resampled(signal, placement, method), expected) < 2e-5


def response_at(method: str, line: float, pixel: float) -> Response:
    """What a kernel makes of a wave (cycles a sample in line and pixel) at fractions of a sample."""
    kernel = interpolation_kernel(method)
    taps = kernel.first + np.arange(kernel.taps)

    def along(frequency: np.ndarray, fraction: float) -> np.ndarray:
        weights = kernel.weights(fraction)
        turns = frequency[:, None] * (taps - fraction)
        return np.asarray((weights * np.exp(2j * np.pi * turns)).sum(axis=1))

    return lambda frequency: along(frequency[:, 0], line) * along(frequency[:, 1], pixel)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fraction", [(0.5, 0.5), (0.125, 0.75)])
def test_between_the_samples(method: str, fraction: tuple[float, float]) -> None:
    """Every wave comes out by the frequency response of the kernel: carrier, taps and fractions are right."""
    signal = Signal(carrier_of())
    line, _ = nodes()
    shifts = fraction[0] + 2.0, fraction[1] - 5.0
    placement = placement_of(*(np.full(line.shape, shift) for shift in shifts))
    at = [a + s for a, s in zip(_places(INNER), shifts, strict=True)]
    expected = signal.at(*at, response=response_at(method, *fraction))
    assert error(resampled(signal, placement, method), expected) < 1e-5


@pytest.mark.parametrize("method", [name for name, taps in METHODS.items() if taps >= 4])
def test_weights_are_those_of_the_kernel(method: str) -> None:
    kernel, fractions = interpolation_kernel(method), np.linspace(0.0, 1.0, 101)
    exact = kernel_weights(METHODS[method], fractions)
    assert (kernel.first, kernel.taps) == (exact.first, exact.taps)
    for fraction, weights in zip(fractions, exact.weights, strict=True):
        np.testing.assert_allclose(kernel.weights(fraction), weights, atol=8e-6)


@pytest.mark.parametrize("method", METHODS)
def test_kernels_are_even(method: str) -> None:
    """Weights of mirrored taps are computed together: they differ only by the sign of what odd powers give."""
    coefficients = interpolation_kernel(method).coefficients
    signs = (-1.0) ** np.arange(coefficients.shape[1])
    np.testing.assert_array_equal(coefficients[::-1], coefficients * signs)


def test_why_the_recipe_takes_a_long_kernel() -> None:
    """Half a sample between samples, most of a wave at the edge of the processed band is lost to short kernels."""
    frequency = np.stack([np.linspace(-0.33, 0.33, 67), np.zeros(67)], axis=1)
    lost = {
        method: np.abs(response_at(method, 0.5, 0.0)(frequency) - 1.0).max()
        for method in METHODS
        if method != "NEAREST_NEIGHBOUR"
    }
    assert lost["BILINEAR_INTERPOLATION"] == pytest.approx(1.0 - np.cos(0.33 * np.pi), abs=1e-6)
    assert lost["BISINC_5_POINT_INTERPOLATION"] > 0.3
    assert lost["BISINC_11_POINT_INTERPOLATION"] < 0.015
    assert lost["BISINC_21_POINT_INTERPOLATION"] < 0.002


def test_places_that_change_from_sample_to_sample() -> None:
    """Shifts as relief and crossing orbits make them, ten times over, of a signal that the kernel holds."""
    signal = Signal(carrier_of(), bandwidth=(0.3, 0.3))
    line, pixel = nodes()
    shifts = 2.3 + 1e-4 * line - 2e-4 * pixel, -1.4 + 0.008 * line + 0.004 * pixel
    placement = placement_of(*shifts)
    at_line, at_pixel = places(placement, INNER)
    here = _places(INNER)
    np.testing.assert_allclose(at_line, here[0] + 2.3 + 1e-4 * here[0] - 2e-4 * here[1], atol=1e-9)
    expected = signal.at(at_line, at_pixel)
    assert error(resampled(signal, placement, "BISINC_21_POINT_INTERPOLATION"), expected) < 3e-3


def test_without_the_carrier() -> None:
    signal = Signal(carrier_of(), bandwidth=(0.3, 0.3))
    line, _ = nodes()
    placement = placement_of(np.full(line.shape, 0.25), np.full(line.shape, 0.75))
    expected = signal.at(
        *(a + s for a, s in zip(_places(INNER), (0.25, 0.75), strict=True)), with_carrier=False
    )
    found = resampled(signal, placement, "BISINC_21_POINT_INTERPOLATION", reramp=False)
    assert error(found, expected) < 3e-3


def test_the_window_does_not_matter() -> None:
    signal = Signal(carrier_of())
    line, pixel = nodes()
    placement = placement_of(0.4 + 1e-4 * pixel, 0.3 + 1e-4 * line)
    whole = resampled(signal, placement, "BISINC_11_POINT_INTERPOLATION")
    for part in INNER.tiles(17, 61):
        found = resampled(signal, placement, "BISINC_11_POINT_INTERPOLATION", part)
        np.testing.assert_array_equal(found, whole[part.slices_in(INNER)])


def test_outside_the_valid_samples_is_nothing() -> None:
    signal = Signal(carrier_of())
    line, _ = nodes()
    placement = placement_of(np.full(line.shape, 0.5), np.full(line.shape, 0.5))
    kernel = interpolation_kernel("BISINC_5_POINT_INTERPOLATION")
    valid = Window(30, 40, 50, 200)
    made = resample_burst(
        signal.samples(), BURST, valid, signal.carrier, placement, BURST, kernel, np.zeros(line.shape)
    )
    expected = np.zeros((LINES, PIXELS), bool)
    expected[30:79, 40:239] = True  # half a sample on, the last valid ones have no neighbour
    np.testing.assert_array_equal(made.is_inside, expected)
    assert not made.signal[0][~expected].any()
    assert (made.signal[0][expected] != 0).all()


def test_no_sample_at_all() -> None:
    line, _ = nodes()
    placement = placement_of(np.full(line.shape, 5000.0), np.zeros(line.shape))
    kernel = interpolation_kernel("BISINC_5_POINT_INTERPOLATION")
    part = needed_window(placement, INNER, kernel, BURST)
    assert part.is_empty
    samples = np.zeros((2, 0, 0, 2), np.int16)
    made = resample_burst(samples, part, BURST, carrier_of(), placement, INNER, kernel, np.zeros(line.shape))
    assert made.signal.shape == (2, *INNER.shape)
    assert not made.signal.any()
    assert not made.is_inside.any()


def test_added_phase() -> None:
    signal = Signal(carrier_of())
    line, pixel = nodes()
    placement = placement_of(np.zeros(line.shape), np.zeros(line.shape))
    kernel = interpolation_kernel("BILINEAR_INTERPOLATION")
    turns = 0.1 + 0.02 * line - 0.03 * pixel
    made = resample_burst(signal.samples(), BURST, BURST, signal.carrier, placement, BURST, kernel, turns)
    here = _places(INNER)
    expected = signal.at(*here) * np.exp(2j * np.pi * (0.1 + 0.02 * here[0] - 0.03 * here[1]))
    assert error(made.signal[0][INNER.slices_in(BURST)], expected) < 2e-6


def _places(window: Window) -> tuple[np.ndarray, np.ndarray]:
    line, pixel = (a.astype(float) for a in np.indices(window.shape))
    return line + window.row, pixel + window.col
