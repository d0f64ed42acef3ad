"""Numbers of looks and expected coherence against simulated speckle and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from s1card.engine.looks import expected_coherence, independent_looks
from s1card.scene.records import Spectrum

WINDOW = (3, 10)
AZIMUTH_RATE, RANGE_RATE = 486.486, 64.345  # Hz, MHz
SIZE = 1024

# Processed bandwidths of the sub-swaths in azimuth (Hz) and range (MHz); Hamming coefficient 0.75.
BANDS = {"IW1": (327.0, 56.5), "IW2": (313.0, 48.3), "IW3": (314.0, 42.79)}


def speckle(random: np.random.Generator, bands: tuple[float, float]) -> np.ndarray:
    """Complex speckle with the spectrum of a sub-swath."""
    noise = random.standard_normal((2, SIZE, SIZE))
    shares = bands[0] / AZIMUTH_RATE, bands[1] / RANGE_RATE
    weights = [np.where(np.abs(_F) <= b / 2, 0.75 + 0.25 * np.cos(2 * np.pi * _F / b), 0.0) for b in shares]
    return np.asarray(np.fft.ifft2(np.fft.fft2(noise[0] + 1j * noise[1]) * np.outer(*weights)))


_F = np.fft.fftfreq(SIZE)


def estimates(reference: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Coherence in windows all over two images."""
    cross = reference * secondary.conj()
    product = uniform_filter(cross.real, WINDOW) + 1j * uniform_filter(cross.imag, WINDOW)
    power = uniform_filter(np.abs(reference) ** 2, WINDOW) * uniform_filter(np.abs(secondary) ** 2, WINDOW)
    return np.asarray(np.abs(product) / np.sqrt(power))


@pytest.mark.parametrize("swath", BANDS)
def test_mean_estimate_of_correlated_speckle(swath: str) -> None:
    azimuth, range_ = BANDS[swath]
    looks = independent_looks(
        WINDOW, (Spectrum(azimuth, 0.75), AZIMUTH_RATE), (Spectrum(range_, 0.75), RANGE_RATE)
    )
    random = np.random.default_rng(4)
    reference, other = speckle(random, BANDS[swath]), speckle(random, BANDS[swath])
    for truth, bound in ((0.0, 0.002), (0.1, 0.0025), (0.3, 0.003), (0.6, 0.002), (0.9, 0.001)):
        secondary = truth * reference + np.sqrt(1.0 - truth**2) * other
        assert estimates(reference, secondary).mean() == pytest.approx(
            expected_coherence(truth, looks), abs=bound
        )


def test_white_speckle_has_as_many_looks_as_samples() -> None:
    white = Spectrum(1.0, 1.0), 1.0
    assert independent_looks((4, 5), white, white) == pytest.approx(20.0, rel=1e-5)
    assert independent_looks((1, 1), white, white) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("looks", [1.5, 4.0, 12.3, 80.0])
def test_no_coherence(looks: float) -> None:
    """The estimate is then distributed as 2 (n - 1) g (1 - g**2)**(n - 2) (Touzi et al., 1999)."""
    g = (np.arange(200_000) + 0.5) / 200_000
    density = 2.0 * (looks - 1.0) * g * (1.0 - g**2) ** (looks - 2.0)
    assert expected_coherence(0.0, looks) == pytest.approx(np.mean(g * density), rel=0.01)


def test_limits() -> None:
    assert expected_coherence(1.0, 5.0) == 1.0
    assert expected_coherence(0.7, 1.0) == pytest.approx(1.0)  # a single look is always coherent
    for truth in (0.1, 0.5, 0.99):
        assert expected_coherence(truth, 5000.0) == pytest.approx(
            truth + (1.0 - truth**2) ** 2 / (4.0 * 5000.0 * truth), rel=1e-4
        )
