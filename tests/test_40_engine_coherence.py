"""The coherence estimator: by hand, on a real pair that SNAP co-registered, and its bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1card.engine.native.coherence_estimator import (
    CoherenceWindow,
    estimate_coherence,
    without_bias,
)

ROWS, COLS = 14, 33

# lines x pixels; mean; 5th, 50th and 95th percentile; maximum; values at (40, 170), (10, 300), (0, 0)
AMSTERDAM = """
3 10 0.75328 0.3175 0.8205 0.9621 0.996148 0.928255 0.612539 0.879554
2 10 0.75692 0.3127 0.8260 0.9665 0.997079 0.962852 0.101564 0.879554
3 15 0.75318 0.3250 0.8169 0.9582 0.994273 0.931455 0.566915 0.884032
10 10 0.74621 0.3405 0.7982 0.9490 0.986612 0.891787 0.755159 0.764167
"""


def noise(seed: int, rows: int = ROWS, cols: int = COLS) -> np.ndarray:
    parts = np.random.default_rng(seed).standard_normal((2, rows, cols))
    return np.asarray(parts[0] + 1j * parts[1], np.complex64)


def parts_of(samples: np.ndarray) -> np.ndarray:
    return np.stack([samples.real, samples.imag], axis=-1).astype(np.float32)


def whole(samples: np.ndarray) -> tuple[slice, slice]:
    return slice(0, samples.shape[0]), slice(0, samples.shape[1])


def by_hand(
    reference: np.ndarray, secondary: np.ndarray, valid: np.ndarray, lines: int, pixels: int
) -> np.ndarray:
    """Every window for itself; one of even size reaches one sample further down and to the right."""
    out = np.full(reference.shape, np.nan)
    m, s = (np.where(valid, samples, 0).astype(np.complex128) for samples in (reference, secondary))
    for i, j in zip(*np.nonzero(valid), strict=True):
        top, left = i - (lines - 1) // 2, j - (pixels - 1) // 2
        part = slice(max(top, 0), top + lines), slice(max(left, 0), left + pixels)
        power = (np.abs(m[part]) ** 2).sum() * (np.abs(s[part]) ** 2).sum()
        out[i, j] = abs((m[part] * s[part].conj()).sum()) / np.sqrt(power)
    return out


@given(st.integers(1, 6), st.integers(1, 13), st.integers(0, 99), st.floats(0.0, 0.5))
def test_every_window_by_hand(lines: int, pixels: int, seed: int, holes: float) -> None:
    reference, other = noise(seed), noise(seed + 1000)
    secondary = np.asarray(0.7 * reference + 0.7 * other, np.complex64)
    valid = np.random.default_rng(seed).random(reference.shape) >= holes
    found = estimate_coherence(
        parts_of(reference), secondary, valid, CoherenceWindow(lines, pixels), whole(reference)
    )
    np.testing.assert_allclose(found, by_hand(reference, secondary, valid, lines, pixels), atol=2e-6)


def test_a_part_is_the_part_of_the_whole() -> None:
    reference, secondary = parts_of(noise(1)), noise(2)
    valid, window = np.ones((ROWS, COLS), bool), CoherenceWindow(3, 10)
    everything = estimate_coherence(reference, secondary, valid, window, (slice(0, ROWS), slice(0, COLS)))
    part = estimate_coherence(reference, secondary, valid, window, (slice(4, 9), slice(11, 30)))
    np.testing.assert_allclose(part, everything[4:9, 11:30], atol=1e-6)


def test_the_same_image_is_coherent_and_scale_and_phase_do_not_matter() -> None:
    reference = noise(3)
    secondary = np.asarray(reference * 17.0 * np.exp(0.8j), np.complex64)
    valid = np.ones(reference.shape, bool)
    found = estimate_coherence(
        parts_of(reference), secondary, valid, CoherenceWindow(3, 10), whole(reference)
    )
    np.testing.assert_allclose(found, 1.0, atol=1e-6)
    assert found.max() <= 1.0


def test_samples_of_zero_are_data() -> None:
    reference = np.zeros((ROWS, COLS, 2), np.int16)
    secondary, valid = np.zeros((ROWS, COLS), np.complex64), np.ones((ROWS, COLS), bool)
    found = estimate_coherence(reference, secondary, valid, CoherenceWindow(3, 10), whole(valid))
    assert (found == 0.0).all()


@pytest.mark.parametrize("row", AMSTERDAM.strip().splitlines())
def test_amsterdam(shared: Path, row: str) -> None:
    """Values of the published specification; it takes a secondary sample whose real part is zero for no data."""
    lines, pixels, *expected = (float(value) for value in row.split())
    with np.load(shared / "data/slc-pair-amsterdam/pair.npz") as pair:
        reference, secondary = pair["reference"], pair["secondary"].astype(np.complex64)
    valid = np.ones(reference.shape, bool)
    window = CoherenceWindow(int(lines), int(pixels))
    found = estimate_coherence(parts_of(reference), secondary, valid, window, whole(reference))
    found[secondary.real == 0.0] = 0.0
    assert found.mean() == pytest.approx(expected[0], abs=5e-5)
    assert np.percentile(found, [5, 50, 95]) == pytest.approx(expected[1:4], abs=1e-4)
    assert found.max() == pytest.approx(expected[4], abs=2e-6)
    assert [found[40, 170], found[10, 300], found[0, 0]] == pytest.approx(expected[5:], abs=2e-6)
    if (lines, pixels) == (3, 10):
        assert found[1:-1, 4:-5].mean() == pytest.approx(0.756, abs=0.003)  # full windows
        for shift, mean in (((1, 0), 0.5086), ((0, 1), 0.4968)):
            moved = np.roll(secondary, shift, axis=(0, 1))
            wrong = estimate_coherence(parts_of(reference), moved, valid, window, whole(reference))
            assert wrong.mean() == pytest.approx(mean, abs=0.01)


class TestPhaseRamps:
    LINE, PIXEL = np.meshgrid(np.arange(ROWS), np.arange(COLS), indexing="ij")

    def both(self, down: float, across: float) -> tuple[np.ndarray, np.ndarray]:
        """Estimates with and without a ramp (cycles a sample) between two images of coherence 0.9."""
        reference = noise(5)
        ramp = np.exp(2j * np.pi * (down * self.LINE + across * self.PIXEL))
        secondary = np.asarray((reference + 0.48 * noise(6)) * ramp, np.complex64)
        valid, window = np.ones(reference.shape, bool), CoherenceWindow(3, 10)
        arguments = parts_of(reference), secondary, valid, window, whole(reference)
        return estimate_coherence(*arguments), estimate_coherence(*arguments, without_ramp=True)

    @pytest.mark.parametrize(("down", "across"), [(0.05, 0.06), (-0.2, 0.1), (0.0, -0.12)])
    def test_a_fringe_rate_does_no_harm_once_it_is_off(self, down: float, across: float) -> None:
        level = self.both(0.0, 0.0)[0].mean()
        with_ramp, without = self.both(down, across)
        assert with_ramp.mean() < level - 0.15
        assert without.mean() == pytest.approx(level, abs=0.03)

    def test_without_a_ramp_little_changes(self) -> None:
        plain, without = self.both(0.0, 0.0)
        assert without.mean() == pytest.approx(plain.mean(), abs=0.03)


class TestBias:
    @pytest.mark.parametrize("looks", [8, 14, 40])
    def test_means_over_many_windows(self, looks: int) -> None:
        """White speckle of known coherence; below 0.2 what the correction cannot see remains."""
        random = np.random.default_rng(looks)
        for truth in (0.2, 0.3, 0.5, 0.7, 0.9):
            m, n = random.standard_normal((2, 50_000, looks, 2)).view(np.complex128)[..., 0]
            s = truth * m + np.sqrt(1.0 - truth**2) * n
            estimate = np.abs((m * s.conj()).sum(1)) / np.sqrt(
                (np.abs(m) ** 2).sum(1) * (np.abs(s) ** 2).sum(1)
            )
            corrected = without_bias(estimate.astype(np.float32), looks)
            assert corrected.mean() == pytest.approx(truth, abs=0.035 if looks < 14 else 0.025)

    def test_limits(self) -> None:
        found = without_bias(np.array([0.0, 0.1, 1.0, np.nan], np.float32), 14.0)
        assert found[:3] == pytest.approx([0.0, 0.0, 1.0])
        assert np.isnan(found[3])
        values = without_bias(np.linspace(0.0, 1.0, 200, dtype=np.float32), 14.0)
        assert (np.diff(values) >= 0).all()
